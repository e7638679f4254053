//! Whose certificates a visitor of this box may believe: those of the system, Ondol's own CA, and the roots that the
//! owner named for issuers.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use ondol_base::authorities::read_authorities;
use ondol_base::authorities::system_roots;
use ondol_base::clock;
use ondol_base::tasks;
use ondol_model::Plan;
use ondol_model::Site;
use rustls::CertificateError;
use rustls::ClientConfig;
use rustls::DigitallySignedStruct;
use rustls::Error;
use rustls::RootCertStore;
use rustls::SignatureScheme;
use rustls::client::Resumption;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::client::danger::ServerCertVerified;
use rustls::client::danger::ServerCertVerifier;
use rustls::client::verify_server_name;
use rustls::server::ParsedCertificate;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::ServerName;
use rustls_pki_types::UnixTime;
use rustls_pki_types::pem::PemObject;
use tokio::time::Instant;

/// The roots of a system change with its updates.
const KEPT: Duration = Duration::from_secs(60 * 60);
/// A file that could not be read is tried again soon: Ondol's own CA is made at the first start.
const KEPT_WITH_GAPS: Duration = Duration::from_secs(60);

/// Whom to believe; read once in a while.
#[derive(Debug)]
pub(in crate::checks) struct Trust {
    own_root: PathBuf,
    kept: Mutex<Option<Arc<Kept>>>,
}

#[derive(Debug)]
struct Kept {
    files: Vec<PathBuf>,
    until: Instant,
    /// `None` when nobody is believed.
    configs: Option<Configs>,
}

#[derive(Debug)]
struct Configs {
    strict: Arc<ClientConfig>,
    /// For sites with certificates of the owner's own, who may have a CA of their own.
    lenient: Arc<ClientConfig>,
}

/// Believes certificates that nobody known has issued, as long as they are for the name.
#[derive(Debug)]
struct Lenient(Arc<WebPkiServerVerifier>);

impl Trust {
    /// With Ondol's own CA of this state folder; reads nothing yet.
    pub(in crate::checks) fn of(state: &Path) -> Self {
        Self {
            own_root: state.join("certificates/internal/root/chain.pem"),
            kept: Mutex::default(),
        }
    }

    /// How TLS with a site is begun; `None` where that can't be made ready.
    pub(super) async fn config(&self, site: &Site, plan: &Plan) -> Option<Arc<ClientConfig>> {
        let files = self.files(plan);
        let kept = match self.still_kept(&files) {
            Some(kept) => kept,
            None => self.read(files).await?,
        };
        let configs = kept.configs.as_ref()?;
        let is_owners = site.certificate.is_some() || !plan.certificates.is_empty();
        Some(Arc::clone(if is_owners {
            &configs.lenient
        } else {
            &configs.strict
        }))
    }

    fn files(&self, plan: &Plan) -> Vec<PathBuf> {
        let issuers = plan.sites.iter().map(|site| site.issuance.acme_issuers());
        let named = issuers.flatten().filter_map(|issuer| issuer.root.clone());
        let mut files: Vec<_> = named.chain([self.own_root.clone()]).collect();
        files.sort();
        files.dedup();
        files
    }

    fn still_kept(&self, files: &[PathBuf]) -> Option<Arc<Kept>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = kept.as_ref()?;
        let is_good = kept.files == files && clock::now() < kept.until;
        is_good.then(|| Arc::clone(kept))
    }

    async fn read(&self, files: Vec<PathBuf>) -> Option<Arc<Kept>> {
        let kept = tasks::spawn_blocking(move || Kept::read(files))
            .await
            .ok()?;
        let kept = Arc::new(kept);
        let mut place = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        *place = Some(Arc::clone(&kept));
        Some(kept)
    }
}

impl Kept {
    /// Blocks on the disk.
    fn read(files: Vec<PathBuf>) -> Self {
        let mut roots = RootCertStore::empty();
        let mut has_gaps = false;
        for file in files.iter().cloned().chain(system_roots()) {
            match read_authorities(&file) {
                Ok(text) => {
                    let found = CertificateDer::pem_slice_iter(text.as_bytes()).flatten();
                    roots.add_parsable_certificates(found);
                }
                Err(_) => has_gaps = true,
            }
        }
        let kept = if has_gaps { KEPT_WITH_GAPS } else { KEPT };
        Self {
            files,
            until: clock::now() + kept,
            configs: Configs::trusting(roots),
        }
    }
}

impl Configs {
    fn trusting(roots: RootCertStore) -> Option<Self> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let strict =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                .build()
                .ok()?;
        let config = |verifier: Arc<dyn ServerCertVerifier>| {
            let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
            let mut config = builder
                .with_safe_default_protocol_versions()
                .ok()?
                .dangerous() // Only of the box itself, and never less than a visitor's program asks.
                .with_custom_certificate_verifier(verifier)
                .with_no_client_auth();
            // A session that is taken up again shows no certificate.
            config.resumption = Resumption::disabled();
            config.alpn_protocols = vec![b"http/1.1".to_vec()];
            Some(Arc::new(config))
        };
        Some(Self {
            lenient: config(Arc::new(Lenient(Arc::clone(&strict))))?,
            strict: config(strict)?,
        })
    }
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Self(strict) = self;
        let verified =
            strict.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verified {
            Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
