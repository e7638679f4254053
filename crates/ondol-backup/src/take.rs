//! Taking a backup.

use crate::failure::Failure;
use crate::failure::FailureKind;
use crate::identity::BoxIdentity;
use crate::report::Found;
use crate::reporter::Reporter;
use crate::repository::Repository;
use crate::work::TakeWork;

/// Does it.
pub(crate) fn take(
    _repository: &Repository,
    _work: &TakeWork,
    _of: &BoxIdentity,
    _reporter: &Reporter,
) -> Result<Found, Failure> {
    Err(Failure::new(FailureKind::Internal, "This is not yet done."))
}
