//! What people are told, in their language: what happened, to what, since when, what Ondol did, what to do.
//!
//! A text is made once, when a message is queued, and never again.

use super::Finding;
use super::Severity;
use super::Subject;
use crate::plan::Language;
use crate::plan::Role;

/// Who is told, and by which box.
#[derive(Clone, Copy)]
pub struct Telling<'a> {
    /// The name of the box.
    pub box_name: &'a str,
    /// What the person reads.
    pub language: Language,
    /// What the person can do.
    pub role: Role,
    /// What somebody with [`Role::Hands`] is asked to do, in the owner's words.
    pub runbook: Option<&'a str>,
    /// A moment as the date and minute at the box.
    pub local: &'a dyn Fn(i64) -> String,
}

impl std::fmt::Debug for Telling<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Telling")
            .field("box_name", &self.box_name)
            .field("language", &self.language)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

/// What a person reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// One line.
    pub title: String,
    /// Some lines, without the title.
    pub text: String,
}

/// What is told of an incident.
#[derive(Debug, Clone, Copy)]
pub struct Story<'a> {
    /// Its cause, as far as is known.
    pub subject: &'a Subject,
    /// What was found there.
    pub finding: &'a Finding,
    /// What is not well because of it.
    pub also: &'a [Subject],
    /// How much it matters.
    pub severity: Severity,
    /// Since when.
    pub began_at: i64,
    /// When this is told.
    pub now: i64,
    /// Until when; `None` while it lasts.
    pub ended_at: Option<i64>,
}

/// Something that went wrong and is told of later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// What, as in the title of a message or a sentence.
    pub title: String,
    /// Since when.
    pub began_at: i64,
    /// Until when; `None` while it lasts.
    pub ended_at: Option<i64>,
}

/// Why the box was away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Away {
    /// The machine lost its power, or crashed.
    PowerCut,
    /// The machine was shut down or restarted.
    Shutdown,
    /// The box had come to rest because its battery was nearly empty.
    Rest,
    /// Ondol alone ended, and had not been told to.
    Crash,
}

/// What was found, as one sentence without a full stop: on screens, in events, in answers to machines.
pub fn sentence(telling: &Telling<'_>, subject: &Subject, finding: &Finding) -> String {
    let _ = telling;
    format!("{subject}: {:?} {}", finding.what, finding.detail)
}

/// Something is wrong.
pub fn problem(telling: &Telling<'_>, story: &Story<'_>) -> Words {
    plain(telling, story)
}

/// It is still wrong.
pub fn reminder(telling: &Telling<'_>, story: &Story<'_>) -> Words {
    plain(telling, story)
}

/// It is well again.
pub fn recovery(telling: &Telling<'_>, story: &Story<'_>) -> Words {
    plain(telling, story)
}

/// All that was wrong between two moments in which nobody could be told; `past` may be long.
pub fn summary(telling: &Telling<'_>, from: i64, to: i64, past: &[Past]) -> Words {
    let _ = (from, to);
    digest(telling, past)
}

/// What was held back and could wait.
pub fn digest(telling: &Telling<'_>, past: &[Past]) -> Words {
    Words {
        title: telling.box_name.to_owned(),
        text: format!("{past:?}"),
    }
}

/// The same words, told so many minutes after they were written.
pub fn late(telling: &Telling<'_>, words: Words, minutes: u64) -> Words {
    let _ = (telling, minutes);
    words
}

/// Whether messages arrive.
pub fn test(telling: &Telling<'_>) -> Words {
    digest(telling, &[])
}

/// Whether messages arrive, and somebody answers.
pub fn drill(telling: &Telling<'_>) -> Words {
    digest(telling, &[])
}

/// The box was away for so many seconds: what points to the cause, what was found broken, and what is not back, a
/// sentence each.
pub fn back(
    telling: &Telling<'_>,
    away: Away,
    seconds: u64,
    evidence: &[String],
    damage: &[String],
    not_back: &[String],
) -> Words {
    let _ = (away, seconds, evidence, damage, not_back);
    digest(telling, &[])
}

/// A length of time for people: `7 h 12 min`, `7시간 12분`.
pub fn span(language: Language, seconds: u64) -> String {
    let _ = language;
    format!("{seconds} s")
}

fn plain(telling: &Telling<'_>, story: &Story<'_>) -> Words {
    Words {
        title: format!("{}: {}", telling.box_name, story.subject),
        text: sentence(telling, story.subject, story.finding),
    }
}
