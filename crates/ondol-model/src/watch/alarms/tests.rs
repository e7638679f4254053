//! Who is told what when.

use std::collections::BTreeSet;

use super::*;
use crate::plan::Escalation;
use crate::plan::Language;
use crate::watch::Finding;
use crate::watch::Subject;
use crate::watch::What;

const MINUTE: i64 = 60;

fn person(name: &str, role: Role) -> Person {
    Person {
        name: PersonName(name.to_owned()),
        language: Language::English,
        role,
        runbook: None,
        channels: Vec::new(),
    }
}

fn incident(severity: Severity) -> Incident {
    let subject = Subject::Site("a.test".to_owned());
    Incident {
        id: 7,
        subject: subject.clone(),
        finding: Finding::of(What::NoAnswer),
        severity,
        began_at: 0,
        noticed_at: 0,
        ended_at: None,
        bad: BTreeSet::from([subject.clone()]),
        members: BTreeSet::from([subject]),
    }
}

fn escalating() -> Alarms {
    let step = |minutes: u64, to| Escalation {
        after: Duration::from_secs(minutes * 60),
        to,
    };
    Alarms {
        escalate: vec![
            step(0, To::Person(PersonName("me".to_owned()))),
            step(15, To::Person(PersonName("spouse".to_owned()))),
            step(45, To::Everybody),
        ],
        ..Alarms::default()
    }
}

/// Lets time pass by steps of 5 s, and tells who was told what at which minute.
struct Story {
    alarms: Alarms,
    people: Vec<Person>,
    incident: Incident,
    told: Told,
    is_silenced: bool,
    has_suspected_cause: bool,
}

impl Story {
    fn new(severity: Severity) -> Self {
        Self {
            alarms: escalating(),
            people: vec![
                person("me", Role::Operator),
                person("parents", Role::Hands),
                person("spouse", Role::Hands),
            ],
            incident: incident(severity),
            told: Told::default(),
            is_silenced: false,
            has_suspected_cause: false,
        }
    }

    fn at(&mut self, now: i64) -> Vec<String> {
        let (spent, recent) = (BTreeMap::new(), BTreeMap::new());
        let hold = Hold {
            minute: 720,
            quiet: None,
            budget: 6,
            spent: &spent,
            recent: &recent,
        };
        let circumstances = Circumstances {
            people: &self.people,
            alarms: &self.alarms,
            is_silenced: self.is_silenced,
            has_suspected_cause: self.has_suspected_cause,
            hold: &hold,
        };
        let notices = match self.incident.ended_at {
            None => due(now, &self.incident, &mut self.told, &circumstances),
            Some(_) => recovery(now, &self.incident, &self.told, &circumstances),
        };
        let told = notices.iter();
        told.map(|one| format!("{} {}", one.person.0, one.kind.word()))
            .collect()
    }

    fn until(&mut self, from: i64, to: i64) -> Vec<String> {
        let times = (from..to).step_by(5);
        let told = times.flat_map(|now| {
            let told = self.at(now);
            told.into_iter()
                .map(move |one| format!("{one} at {}", now / MINUTE))
        });
        told.collect()
    }
}

#[test]
fn an_alarm_goes_from_person_to_person_until_somebody_answers() {
    let mut story = Story::new(Severity::Critical);
    assert_eq!(
        story.until(0, 30),
        Vec::<String>::new(),
        "it waits for what belongs to it"
    );
    assert_eq!(story.until(30, 15 * MINUTE), ["me problem at 0"]);
    assert_eq!(
        story.until(15 * MINUTE, 17 * MINUTE),
        ["spouse problem at 15"]
    );
    assert_eq!(
        story.until(17 * MINUTE, 50 * MINUTE),
        [
            "me reminder at 45",
            "parents problem at 45",
            "spouse reminder at 45"
        ]
    );
    let hour = story.until(50 * MINUTE, 62 * MINUTE);
    assert_eq!(
        hour,
        [
            "me reminder at 60",
            "parents reminder at 60",
            "spouse reminder at 60"
        ]
    );
    story.told.answer(62 * MINUTE);
    assert_eq!(story.until(62 * MINUTE, 7 * HOUR), Vec::<String>::new());
    assert_eq!(
        story.until(7 * HOUR, 10 * HOUR).len(),
        3,
        "an answer does not count for ever"
    );
    story.incident.ended_at = Some(10 * HOUR);
    assert_eq!(
        story.at(10 * HOUR),
        ["me recovery", "parents recovery", "spouse recovery"]
    );
}

