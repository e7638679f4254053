//! Reading back a share of what is stored.

use crate::failure::Failure;
use crate::failure::FailureKind;
use crate::report::Found;
use crate::reporter::Reporter;
use crate::repository::Repository;
use crate::work::CheckWork;

/// Does it.
pub(crate) fn check(
    _repository: &Repository,
    _work: &CheckWork,
    _reporter: &Reporter,
) -> Result<Found, Failure> {
    Err(Failure::new(FailureKind::Internal, "This is not yet done."))
}
