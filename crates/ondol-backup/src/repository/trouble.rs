//! What went wrong, in the owner's words.

use std::error::Error as _;

use rustic_core::ErrorKind;
use rustic_core::RusticError;

use crate::failure::Failure;
use crate::failure::FailureKind;
use crate::target::TargetError;
use crate::target::Trouble;

/// What a target could not do, as the end of a job.
pub(crate) fn of_target(place: &str, error: &TargetError) -> Failure {
    let what = &error.what;
    let (kind, sentence) = match error.trouble {
        Trouble::Unreachable => (
            FailureKind::Unreachable,
            format!(
                "{place} could not be reached: {what}. What is stored there is as it was; Ondol tries again by itself."
            ),
        ),
        Trouble::Refused => (
            FailureKind::Refused,
            format!(
                "{place} refused: {what}. What is stored there is as it was. Look whether the credential of this \
                 target is still valid, and what it may do there."
            ),
        ),
        Trouble::Full => (
            FailureKind::Full,
            format!(
                "{place} has no room left: {what}. Backups that are there are whole. Make room, or keep fewer of them \
                 (`keep` in `[backup]`)."
            ),
        ),
        Trouble::NotThere => (
            FailureKind::NotThere,
            format!(
                "{place} is not there: {what}. Nothing was written. Plug the disk in, or mount it; Ondol goes on by \
                 itself."
            ),
        ),
        Trouble::Missing => (
            FailureKind::Damaged,
            format!(
                "Something is missing at {place}: {what}. `ondol backup verify` says which backups that concerns."
            ),
        ),
        Trouble::Wrong => (
            FailureKind::Damaged,
            format!(
                "Something at {place} is not what was stored: {what}. `ondol backup verify` says which backups that \
                 concerns."
            ),
        ),
        Trouble::Other => (
            FailureKind::Here,
            format!("{place} could not be used: {what}. What is stored there is as it was."),
        ),
    };
    Failure::new(kind, sentence)
}

/// What the library could not do. What the target said is looked for first in the error itself, then in what was last
/// heard of the target: not every error of the library says what it came from.
pub(super) fn of_library(place: &str, error: &RusticError, heard: Option<TargetError>) -> Failure {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<TargetError>() {
            return of_target(place, error);
        }
        cause = error.source();
    }
    if let Some(heard) = heard {
        return of_target(place, &heard);
    }
    let told = error.display_log();
    if error.is_incorrect_password() {
        return wrong_password(place);
    }
    if error.is_code("C001") || told.contains(&ErrorKind::Cryptography.to_string()) {
        return damaged(place, &told);
    }
    Failure::new(
        FailureKind::Internal,
        format!(
            "The repository at {place} could not be worked with: {told}. Backups that are there are as they were."
        ),
    )
}

/// The password does not open it.
pub(super) fn wrong_password(place: &str) -> Failure {
    Failure::new(
        FailureKind::WrongPassword,
        format!(
            "The password does not open the repository at {place}. Nothing was changed. The right one is on the \
             recovery kit; `password` in `[backup]` says which is used."
        ),
    )
}

/// Something stored is not what it should be.
pub(super) fn damaged(place: &str, what: &str) -> Failure {
    Failure::new(
        FailureKind::Damaged,
        format!(
            "Something stored at {place} is damaged: {what}. `ondol backup verify` says which backups that concerns; \
             the others can be restored."
        ),
    )
}
