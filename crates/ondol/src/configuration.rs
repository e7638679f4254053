//! A configuration as this program holds it: its text, the plan it means, and where what stands.

use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use ondol_base::chain::Chain;
use ondol_config::Accepted;
use ondol_config::Ink;
use ondol_config::Mistake;
use ondol_config::Mistakes;
use ondol_config::Origins;
use ondol_config::ReadError;
use ondol_config::Sources;
use ondol_model::Plan;

/// An accepted configuration.
#[derive(Debug)]
pub(crate) struct Configuration {
    pub(crate) sources: Arc<Sources>,
    pub(crate) plan: Arc<Plan>,
    pub(crate) origins: Origins,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigurationError {
    #[error(transparent)]
    Unreadable(#[from] ReadError),
    #[error("the configuration has mistakes:\n\n{0}")]
    Mistaken(Mistakes),
}

impl Configuration {
    /// Reads and accepts a file and what it includes. Blocks on the disk.
    pub(crate) fn read(path: &Path) -> Result<Self, ConfigurationError> {
        Self::accept(Sources::read(path)?)
    }

    /// The files that it was read from, the main one first.
    pub(crate) fn files(&self) -> Arc<[PathBuf]> {
        let files = self.sources.files.iter();
        files.map(|file| file.path.clone()).collect()
    }

    /// Accepts texts that were read before.
    pub(crate) fn accept(sources: Sources) -> Result<Self, ConfigurationError> {
        let Accepted { plan, origins } =
            ondol_config::accept(&sources).map_err(ConfigurationError::Mistaken)?;
        Ok(Self {
            sources: Arc::new(sources),
            plan,
            origins,
        })
    }
}

impl ConfigurationError {
    /// As a person reads it, over several lines.
    pub(crate) fn render(&self, ink: Ink) -> String {
        match self {
            Self::Unreadable(error) => format!("{}{}\n", Chain(error), way_out(error)),
            Self::Mistaken(mistakes) => mistakes.render(ink),
        }
    }

    /// The mistakes, where there is a text to have any.
    pub(crate) fn mistakes(&self) -> &[Mistake] {
        match self {
            Self::Unreadable(_) => &[],
            Self::Mistaken(Mistakes(mistakes)) => mistakes,
        }
    }
}

/// What to do when there is no file at all: the first minute with Ondol.
fn way_out(error: &ReadError) -> &'static str {
    match error {
        ReadError::File { path: _, source } if source.kind() == io::ErrorKind::NotFound => {
            "\nWrite one, or name another with --config; `ondol demo` shows a box that needs none."
        }
        ReadError::File { .. }
        | ReadError::Folder { .. }
        | ReadError::NotAFile { .. }
        | ReadError::TooLarge { .. }
        | ReadError::NotText { .. }
        | ReadError::TooManyFiles => "",
    }
}
