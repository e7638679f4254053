//! Which backups there are.

use crate::failure::Failure;
use crate::manifest::Manifest;
use crate::repository::Repository;

/// The manifests of a repository.
#[derive(Debug, Clone, Default)]
pub(crate) struct Manifests {
    /// Those that can be read, the newest first.
    pub(crate) good: Vec<Manifest>,
    /// What can't be read, a sentence each.
    pub(crate) damaged: Vec<String>,
}

impl Repository {
    /// All backups that have happened.
    pub(crate) fn manifests(&self) -> Result<Manifests, Failure> {
        Ok(Manifests::default())
    }
}
