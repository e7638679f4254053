//! Secrets that a plan names by where they are. They are read when they are used, so that a new one counts at
//! once, and kept nowhere.

use ondol_base::secret;
use ondol_base::secret::SecretError;
use ondol_base::secret::SecretText;
use ondol_base::tasks;
use ondol_model::plan::Secret;
use tokio::task::JoinError;

/// Why there is no secret.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CredentialError {
    /// It is not where it should be, or not fit to be used.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// Reading it did not finish.
    #[error("it could not be read")]
    Unfinished(#[source] JoinError),
}

/// Reads a secret. Blocks on the disk.
pub fn read_blocking(place: &Secret) -> Result<SecretText, SecretError> {
    match place {
        Secret::Environment(name) => secret::from_environment(name),
        Secret::File(path) => secret::from_file(path),
    }
}

/// Reads a secret where nothing may block.
pub(crate) async fn read(place: &Secret) -> Result<SecretText, CredentialError> {
    let place = place.clone();
    let read = tasks::spawn_blocking(move || read_blocking(&place));
    Ok(read.await.map_err(CredentialError::Unfinished)??)
}

/// Where a secret is, for sentences and to tell one from another.
pub(crate) fn place(secret: &Secret) -> String {
    match secret {
        Secret::Environment(name) => format!("the environment variable {name}"),
        Secret::File(path) => path.display().to_string(),
    }
}
