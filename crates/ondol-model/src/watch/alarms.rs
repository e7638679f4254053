//! Who is told of an incident, and when: waits, escalation, reminders, answers, recoveries.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Incident;
use super::Notice;
use super::NoticeKind;
use super::Severity;
use super::hold::Hold;
use crate::plan::Alarms;
use crate::plan::Person;
use crate::plan::PersonName;
use crate::plan::Role;
use crate::plan::To;

/// So long an incident waits for what belongs to it.
const GROUP_WAIT: i64 = 30;
/// So long it waits besides while its cause may be something that is being looked at.
const CAUSE_WAIT: i64 = 90;
/// So long somebody's answer counts; then reminders go on.
const ANSWER_COUNTS: i64 = 8 * HOUR;
/// Between reminders when those of the configuration are used up, and between those of what is not critical.
const DAILY: i64 = 24 * HOUR;
const HOUR: i64 = 60 * 60;

/// What is remembered of who was told of an incident.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// When each person was told last.
    pub people: BTreeMap<PersonName, i64>,
    /// How much it mattered when they were told.
    pub severity: Option<Severity>,
    /// When the first of them was told.
    pub first_at: Option<i64>,
    /// Steps of the escalation that are done.
    pub steps: usize,
    /// Reminders that were sent.
    pub reminders: usize,
    /// When the last of them was sent.
    pub reminded_at: Option<i64>,
    /// Somebody answered at this moment.
    pub answered_at: Option<i64>,
}

/// What decides about the notices of an incident, besides the incident.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
    /// The people of the plan.
    pub people: &'a [Person],
    /// How they are told.
    pub alarms: &'a Alarms,
    /// Whether the owner wants to hear nothing of it.
    pub is_silenced: bool,
    /// Whether its cause may be something that is being looked at.
    pub has_suspected_cause: bool,
    /// What is held back, and until when.
    pub hold: &'a Hold<'a>,
}

impl Told {
    /// The clock was set: what is remembered moves with it.
    pub fn shift(&mut self, seconds: i64) {
        let moments = [
            &mut self.first_at,
            &mut self.reminded_at,
            &mut self.answered_at,
        ];
        let moments = moments.into_iter().flatten();
        for at in moments.chain(self.people.values_mut()) {
            *at += seconds;
        }
    }

    /// Somebody looks after it.
    pub fn answer(&mut self, at: i64) {
        self.answered_at = Some(at);
    }

    /// Whether somebody looks after it.
    pub fn is_answered(&self, now: i64) -> bool {
        self.answered_at.is_some_and(|at| now - at < ANSWER_COUNTS)
    }
}

/// What people are to be told of an open incident now; it counts as told.
pub fn due(
    now: i64,
    incident: &Incident,
    told: &mut Told,
    circumstances: &Circumstances<'_>,
) -> Vec<Notice> {
    let age = now - incident.noticed_at;
    let waits = age < GROUP_WAIT || (circumstances.has_suspected_cause && age < CAUSE_WAIT);
    if circumstances.is_silenced || (told.first_at.is_none() && waits) {
        return Vec::new();
    }
    if told
        .severity
        .is_some_and(|severity| severity < incident.severity)
    {
        // It has become worse: everybody is told as if for the first time.
        *told = Told::default();
    }
    let mut notices = Vec::new();
    if !told.is_answered(now) {
        escalate(now, incident, told, circumstances, &mut notices);
        if notices.is_empty() {
            remind(now, incident, told, circumstances, &mut notices);
        }
    }
    for notice in &notices {
        told.people.insert(notice.person.clone(), now);
    }
    if !notices.is_empty() {
        told.first_at.get_or_insert(now);
        told.severity = Some(incident.severity);
    }
    notices
}

/// What people are told of an incident that is over: all who were told of it, whatever is silenced.
pub fn recovery(
    now: i64,
    incident: &Incident,
    told: &Told,
    circumstances: &Circumstances<'_>,
) -> Vec<Notice> {
    let there = |name: &&PersonName| circumstances.people.iter().any(|one| one.name == **name);
    let people = told.people.keys().filter(there);
    let kind = NoticeKind::Recovery;
    people
        .map(|person| notice(now, person, incident, kind, circumstances))
        .collect()
}

