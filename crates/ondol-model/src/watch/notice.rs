//! What a person is told, once.

use super::Severity;
use crate::plan::PersonName;

/// A message to one person, by all channels of that person; written down before it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Who is told.
    pub person: PersonName,
    /// The incident that it is about; `None` for tests, drills and digests.
    pub incident: Option<i64>,
    /// Why it is sent.
    pub kind: NoticeKind,
    /// How much it matters.
    pub severity: Severity,
    /// It must not go out before this moment, in seconds since the Unix epoch; what waits then goes out together.
    pub not_before: i64,
}

/// Why a message is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NoticeKind {
    /// Something is wrong.
    Problem,
    /// It is still wrong.
    Reminder,
    /// It is well again.
    Recovery,
    /// All that was wrong while nobody could be told; takes the place of several.
    Summary,
    /// What was held back, once a day.
    Digest,
    /// Something happened that is over already.
    News,
    /// Whether messages arrive.
    Test,
    /// Whether messages arrive, and somebody answers.
    Drill,
}

impl NoticeKind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Problem,
        Self::Reminder,
        Self::Recovery,
        Self::Summary,
        Self::Digest,
        Self::News,
        Self::Test,
        Self::Drill,
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Problem => "problem",
            Self::Reminder => "reminder",
            Self::Recovery => "recovery",
            Self::Summary => "summary",
            Self::Digest => "digest",
            Self::News => "news",
            Self::Test => "test",
            Self::Drill => "drill",
        }
    }

    /// The kind of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}
