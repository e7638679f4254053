//! A folder of another machine as a target, by `ssh`.

use std::sync::Arc;

use super::Target;
use super::TargetError;
use super::Trouble;
use crate::access::StorageAccess;

/// The folder, not asked yet.
pub(crate) fn open(access: &StorageAccess) -> Result<Arc<dyn Target>, TargetError> {
    let _ = access;
    Err(TargetError::new(
        Trouble::Other,
        "it is no folder of another machine",
    ))
}
