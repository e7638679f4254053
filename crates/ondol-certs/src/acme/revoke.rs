//! The revocation of a certificate (RFC 8555 §7.6).

use instant_acme::RevocationReason as AcmeReason;
use instant_acme::RevocationRequest;
use ondol_model::issuing::FailureKind;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::Session;
use super::explain;
use super::signed::again;
use crate::failure::Failure;
use crate::managed::RevocationReason;

impl Session {
    /// Has a certificate revoked; one that is revoked already stays so.
    pub(crate) async fn revoke(
        &self,
        chain_pem: &str,
        reason: RevocationReason,
    ) -> Result<(), Failure> {
        let certificate = CertificateDer::from_pem_slice(chain_pem.as_bytes());
        let certificate = certificate.map_err(|error| {
            let sentence = format!("the certificate cannot be read: {error}");
            Failure::new(FailureKind::Machine, sentence)
        })?;
        let talk = self.talk().await?;
        let request = RevocationRequest {
            certificate: &certificate,
            reason: acme_reason(reason),
        };
        match again!(talk.account.revoke(&request)) {
            Ok(()) => Ok(()),
            Err(error) if explain::is(&error, "alreadyRevoked") => Ok(()),
            Err(error) => Err(self.failure(&talk.client, &error)),
        }
    }
}

fn acme_reason(reason: RevocationReason) -> Option<AcmeReason> {
    match reason {
        RevocationReason::Unspecified => None,
        RevocationReason::KeyCompromise => Some(AcmeReason::KeyCompromise),
        RevocationReason::Superseded => Some(AcmeReason::Superseded),
        RevocationReason::CessationOfOperation => Some(AcmeReason::CessationOfOperation),
    }
}
