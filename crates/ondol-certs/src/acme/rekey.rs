//! Another key for the account (RFC 8555 §7.3.5).

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::RwLock;

use tokio::sync::Semaphore;

use super::Inner;
use super::Session;
use crate::failure::Failure;

impl Session {
    /// Gives the account another key: the session that uses it. This one can do nothing more.
    pub(crate) async fn rekey(&self) -> Result<Self, Failure> {
        let client = self.client().await?;
        let account = self.account().rekey(&client, self.applicant()).await?;
        let Inner {
            called,
            issuer,
            email,
            folder,
            https,
            directory: _,
            account: _,
            anew: _,
            renewing: _,
        } = &*self.inner;
        Ok(Self {
            inner: Arc::new(Inner {
                called: called.clone(),
                issuer: issuer.clone(),
                email: email.clone(),
                folder: folder.clone(),
                https: https.clone(),
                directory: RwLock::new(self.known_directory()),
                account,
                anew: OnceLock::new(),
                renewing: Semaphore::new(1),
            }),
        })
    }
}
