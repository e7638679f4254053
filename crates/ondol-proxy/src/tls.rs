//! The TLS side of a connection: which certificate a visitor sees, and what is negotiated.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::RwLock;

use rustls::ServerConfig;
use rustls::server::ClientHello;
use rustls::server::NoClientAuth;
use rustls::server::NoServerSessionStorage;
use rustls::server::ResolvesServerCert;
use rustls::server::danger::ClientCertVerifier;
use rustls::sign::CertifiedKey;
use rustls::sign::SingleCertAndKey;
use tokio::net::TcpStream;

use crate::certificates;
use crate::certificates::Certificates;

/// The protocols that are offered, best first (RFC 7301).
const ALPN: [&[u8]; 2] = [b"h2", b"http/1.1"];
/// What issuers alone offer, and nothing else with it, to be shown that a name is the owner's (RFC 8737 §6.2).
pub(crate) const ACME_TLS: &[u8] = b"acme-tls/1";

/// The certificates in force. The lock is taken for a pointer's copy, once a handshake.
#[derive(Debug, Default)]
pub(crate) struct CurrentCertificates(RwLock<Arc<Certificates>>);

impl CurrentCertificates {
    pub(crate) fn new(certificates: Arc<Certificates>) -> Self {
        Self(RwLock::new(certificates))
    }

    pub(crate) fn replace(&self, certificates: Arc<Certificates>) {
        *self
            .0
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = certificates;
    }

    fn current(&self) -> Arc<Certificates> {
        Arc::clone(
            &self
                .0
                .read()
                .unwrap_or_else(std::sync::PoisonError::into_inner),
        )
    }
}

impl ResolvesServerCert for CurrentCertificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let certificates = self.current();
        let named = hello
            .server_name()
            .and_then(ondol_model::host::authority)
            .and_then(|(name, _)| certificates.find(&name).cloned());
        named.or_else(|| certificates.fallback().cloned())
    }
}

/// TLS 1.2 and 1.3 with the provider's defaults (X25519MLKEM768 first), HTTP/2 and HTTP/1.1, and
/// session tickets whose keys rotate by themselves.
pub(crate) fn server_config(
    certificates: Arc<CurrentCertificates>,
) -> Result<Arc<ServerConfig>, rustls::Error> {
    let mut config = config(Arc::new(NoClientAuth), certificates)?;
    config.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new()?;
    Ok(Arc::new(config))
}

/// For a site whose visitors show certificates. Nobody resumes a session with it, or with another what was
/// begun here: whoever comes is looked at anew (CVE-2025-23419 and its like).
pub(crate) fn server_config_for_clients(
    verifier: Arc<dyn ClientCertVerifier>,
    certificates: Arc<CurrentCertificates>,
) -> Result<Arc<ServerConfig>, rustls::Error> {
    let mut config = config(verifier, certificates)?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

/// For an issuer that is shown a certificate and nothing else.
pub(crate) fn server_config_for_issuers(
    shown: Arc<CertifiedKey>,
) -> Result<Arc<ServerConfig>, rustls::Error> {
    let mut config = config(
        Arc::new(NoClientAuth),
        Arc::new(SingleCertAndKey::from(shown)),
    )?;
    config.alpn_protocols = vec![ACME_TLS.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

fn config(
    verifier: Arc<dyn ClientCertVerifier>,
    certificates: Arc<dyn ResolvesServerCert>,
) -> Result<ServerConfig, rustls::Error> {
    let provider = Arc::new(certificates::provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(certificates);
    config.alpn_protocols = ALPN.iter().map(|protocol| protocol.to_vec()).collect();
    config.max_early_data_size = 0; // What comes early could be sent again by anybody (RFC 8470).
    Ok(config)
}

/// The same, for a connection to an address that has a certificate of its own. `destination` is the address
/// that was visited, where a proxy in front knows it.
pub(crate) fn for_visitors_of(
    stream: &TcpStream,
    destination: Option<SocketAddr>,
    config: &Arc<ServerConfig>,
    certificates: &Certificates,
) -> Arc<ServerConfig> {
    let local = || {
        let visited = destination.or_else(|| stream.local_addr().ok())?;
        Some(visited.ip().to_canonical())
    };
    let Some(of_address) = certificates.of_address(local) else {
        return Arc::clone(config);
    };
    let mut config = ServerConfig::clone(config);
    config.cert_resolver = Arc::new(OfAddress {
        of_address: Arc::clone(of_address),
        by_name: config.cert_resolver,
    });
    Arc::new(config)
}

/// Whoever asks for no name gets the certificate of the address.
#[derive(Debug)]
struct OfAddress {
    of_address: Arc<CertifiedKey>,
    by_name: Arc<dyn ResolvesServerCert>,
}

impl ResolvesServerCert for OfAddress {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        match hello.server_name() {
            None => Some(Arc::clone(&self.of_address)),
            Some(_) => self.by_name.resolve(hello),
        }
    }
}
