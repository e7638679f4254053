//! Sites whose visitors show certificates (mutual TLS).

use std::path::PathBuf;

/// Whose certificates a site's visitors show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientAuth {
    /// The file with the certificates of those who issue them, in PEM; an absolute path.
    pub ca: PathBuf,
    /// Whether a visitor without one is let in.
    pub certificate: ClientCertificate,
}

/// Whether a visitor must show a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientCertificate {
    /// Nobody gets in without one.
    Required,
    /// One that is shown must be good; the app decides about the others.
    Optional,
}
