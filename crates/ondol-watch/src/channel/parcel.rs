//! A message, ready to go, and what every receiver is told of it.

use ondol_base::clock;
use ondol_model::watch::NoticeKind;
use ondol_model::watch::Severity;
use ondol_model::watch::State;
use serde_json::json;

/// The longest key: ntfy takes no longer ones.
const KEY_CHARS_MAX: usize = 64;

/// A message, ready to go: its words never change again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parcel {
    /// Its number in the outbox; the same when it is sent again, so that receivers can tell.
    pub(crate) id: i64,
    pub(crate) incident: Option<i64>,
    pub(crate) kind: NoticeKind,
    pub(crate) severity: Severity,
    pub(crate) box_name: String,
    /// The subject's text (`site:blog.example.com`); empty where it is about none.
    pub(crate) subject: String,
    /// Where people look at its subject; empty where that is no site with a name of its own.
    pub(crate) url: String,
    pub(crate) title: String,
    pub(crate) text: String,
    /// When it was queued, in seconds since the Unix epoch.
    pub(crate) queued_at: i64,
    /// Whether an answer stops the escalation, so that a way to give one is offered.
    pub(crate) wants_answer: bool,
}

impl Parcel {
    /// What tells it from all others, and is the same whenever it is sent: letters of ASCII, digits, `-`.
    pub(super) fn key(&self) -> String {
        self.key_of(&format!("{}-{}", self.id, self.queued_at))
    }

    /// What all messages about its incident have in common; of the same letters.
    pub(super) fn thread(&self) -> Option<String> {
        let incident = self.incident?;
        Some(self.key_of(&format!("incident-{incident}")))
    }

    fn key_of(&self, end: &str) -> String {
        let is_plain = |letter: char| letter.is_ascii_alphanumeric();
        let own = self.box_name.chars();
        let own = own.map(|letter| if is_plain(letter) { letter } else { '-' });
        let room = KEY_CHARS_MAX.saturating_sub("ondol--".len() + end.len());
        let own: String = own.take(room).collect();
        format!("ondol-{own}-{end}")
    }

    /// What is answered to say that somebody looks after it: short enough for every channel.
    pub(super) fn answer(&self) -> String {
        match self.incident {
            Some(incident) => format!("ack {incident}"),
            None => "ack".to_owned(),
        }
    }

    /// The words of the button by which it is answered, in the language of the message.
    pub(super) fn answer_label(&self) -> &'static str {
        let is_korean = |letter| ('가'..='힣').contains(&letter);
        match self.text.chars().chain(self.title.chars()).any(is_korean) {
            true => "제가 볼게요",
            false => "I look after it",
        }
    }

    /// The site that it is about; empty where it is about none.
    pub(super) fn site(&self) -> &str {
        self.subject.strip_prefix("site:").unwrap_or_default()
    }

    /// How its subject is, in the words of [`State`].
    pub(super) fn state(&self) -> &'static str {
        let state = match self.kind {
            NoticeKind::Problem | NoticeKind::Reminder => match self.severity {
                Severity::Critical => State::Fail,
                Severity::Warning | Severity::Info => State::Warn,
            },
            NoticeKind::Recovery
            | NoticeKind::Summary
            | NoticeKind::Digest
            | NoticeKind::News
            | NoticeKind::Test
            | NoticeKind::Drill => State::Pass,
        };
        state.word()
    }

    /// Everything, for programs.
    pub(super) fn json(&self) -> serde_json::Value {
        json!({
            "key": self.key(),
            "id": self.id,
            "incident": self.incident,
            "kind": self.kind.word(),
            "severity": self.severity.word(),
            "state": self.state(),
            "box": self.box_name,
            "subject": self.subject,
            "site": self.site(),
            "url": self.url,
            "title": self.title,
            "text": self.text,
            "queued_at": clock::rfc3339(self.queued_at),
            "wants_answer": self.wants_answer,
        })
    }
}

/// The beginning of a text that has at most so many units, as some measure tells of each letter; cut texts end in `…`.
pub(super) fn cut(text: &str, units_max: usize, units: impl Fn(char) -> usize) -> String {
    if text.chars().map(&units).sum::<usize>() <= units_max {
        return text.to_owned();
    }
    let mut left = units_max.saturating_sub(units('…'));
    let fits = |letter: &char| {
        let rest = left.checked_sub(units(*letter));
        left = rest.unwrap_or(left);
        rest.is_some()
    };
    let mut beginning: String = text.chars().take_while(fits).collect();
    beginning.push('…');
    beginning
}
