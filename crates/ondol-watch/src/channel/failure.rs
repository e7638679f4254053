//! Why a message was not taken, and what that means for the next try.

use std::time::Duration;

/// Why a message was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SendFailure {
    pub(crate) kind: SendFailureKind,
    /// A sentence for the owner, without secrets: who was asked, what came back.
    pub(crate) message: String,
}

/// What a failure means for the next try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SendFailureKind {
    /// Nobody was reached; the internet may be away.
    Unreachable,
    /// It was reached, and can't now; not before so long.
    Busy(Option<Duration>),
    /// It was refused, and will be until the configuration changes: a wrong token, an unknown address.
    Refused,
    /// What came back makes no sense; it may have been sent.
    Strange,
}

impl SendFailure {
    pub(crate) fn unreachable(message: impl Into<String>) -> Self {
        Self::of(SendFailureKind::Unreachable, message)
    }

    pub(crate) fn busy(wait: Option<Duration>, message: impl Into<String>) -> Self {
        Self::of(SendFailureKind::Busy(wait), message)
    }

    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self::of(SendFailureKind::Refused, message)
    }

    pub(crate) fn strange(message: impl Into<String>) -> Self {
        Self::of(SendFailureKind::Strange, message)
    }

    fn of(kind: SendFailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }
}
