//! Why a try failed, whose fault that is, and whether staging would have shown it.

use super::FailureKind;
use super::Outcome;
use super::Try;

/// Whose fault a failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// This side's: no other issuer would do better.
    Ours,
    /// The issuer's, or what is between it and the owner.
    Theirs,
}

/// What a failure in one of an issuer's directories says about the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// That it would fail there as well.
    Alike,
    /// That this directory is no help now.
    Away,
    /// Nothing.
    Nothing,
}

/// Why a try failed; `None` when it did not. One that still lasts was broken off: nobody asks what is next
/// while one is under way.
pub(super) fn failure(tried: &Try) -> Option<FailureKind> {
    match tried.outcome {
        Some(Outcome::Issued) => None,
        Some(Outcome::Failed { kind, .. }) => Some(kind),
        None => Some(FailureKind::Interrupted),
    }
}

/// Whether a try failed by this fault.
pub(super) fn is_by_fault(tried: &Try, fault: Fault) -> bool {
    failure(tried).is_some_and(|kind| of(kind) == fault)
}

fn of(kind: FailureKind) -> Fault {
    match kind {
        FailureKind::Unreachable
        | FailureKind::RateLimited
        | FailureKind::Rejected
        | FailureKind::Account
        | FailureKind::WrongCertificate => Fault::Theirs,
        FailureKind::Unverified
        | FailureKind::Dns
        | FailureKind::NotReady
        | FailureKind::Machine
        | FailureKind::Interrupted => Fault::Ours,
    }
}

/// What a kind of failure says about the other directory.
pub(super) fn told(kind: FailureKind) -> Told {
    match kind {
        FailureKind::Unverified
        | FailureKind::Rejected
        | FailureKind::Dns
        | FailureKind::WrongCertificate => Told::Alike,
        FailureKind::Unreachable | FailureKind::RateLimited | FailureKind::Account => Told::Away,
        FailureKind::NotReady | FailureKind::Machine | FailureKind::Interrupted => Told::Nothing,
    }
}
