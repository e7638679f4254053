//! Those who keep zones: how a record is written into one, and taken out again.
//!
//! Each adds and removes one text and leaves all others at the same name alone. Both can be done twice.

use std::net::SocketAddr;

use ondol_model::issuing::FailureKind;
use ondol_model::plan::DnsProvider;

use crate::failure::Failure;

mod credential;
mod rfc2136;

use rfc2136::Rfc2136;

/// How long resolvers may keep a record, in seconds. Nobody but the issuer asks for it, and soon.
const TTL: u32 = 60;

/// Who keeps a zone.
#[derive(Debug)]
pub(crate) enum Provider {
    /// A name server that takes updates.
    Rfc2136(Rfc2136),
}

/// A text at a name. Names have no dot at their end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record<'r> {
    /// The zone it is in, as its name servers say; `None` when they could not be asked.
    pub(crate) zone: Option<&'r str>,
    /// The full name.
    pub(crate) name: &'r str,
    /// The text.
    pub(crate) text: &'r str,
}

/// What is to be done with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// It is to be there.
    Add,
    /// It is not to be there.
    Remove,
}

impl Provider {
    /// The one of the plan.
    pub(crate) fn new(provider: &DnsProvider) -> Result<Self, Failure> {
        Ok(match provider {
            DnsProvider::Rfc2136 {
                server,
                key_name,
                algorithm,
                key,
            } => Self::Rfc2136(Rfc2136::new(*server, key_name, *algorithm, key)?),
            _ => return Err(failed("not yet")),
        })
    }

    /// What it is called in sentences.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Rfc2136(server) => server.describe(),
        }
    }

    /// What tells it from others, without a secret: it finds its records in the journal by this.
    pub(crate) fn identity(&self) -> String {
        match self {
            Self::Rfc2136(server) => server.identity(),
        }
    }

    /// The name server that shows changes first, where it is known.
    pub(crate) fn primary(&self) -> Option<SocketAddr> {
        match self {
            Self::Rfc2136(server) => Some(server.address()),
        }
    }

    /// Adds or removes one text.
    pub(crate) async fn change(&self, change: Change, record: Record<'_>) -> Result<(), Failure> {
        match self {
            Self::Rfc2136(server) => server.change(change, record).await,
        }
    }
}

/// A failure of who keeps the zone.
fn failed(sentence: impl Into<String>) -> Failure {
    Failure::new(FailureKind::Dns, sentence)
}
