//! Whom jobs trust: the authorities that the system trusts, as for certificates.

use std::sync::Arc;

use ondol_base::authorities;
use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio_rustls::TlsConnector;

use crate::target::TargetError;
use crate::target::Trouble;

/// TLS that trusts those whom the system trusts. Blocks on the disk.
pub(super) fn connector() -> Result<TlsConnector, TargetError> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = authorities::system_roots() {
        let text = authorities::read_authorities(&path);
        let text =
            text.map_err(|error| unready(format!("cannot read {}: {error}", path.display())))?;
        // Old authorities that can't be read any more are no reason to trust nobody.
        let certificates = CertificateDer::pem_slice_iter(text.as_bytes()).flatten();
        roots.add_parsable_certificates(certificates);
    }
    if roots.is_empty() {
        return Err(unready(
            "this system has no file of the authorities that it trusts (Debian's is in the package `ca-certificates`)"
                .to_owned(),
        ));
    }
    trusting(roots)
}

/// TLS that trusts these.
pub(super) fn trusting(roots: RootCertStore) -> Result<TlsConnector, TargetError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unready(format!("TLS could not be made ready: {error}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

fn unready(what: String) -> TargetError {
    TargetError::new(Trouble::Other, what)
}
