//! The account of this box at an issuer: made once, kept in `account.json`, taken up again after that.
//!
//! Its key is on disk before the issuer hears of it, and an issuer has one account for a key, so no power
//! cut makes a second one.

use std::fmt;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use http::StatusCode;
use http::Uri;
use http::header;
use instant_acme::Error;
use instant_acme::Problem;
use ondol_base::chain::Chain;
use ondol_base::tasks;
use ondol_model::issuing::FailureKind;
use ondol_model::plan::ExternalAccount;
use rustls_pki_types::PrivatePkcs8KeyDer;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;

use super::client::Client;
use super::directory::is_as_safe;
use super::explain;
use super::jws;
use super::jws::AccountKey;
use super::signed;
use super::signed::Signer;
use crate::credential;
use crate::failure::Failure;

mod kept;

use kept::FILE;
use kept::Kept;

/// An account that the issuer knows.
#[derive(Clone)]
pub(super) struct Account {
    pub(super) uri: String,
    kept: Kept,
}

/// Who wants an account, and where.
#[derive(Debug, Clone, Copy)]
pub(super) struct Applicant<'a> {
    /// What the owner calls the issuer.
    pub(super) issuer: &'a str,
    pub(super) email: Option<&'a str>,
    pub(super) external: Option<&'a ExternalAccount>,
    pub(super) folder: &'a Path,
}

/// What an issuer knows of an account.
enum Standing {
    Good,
    Unknown,
}

impl Account {
    /// The account that is kept in the folder, or a new one.
    pub(super) async fn open(client: &Client, applicant: Applicant<'_>) -> Result<Self, Failure> {
        let url = client.directory().url.to_string();
        let mut kept = applicant.kept(url).await?;
        if let Some(uri) = kept.id.clone() {
            kept = settle(client, applicant, kept, &uri).await?;
            match standing(client, applicant, &kept, &uri).await? {
                Standing::Good => {
                    let account = Self { uri, kept };
                    return Ok(account.with_contact(client, applicant).await);
                }
                Standing::Unknown => kept = applicant.renewed(&kept).await?,
            }
        }
        register(client, applicant, kept).await
    }

    /// Another account in the place of one that the issuer does not know any more.
    pub(super) async fn open_anew(
        &self,
        client: &Client,
        applicant: Applicant<'_>,
    ) -> Result<Self, Failure> {
        let kept = applicant.renewed(&self.kept).await?;
        register(client, applicant, kept).await
    }

    /// Its key as PKCS #8.
    pub(super) fn key(&self) -> Option<PrivatePkcs8KeyDer<'static>> {
        Some(jws::url_decode(&self.kept.key_pkcs8)?.into())
    }

    /// Gives the account another key (RFC 8555 §7.3.5). Both are on disk until the issuer has answered.
    pub(super) async fn rekey(
        &self,
        client: &Client,
        applicant: Applicant<'_>,
    ) -> Result<Self, Failure> {
        let Some(url) = &client.directory().listed.key_change else {
            return Err(applicant.not_offered());
        };
        let next = AccountKey::generate().map_err(|_| applicant.no_key())?;
        let mut kept = self.kept.clone();
        kept.next_key_pkcs8 = Some(jws::url_encode(&next));
        applicant.keep(&kept).await?;
        let (old, new) = (
            applicant.key(&kept.key_pkcs8)?,
            applicant.key(&jws::url_encode(&next))?,
        );
        let payload = json!({ "account": self.uri, "oldKey": old.jwk() }).to_string();
        let header = json!({ "jwk": new.jwk(), "url": url });
        let inner = new.sign(header, &payload).map_err(|_| applicant.no_key())?;
        let signer = Signer::Account(&self.uri);
        let changed = signed::post(client, &old, signer, url, &inner.to_string()).await;
        if let Err(error) = changed {
            let seen = client.seen();
            let mut failure = explain::failure(applicant.issuer, &error, &seen);
            // Caddy and step-ca name a URL for it, and answer that there is nothing there.
            if seen
                .last
                .is_some_and(|last| last.status == StatusCode::NOT_IMPLEMENTED)
            {
                failure = applicant.not_offered();
            }
            if matches!(error, Error::Api(_)) {
                // The issuer has said that it stays as it was; otherwise nobody knows until it is asked.
                kept.next_key_pkcs8 = None;
                applicant.keep(&kept).await?;
            }
            return Err(failure);
        }
        let kept = kept.with_next_key();
        applicant.keep(&kept).await?;
        Ok(Self {
            uri: self.uri.clone(),
            kept,
        })
    }

    /// Tells the issuer the owner's e-mail address if it has changed; that it can't be told is no reason
    /// to have no certificates.
    async fn with_contact(mut self, client: &Client, applicant: Applicant<'_>) -> Self {
        if self.kept.contact.as_deref() == applicant.email {
            return self;
        }
        let payload = json!({ "contact": contact(applicant.email) }).to_string();
        let signer = Signer::Account(&self.uri);
        let told = match applicant.key(&self.kept.key_pkcs8) {
            Ok(key) => signed::post(client, &key, signer, &self.uri, &payload)
                .await
                .map_err(|error| explain::failure(applicant.issuer, &error, &client.seen())),
            Err(failure) => Err(failure),
        };
        match told {
            Ok(_) => {
                self.kept.contact = applicant.email.map(str::to_owned);
                if let Err(failure) = applicant.keep(&self.kept).await {
                    tracing::warn!("{failure}.");
                }
            }
            Err(failure) => tracing::warn!("The e-mail address was not taken: {failure}."),
        }
        self
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("uri", &self.uri)
            .finish_non_exhaustive()
    }
}

