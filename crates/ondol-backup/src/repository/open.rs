//! Opening a repository, and making one.

use std::sync::Arc;

use crate::failure::Failure;
use crate::failure::FailureKind;
use crate::repository::Repository;
use crate::target::Target;

impl Repository {
    /// Opens the one that is there; when it has another id than expected, it is not the one that was used before.
    pub(crate) fn open(
        target: Arc<dyn Target>,
        _password: &str,
        _expected: Option<&str>,
    ) -> Result<Self, Failure> {
        let _ = target;
        Err(Failure::new(FailureKind::Internal, "This is not yet done."))
    }

    /// Makes one where there is none.
    pub(crate) fn create(target: Arc<dyn Target>, _password: &str) -> Result<Self, Failure> {
        let _ = target;
        Err(Failure::new(FailureKind::Internal, "This is not yet done."))
    }
}
