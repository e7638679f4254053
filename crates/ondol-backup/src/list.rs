//! Saying what there is.

use crate::failure::Failure;
use crate::failure::FailureKind;
use crate::report::Found;
use crate::reporter::Reporter;
use crate::repository::Repository;
use crate::work::ListWork;

/// Does it.
pub(crate) fn list(
    _repository: &Repository,
    _work: &ListWork,
    _reporter: &Reporter,
) -> Result<Found, Failure> {
    Err(Failure::new(FailureKind::Internal, "This is not yet done."))
}
