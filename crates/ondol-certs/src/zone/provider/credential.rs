//! Keys and tokens for those who keep zones: read when they are used, so that a new one counts at once.

use ondol_base::chain::Chain;
use ondol_base::secret;
use ondol_base::secret::SecretText;
use ondol_base::tasks;
use ondol_model::plan::Secret;

use super::failed;
use crate::failure::Failure;

/// Reads a secret; `what` it is says the failure ("the token for Cloudflare").
pub(crate) async fn read(secret: &Secret, what: &str) -> Result<SecretText, Failure> {
    let place = secret.clone();
    let read = tasks::spawn_blocking(move || match &place {
        Secret::Environment(name) => secret::from_environment(name),
        Secret::File(path) => secret::from_file(path),
    });
    match read.await {
        Ok(Ok(text)) => Ok(text),
        Ok(Err(error)) => Err(failed(format!("{what} is not there: {}", Chain(&error)))),
        Err(_) => Err(failed(format!("{what} could not be read"))),
    }
}

/// Where a secret is, for sentences and to tell one from another.
pub(crate) fn place(secret: &Secret) -> String {
    match secret {
        Secret::Environment(name) => format!("the environment variable {name}"),
        Secret::File(path) => path.display().to_string(),
    }
}
