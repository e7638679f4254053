//! Certificates, and visitors who look at the one they are shown and accept any.

use std::io::Write;
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;

use ondol_model::HostPattern;
use ondol_proxy::CertificateEntry;
use ondol_proxy::KeyPair;
use rustls::ClientConfig;
use rustls::ClientConnection;
use rustls::DigitallySignedStruct;
use rustls::Error;
use rustls::SignatureScheme;
use rustls::StreamOwned;
use rustls::SupportedProtocolVersion;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::client::danger::ServerCertVerified;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::crypto::verify_tls13_signature_with_raw_key;
use rustls::sign::CertifiedKey;
use rustls::sign::SingleCertAndKey;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::ServerName;
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::UnixTime;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

/// A visitor's TLS connection.
pub(crate) type TlsStream = StreamOwned<ClientConnection, TcpStream>;

/// A certificate that was just made.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) entry: CertificateEntry,
    der: Vec<u8>,
}

impl Identity {
    /// One for these names; for none, it is the one for unknown names.
    pub(crate) fn new(names: &[&str]) -> Self {
        let texts: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(texts).unwrap();
        Self {
            entry: CertificateEntry {
                names: names
                    .iter()
                    .map(|name| HostPattern::parse(name).unwrap())
                    .collect(),
                pair: KeyPair {
                    chain_pem: made.cert.pem(),
                    key_pem: made.signing_key.serialize_pem(),
                },
            },
            der: made.cert.der().to_vec(),
        }
    }

    /// One that an issuer wants to see in a handshake (RFC 8737 §3).
    pub(crate) fn for_issuer(name: &str) -> Self {
        let mut params = rcgen::CertificateParams::new([name.to_owned()]).unwrap();
        let digest = rcgen::CustomExtension::new_acme_identifier(&[7; 32]);
        params.custom_extensions.push(digest);
        let key = rcgen::KeyPair::generate().unwrap();
        let made = params.self_signed(&key).unwrap();
        let pair = KeyPair {
            chain_pem: made.pem(),
            key_pem: key.serialize_pem(),
        };
        let names = vec![HostPattern::parse(name).unwrap()];
        Self {
            entry: CertificateEntry { names, pair },
            der: made.der().to_vec(),
        }
    }

    /// Whether it is the one that a visitor was shown.
    pub(crate) fn was_shown_to(&self, visitor: &TlsStream) -> bool {
        visitor.conn.peer_certificates().unwrap()[0].as_ref() == self.der
    }
}

/// Who issues certificates to visitors.
pub(crate) struct Authority {
    /// Where the plan has it.
    pub(crate) path: PathBuf,
    pub(crate) pem: String,
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
}

impl Authority {
    pub(crate) fn new(path: &str) -> Self {
        let mut params = rcgen::CertificateParams::default();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, path);
        let key = rcgen::KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            path: PathBuf::from(path),
            pem,
            issuer: rcgen::Issuer::new(params, key),
        }
    }

    /// A certificate for a visitor of this name, as it shows it.
    pub(crate) fn issue(&self, name: &str) -> Arc<CertifiedKey> {
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, name);
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let chain = vec![certificate.der().clone()];
        Arc::new(CertifiedKey::from_der(chain, key, &default_provider()).unwrap())
    }
}

/// The settings of a visitor who shows a certificate to whoever asks for one.
pub(crate) fn showing(certificate: &Arc<CertifiedKey>, mut config: ClientConfig) -> ClientConfig {
    let shown = SingleCertAndKey::from(Arc::clone(certificate));
    config.client_auth_cert_resolver = Arc::new(shown);
    config
}

/// A visitor's settings: these versions, these protocols.
pub(crate) fn client_config(
    versions: &[&'static SupportedProtocolVersion],
    alpn: &[&str],
) -> ClientConfig {
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Credulous))
        .with_no_client_auth();
    config.alpn_protocols = alpn
        .iter()
        .map(|protocol| protocol.as_bytes().to_vec())
        .collect();
    config
}

/// The settings of an issuer that looks at the certificate for a challenge.
pub(crate) fn issuer_config(versions: &[&'static SupportedProtocolVersion]) -> ClientConfig {
    let mut config = client_config(versions, &["acme-tls/1"]);
    let issuer = Arc::new(Issuer);
    config.dangerous().set_certificate_verifier(issuer);
    config
}

/// The handshake of a visitor who asks for a name, or for none when it is an address.
pub(crate) fn handshake(
    mut stream: TcpStream,
    name: &str,
    config: &Arc<ClientConfig>,
) -> std::io::Result<TlsStream> {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut connection = ClientConnection::new(Arc::clone(config), name).unwrap();
    while connection.is_handshaking() {
        connection.complete_io(&mut stream)?;
    }
    let mut stream = StreamOwned::new(connection, stream);
    stream.flush()?;
    Ok(stream)
}

/// Accepts any certificate; the signature must be its own all the same.
#[derive(Debug)]
struct Credulous;

impl ServerCertVerifier for Credulous {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, &algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// Looks at the key alone: the certificate has an extension that rustls accepts from nobody.
#[derive(Debug)]
struct Issuer;

impl ServerCertVerifier for Issuer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    /// Nothing that is public takes a bare key here.
    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let (_, certificate) = X509Certificate::from_der(certificate).unwrap();
        let key = SubjectPublicKeyInfoDer::from(certificate.public_key().raw);
        let algorithms = default_provider().signature_verification_algorithms;
        verify_tls13_signature_with_raw_key(message, &key, signed, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}
