//! Whose a repository is: what its newest claim says.

use crate::failure::Failure;
use crate::failure::FailureKind;
use crate::identity::BoxIdentity;
use crate::repository::Repository;
use crate::work::ClaimWork;

impl Repository {
    /// Fails with `Foreign` when it is another box's. One that nobody has claimed is not.
    pub(crate) fn check_claim(&self, _of: &BoxIdentity) -> Result<(), Failure> {
        Err(Failure::new(FailureKind::Internal, "This is not yet done."))
    }

    /// Makes it this box's.
    pub(crate) fn claim(&self, _work: &ClaimWork, _of: &BoxIdentity) -> Result<(), Failure> {
        Err(Failure::new(FailureKind::Internal, "This is not yet done."))
    }
}
