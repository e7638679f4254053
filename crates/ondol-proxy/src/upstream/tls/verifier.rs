//! Who vouches for an upstream, where that is not the system: authorities of the owner's, or nobody.

use std::sync::Arc;

use rustls::DigitallySignedStruct;
use rustls::Error;
use rustls::RootCertStore;
use rustls::SignatureScheme;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::client::danger::ServerCertVerified;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::ServerName;
use rustls_pki_types::UnixTime;

use super::UpstreamTlsError;
use crate::certificates;

/// Takes servers that one of these certificates vouches for, or that show the very certificate.
pub(super) fn one_of(
    certificates: Vec<CertificateDer<'static>>,
) -> Result<Arc<dyn ServerCertVerifier>, UpstreamTlsError> {
    let provider = Arc::new(certificates::provider());
    let mut roots = RootCertStore::empty();
    // One that can't vouch for others may still be the server's own.
    roots.add_parsable_certificates(certificates.iter().cloned());
    let authorities = if roots.is_empty() {
        None
    } else {
        let builder =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let verifier = builder
            .build()
            .map_err(|error| UpstreamTlsError::Setup(Error::General(error.to_string())))?;
        Some(verifier)
    };
    Ok(Arc::new(Verifier {
        trusts: Trusts::These {
            certificates,
            authorities,
        },
        provider,
    }))
}

/// Takes any server: `verify = false`.
pub(super) fn any() -> Arc<dyn ServerCertVerifier> {
    Arc::new(Verifier {
        trusts: Trusts::Any,
        provider: Arc::new(certificates::provider()),
    })
}

#[derive(Debug)]
struct Verifier {
    trusts: Trusts,
    provider: Arc<CryptoProvider>,
}

#[derive(Debug)]
enum Trusts {
    Any,
    These {
        certificates: Vec<CertificateDer<'static>>,
        authorities: Option<Arc<WebPkiServerVerifier>>,
    },
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let (certificates, authorities) = match &self.trusts {
            Trusts::Any => return Ok(ServerCertVerified::assertion()),
            Trusts::These {
                certificates,
                authorities,
            } => (certificates, authorities),
        };
        // A certificate that a device made for itself often names nobody, or is its own authority; who has
        // its key is who was meant all the same.
        if certificates.contains(end_entity) {
            return Ok(ServerCertVerified::assertion());
        }
        match authorities {
            Some(authorities) => authorities.verify_server_cert(
                end_entity,
                intermediates,
                server_name,
                ocsp_response,
                now,
            ),
            None => Err(rustls::CertificateError::UnknownIssuer.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
