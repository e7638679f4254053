//! What is wrong from one cause, from its begin to its end.

use std::collections::BTreeSet;

use super::Finding;
use super::Severity;
use super::State;
use super::Subject;
use super::What;

/// What is wrong from one cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    /// Its number; later ones have greater numbers.
    pub id: i64,
    /// The cause, as far as is known.
    pub subject: Subject,
    /// What was found of it.
    pub finding: Finding,
    /// How much it matters; it never matters less than it did.
    pub severity: Severity,
    /// When it began, in seconds since the Unix epoch: the first look that found it.
    pub began_at: i64,
    /// When it was certain enough to be one.
    pub noticed_at: i64,
    /// When all was well again; `None` while it is open.
    pub ended_at: Option<i64>,
    /// What is not well now.
    pub bad: BTreeSet<Subject>,
    /// All that was not well from its begin on.
    pub members: BTreeSet<Subject>,
}

impl Incident {
    /// What is, or was, not well besides the cause.
    pub fn also(&self) -> Vec<Subject> {
        let others = self.members.iter().filter(|one| **one != self.subject);
        others.cloned().collect()
    }
}

/// How much it matters that a subject is in a state.
pub(super) fn severity(subject: &Subject, state: State, finding: &Finding) -> Severity {
    if finding.what == What::Flapping || state != State::Fail {
        return Severity::Warning;
    }
    match subject {
        Subject::Domain(_) | Subject::Channel(_) | Subject::Clock => Severity::Warning,
        Subject::Power
        | Subject::Link
        | Subject::Router
        | Subject::Internet
        | Subject::Dns
        | Subject::Memory
        | Subject::Temperature
        | Subject::Disk(_)
        | Subject::Drive(_)
        | Subject::Service(_)
        | Subject::Store
        | Subject::DataPlane
        | Subject::App(_)
        | Subject::Site(_)
        | Subject::Certificate(_)
        | Subject::Backup(_)
        | Subject::Heartbeat(_)
        | Subject::Box => Severity::Critical,
    }
}
