//! Reads what may be a secret, when it is used, so that a new one counts at once.

use ondol_base::chain::Chain;
use ondol_base::secret;
use ondol_base::tasks;
use ondol_model::plan::Secret;
use ondol_model::plan::Value;

/// The text of a value, without blanks around it; an error is a sentence for the owner, without the secret.
pub(crate) async fn read(value: &Value) -> Result<String, String> {
    match value {
        Value::Plain(text) => Ok(text.trim().to_owned()),
        Value::Secret(secret) => read_secret(secret).await,
    }
}

/// The text of a secret, as of a value.
pub(crate) async fn read_secret(place: &Secret) -> Result<String, String> {
    let place = place.clone();
    let read = tasks::spawn_blocking(move || match place {
        Secret::Environment(name) => secret::from_environment(&name),
        Secret::File(path) => secret::from_file(&path),
    });
    match read.await {
        Ok(Ok(text)) => Ok(text.as_str().trim().to_owned()),
        Ok(Err(error)) => Err(Chain(&error).to_string()),
        Err(_) => Err("a secret could not be read".to_owned()),
    }
}
