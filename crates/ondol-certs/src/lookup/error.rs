//! Why a question to name servers has no answer, as the owner reads it.

use std::net::SocketAddr;

/// Why a question to name servers has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LookupError {
    /// The name does not exist (NXDOMAIN).
    #[error("{name} does not exist in DNS")]
    NoSuchName {
        /// The name that was asked for, or the one it is an alias of.
        name: String,
        /// For how many seconds name servers may repeat that after a change, if they say so.
        ttl: Option<u32>,
    },
    /// The name exists, but has no such record.
    #[error("{name} has no {kind} record")]
    NoRecord {
        /// See [`Self::NoSuchName`].
        name: String,
        /// The type of the record.
        kind: String,
        /// See [`Self::NoSuchName`].
        ttl: Option<u32>,
    },
    /// A name server could not find out (SERVFAIL).
    #[error(
        "the name server {server} could not find out about {name} (SERVFAIL): the name servers of its zone do not answer, or its DNSSEC signatures are wrong"
    )]
    ServerFailure {
        /// The name that was asked for.
        name: String,
        /// Who was asked.
        server: SocketAddr,
    },
    /// A name server does not answer such questions.
    #[error("the name server {server} answers {code} when it is asked for {name}")]
    Refused {
        /// The name that was asked for.
        name: String,
        /// Who was asked.
        server: SocketAddr,
        /// Its answer.
        code: String,
    },
    /// A name server does not know such records (NOTIMP).
    #[error("the name server {server} does not know {kind} records, as asked for {name}")]
    NotImplemented {
        /// The name that was asked for.
        name: String,
        /// Who was asked.
        server: SocketAddr,
        /// The type of the record.
        kind: String,
    },
    /// No name server answered in time.
    #[error("no name server answered in time when asked for {name} (asked: {servers})")]
    TimedOut {
        /// The name that was asked for.
        name: String,
        /// Who was asked.
        servers: String,
    },
    /// A name server can't be reached.
    #[error("the name server {server} can't be asked for {name}")]
    Unreachable {
        /// The name that was asked for.
        name: String,
        /// Who was asked.
        server: SocketAddr,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// An alias leads to an alias, and so on.
    #[error("{name} is one of too many aliases (CNAME) in a row")]
    AliasesEndless {
        /// Where Ondol stopped.
        name: String,
    },
    /// The text is no name that DNS can have.
    #[error("`{name}` is not a name that DNS can have")]
    NotAName {
        /// The text.
        name: String,
    },
}

impl LookupError {
    /// Whether name servers answered that there is no such thing.
    pub(crate) fn is_absent(&self) -> bool {
        match self {
            Self::NoSuchName { .. } | Self::NoRecord { .. } => true,
            Self::ServerFailure { .. }
            | Self::Refused { .. }
            | Self::NotImplemented { .. }
            | Self::TimedOut { .. }
            | Self::Unreachable { .. }
            | Self::AliasesEndless { .. }
            | Self::NotAName { .. } => false,
        }
    }
}
