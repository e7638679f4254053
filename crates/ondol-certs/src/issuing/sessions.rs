//! The accounts of the box at its issuers, each opened once.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use ondol_base::clock;
use ondol_model::issuing::Environment;
use ondol_model::plan::AcmeIssuer;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::acme::Session;
use crate::failure::Failure;

/// How long an issuer's directory is believed before it is read again.
const BELIEVED: i64 = 3600;

/// The accounts. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Sessions {
    root: PathBuf,
    // Never held over a wait.
    open: Arc<Mutex<HashMap<Key, Cell>>>,
}

/// All that an account depends on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    directory: Box<str>,
    /// Who vouches for it: one that the owner has removed is believed no longer.
    root: Option<PathBuf>,
    folder: PathBuf,
    email: Option<String>,
}

#[derive(Debug, Clone)]
struct Cell {
    since: i64,
    place: Arc<Place>,
}

#[derive(Debug, Default)]
struct Place {
    session: OnceCell<Session>,
    /// How opening it failed last, and when.
    failed: Mutex<Option<(Instant, Failure)>>,
}

impl Sessions {
    /// Accounts that are kept below this folder.
    pub(super) fn new(root: PathBuf) -> Self {
        Self {
            root,
            open: Arc::default(),
        }
    }

    /// The account at an issuer. Those who ask at the same time wait for the first of them, and share its
    /// failure: an issuer that does not answer is not knocked at by each in turn.
    pub(super) async fn of(
        &self,
        issuer: &AcmeIssuer,
        environment: Environment,
        email: Option<&str>,
    ) -> Result<Session, Failure> {
        let key = self.key(issuer, environment, email);
        let place = self.place(&key);
        let asked_at = clock::now();
        let opening = async {
            if let Some(failure) = place.failed_since(asked_at) {
                return Err(failure);
            }
            let opened = Box::pin(Session::open(issuer, environment, email, &key.folder)).await;
            opened.inspect_err(|failure| place.fail(failure))
        };
        place.session.get_or_try_init(|| opening).await.cloned()
    }

    /// Forgets the account, so that it is opened anew: its key changed, or its issuer forgot it.
    pub(super) fn forget(&self, issuer: &AcmeIssuer, environment: Environment) {
        let folder = self.folder(issuer, environment);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|key, _| key.folder != folder);
    }

    fn place(&self, key: &Key) -> Arc<Place> {
        let now = clock::unix_seconds();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, cell| (0..BELIEVED).contains(&(now - cell.since)));
        let cell = open.entry(key.clone()).or_insert_with(|| Cell {
            since: now,
            place: Arc::default(),
        });
        Arc::clone(&cell.place)
    }

    fn key(&self, issuer: &AcmeIssuer, environment: Environment, email: Option<&str>) -> Key {
        let staging = issuer.staging.as_ref();
        let directory = match environment {
            Environment::Production => issuer.directory.clone(),
            Environment::Staging => staging.unwrap_or(&issuer.directory).clone(),
        };
        Key {
            directory,
            root: issuer.root.clone(),
            folder: self.folder(issuer, environment),
            email: email.map(str::to_owned),
        }
    }

    fn folder(&self, issuer: &AcmeIssuer, environment: Environment) -> PathBuf {
        let name = match environment {
            Environment::Production => issuer.name.to_string(),
            // No issuer can be called so.
            Environment::Staging => format!("{}@staging", issuer.name),
        };
        self.root.join(name)
    }
}

impl Place {
    fn failed_since(&self, moment: Instant) -> Option<Failure> {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = failed.as_ref().filter(|(at, _)| *at >= moment);
        failed.map(|(_, failure)| failure.clone())
    }

    fn fail(&self, failure: &Failure) {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        *failed = Some((clock::now(), failure.clone()));
    }
}

#[cfg(test)]
mod tests {
    use ondol_model::plan::Reach;

    use super::*;

    #[test]
    fn what_is_kept_of_one_issuer_is_no_others() {
        let issuer = |name: &str, root: Option<&str>| AcmeIssuer {
            name: name.into(),
            directory: "https://ca.example/dir".into(),
            staging: Some("https://ca.example/staging".into()),
            root: root.map(PathBuf::from),
            external_account: None,
            reach: Reach::Any,
        };
        let sessions = Sessions::new("/state".into());
        let key = |issuer: &AcmeIssuer, environment| sessions.key(issuer, environment, None);
        let (production, staging) = (Environment::Production, Environment::Staging);
        let own = issuer("ca", None);
        let others = [
            key(&own, staging),
            key(&issuer("ca.staging", None), production),
            key(&issuer("ca-staging", None), production),
        ];
        for other in others {
            assert_ne!(other.folder, key(&own, production).folder);
        }
        for name in ["ca.staging", "ca-staging"] {
            let other = key(&issuer(name, None), production);
            assert_ne!(other.folder, key(&own, staging).folder, "{name}");
        }
        let rooted = issuer("ca", Some("/root.pem"));
        assert_ne!(key(&own, production), key(&rooted, production));
    }
}
