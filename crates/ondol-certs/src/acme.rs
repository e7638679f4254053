//! Certificates by ACME (RFC 8555): an account at an issuer, and what is asked there.
//!
//! Everything that goes wrong comes back as a sentence for the owner. It knows no plan and no time to
//! renew: it does one thing when it is told to.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::PoisonError;
use std::sync::RwLock;

use http::StatusCode;
use instant_acme::Error;
use ondol_base::https::Https;
use ondol_model::HostPattern;
use ondol_model::USER_AGENT;
use ondol_model::issuing::Environment;
use ondol_model::issuing::FailureKind;
use ondol_model::network::is_public;
use ondol_model::plan::AcmeIssuer;
use ondol_model::plan::Challenge;
use tokio::sync::Semaphore;

use crate::challenges::Board;
use crate::failure::Failure;
use crate::zone::Zone;
use account::Account;
use account::Applicant;
use client::Client;
use directory::Directory;
use directory::NoDirectory;

mod account;
mod begin;
mod chain;
mod challenge;
mod client;
mod directory;
mod explain;
mod jws;
mod persist;
mod proceed;
mod rekey;
mod renewal_info;
mod revoke;
mod signed;
mod tls_alpn;

pub(crate) use begin::NewCertificate;
pub(crate) use renewal_info::RenewalInfo;

/// An account at one of an issuer's directories. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// What the owner calls the issuer.
    called: String,
    issuer: AcmeIssuer,
    email: Option<String>,
    folder: PathBuf,
    https: Https,
    directory: RwLock<Arc<Directory>>,
    account: Account,
    /// The account that took its place because the issuer did not know it any more; that happens once.
    anew: OnceLock<Account>,
    /// Lets one at a time make that account.
    renewing: Semaphore,
}

/// How a try shows that names are the owner's, and to whom it says what it does.
pub(crate) struct Solver<'s> {
    /// The ways that fit a name, best first.
    pub(crate) ways: &'s (dyn Fn(&HostPattern) -> Vec<Challenge> + Sync),
    /// What the data plane shows.
    pub(crate) board: &'s Board,
    /// The zone, where Ondol can write into it.
    pub(crate) zone: Option<&'s Zone>,
    /// Is told what is done now, in a few words.
    pub(crate) step: &'s (dyn Fn(&'static str) + Sync),
}

/// One conversation with the issuer: the account, and what is seen of the answers.
struct Talk {
    account: instant_acme::Account,
    client: Client,
}

impl Session {
    /// Takes up the account that is kept in a folder, or makes one.
    pub(crate) async fn open(
        issuer: &AcmeIssuer,
        environment: Environment,
        email: Option<&str>,
        folder: &Path,
    ) -> Result<Self, Failure> {
        let (url, called) = match (environment, &issuer.staging) {
            (Environment::Production, _) => (&issuer.directory, issuer.name.to_string()),
            (Environment::Staging, Some(url)) => (url, format!("{} (staging)", issuer.name)),
            (Environment::Staging, None) => {
                let sentence = format!("{} has no directory for trying out", issuer.name);
                return Err(Failure::new(FailureKind::Rejected, sentence));
            }
        };
        let https = Https::open(USER_AGENT, issuer.root.as_deref()).await;
        // A configuration allows plain HTTP for this machine itself.
        let https = https.and_then(|https| https.plain_where(url).starting_at(url, is_public));
        let https = https.map_err(|error| explain::unreachable(&called, &error))?;
        let directory = Arc::new(fetch(&https, url, &called).await?);
        let client = Client::new(https.clone(), Arc::clone(&directory));
        let applicant = Applicant {
            issuer: &called,
            email,
            external: issuer.external_account.as_ref(),
            folder,
        };
        let account = Box::pin(Account::open(&client, applicant)).await?;
        Ok(Self {
            inner: Arc::new(Inner {
                called,
                issuer: issuer.clone(),
                email: email.map(str::to_owned),
                folder: folder.to_owned(),
                https,
                directory: RwLock::new(directory),
                account,
                anew: OnceLock::new(),
                renewing: Semaphore::new(1),
            }),
        })
    }

    /// The account's URL, which is its name at the issuer.
    pub(crate) fn account_uri(&self) -> &str {
        &self.account().uri
    }