impl Applicant<'_> {
    /// What is on disk for a directory; a new key if nothing is.
    async fn kept(self, directory: String) -> Result<Kept, Failure> {
        self.on_disk(move |folder| kept::of(folder, directory))
            .await
    }

    /// A new key in the place of this one, which is kept aside.
    async fn renewed(self, old: &Kept) -> Result<Kept, Failure> {
        let (old_key, directory) = (old.key_pkcs8.clone(), old.directory.clone());
        self.on_disk(move |folder| kept::renewed(folder, &old_key, directory))
            .await
    }

    async fn keep(self, kept: &Kept) -> Result<(), Failure> {
        let kept = kept.clone();
        self.on_disk(move |folder| kept::write(folder, &kept)).await
    }

    async fn on_disk<T: Send + 'static>(
        self,
        work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        let folder: PathBuf = self.folder.to_owned();
        let done = tasks::spawn_blocking(move || work(&folder)).await;
        done.map_err(io::Error::other)
            .and_then(|done| done)
            .map_err(|error| {
                let sentence = format!(
                    "the account at {} could not be read from or written to {}: {error}",
                    self.issuer,
                    self.folder.join(FILE).display()
                );
                Failure::new(FailureKind::Machine, sentence)
            })
    }

    fn key(self, key_pkcs8: &str) -> Result<AccountKey, Failure> {
        let der = jws::url_decode(key_pkcs8);
        let key = der.and_then(|der| AccountKey::from_pkcs8(&der).ok());
        key.ok_or_else(|| {
            let path = self.folder.join(FILE);
            Failure::new(
                FailureKind::Machine,
                format!(
                    "the key of the account at {} in {} is damaged; without this file, a new account is made",
                    self.issuer,
                    path.display()
                ),
            )
        })
    }

    fn not_offered(self) -> Failure {
        let sentence = format!("{} does not let accounts have a new key", self.issuer);
        Failure::new(FailureKind::Rejected, sentence)
    }

    fn no_key(self) -> Failure {
        let sentence = format!("no key could be made for the account at {}", self.issuer);
        Failure::new(FailureKind::Machine, sentence)
    }

    /// What says that the owner's own account at the issuer and this key are one.
    async fn binding(
        self,
        external: &ExternalAccount,
        url: &str,
        key: &AccountKey,
    ) -> Result<Value, Failure> {
        let refused = |why: &dyn fmt::Display| {
            let issuer = self.issuer;
            let sentence = format!("the account that you have at {issuer} cannot be used: {why}");
            Failure::new(FailureKind::Account, sentence)
        };
        let secret = credential::read(&external.hmac_key).await;
        let secret = secret.map_err(|error| refused(&Chain(&error)))?;
        let Some(hmac_key) = jws::url_decode(secret.as_str()) else {
            return Err(refused(&"its `hmac_key` is not base64url"));
        };
        jws::bind(&external.key_id, &hmac_key, url, &key.jwk()).map_err(|error| refused(&error))
    }
}

/// Finds out which key counts after a change that was cut off.
async fn settle(
    client: &Client,
    applicant: Applicant<'_>,
    kept: Kept,
    uri: &str,
) -> Result<Kept, Failure> {
    let Some(next) = &kept.next_key_pkcs8 else {
        return Ok(kept);
    };
    let key = applicant.key(next)?;
    let url = &client.directory().listed.new_account;
    let payload = json!({ "onlyReturnExisting": true }).to_string();
    let known = match signed::post(client, &key, Signer::Key, url, &payload).await {
        Ok(answer) => location(&answer, &client.directory().url).as_deref() == Some(uri),
        Err(Error::Api(_)) => false,
        Err(error) => return Err(explain::failure(applicant.issuer, &error, &client.seen())),
    };
    let kept = match known {
        true => kept.with_next_key(),
        false => Kept {
            next_key_pkcs8: None,
            ..kept
        },
    };
    applicant.keep(&kept).await?;
    Ok(kept)
}

