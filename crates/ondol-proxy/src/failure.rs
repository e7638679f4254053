//! Why a request could not be answered as asked: whose fault it is, and what the visitor is told.

use std::path::PathBuf;

use http::StatusCode;

use crate::apps::AppTrouble;
use crate::error_page::Topic;
use crate::gate::Refusal;

/// A request that gets an error page.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The request breaks the protocol; the text says how, for the log.
    #[error("malformed request: {0}")]
    Malformed(&'static str),
    /// The request target is longer than any sensible one.
    #[error("the request target is too long")]
    TargetTooLong,
    /// There are more headers than any sensible request has.
    #[error("the request has too many headers")]
    TooManyHeaders,
    /// The body is in a transfer coding other than `chunked` (RFC 9112 §6.1).
    #[error("the request has an unknown transfer coding")]
    UnknownCoding,
    /// No site has the host that was asked for, on plain HTTP.
    #[error("no site has this host")]
    UnknownHost,
    /// No site has the host that was asked for, or the certificate of this connection does not
    /// cover it (RFC 9110 §15.5.20).
    #[error("no site of this connection has this host")]
    Misdirected,
    /// Nothing is there.
    #[error("nothing is there")]
    NotFound,
    /// The target does not have this method; the text lists those that it has.
    #[error("method not allowed, only {0}")]
    MethodNotAllowed(&'static str),
    /// The visitor is not let through.
    #[error("{}", .0.why)]
    Refused(Box<Refusal>),
    /// The server that says who is let through gave no answer, so nobody is.
    #[error("the server of `forward_auth` gave no answer, so nobody is let through")]
    AuthServer(#[source] Box<Self>),
    /// The visitor expects something else than to be told when its body is wanted (RFC 9110 §10.1.1).
    #[error("an unknown expectation")]
    Expectation,
    /// The body is larger than the site allows.
    #[error("the body is larger than the site allows")]
    BodyTooLarge,
    /// The body is for a script, which is told its length first, and nobody knows that: the visitor does not say
    /// it, and the body is too large to be gathered.
    #[error(
        "a script takes only bodies whose length is known, and this one is too large to be gathered first"
    )]
    LengthUnknown,
    /// The visitor left, or broke the coding of its body, before it was answered.
    #[error("the visitor left before the answer")]
    VisitorGone(#[source] hyper::Error),
    /// The visitor stopped sending its body.
    #[error("the visitor stopped sending its body")]
    VisitorStalled,
    /// The file is there, but its permissions keep the data plane out.
    #[error("the file must not be read")]
    Unreadable(#[source] std::io::Error),
    /// The folder of a route could not be opened.
    #[error("the folder {} could not be opened", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The file of a fixed answer could not be read; the answer's own status.
    #[error("the file of a `respond` could not be read, or is too large")]
    PageUnreadable(StatusCode),
    /// A file could not be read.
    #[error("file could not be read")]
    File(#[source] std::io::Error),
    /// The request has come by again and again: the site leads back to this box.
    #[error(
        "the request goes round in a circle: it came through this box {times} times, because a server of the site leads back here"
    )]
    Circle {
        /// How often.
        times: usize,
    },
    /// No connection to the upstream could be made.
    #[error("could not connect to {upstream}")]
    Connect {
        /// Where to.
        upstream: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The app could not be asked, or no longer.
    #[error(transparent)]
    App(AppTrouble),
    /// There are as many connections to upstreams as there may be.
    #[error("no more connections to upstreams can be made, so {upstream} was not asked")]
    Crowded {
        /// Who.
        upstream: String,
    },
    /// The upstream did not answer in time.
    #[error("{upstream} did not answer in time")]
    Silent {
        /// Who.
        upstream: String,
    },
    /// The upstream broke the protocol or the connection.
    #[error("{upstream} broke off")]
    Broken {
        /// Who.
        upstream: String,
        /// How.
        #[source]
        source: std::io::Error,
    },
}

impl Failure {
    /// Whether what follows on an HTTP/1.1 connection is not worth reading: the visitor does not keep
    /// to the protocol or its limits.
    pub(crate) fn ends_connection(&self) -> bool {
        match self {
            Self::Malformed(_)
            | Self::TargetTooLong
            | Self::TooManyHeaders
            | Self::UnknownCoding
            | Self::Expectation
            | Self::BodyTooLarge
            | Self::LengthUnknown
            | Self::VisitorGone(_)
            | Self::VisitorStalled => true,
            Self::UnknownHost
            | Self::Misdirected
            | Self::NotFound
            | Self::MethodNotAllowed(_)
            | Self::Refused(_)
            | Self::AuthServer(_)
            | Self::Folder { .. }
            | Self::Unreadable(_)
            | Self::File(_)
            | Self::Circle { .. }
            | Self::PageUnreadable(_)
            | Self::App(_)
            | Self::Connect { .. }
            | Self::Crowded { .. }
            | Self::Silent { .. }
            | Self::Broken { .. } => false,
        }
    }

    /// Whether it is the server behind the site that failed, not the visitor, or this box.
    pub(crate) fn is_upstreams(&self) -> bool {
        matches!(
            self,
            Self::Connect { .. } | Self::Silent { .. } | Self::Broken { .. }
        )
    }

    /// What its page is about.
    pub(crate) fn topic(&self) -> Topic {
        match self {
            Self::App(AppTrouble::Crowded(_) | AppTrouble::Late(_) | AppTrouble::Cut) => {
                Topic::AppStarting
            }
            Self::App(AppTrouble::Failed(_)) => Topic::AppFailed,
            Self::App(AppTrouble::Stopped(_)) => Topic::AppStopped,
            Self::Malformed(_)
            | Self::TargetTooLong
            | Self::TooManyHeaders
            | Self::UnknownCoding
            | Self::Expectation
            | Self::BodyTooLarge
            | Self::LengthUnknown
            | Self::VisitorGone(_)
            | Self::VisitorStalled
            | Self::UnknownHost
            | Self::Misdirected
            | Self::NotFound
            | Self::MethodNotAllowed(_)
            | Self::Refused(_)
            | Self::AuthServer(_)
            | Self::Folder { .. }
            | Self::Unreadable(_)
            | Self::File(_)
            | Self::Circle { .. }
            | Self::PageUnreadable(_)
            | Self::Connect { .. }
            | Self::Crowded { .. }
            | Self::Silent { .. }
            | Self::Broken { .. } => Topic::Status(self.status()),
        }
    }

    /// The status that the visitor gets.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::TargetTooLong => StatusCode::URI_TOO_LONG,
            Self::TooManyHeaders => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::UnknownCoding => StatusCode::NOT_IMPLEMENTED,
            Self::VisitorStalled => StatusCode::REQUEST_TIMEOUT,
            Self::Malformed(_) | Self::VisitorGone(_) => StatusCode::BAD_REQUEST,
            Self::UnknownHost | Self::NotFound => StatusCode::NOT_FOUND,
            Self::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Refused(refusal) => refusal.status,
            Self::AuthServer(failure) => failure.status(),
            Self::Expectation => StatusCode::EXPECTATION_FAILED,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::LengthUnknown => StatusCode::LENGTH_REQUIRED,
            Self::Unreadable(_) => StatusCode::FORBIDDEN,
            Self::PageUnreadable(status) if status.as_u16() >= 400 => *status,
            Self::Folder { .. } | Self::File(_) | Self::PageUnreadable(_) => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
            Self::Connect { .. } | Self::Broken { .. } => StatusCode::BAD_GATEWAY,
            Self::Circle { .. } => StatusCode::LOOP_DETECTED,
            Self::App(_) | Self::Crowded { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::Silent { .. } => StatusCode::GATEWAY_TIMEOUT,
        }
    }
}