#[test]
fn who_was_not_told_of_it_is_not_told_that_it_is_over() {
    let mut story = Story::new(Severity::Critical);
    story.until(0, 2 * MINUTE);
    story.incident.ended_at = Some(2 * MINUTE);
    assert_eq!(story.at(2 * MINUTE), ["me recovery"]);
    let mut story = Story::new(Severity::Critical);
    story.until(0, 25);
    story.incident.ended_at = Some(25);
    assert_eq!(
        story.at(25),
        Vec::<String>::new(),
        "it was over before anybody was told"
    );
}

#[test]
fn silence_holds_alarms_and_no_recovery() {
    let mut story = Story::new(Severity::Critical);
    story.is_silenced = true;
    assert_eq!(story.until(0, HOUR), Vec::<String>::new());
    story.is_silenced = false;
    assert_eq!(story.at(HOUR), ["me problem"], "it is still wrong");
    story.is_silenced = true;
    story.incident.ended_at = Some(HOUR + 1);
    assert_eq!(story.at(HOUR + 1), ["me recovery"]);
}

#[test]
fn what_is_not_critical_is_for_the_owner_and_comes_again_daily() {
    let mut story = Story::new(Severity::Warning);
    let told = story.until(0, 30 * HOUR);
    assert_eq!(told, ["me problem at 0", "me reminder at 1440"]);
    story.incident.severity = Severity::Critical;
    assert_eq!(story.at(30 * HOUR), ["me problem"], "it became worse");
    story.alarms.escalate.clear();
    story.told = Told::default();
    assert_eq!(
        story.at(31 * HOUR),
        ["me problem", "parents problem", "spouse problem"]
    );
    let mut story = Story::new(Severity::Warning);
    story.alarms.escalate.clear();
    assert_eq!(story.at(HOUR), ["me problem"], "hands are left alone");
}

#[test]
fn reminders_are_at_their_hours_then_daily_and_those_that_were_missed_are_one() {
    let mut story = Story::new(Severity::Critical);
    story.alarms.escalate.truncate(1);
    let told = story.until(0, 61 * HOUR);
    let minutes = told.iter().map(|one| one.rsplit(' ').next().unwrap());
    let minutes: Vec<_> = minutes.collect();
    assert_eq!(
        minutes,
        ["0", "60", "240", "720", "2160", "3600"],
        "{told:?}"
    );
    let mut story = Story::new(Severity::Critical);
    story.alarms.escalate.truncate(1);
    story.until(0, 2 * MINUTE);
    assert_eq!(story.until(13 * HOUR, 14 * HOUR).len(), 1);
}

#[test]
fn a_cause_that_is_being_looked_at_is_waited_for_but_not_for_long() {
    let mut story = Story::new(Severity::Critical);
    story.has_suspected_cause = true;
    assert_eq!(story.until(0, 90), Vec::<String>::new());
    assert_eq!(story.at(90), ["me problem"]);
}

#[test]
fn a_clock_that_was_set_changes_nothing() {
    let (mut one, mut other) = (
        Story::new(Severity::Critical),
        Story::new(Severity::Critical),
    );
    let day = 24 * HOUR;
    let before = one.until(0, 20 * MINUTE);
    assert_eq!(before, other.until(0, 20 * MINUTE));
    other.told.shift(day);
    other.incident.began_at += day;
    other.incident.noticed_at += day;
    let after = one.until(20 * MINUTE, 5 * HOUR).len();
    assert_eq!(other.until(day + 20 * MINUTE, day + 5 * HOUR).len(), after);
}

#[test]
fn who_is_added_while_something_is_wrong_is_told_of_it() {
    let mut story = Story::new(Severity::Critical);
    let people = std::mem::take(&mut story.people);
    story.alarms.escalate.clear();
    assert_eq!(story.until(0, 60 * MINUTE), Vec::<String>::new());
    story.people = people;
    let told = [
        "me problem at 60",
        "parents problem at 60",
        "spouse problem at 60",
    ];
    assert_eq!(story.until(60 * MINUTE, 62 * MINUTE), told);
}
