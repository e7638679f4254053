//! How something was found, once.

use super::Finding;
use super::Subject;

/// How something was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// What was looked at.
    pub subject: Subject,
    /// How it is.
    pub state: State,
    /// What was found; for people. `None` when it is well, or nothing is known.
    pub finding: Option<Finding>,
    /// Whether one look is enough to know (an app that is given up), rather than several in a row.
    pub is_certain: bool,
    /// How long an answer took, in milliseconds, where there was one.
    pub took_ms: Option<u32>,
    /// Numbers that were read, by the names that `/metrics` gives them without `ondol_` (`disk_free_bytes`).
    pub values: Vec<(&'static str, f64)>,
}

impl Observation {
    /// It is well.
    pub fn pass(subject: Subject) -> Self {
        Self {
            subject,
            state: State::Pass,
            finding: None,
            is_certain: false,
            took_ms: None,
            values: Vec::new(),
        }
    }

    /// It can't be known now.
    pub fn unknown(subject: Subject) -> Self {
        Self {
            state: State::Unknown,
            ..Self::pass(subject)
        }
    }

    /// It is worth a word.
    pub fn warn(subject: Subject, finding: Finding) -> Self {
        Self {
            state: State::Warn,
            finding: Some(finding),
            ..Self::pass(subject)
        }
    }

    /// It is not well.
    pub fn fail(subject: Subject, finding: Finding) -> Self {
        Self {
            state: State::Fail,
            finding: Some(finding),
            ..Self::pass(subject)
        }
    }

    /// The same, where one look is enough.
    pub fn certain(self) -> Self {
        Self {
            is_certain: true,
            ..self
        }
    }
}

/// How something is. The words are those of draft-inadarei-api-health-check-06, and `unknown`, which is not down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// Nobody can know now.
    Unknown,
    /// Well.
    Pass,
    /// Works, and wants a look.
    Warn,
    /// Does not work.
    Fail,
}

impl State {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }

    /// The state of a word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Unknown, Self::Pass, Self::Warn, Self::Fail]
            .into_iter()
            .find(|state| state.word() == word)
    }
}

/// How much it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Good to know.
    Info,
    /// Wants a look when there is time.
    Warning,
    /// Wants somebody now, at night too.
    Critical,
}

impl Severity {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }

    /// The severity of a word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Info, Self::Warning, Self::Critical]
            .into_iter()
            .find(|severity| severity.word() == word)
    }
}