async fn standing(
    client: &Client,
    applicant: Applicant<'_>,
    kept: &Kept,
    uri: &str,
) -> Result<Standing, Failure> {
    let key = applicant.key(&kept.key_pkcs8)?;
    match signed::post(client, &key, Signer::Account(uri), uri, "").await {
        Ok(answer) => Ok(of_status(answer.body())),
        Err(Error::Api(problem)) => Ok(of_problem(&problem, client)),
        Err(error) => Err(explain::failure(applicant.issuer, &error, &client.seen())),
    }
}

fn of_status(body: &[u8]) -> Standing {
    #[derive(Deserialize)]
    struct Answer {
        status: String,
    }
    match serde_json::from_slice::<Answer>(body) {
        Ok(answer) if ["deactivated", "revoked"].contains(&&*answer.status) => Standing::Unknown,
        Ok(_) | Err(_) => Standing::Good,
    }
}

/// Issuers that can't be asked for an account are believed to know it: an order will tell.
fn of_problem(problem: &Problem, client: &Client) -> Standing {
    let status = client.seen().last.map(|last| last.status);
    let is_gone = status == Some(StatusCode::NOT_FOUND);
    let detail = problem.detail.as_deref().unwrap_or_default();
    let is_ended = ["deactivated", "revoked"].map(|word| detail.contains(word));
    match explain::word(problem) {
        "accountDoesNotExist" => Standing::Unknown,
        "unauthorized" if is_ended.contains(&true) => Standing::Unknown,
        _ if is_gone => Standing::Unknown,
        _ => Standing::Good,
    }
}

async fn register(
    client: &Client,
    applicant: Applicant<'_>,
    mut kept: Kept,
) -> Result<Account, Failure> {
    let listed = &client.directory().listed;
    let key = applicant.key(&kept.key_pkcs8)?;
    let mut payload = json!({
        "termsOfServiceAgreed": true,
        "contact": contact(applicant.email),
    });
    match applicant.external {
        Some(external) => {
            let url = &listed.new_account;
            payload["externalAccountBinding"] = applicant.binding(external, url, &key).await?;
        }
        None if listed.meta.external_account_required => {
            let sentence = format!(
                "{} wants an account that you make on its own pages first; give its `key_id` and `hmac_key` as `account` of this issuer",
                applicant.issuer
            );
            return Err(Failure::new(FailureKind::Account, sentence));
        }
        None => {}
    }
    let url = &listed.new_account;
    let answer = signed::post(client, &key, Signer::Key, url, &payload.to_string()).await;
    let answer = answer.map_err(|error| not_registered(client, applicant, &error))?;
    let Some(uri) = location(&answer, &client.directory().url) else {
        return Err(explain::not_acme(applicant.issuer, &client.seen()));
    };
    kept.id = Some(uri.clone());
    kept.contact = applicant.email.map(str::to_owned);
    applicant.keep(&kept).await?;
    Ok(Account { uri, kept })
}

fn not_registered(client: &Client, applicant: Applicant<'_>, error: &Error) -> Failure {
    let mut failure = explain::failure(applicant.issuer, error, &client.seen());
    let (Some(external), Error::Api(problem)) = (applicant.external, error) else {
        return failure;
    };
    if ["unauthorized", "malformed", "externalAccountRequired"].contains(&explain::word(problem)) {
        failure.kind = FailureKind::Account;
        failure.sentence = format!(
            "{} does not accept the account that you have there ({}){}; compare `key_id` and `hmac_key` with what it shows",
            applicant.issuer,
            external.key_id,
            explain::words(problem)
        );
    }
    failure
}

fn contact(email: Option<&str>) -> Vec<String> {
    email
        .iter()
        .map(|email| format!("mailto:{email}"))
        .collect()
}

/// Where an account is; owners write it into their zones, so it must be a URL.
fn location(answer: &http::Response<bytes::Bytes>, directory: &str) -> Option<String> {
    let value = answer.headers().get(header::LOCATION)?.to_str().ok()?;
    let uri = value.parse::<Uri>().ok()?;
    let is_plain = !value.contains(['"', ';', '\\']);
    (is_as_safe(&uri, directory) && is_plain).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_at_a_url() {
        let at = |text: &str| {
            let answer = http::Response::builder().header(header::LOCATION, text);
            let answer = answer.body(bytes::Bytes::new()).unwrap();
            location(&answer, "https://ca.example/dir")
        };
        let fine = "https://ca.example/acct/1?a=b";
        assert_eq!(at(fine).as_deref(), Some(fine));
        for text in [
            "/acct/1",
            "http://ca.example/acct/1",
            "https://ca.example/\" IN A 1.2.3.4",
            "https://ca.example/1;policy=wildcard",
            "",
        ] {
            assert_eq!(at(text), None, "{text}");
        }
    }
}
