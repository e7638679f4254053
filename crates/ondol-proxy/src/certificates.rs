//! Certificates by the names that visitors ask for.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use ondol_model::HostPattern;
use ondol_model::Hostname;
use rustls::InconsistentKeys;
use rustls::client::verify_server_name;
use rustls::crypto::CryptoProvider;
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::ServerName;
use rustls_pki_types::pem::PemObject;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

/// A certificate chain and its key, as PEM texts.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct KeyPair {
    /// The certificate first, then what links it to its root.
    pub chain_pem: String,
    /// The private key.
    pub key_pem: String,
}

impl std::fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyPair(..)") // A key must never reach a log.
    }
}

/// A certificate and the names it is to be used for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateEntry {
    /// The names; none makes it the one for visitors who ask for a name that no entry has.
    pub names: Vec<HostPattern>,
    /// The certificate.
    pub pair: KeyPair,
}

/// Why an entry can't be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The chain is not PEM, or holds no certificate.
    #[error("the chain could not be read")]
    Chain(#[source] rustls_pki_types::pem::Error),
    /// The key is not PEM.
    #[error("the key could not be read")]
    Key(#[source] rustls_pki_types::pem::Error),
    /// The key is of an unknown kind, or not that of the certificate.
    #[error("the key and the certificate do not fit together")]
    Mismatch(#[source] rustls::Error),
    /// TLS can't be spoken with it.
    #[error("TLS could not be set up with it")]
    Tls(#[source] rustls::Error),
}

/// All certificates, ready to be looked up. Keys are parsed once and kept from one value to the next.
#[derive(Debug, Default)]
pub struct Certificates {
    exact: HashMap<Box<str>, Arc<CertifiedKey>>,
    wildcards: HashMap<Box<str>, Arc<CertifiedKey>>,
    fallback: Option<Arc<CertifiedKey>>,
    /// The first of those that are for an address of the box.
    for_address: Option<Arc<CertifiedKey>>,
    parsed: HashMap<KeyPair, Arc<CertifiedKey>>,
    /// Who issues certificates to visitors, in PEM, by the file that the plan names.
    client_authorities: HashMap<PathBuf, Arc<str>>,
}

impl Certificates {
    /// Reads the entries. One that can't be used is left out and named by its place, so that one bad
    /// certificate never takes another site down. What `previous` has parsed is not parsed again.
    pub fn new(
        entries: &[CertificateEntry],
        previous: Option<&Self>,
    ) -> (Self, Vec<(usize, CertificateError)>) {
        let mut certificates = Self::default();
        let mut problems = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            let known = previous
                .and_then(|previous| previous.parsed.get(&entry.pair))
                .cloned();
            match known.map_or_else(|| certified_key(&entry.pair), Ok) {
                Ok(key) => certificates.add(entry, &key),
                Err(error) => problems.push((index, error)),
            }
        }
        (certificates, problems)
    }

    /// The same, with those who issue certificates to visitors: the file that the plan names, and its PEM.
    #[must_use]
    pub fn with_client_authorities(
        self,
        authorities: impl IntoIterator<Item = (PathBuf, String)>,
    ) -> Self {
        let authorities = authorities.into_iter();
        let client_authorities = authorities
            .map(|(path, pem)| (path, Arc::from(pem)))
            .collect();
        Self {
            client_authorities,
            ..self
        }
    }

    /// Those who issue certificates to visitors, by the file that the plan names.
    pub(crate) fn client_authority(&self, ca: &Path) -> Option<&Arc<str>> {
        self.client_authorities.get(ca)
    }

    /// The certificate for a host in canonical form; `None` when none is for it.
    pub(crate) fn find(&self, host: &str) -> Option<&Arc<CertifiedKey>> {
        if let Some(key) = self.exact.get(host) {
            return Some(key);
        }
        let (_, domain) = host.split_once('.')?;
        self.wildcards.get(domain)
    }

    /// Whether the certificate that is shown to who asks for one name covers another, so that a visitor
    /// may use the connection for both (RFC 9113 §9.1.1).
    pub(crate) fn covers(&self, asked_for: &str, host: &str) -> bool {
        let (Some(shown), own) = (self.find(asked_for), self.find(host)) else {
            return false;
        };
        own.is_some_and(|own| Arc::ptr_eq(shown, own)) || is_for(shown, host)
    }

    /// The certificate for a visitor who asked for no name, or for one that is not here.
    pub(crate) fn fallback(&self) -> Option<&Arc<CertifiedKey>> {
        self.fallback.as_ref()
    }

    /// The certificate for a visitor of an address, who can't ask for it by name (RFC 6066 §3). Behind
    /// a router the address that was visited is not the one that `local` finds, so any is better than none.
    pub(crate) fn of_address(
        &self,
        local: impl FnOnce() -> Option<IpAddr>,
    ) -> Option<&Arc<CertifiedKey>> {
        let first = self.for_address.as_ref()?;
        let exact = local().and_then(|address| self.exact.get(Hostname::from(address).as_str()));
        Some(exact.unwrap_or(first))
    }

    fn add(&mut self, entry: &CertificateEntry, key: &Arc<CertifiedKey>) {
        self.parsed.insert(entry.pair.clone(), Arc::clone(key));
        if entry.names.is_empty() {
            self.fallback = Some(Arc::clone(key));
        }
        for name in &entry.names {
            if name.exact().is_some_and(|host| host.ip().is_some()) {
                self.for_address.get_or_insert_with(|| Arc::clone(key));
            }
            let (names, text) = match name {
                HostPattern::Exact(host) => (&mut self.exact, host.as_str()),
                HostPattern::Wildcard(domain) => (&mut self.wildcards, domain.as_str()),
            };
            names.insert(text.into(), Arc::clone(key));
        }
    }
}

fn is_for(key: &CertifiedKey, host: &str) -> bool {
    let Ok(name) = ServerName::try_from(host.trim_matches(['[', ']'])) else {
        return false;
    };
    let certificate = key.end_entity_cert().and_then(ParsedCertificate::try_from);
    certificate.is_ok_and(|certificate| verify_server_name(&certificate, &name).is_ok())
}

fn certified_key(pair: &KeyPair) -> Result<Arc<CertifiedKey>, CertificateError> {
    let (chain, key) = read(pair)?;
    let key =
        CertifiedKey::from_der(chain, key, &provider()).map_err(CertificateError::Mismatch)?;
    Ok(Arc::new(key))
}

/// The same of a certificate for issuers alone. It has an extension that nobody else is to accept (RFC 8737
/// §3), and [`CertifiedKey::from_der`] does not, so only its key is looked at.
pub(crate) fn certified_key_for_issuers(
    pair: &KeyPair,
) -> Result<Arc<CertifiedKey>, CertificateError> {
    let (chain, key) = read(pair)?;
    let key = provider().key_provider.load_private_key(key);
    let key = key.map_err(CertificateError::Mismatch)?;
    let certified = X509Certificate::from_der(&chain[0]);
    let fits = certified.is_ok_and(|(_, certificate)| {
        let own = key.public_key();
        own.is_some_and(|own| own.as_ref() == certificate.public_key().raw)
    });
    if !fits {
        let mismatch = rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch);
        return Err(CertificateError::Mismatch(mismatch));
    }
    Ok(Arc::new(CertifiedKey::new(chain, key)))
}

/// A chain of one certificate at least, and a key.
fn read(pair: &KeyPair) -> Result<Read, CertificateError> {
    let chain: Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(pair.chain_pem.as_bytes()).collect();
    let chain = chain.map_err(CertificateError::Chain)?;
    if chain.is_empty() {
        return Err(CertificateError::Chain(
            rustls_pki_types::pem::Error::NoItemsFound,
        ));
    }
    let key =
        PrivateKeyDer::from_pem_slice(pair.key_pem.as_bytes()).map_err(CertificateError::Key)?;
    Ok((chain, key))
}

type Read = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// The one TLS provider of Ondol.
pub(crate) fn provider() -> CryptoProvider {
    rustls::crypto::aws_lc_rs::default_provider()
}
