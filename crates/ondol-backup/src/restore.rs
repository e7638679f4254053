//! Putting something back, or beside.

use crate::failure::Failure;
use crate::failure::FailureKind;
use crate::job::Placement;
use crate::report::Found;
use crate::reporter::Reporter;
use crate::repository::Repository;
use crate::work::RestoreWork;

/// Does it.
pub(crate) fn restore(
    _repository: &Repository,
    _work: &RestoreWork,
    _places: &Placement,
    _reporter: &Reporter,
) -> Result<Found, Failure> {
    Err(Failure::new(FailureKind::Internal, "This is not yet done."))
}
