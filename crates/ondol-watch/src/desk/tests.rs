//! What follows from what is seen, as time passes: in the book alone, which waits for nothing.

use std::sync::Arc;
use std::time::Duration;

use ondol_model::AppName;
use ondol_model::Plan;
use ondol_model::forwarded::ClientIpHeader;
use ondol_model::plan;
use ondol_model::plan::Alarms;
use ondol_model::plan::Care;
use ondol_model::plan::Channel;
use ondol_model::plan::Escalation;
use ondol_model::plan::Language;
use ondol_model::plan::Person;
use ondol_model::plan::PersonName;
use ondol_model::plan::Role;
use ondol_model::plan::To;
use ondol_model::watch::Finding;
use ondol_model::watch::NoticeKind;
use ondol_model::watch::Observation;
use ondol_model::watch::Subject;
use ondol_model::watch::What;
use ondol_store::NewMessage;
use ondol_store::WatchMemory;
use tokio::sync::mpsc;
use tokio::sync::oneshot;

use super::book::Book;
use crate::absence::Absence;
use crate::absence::AbsenceKind;
use crate::ground::Seen;
use crate::request::Request;

mod hanging;
mod year;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
/// Noon of a day, in UTC.
const BEGIN: i64 = 1_772_366_400;

fn person(name: &str, language: Language) -> Person {
    Person {
        name: PersonName(name.to_owned()),
        language,
        role: Role::Operator,
        runbook: None,
        channels: vec![Channel::Email(format!("{name}@example.com"))],
    }
}

fn plan() -> Plan {
    let step = |minutes: u64, to: &str| Escalation {
        after: Duration::from_secs(minutes * 60),
        to: To::Person(PersonName(to.to_owned())),
    };
    Plan {
        box_name: "seocho".to_owned(),
        email: None,
        timezone: Some("UTC".to_owned()),
        listen: plan::Listen {
            http: Vec::new(),
            https: Vec::new(),
            trusted_proxies: Vec::new(),
            client_ip_header: ClientIpHeader::XForwardedFor,
        },
        access_log: plan::AccessLog::default(),
        certificates: Vec::new(),
        resolvers: Vec::new(),
        sites: Vec::new(),
        apps: vec![plan::App::named(AppName::parse("coffee").unwrap())],
        backup: plan::Backup::default(),
        care: Care {
            people: vec![
                person("me", Language::English),
                person("spouse", Language::Korean),
            ],
            alarms: Alarms {
                escalate: vec![step(0, "me"), step(15, "spouse")],
                ..Alarms::default()
            },
            ..Care::default()
        },
    }
}

struct Day {
    book: Book,
    now: i64,
    sent: Vec<NewMessage>,
}

impl Day {
    fn begin() -> Self {
        let book = Book::restored(Arc::new(plan()), WatchMemory::default(), BEGIN);
        Self {
            book,
            now: BEGIN,
            sent: Vec::new(),
        }
    }

    fn see(&mut self, observation: Observation) {
        self.book
            .see(Seen::Observations(vec![observation]), self.now);
    }

    /// Lets time pass, and returns who was sent what meanwhile.
    fn pass(&mut self, seconds: i64) -> Vec<String> {
        let end = self.now + seconds;
        while self.now < end {
            self.now += 5;
            self.book.tick(self.now);
        }
        let messages = self.book.take_written().change.messages;
        let told = messages.iter();
        let told = told.map(|one| format!("{} {}", one.person, one.kind.word()));
        let told = told.collect();
        self.sent.extend(messages);
        told
    }
}

fn app() -> Subject {
    Subject::App("coffee".to_owned())
}

fn failed() -> Observation {
    Observation::fail(app(), Finding::of(What::AppFailed)).certain()
}

#[test]
fn an_app_that_fails_is_told_of_until_somebody_answers_and_its_end_to_all_who_know() {
    let mut day = Day::begin();
    day.see(failed());
    assert_eq!(day.pass(5 * MINUTE), ["me problem"]);
    assert_eq!(day.pass(15 * MINUTE), ["spouse problem"]);
    day.book.see(
        Seen::Answer {
            person: "spouse".to_owned(),
            incident: Some(0),
        },
        day.now,
    );
    assert_eq!(day.pass(3 * HOUR), Vec::<String>::new());
    assert_eq!(
        day.book.shown(day.now).incidents[0]
            .acknowledged_by
            .as_deref(),
        Some("spouse")
    );
    day.see(Observation::pass(app()));
    day.see(Observation::pass(app()));
    assert_eq!(day.pass(MINUTE), ["me recovery", "spouse recovery"]);
    assert!(day.book.shown(day.now).incidents.is_empty());
    let korean = day.sent.iter().find(|one| one.person == "spouse").unwrap();
    assert!(
        korean.text.chars().any(|c| ('가'..='힣').contains(&c)),
        "{korean:?}"
    );
    assert!(day.sent[0].wants_answer);
}

#[test]
fn a_restart_in_the_middle_tells_nobody_twice() {
    let mut day = Day::begin();
    day.see(failed());
    for passed in [5 * MINUTE, 15 * MINUTE] {
        day.now += passed;
        day.book.tick(day.now);
    }
    let written = day.book.take_written().change;
    assert_eq!(written.messages.len(), 2);
    let memory = WatchMemory {
        incidents: written.incidents.last().cloned().into_iter().collect(),
        states: written.states,
        next_incident: 1,
        ..WatchMemory::default()
    };
    let mut after = Day {
        book: Book::restored(Arc::new(plan()), memory, day.now),
        ..day
    };
    after.see(failed());
    assert_eq!(after.pass(10 * MINUTE), Vec::<String>::new());
    after.see(Observation::pass(app()).certain());
    assert_eq!(after.pass(MINUTE), ["me recovery", "spouse recovery"]);
}

