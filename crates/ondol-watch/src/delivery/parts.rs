//! Between messages as they are written down and what is decided about folding them; and the words of a summary.

use ondol_base::clock;
use ondol_model::Plan;
use ondol_model::plan::Person;
use ondol_model::watch::NoticeKind;
use ondol_model::watch::fold::Part;
use ondol_model::watch::fold::Waiting;
use ondol_model::watch::words;
use ondol_model::watch::words::Past;
use ondol_model::watch::words::Telling;
use ondol_model::watch::words::Words;
use ondol_store::Message;
use serde::Deserialize;
use serde::Serialize;

use crate::channel::Parcel;

/// A title in a summary; what is longer is cut.
const TITLE_BYTES_MAX: usize = 200;

/// Whoever is told later than this, in seconds, is told that it is late.
const LATE_AFTER: i64 = 10 * 60;

/// A part of a summary, as it is written down.
#[derive(Debug, Serialize, Deserialize)]
struct PartText {
    incident: Option<i64>,
    title: String,
    began_at: i64,
    ended_at: Option<i64>,
    wants_answer: bool,
}

/// What is to be known of a message to decide whether it is folded.
pub(super) fn waiting(message: &Message, now: i64, tries: u32, may_have_arrived: bool) -> Waiting {
    let new = &message.new;
    let mut title = new.title.clone();
    title.truncate(title.floor_char_boundary(TITLE_BYTES_MAX));
    Waiting {
        id: message.id,
        incident: new.incident,
        kind: new.kind,
        severity: new.severity,
        title,
        // What was held back, by a storm or a night, is told together when its time comes.
        since: new.queued_at,
        queued_at: new.queued_at,
        is_due: new.not_before <= now,
        was_tried: tries > 0,
        may_have_arrived,
        wants_answer: new.wants_answer,
        parts: message.parts.as_deref().map(read).unwrap_or_default(),
    }
}

/// What a summary tells of, to be written down with it.
pub(super) fn text(parts: &[Part]) -> Option<String> {
    let texts: Vec<_> = parts
        .iter()
        .map(|part| {
            let Part {
                incident,
                title,
                began_at,
                ended_at,
                wants_answer,
            } = part.clone();
            PartText {
                incident,
                title,
                began_at,
                ended_at,
                wants_answer,
            }
        })
        .collect();
    serde_json::to_string(&texts).ok()
}

/// The words of a summary for a person.
pub(super) fn summary(plan: &Plan, person: &Person, parts: &[Part], now: i64) -> Words {
    let past: Vec<_> = parts
        .iter()
        .map(|part| Past {
            title: part.title.clone(),
            began_at: part.began_at,
            ended_at: part.ended_at,
        })
        .collect();
    let from = parts.iter().map(|part| part.began_at).min().unwrap_or(now);
    telling(plan, person, |telling| {
        words::summary(telling, from, now, &past)
    })
}

/// Words that are told later than they were written.
fn late_words(plan: &Plan, person: &Person, words: Words, minutes: u64) -> Words {
    telling(plan, person, |telling| words::late(telling, words, minutes))
}

/// A message as it is sent: as it was queued, with a word about how late it is.
pub(super) fn parcel(plan: &Plan, person: &Person, message: &Message, now: i64) -> Parcel {
    let new = &message.new;
    let mut words = Words {
        title: new.title.clone(),
        text: new.text.clone(),
    };
    let late = now.saturating_sub(new.queued_at.max(new.not_before));
    if late >= LATE_AFTER && tells_of_a_moment(new.kind) {
        let minutes = u64::try_from(late / 60).unwrap_or(0);
        words = late_words(plan, person, words, minutes);
    }
    Parcel {
        id: message.id,
        incident: new.incident,
        kind: new.kind,
        severity: new.severity,
        box_name: plan.box_name.clone(),
        subject: new.subject.clone(),
        url: url(plan, &new.subject),
        title: words.title,
        text: words.text,
        queued_at: new.queued_at,
        wants_answer: new.wants_answer,
    }
}

/// Where people look at a subject; empty where that is no site with a name of its own.
fn url(plan: &Plan, subject: &str) -> String {
    let Some(name) = subject.strip_prefix("site:") else {
        return String::new();
    };
    let mut sites = plan.sites.iter();
    match sites.find(|site| site.name.to_string() == name) {
        Some(site) if !name.contains('*') => format!("{}://{name}/", site.scheme.word()),
        Some(_) | None => String::new(),
    }
}

/// Whether it matters when it was written.
fn tells_of_a_moment(kind: NoticeKind) -> bool {
    match kind {
        NoticeKind::Problem | NoticeKind::Reminder | NoticeKind::Recovery | NoticeKind::News => {
            true
        }
        NoticeKind::Summary | NoticeKind::Digest | NoticeKind::Test | NoticeKind::Drill => false,
    }
}

fn read(text: &str) -> Vec<Part> {
    let texts: Vec<PartText> = serde_json::from_str(text).unwrap_or_default();
    texts
        .into_iter()
        .map(|part| {
            let PartText {
                incident,
                title,
                began_at,
                ended_at,
                wants_answer,
            } = part;
            Part {
                incident,
                title,
                began_at,
                ended_at,
                wants_answer,
            }
        })
        .collect()
}

fn telling<T>(plan: &Plan, person: &Person, tell: impl FnOnce(&Telling<'_>) -> T) -> T {
    let local = |at| clock::minute_in(plan.timezone.as_deref(), at);
    tell(&Telling {
        box_name: &plan.box_name,
        language: person.language,
        role: person.role,
        runbook: person.runbook.as_deref(),
        local: &local,
    })
}
