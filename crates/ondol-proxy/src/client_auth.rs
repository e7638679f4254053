//! Mutual TLS: whom a site asks for a certificate, and what its app is told of one.
//!
//! A connection belongs to the site that its handshake asked for: a request for another site gets 421 when
//! one of the two asks for certificates (see `arrival.rs`).

use std::fmt::Write;
use std::io;
use std::sync::Arc;

use ondol_model::plan::ClientAuth;
use ondol_model::plan::ClientCertificate;
use rustls::CertificateError;
use rustls::RootCertStore;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256;
use rustls::server::WebPkiClientVerifier;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use crate::certificates;
use crate::connection::Connection;
use crate::snapshot::Snapshot;
use crate::tls;
use crate::tls::CurrentCertificates;

/// What a site asks of its visitors' certificates. Its address tells whether two are the same: as long as
/// nothing about it changes, a reload keeps it.
#[derive(Debug)]
pub(crate) struct Guard {
    site: Box<str>,
    wanted: ClientCertificate,
    authority_pem: Arc<str>,
    /// `None` when nobody can be let in, because nobody is known who issues certificates.
    pub(crate) config: Option<Arc<ServerConfig>>,
}

/// The guards of a plan's sites, in its order.
#[derive(Debug, Default)]
pub(crate) struct Guards(Vec<Option<Arc<Guard>>>);

impl Guards {
    /// Those of a snapshot; what is as in `previous` is kept.
    pub(crate) fn new(
        snapshot: &Snapshot,
        certificates: &Arc<CurrentCertificates>,
        previous: &Self,
    ) -> Self {
        let sites = snapshot.plan.sites.iter().map(|site| {
            let ClientAuth { ca, certificate } = site.client_auth.as_ref()?;
            let authority_pem = snapshot.certificates.client_authority(ca);
            let wanted = Guard {
                site: site.name.to_string().into_boxed_str(),
                wanted: *certificate,
                authority_pem: authority_pem.map_or_else(|| Arc::from(""), Arc::clone),
                config: None,
            };
            let mut known = previous.0.iter().flatten();
            let known = known.find(|known| known.asks_the_same_as(&wanted)).cloned();
            Some(known.unwrap_or_else(|| Arc::new(wanted.ready(certificates))))
        });
        Self(sites.collect())
    }

    /// That of a site.
    pub(crate) fn of(&self, site: usize) -> Option<&Arc<Guard>> {
        self.0.get(site)?.as_ref()
    }
}

impl Guard {
    fn asks_the_same_as(&self, other: &Self) -> bool {
        let Self {
            site,
            wanted,
            authority_pem,
            config: _,
        } = self;
        *site == other.site && *wanted == other.wanted && *authority_pem == other.authority_pem
    }

    /// Says why a certificate was not believed: whoever has issued it wants to know. Visitors who show none are
    /// too many to be told of.
    pub(crate) fn tell_of_refused(&self, connection: &Connection, error: &io::Error) {
        let refused = error.get_ref().and_then(|error| error.downcast_ref());
        if let Some(rustls::Error::InvalidCertificate(why)) = refused
            && connection.worker.may_warn()
        {
            let (site, visitor) = (&self.site, connection.peer.ip());
            let why = reason(why);
            tracing::warn!(%site, %visitor, "a visitor's certificate was refused: {why}");
        }
    }

    fn ready(self, certificates: &Arc<CurrentCertificates>) -> Self {
        let mut roots = RootCertStore::empty();
        let authorities = CertificateDer::pem_slice_iter(self.authority_pem.as_bytes());
        roots.add_parsable_certificates(authorities.filter_map(Result::ok));
        let provider = Arc::new(certificates::provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        let verifier = match self.wanted {
            ClientCertificate::Required => verifier,
            ClientCertificate::Optional => verifier.allow_unauthenticated(),
        };
        // Without anybody who issues certificates there is no verifier.
        let config = verifier.build().ok().and_then(|verifier| {
            tls::server_config_for_clients(verifier, Arc::clone(certificates)).ok()
        });
        Self { config, ..self }
    }
}

/// A visitor's certificate, as others are told of it.
#[derive(Debug)]
pub(crate) struct ClientIdentity {
    /// Who it is for, in printable ASCII: `CN=alice, O=Example`.
    pub(crate) subject: Box<str>,
    /// The headers for the app, each with the end of its line.
    pub(crate) headers: Box<str>,
}

impl ClientIdentity {
    /// Of a certificate that was verified.
    pub(crate) fn new(certificate: &CertificateDer<'_>) -> Self {
        let subject = subject(certificate);
        let mut headers = String::from("client-cert: :");
        push_base64(&mut headers, certificate);
        let _ = write!(headers, ":\r\nx-client-cert-subject: {subject}\r\n");
        headers.push_str("x-client-cert-fingerprint: ");
        for byte in fingerprint(certificate).as_ref() {
            let _ = write!(headers, "{byte:02x}");
        }
        headers.push_str("\r\n");
        Self {
            subject: subject.into_boxed_str(),
            headers: headers.into_boxed_str(),
        }
    }
}

/// Whether a header tells of a visitor's certificate: only this side of TLS may say so.
pub(crate) fn is_about_certificate(name: &str) -> bool {
    matches!(
        name,
        "client-cert" | "client-cert-chain" | "x-client-cert-subject" | "x-client-cert-fingerprint"
    )
}

/// As RFC 4514 writes names; what is not printable ASCII is percent-encoded, and `%` with it.
fn subject(certificate: &[u8]) -> String {
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else {
        return String::new();
    };
    let mut subject = String::new();
    for byte in certificate.subject().to_string().bytes() {
        match byte {
            b' '..=b'~' if byte != b'%' => subject.push(char::from(byte)),
            _ => {
                let _ = write!(subject, "%{byte:02X}");
            }
        }
    }
    subject
}

/// SHA-256, as `openssl x509 -fingerprint -sha256` has it, without colons.
fn fingerprint(certificate: &[u8]) -> impl AsRef<[u8]> {
    let sha256 = TLS13_AES_128_GCM_SHA256.tls13();
    sha256
        .map(|suite| suite.common.hash_provider.hash(certificate))
        .map_or_else(Vec::new, |hash| hash.as_ref().to_vec())
}

/// RFC 4648 §4, as RFC 8941 §3.3.5 wants bytes.
fn push_base64(text: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for three in bytes.chunks(3) {
        let part = |place: usize| u32::from(three.get(place).copied().unwrap_or(0));
        let all = part(0) << 16 | part(1) << 8 | part(2);
        for place in 0..4 {
            let digit = DIGITS[(all >> (18 - 6 * place) & 63) as usize];
            let is_there = place <= three.len();
            text.push(if is_there { char::from(digit) } else { '=' });
        }
    }
}

/// Where rustls has no words for it, ours.
fn reason(why: &CertificateError) -> String {
    match why {
        CertificateError::Other(other) if format!("{other:?}").contains("UnsupportedCertVersion") => {
            "it is of version 1; one that has extensions is of version 3 (`openssl x509 -req -extfile …`)".to_owned()
        }
        why => why.to_string(),
    }
}

#[cfg(test)]
mod tests;