fn escalate(
    now: i64,
    incident: &Incident,
    told: &mut Told,
    circumstances: &Circumstances<'_>,
    notices: &mut Vec<Notice>,
) {
    let since = now - told.first_at.unwrap_or(now);
    let steps = steps(incident.severity, circumstances);
    if steps.iter().all(|(_, people)| people.is_empty()) {
        return; // Who is added to the configuration while something is wrong is told of it.
    }
    let due = steps
        .iter()
        .take_while(|(after, _)| *after <= since)
        .count();
    for (_, people) in steps.iter().take(due).skip(told.steps) {
        for person in people {
            if notices
                .iter()
                .any(|notice: &Notice| notice.person == *person)
            {
                continue;
            }
            let kind = match told.people.contains_key(person) {
                true => NoticeKind::Reminder,
                false => NoticeKind::Problem,
            };
            notices.push(notice(now, person, incident, kind, circumstances));
        }
    }
    told.steps = told.steps.max(due);
}

fn remind(
    now: i64,
    incident: &Incident,
    told: &mut Told,
    circumstances: &Circumstances<'_>,
    notices: &mut Vec<Notice>,
) {
    let Some(first_at) = told.first_at else {
        return;
    };
    let reminders = &circumstances.alarms.reminders;
    let next = match incident.severity {
        Severity::Critical => reminders
            .get(told.reminders)
            .map(|after| first_at + seconds(*after)),
        Severity::Info | Severity::Warning => None,
    };
    let next = next.unwrap_or_else(|| told.reminded_at.unwrap_or(first_at) + DAILY);
    if now < next {
        return;
    }
    // Those that were missed (the box was off) are one.
    let passed = reminders
        .iter()
        .filter(|after| first_at + seconds(**after) <= now);
    told.reminders = passed.count().max(told.reminders);
    told.reminded_at = Some(now);
    let there = |name: &&PersonName| circumstances.people.iter().any(|one| one.name == **name);
    for person in told.people.keys().filter(there) {
        let kind = NoticeKind::Reminder;
        notices.push(notice(now, person, incident, kind, circumstances));
    }
}

/// Who is told after how many seconds, in the order of time. What is not critical is for the first step alone.
fn steps(severity: Severity, circumstances: &Circumstances<'_>) -> Vec<(i64, Vec<PersonName>)> {
    let all = || -> Vec<_> {
        let people = circumstances.people.iter();
        people.map(|person| person.name.clone()).collect()
    };
    let escalate = &circumstances.alarms.escalate;
    let steps = escalate.iter().map(|step| {
        let people = match &step.to {
            To::Person(name) => vec![name.clone()],
            To::Everybody => all(),
        };
        (seconds(step.after), people)
    });
    let mut steps: Vec<_> = steps.collect();
    steps.sort_by_key(|(after, _)| *after);
    if steps.is_empty() {
        steps.push((0, all()));
    }
    if severity < Severity::Critical {
        steps.truncate(1);
        let operators = operators(circumstances.people);
        if escalate.is_empty() && !operators.is_empty() {
            steps[0].1 = operators;
        }
    }
    if let Some((after, _)) = steps.first_mut() {
        *after = 0; // Nobody gains by a first step that waits.
    }
    steps
}

fn operators(people: &[Person]) -> Vec<PersonName> {
    let operators = people.iter().filter(|person| person.role == Role::Operator);
    operators.map(|person| person.name.clone()).collect()
}

fn notice(
    now: i64,
    person: &PersonName,
    incident: &Incident,
    kind: NoticeKind,
    circumstances: &Circumstances<'_>,
) -> Notice {
    Notice {
        person: person.clone(),
        incident: Some(incident.id),
        kind,
        severity: incident.severity,
        not_before: circumstances
            .hold
            .until(now, person, incident.severity, kind),
    }
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX / 4)
}

#[cfg(test)]
mod tests;
