//! What the data plane is given of a certificate: which names it answers, and the pair itself.

use std::fmt;
use std::sync::Arc;

use ondol_model::HostPattern;

/// A certificate and the names that it answers. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateEntry {
    /// Names of sites; never empty, and each name is in one entry alone.
    pub names: Vec<HostPattern>,
    /// What the visitors of these names are shown.
    pub pair: KeyPair,
}

/// A certificate chain and its key, as PEM. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyPair {
    /// The certificate, then what links it to its root.
    pub chain_pem: Arc<str>,
    /// The private key; never logged.
    pub key_pem: Arc<str>,
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            chain_pem,
            key_pem: _,
        } = self;
        f.debug_struct("KeyPair")
            .field("chain_pem_bytes", &chain_pem.len())
            .finish_non_exhaustive()
    }
}