#[test]
fn what_can_only_be_known_by_the_internet_is_unknown_without_it() {
    let mut day = Day::begin();
    let away = Observation::fail(Subject::Internet, Finding::of(What::InternetAway));
    day.see(away.clone());
    let channel = Subject::Channel("me/email".to_owned());
    let finding = Finding::of(What::Undeliverable);
    day.see(Observation::warn(channel, finding).certain());
    for _ in 0..3 {
        day.see(away.clone());
    }
    day.pass(5 * MINUTE);
    let open = day.book.shown(day.now).incidents;
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].subject, Subject::Internet);
    assert!(!day.book.known().is_online);
    day.see(Observation::pass(Subject::Internet));
    day.see(Observation::pass(Subject::Internet));
    assert!(day.book.known().is_online);
}

#[test]
fn the_box_is_back_is_one_message_that_says_what_is_not() {
    let mut day = Day::begin();
    let absence = Absence {
        kind: AbsenceKind::PowerCut,
        last_seen_at: day.now - 7 * HOUR - 12 * MINUTE,
        back_at: day.now,
        evidence: Vec::new(),
        damage: vec!["orders.db is damaged".to_owned()],
    };
    day.book
        .see(Seen::Back(absence, oneshot::channel().0), day.now);
    day.see(failed());
    day.pass(4 * MINUTE);
    let back: Vec<_> = day
        .sent
        .iter()
        .filter(|one| one.kind == NoticeKind::News)
        .collect();
    assert_eq!(back.len(), 2, "both know the box");
    let text = format!("{} {}", back[0].title, back[0].text);
    for part in ["7 h 12 min", "coffee", "orders.db"] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn a_test_goes_to_who_is_asked_for_and_says_so_when_nobody_is() {
    let mut day = Day::begin();
    let (reports, _kept) = mpsc::channel(1);
    let (reply, mut answer) = oneshot::channel();
    let request = Request::Test {
        person: Some("nobody".to_owned()),
        reply,
    };
    day.book.answer(request, day.now, &reports);
    let refusal = answer.try_recv().unwrap().unwrap_err();
    assert!(refusal.contains("me, spouse"), "{refusal}");
    let (reply, _answer) = oneshot::channel();
    let request = Request::Test {
        person: Some("me".to_owned()),
        reply,
    };
    day.book.answer(request, day.now, &reports);
    assert_eq!(day.pass(5), ["me test"]);
}

#[test]
fn a_clock_that_is_set_by_hours_neither_ends_nor_ages_anything() {
    for jump in [7 * HOUR, -7 * HOUR] {
        let mut day = Day::begin();
        day.see(failed());
        assert_eq!(day.pass(2 * MINUTE), ["me problem"]);
        day.book.shift(jump);
        day.now += jump;
        assert_eq!(day.pass(10 * MINUTE), Vec::<String>::new(), "{jump}");
        assert_eq!(day.pass(4 * MINUTE), ["spouse problem"], "{jump}");
    }
}

/// A machine without a battery for its clock begins in the past; then its clock is set.
#[test]
fn a_clock_that_is_behind_at_the_start_keeps_no_incident_quiet() {
    let mut day = Day::begin();
    day.see(failed());
    assert_eq!(day.pass(20 * MINUTE), ["me problem", "spouse problem"]);
    let mut rows = Vec::new();
    for incident in day.book.watchman.open() {
        rows.push(super::memory::row(incident, &day.book.care[&incident.id]));
    }
    let memory = WatchMemory {
        incidents: rows,
        next_incident: 1,
        facts: [("drilled/me".to_owned(), day.now.to_string())].into(),
        ..WatchMemory::default()
    };
    let early = 20 * 365 * 24 * HOUR;
    let latest = super::book::latest(&memory);
    let mut after = Day {
        book: Book::restored(Arc::new(plan()), memory, day.now - early),
        now: day.now - early,
        sent: Vec::new(),
    };
    let moved = after.book.come_down(latest, after.now);
    assert_eq!(moved, Some(20 * MINUTE - early), "to when it began");
    after.see(failed());
    after.pass(MINUTE);
    after.book.shift(early);
    after.now += early;
    after.see(failed());
    assert_eq!(after.pass(HOUR), ["me reminder", "spouse reminder"]);
    let drilled: i64 = after.book.facts["drilled/me"].parse().unwrap();
    assert!((day.now..=after.now).contains(&drilled), "{drilled}");
}

#[test]
fn what_is_not_watched_any_more_is_forgotten() {
    let mut day = Day::begin();
    day.see(failed());
    assert!(day.book.take_written().forgotten.is_empty());
    let mut other = plan();
    other.apps.clear();
    day.book.take_plan(Arc::new(other), day.now);
    let written = day.book.take_written();
    assert_eq!(written.forgotten, ["app:coffee"]);
    assert!(day.book.shown(day.now).incidents.is_empty());
}

#[test]
fn what_is_gone_keeps_no_incident_open_for_ever() {
    let mut day = Day::begin();
    let drive = Subject::Drive("sda".to_owned());
    day.see(Observation::fail(drive, Finding::of(What::DriveFailing)).certain());
    assert_eq!(day.pass(5 * MINUTE), ["me problem"]);
    // It was taken out: nobody looks at it any more.
    let told = day.pass(3 * 24 * HOUR);
    assert_eq!(
        told.iter().filter(|one| one.ends_with("recovery")).count(),
        2
    );
    assert!(day.book.shown(day.now).incidents.is_empty());
    assert_eq!(day.pass(2 * 24 * HOUR), Vec::<String>::new());
}
