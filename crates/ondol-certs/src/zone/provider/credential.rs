//! Keys and tokens for those who keep zones.

use ondol_base::chain::Chain;
use ondol_base::secret::SecretText;
use ondol_model::plan::Secret;

use super::failed;
use crate::credential;
use crate::failure::Failure;

pub(crate) use crate::credential::place;

/// Reads a secret; `what` it is says the failure ("the token for Cloudflare").
pub(crate) async fn read(secret: &Secret, what: &str) -> Result<SecretText, Failure> {
    let read = credential::read(secret).await;
    read.map_err(|error| failed(format!("{what} is not there: {}", Chain(&error))))
}
