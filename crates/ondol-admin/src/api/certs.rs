//! The certificates, and what the owner can ask for about them.

use serde::Deserialize;
use serde::Serialize;

use super::Time;

/// `GET /certs`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Certs {
    /// The certificates, those that end first in front.
    pub certificates: Vec<Cert>,
}

/// A certificate in use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cert {
    /// The names that it covers.
    pub names: Vec<String>,
    /// Who signed it.
    pub issuer: String,
    /// What the configuration calls the issuer; `internal` for Ondol's own CA, `None` for a file.
    #[serde(default)]
    pub issuer_name: Option<String>,
    /// `internal` for Ondol's own CA, `acme` for an issuer, or the file that it was read from.
    pub source: String,
    /// Its first second.
    pub not_before: Time,
    /// Its last second.
    pub not_after: Time,
    /// When a new one is wanted; `None` for a file, which its owner renews, and while another is being got.
    pub renew_at: Option<Time>,
    /// The sites that use it.
    pub sites: Vec<String>,
    /// What is wrong with it, or with getting another, as sentences; `None` when nothing is.
    pub problem: Option<String>,
    /// What visitors get while something is wrong with getting another, as a sentence; `None`
    /// when nothing is.
    #[serde(default)]
    pub meanwhile: Option<String>,
    /// The names of the certificate that is wanted from an issuer, the one that it is called by first:
    /// this one is it, or is used until it is there. Empty where none is wanted.
    #[serde(default)]
    pub wanted: Vec<String>,
    /// What is done for the certificate that is wanted; `held` where none is.
    #[serde(default)]
    pub state: CertState,
    /// The issuer that is asked now, by the name that the configuration has for it; `None` when none is.
    #[serde(default)]
    pub asked: Option<String>,
    /// What is done now, in a few words; `None` when nothing is.
    #[serde(default)]
    pub step: Option<String>,
    /// When something is to be done next: a renewal while it is held, else the next try. `None` while it
    /// is done, or when nothing is to be done.
    #[serde(default)]
    pub next_at: Option<Time>,
    /// How the last try to get one from an issuer ended; `None` when there was none.
    #[serde(default)]
    pub last: Option<LastResult>,
    /// How many tries have failed since the last certificate.
    #[serde(default)]
    pub failures: u32,
}

/// What is done for a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CertState {
    /// It is there.
    #[default]
    Held,
    /// An issuer is asked for it now.
    Ordering,
    /// It is not there, or is to be renewed, and is tried at the next moment.
    Waiting,
    /// No issuer can vouch for its names.
    Nobody,
}

/// How a try to get a certificate ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastResult {
    /// When.
    pub at: Time,
    /// Whether there is a certificate of it.
    pub good: bool,
    /// What happened, and what can be done about it, without a full stop at its end.
    pub message: String,
}

/// What is wrong with a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertProblem {
    /// What the certificate is called: its first name.
    pub name: String,
    /// What is wrong, as sentences.
    pub message: String,
    /// What visitors get while that is so, as a sentence.
    #[serde(default)]
    pub meanwhile: Option<String>,
    /// When it is tried again; `None` when it is being tried, or when Ondol has nothing to try.
    pub next_at: Option<Time>,
}

/// The body of `POST /certs/renew`: get new certificates now, whatever the time.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RenewQuestion {
    /// Names of the certificates; any of their names will do.
    #[serde(default)]
    pub names: Vec<String>,
    /// Every certificate that comes from an issuer, instead of names.
    #[serde(default)]
    pub all: bool,
}

/// The answer to `POST /certs/renew`: status 200 when all are renewed now, 422 when some are not.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RenewAnswer {
    /// Whether all are renewed now.
    pub accepted: bool,
    /// For each certificate what happens now, or why nothing does.
    pub certificates: Vec<CertAnswer>,
}

/// What happens for one certificate; the answer to `POST /certs/revoke`, `/certs/rekey` and
/// `/certs/persist`: status 200 when accepted, 422 when not.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CertAnswer {
    /// What the certificate is called: the first of the names that are wanted; or what was asked for, when
    /// that is unknown.
    pub name: String,
    /// Whether what was asked for happens.
    pub accepted: bool,
    /// What happens now, or why not; of `/certs/persist` the record.
    pub message: String,
}

/// The body of `POST /certs/revoke`: revoke a certificate, after another has taken its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevokeQuestion {
    /// Any name of the certificate.
    pub name: String,
    /// Why.
    #[serde(default)]
    pub reason: RevocationReason,
}

/// Why a certificate is revoked (RFC 5280 §5.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RevocationReason {
    /// None is given.
    #[default]
    Unspecified,
    /// Its key may be known to others.
    KeyCompromise,
    /// Another took its place.
    Superseded,
    /// The names are not served any more.
    CessationOfOperation,
}

/// The body of `POST /certs/rekey`: give the account at an issuer a new key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RekeyQuestion {
    /// The name of the issuer, or any name of a certificate from it.
    pub name: String,
}

/// The body of `POST /certs/persist`: which record makes the owner of a name known for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersistQuestion {
    /// Any name of a certificate.
    pub name: String,
}

impl Cert {
    /// Whether it is used only until an issuer gives the one that is wanted.
    pub fn is_stand_in(&self) -> bool {
        self.source == "internal" && !self.wanted.is_empty()
    }

    /// What people call it: the name it is wanted by where it covers that, else its first.
    pub fn name(&self) -> &str {
        let wanted = self.wanted.first();
        let wanted = wanted.filter(|name| self.names.contains(name));
        wanted.or(self.names.first()).map_or("", String::as_str)
    }

    /// What the owner calls it, or the one that is wanted in its place.
    pub fn called(&self) -> &str {
        self.wanted.first().map_or(self.name(), String::as_str)
    }
}

impl CertState {
    /// The word for it, as in the JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Ordering => "ordering",
            Self::Waiting => "waiting",
            Self::Nobody => "nobody",
        }
    }
}

#[cfg(test)]
mod tests;
