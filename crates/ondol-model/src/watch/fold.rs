//! What waited too long is told in fewer words: one message for each incident, one in all when there are many.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::NoticeKind;
use super::Severity;

/// What waits for longer, in seconds, did not go at once: something is in its way.
const STALE_AFTER: i64 = 60;
/// More incidents than this are told of in one message.
const APART_MAX: usize = 3;
/// What one message tells of; its reader sees the first of them, and how many there are.
const PARTS_MAX: usize = 10_000;

/// A message that waits for one channel of one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Its number.
    pub id: i64,
    /// What it is about, where that is one incident.
    pub incident: Option<i64>,
    /// Why it is sent.
    pub kind: NoticeKind,
    /// How much it matters.
    pub severity: Severity,
    /// Its first line.
    pub title: String,
    /// Since when it waits, in seconds since the Unix epoch.
    pub since: i64,
    /// When it was queued.
    pub queued_at: i64,
    /// Whether it may be sent now; one that may not is folded only into a later one of its incident that may.
    pub is_due: bool,
    /// Whether it did not arrive before.
    pub was_tried: bool,
    /// Whether it may have arrived: then it is sent as it is, so that its receiver can tell.
    pub may_have_arrived: bool,
    /// Whether an answer is asked for.
    pub wants_answer: bool,
    /// What it tells of, where it took the place of several.
    pub parts: Vec<Part>,
}

/// What a message that took the place of several tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Which incident; `None` for news.
    pub incident: Option<i64>,
    /// What happened, as the title of a message had it.
    pub title: String,
    /// Since when.
    pub began_at: i64,
    /// Until when; `None` while it lasts.
    pub ended_at: Option<i64>,
    /// Whether an answer is asked for, as long as it lasts.
    pub wants_answer: bool,
}

/// What takes the place of messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fold {
    /// One that waits already, and tells all that they say.
    Into {
        /// The messages that go.
        ids: Vec<i64>,
        /// The one that stays.
        into: i64,
    },
    /// A new one, of everything.
    Summary {
        /// The messages that go.
        ids: Vec<i64>,
        /// How much it matters: as the worst of them.
        severity: Severity,
        /// What it tells of, in the order in which it began.
        parts: Vec<Part>,
    },
}

/// When incidents began and ended, as far as that is known better than by the messages about them.
pub type Times = BTreeMap<i64, (i64, Option<i64>)>;

/// What to fold before anything is sent, of all messages that wait, in the order of their numbers. Nothing is folded
/// that would go at once; but where something was held up, whatever waits is told together.
pub fn fold(waiting: &[Waiting], times: &Times, now: i64, way: Way) -> Vec<Fold> {
    let due = waiting
        .iter()
        .filter(|message| message.is_due && is_foldable(message));
    let newest: BTreeMap<i64, i64> = due
        .filter_map(|message| Some((message.incident?, message.id)))
        .collect();
    let foldable: Vec<_> = waiting
        .iter()
        .filter(|message| {
            is_foldable(message) && (message.is_due || is_overtaken(message, &newest))
        })
        .collect();
    let stale: Vec<_> = foldable
        .iter()
        .copied()
        .filter(|message| way == Way::Blocked || is_stale(message, now))
        .collect();
    let is_summary = |message: &&Waiting| message.kind == NoticeKind::Summary;
    let has_summary = foldable.iter().any(is_summary) && foldable.len() > 1;
    if !stale.is_empty() && (has_summary || things(&foldable).len() > APART_MAX) {
        return vec![summary(&foldable, times)];
    }
    apart(&foldable, &stale)
}

/// Whether what waits would go at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// It would, as far as is known.
    Free,
    /// It would not: the channel has just failed, or too much waits.
    Blocked,
}

/// A test is sent for itself, and a digest says what it says.
fn is_foldable(message: &Waiting) -> bool {
    match message.kind {
        NoticeKind::Problem
        | NoticeKind::Reminder
        | NoticeKind::Recovery
        | NoticeKind::Summary
        | NoticeKind::News => !message.may_have_arrived,
        NoticeKind::Digest | NoticeKind::Test | NoticeKind::Drill => false,
    }
}

/// Whether a message that is held back would be old news when its time comes; by the newest message of each incident
/// that may be sent.
fn is_overtaken(message: &Waiting, newest: &BTreeMap<i64, i64>) -> bool {
    let incident = message.incident.and_then(|incident| newest.get(&incident));
    incident.is_some_and(|newest| *newest > message.id)
}

fn is_stale(message: &Waiting, now: i64) -> bool {
    message.was_tried || !message.is_due || now - message.since >= STALE_AFTER
}

/// The incidents that messages are about, and the messages about none.
fn things(messages: &[&Waiting]) -> BTreeSet<(Option<i64>, i64)> {
    let of_message = |message: &&Waiting| match message.incident {
        Some(incident) => (Some(incident), 0),
        None => (None, message.id),
    };
    messages.iter().map(of_message).collect()
}

/// Of each incident, the last message stays.
fn apart(foldable: &[&Waiting], stale: &[&Waiting]) -> Vec<Fold> {
    let mut incidents: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for message in foldable {
        if let Some(incident) = message.incident {
            incidents.entry(incident).or_default().push(message.id);
        }
    }
    let held_up: BTreeSet<i64> = stale
        .iter()
        .filter_map(|message| message.incident)
        .collect();
    let mut folds = Vec::new();
    for (incident, mut ids) in incidents {
        if let Some(into) = ids.pop()
            && !ids.is_empty()
            && held_up.contains(&incident)
        {
            folds.push(Fold::Into { ids, into });
        }
    }
    folds
}

fn summary(messages: &[&Waiting], times: &Times) -> Fold {
    let mut parts: Vec<Part> = Vec::new();
    let mut places: BTreeMap<i64, usize> = BTreeMap::new();
    for part in messages.iter().flat_map(|message| parts_of(message)) {
        let known = part.incident.and_then(|incident| places.get(&incident));
        match known.and_then(|place| parts.get_mut(*place)) {
            Some(before) => go_on(before, &part),
            None => {
                if let Some(incident) = part.incident {
                    places.insert(incident, parts.len());
                }
                parts.push(part);
            }
        }
    }
    for part in &mut parts {
        if let Some((began_at, ended_at)) = part.incident.and_then(|incident| times.get(&incident))
        {
            part.began_at = *began_at;
            part.ended_at = ended_at.or(part.ended_at);
        }
    }
    parts.sort_by_key(|part| part.began_at);
    parts.truncate(PARTS_MAX);
    let severities = messages.iter().map(|message| message.severity);
    Fold::Summary {
        ids: messages.iter().map(|message| message.id).collect(),
        severity: severities.max().unwrap_or(Severity::Info),
        parts,
    }
}

/// What a message tells of.
fn parts_of(message: &Waiting) -> Vec<Part> {
    if message.kind == NoticeKind::Summary {
        return message.parts.clone();
    }
    let is_over = matches!(message.kind, NoticeKind::Recovery | NoticeKind::News);
    vec![Part {
        incident: message.incident,
        title: message.title.clone(),
        began_at: message.queued_at,
        ended_at: is_over.then_some(message.queued_at),
        wants_answer: message.wants_answer,
    }]
}

/// The words of the first stay: they say what happened; how it went on, the last says.
fn go_on(before: &mut Part, part: &Part) {
    before.ended_at = part.ended_at;
    before.wants_answer = part.wants_answer;
}

#[cfg(test)]
mod tests;
