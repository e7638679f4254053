//! A restic REST server as a target.

use std::sync::Arc;

use super::Target;
use super::TargetError;
use super::Trouble;
use crate::access::StorageAccess;

/// The repository there, not asked yet.
pub(crate) fn open(access: &StorageAccess) -> Result<Arc<dyn Target>, TargetError> {
    let _ = access;
    Err(TargetError::new(Trouble::Other, "it is no REST server"))
}