    /// Whether the issuer suggests when certificates are to be renewed (RFC 9773).
    pub(crate) fn offers_renewal_info(&self) -> bool {
        self.known_directory().listed.renewal_info.is_some()
    }

    /// Whether the issuer offers certificates of this kind.
    pub(crate) fn offers_profile(&self, profile: &str) -> bool {
        self.known_directory().offers(profile)
    }

    /// The names by which CAA records can allow the issuer (RFC 8659), as its directory says.
    pub(crate) fn caa_identities(&self) -> Vec<String> {
        self.known_directory().listed.meta.caa_identities.clone()
    }

    fn account(&self) -> &Account {
        self.inner.anew.get().unwrap_or(&self.inner.account)
    }

    fn applicant(&self) -> Applicant<'_> {
        Applicant {
            issuer: &self.inner.called,
            email: self.inner.email.as_deref(),
            external: self.inner.issuer.external_account.as_ref(),
            folder: &self.inner.folder,
        }
    }

    fn known_directory(&self) -> Arc<Directory> {
        let known = self.inner.directory.read();
        Arc::clone(&known.unwrap_or_else(PoisonError::into_inner))
    }

    /// The directory, fetched again when it is old.
    async fn directory(&self) -> Result<Arc<Directory>, Failure> {
        let known = self.known_directory();
        if known.is_fresh() {
            return Ok(known);
        }
        let fetched = fetch(&self.inner.https, &known.url, &self.inner.called).await?;
        let fetched = Arc::new(fetched);
        let place = self.inner.directory.write();
        *place.unwrap_or_else(PoisonError::into_inner) = Arc::clone(&fetched);
        Ok(fetched)
    }

    async fn client(&self) -> Result<Client, Failure> {
        let directory = self.directory().await?;
        Ok(Client::new(self.inner.https.clone(), directory))
    }

    async fn talk(&self) -> Result<Talk, Failure> {
        let client = self.client().await?;
        let account = self.account();
        let url = client.directory().url.to_string();
        let builder = instant_acme::Account::builder_with_http(Box::new(client.clone()));
        let key = account
            .key()
            .ok_or_else(|| self.failure(&client, &Error::KeyRejected))?;
        match Box::pin(builder.from_parts(account.uri.clone(), key, url)).await {
            Ok(account) => Ok(Talk { account, client }),
            Err(error) => Err(self.failure(&client, &error)),
        }
    }

    /// Makes another account, once, because the issuer does not know this one any more; false when that
    /// has been done before.
    async fn renew_account(&self, lost: &str) -> Result<bool, Failure> {
        let Ok(_permit) = self.inner.renewing.acquire().await else {
            return Ok(false);
        };
        if self.account_uri() != lost {
            return Ok(true); // Somebody else has just made one.
        }
        if self.inner.anew.get().is_some() {
            return Ok(false);
        }
        let client = self.client().await?;
        let account = self
            .inner
            .account
            .open_anew(&client, self.applicant())
            .await?;
        tracing::warn!(
            "{} does not know the account of this box any more: it has a new one.",
            self.inner.called
        );
        Ok(self.inner.anew.set(account).is_ok())
    }

    fn failure(&self, client: &Client, error: &Error) -> Failure {
        explain::failure(&self.inner.called, error, &client.seen())
    }
}

impl Talk {
    /// Whether the last thing that was asked for is not there (any more).
    fn is_gone(&self) -> bool {
        let status = self.client.seen().last.map(|last| last.status);
        [StatusCode::NOT_FOUND, StatusCode::GONE]
            .map(Some)
            .contains(&status)
    }
}

async fn fetch(https: &Https, url: &str, called: &str) -> Result<Directory, Failure> {
    let fetched = Directory::fetch(https, url).await;
    fetched.map_err(|error| match error {
        NoDirectory::Unreachable(error) => explain::unreachable(called, &error),
        NoDirectory::NotOne(seen) => explain::not_acme(called, &seen),
        NoDirectory::NoUrl(which) => {
            let sentence = format!("the directory of {called} has no URL for `{which}`");
            Failure::new(FailureKind::Unreachable, sentence)
        }
    })
}

#[cfg(test)]
pub(crate) mod tests;
