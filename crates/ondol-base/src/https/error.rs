//! Why there is no answer.

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::ANSWER_BYTES_MAX;

/// Why there is no answer. Each says who was asked.
#[derive(Debug, thiserror::Error)]
pub enum HttpsError {
    /// A file of roots can't be used.
    #[error("cannot use the roots in {}", path.display())]
    Roots {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Nobody is trusted.
    #[error(
        "this system has no file of the authorities that it trusts (Debian's is in the package `ca-certificates`)"
    )]
    NoRoots,
    /// TLS could not be made ready; nobody was asked.
    #[error("TLS could not be made ready")]
    Unready(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The URL is none that can be asked.
    #[error("`{0}` is no URL that begins with https://")]
    Url(Box<str>),
    /// The name has no address.
    #[error("the address of {host} could not be looked up")]
    Lookup {
        /// Who was asked.
        host: Box<str>,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// An answer led to a machine that it has no business with.
    #[error(
        "{host} is at {address}, in a private network, where only the host of the first URL may be"
    )]
    Private {
        /// Who was to be asked.
        host: Box<str>,
        /// Where it is.
        address: IpAddr,
    },
    /// No connection.
    #[error("{host} could not be connected to")]
    Connect {
        /// Who was asked.
        host: Box<str>,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The TLS handshake failed.
    #[error("{host} and this box could not agree on TLS")]
    Tls {
        /// Who was asked.
        host: Box<str>,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// What was sent is no HTTP, or it ended in the middle.
    #[error("{host} did not answer in HTTP")]
    Http {
        /// Who was asked.
        host: Box<str>,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The answer is larger than any that is expected.
    #[error("the answer of {0} is larger than {ANSWER_BYTES_MAX} bytes")]
    TooLarge(Box<str>),
    /// It took too long.
    #[error("{host} did not answer within {} s", limit.as_secs())]
    Slow {
        /// Who was asked.
        host: Box<str>,
        /// How long it was waited for.
        limit: Duration,
    },
}
