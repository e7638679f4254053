//! Removing what is not to be kept.

use crate::failure::Failure;
use crate::failure::FailureKind;
use crate::report::Found;
use crate::reporter::Reporter;
use crate::repository::Repository;
use crate::work::PruneWork;

/// Does it.
pub(crate) fn prune(
    _repository: &Repository,
    _work: &PruneWork,
    _reporter: &Reporter,
) -> Result<Found, Failure> {
    Err(Failure::new(FailureKind::Internal, "This is not yet done."))
}
