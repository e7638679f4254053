//! Why a job could not be done.

use std::fmt;

use serde::Deserialize;
use serde::Serialize;

/// Why a job could not be done, for the program and for the owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What decides what comes next.
    pub kind: FailureKind,
    /// What happened, what is safe, what to do next; whole sentences for the owner, without secrets.
    pub sentence: String,
}

/// The kinds of failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// The target does not answer, or not within its time: it is tried again.
    Unreachable,
    /// The target does not let the box in, or not do this.
    Refused,
    /// The target has no room.
    Full,
    /// The disk of a local target is not there.
    NotThere,
    /// There is no repository.
    NoRepository,
    /// The password does not open the repository.
    WrongPassword,
    /// The repository belongs to another box, or another box has taken it over.
    Foreign,
    /// Somebody else has locked the repository.
    Locked,
    /// Something stored is not what it should be.
    Damaged,
    /// What was asked for is not in the repository.
    NotFound,
    /// A database, a folder or a command of this machine stood in the way.
    Here,
    /// The box went on its battery, or to rest: it is done again with the mains.
    Power,
    /// A mistake in Ondol, or in a library.
    Internal,
}

impl Failure {
    pub(crate) fn new(kind: FailureKind, sentence: impl Into<String>) -> Self {
        Self {
            kind,
            sentence: sentence.into(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl std::error::Error for Failure {}
