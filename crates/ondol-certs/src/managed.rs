//! What the owner sees of the certificates that come from issuers, and what can be asked for.

use ondol_model::HostPattern;
use ondol_model::event::EventKind;
use serde::Deserialize;
use serde::Serialize;
use tokio::sync::oneshot;

/// How a certificate that is wanted from an issuer is. One for each, in order of name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Managed {
    /// Its names; the first is what it is called.
    pub names: Vec<HostPattern>,
    /// What is done for it now.
    pub state: State,
    /// When something is to be done next; seconds since the Unix epoch. `None` while it is done, or when
    /// nothing is to be done.
    pub next_at: Option<i64>,
    /// How the last try ended; `None` before the first.
    pub last: Option<LastResult>,
    /// How many tries have failed since the last certificate.
    pub failures: u32,
}

/// What is done for a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It is there, and is renewed at [`Managed::next_at`].
    Held,
    /// It is being got: what is done now, in a few words ("waits for the issuer's check").
    Ordering {
        /// The issuer's name.
        issuer: String,
        /// In a few words.
        step: &'static str,
    },
    /// It is not there, or is to be renewed, and is tried at [`Managed::next_at`].
    Waiting,
    /// No issuer can give it.
    Nobody {
        /// Why, and what to do; without a full stop at its end.
        why: String,
    },
}

/// How a try ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastResult {
    /// When; seconds since the Unix epoch.
    pub at: i64,
    /// Whether there is a certificate of it.
    pub is_good: bool,
    /// In words, without a full stop at its end.
    pub sentence: String,
}

/// What is worth remembering of certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// What kind of thing.
    pub kind: EventKind,
    /// The name of the certificate; empty where it is about several.
    pub subject: String,
    /// A sentence for the owner.
    pub message: String,
}

impl From<String> for News {
    /// A sentence about files, or about Ondol's own CA.
    fn from(message: String) -> Self {
        Self {
            kind: EventKind::Certificate,
            subject: String::new(),
            message,
        }
    }
}

/// What the owner can ask for. Each is answered once: with a sentence of what happens now, or of why not.
#[derive(Debug)]
pub enum Request {
    /// Get a new certificate now, whatever the time.
    Renew {
        /// A name of a site.
        name: HostPattern,
        /// See [`Request`].
        reply: oneshot::Sender<Answer>,
    },
    /// Revoke the certificate in use, after another has taken its place.
    Revoke {
        /// A name of a site.
        name: HostPattern,
        /// Why.
        reason: RevocationReason,
        /// See [`Request`].
        reply: oneshot::Sender<Answer>,
    },
    /// Give the account at the issuer of this certificate a new key.
    Rekey {
        /// A name of a site, or of an issuer.
        name: String,
        /// See [`Request`].
        reply: oneshot::Sender<Answer>,
    },
    /// Say which record makes a name's owner known for good (DNS-PERSIST-01).
    Persist {
        /// A name of a site.
        name: HostPattern,
        /// See [`Request`].
        reply: oneshot::Sender<Answer>,
    },
}

/// The answer to a request.
pub type Answer = Result<String, String>;

/// Why a certificate is revoked (RFC 5280 §5.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RevocationReason {
    /// None is given.
    Unspecified,
    /// Its key may be known to others.
    KeyCompromise,
    /// Another took its place.
    Superseded,
    /// The names are not served any more.
    CessationOfOperation,
}
