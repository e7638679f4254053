//! Why a certificate was not got, as the owner reads it.

use ondol_model::issuing::FailureKind;

/// Why a try to get a certificate failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{sentence}")]
pub(crate) struct Failure {
    /// What comes next depends on it.
    pub(crate) kind: FailureKind,
    /// What happened, and what the owner can do about it; without a full stop at its end.
    pub(crate) sentence: String,
    /// Before this moment the issuer does not want to be asked again; seconds since the Unix epoch.
    pub(crate) retry_at: Option<i64>,
}

impl Failure {
    /// A failure after which the issuer said nothing about the next try.
    pub(crate) fn new(kind: FailureKind, sentence: impl Into<String>) -> Self {
        Self {
            kind,
            sentence: sentence.into(),
            retry_at: None,
        }
    }
}
