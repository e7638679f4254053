//! TLS towards upstreams: one client configuration for each way that a plan asks for, made of texts
//! that somebody else has read. It reads no file.

mod verifier;

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use ondol_model::Plan;
use ondol_model::Target;
use ondol_model::plan::CertificateFiles;
use ondol_model::upstream::Address;
use ondol_model::upstream::HttpVersion;
use ondol_model::upstream::Tls;
use ondol_model::upstream::Upstream;
use ondol_model::upstream::Verification;
use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::ServerName;
use rustls_pki_types::pem;
use rustls_pki_types::pem::PemObject;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::certificates;

/// What TLS towards upstreams needs of the disk, as PEM texts.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct UpstreamFiles {
    /// The authorities that the system trusts; empty when no upstream needs them.
    pub system_roots: Arc<str>,
    /// The files that a plan names.
    pub named: HashMap<PathBuf, Arc<str>>,
}

impl fmt::Debug for UpstreamFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Some are keys, which must not get into a log.
        f.debug_struct("UpstreamFiles")
            .field("named", &self.named.keys())
            .finish_non_exhaustive()
    }
}

/// Why TLS can't be spoken to an upstream as the plan asks for.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamTlsError {
    /// A file was not read.
    #[error("{0} was not read")]
    Unread(PathBuf),
    /// A file is not PEM, or not what it should be.
    #[error("{path} could not be used")]
    Pem {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: pem::Error,
    },
    /// There is nobody who could vouch for a server.
    #[error("no authority was found that could vouch for a server")]
    NoAuthority,
    /// The certificate that is shown to servers, or an authority, can't be used.
    #[error("it could not be set up")]
    Setup(#[source] rustls::Error),
}

/// TLS towards the upstreams of a plan. What is the same in the next plan is kept, with the sessions that
/// its servers may resume.
#[derive(Debug, Default)]
pub struct UpstreamTls {
    clients: HashMap<Way, Client>,
    roots: Option<Roots>,
}

/// Each way has a configuration of its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Way {
    tls: Arc<Tls>,
    http: HttpVersion,
}

#[derive(Debug, Clone)]
struct Client {
    config: Arc<ClientConfig>,
    made_of: MadeOf,
}

/// The texts that a configuration was made of.
#[derive(Clone, PartialEq, Eq)]
struct MadeOf {
    authorities: Arc<str>,
    certificate: Option<(Arc<str>, Arc<str>)>,
}

impl fmt::Debug for MadeOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MadeOf(..)")
    }
}

/// The authorities of the system, which take a moment to parse.
#[derive(Debug, Clone)]
struct Roots {
    text: Arc<str>,
    store: Arc<RootCertStore>,
}

impl UpstreamTls {
    /// Makes what the upstreams of a plan need. What can't be made is named by its upstream; there, what
    /// `previous` has stays in use.
    pub fn new(
        plan: &Plan,
        files: &UpstreamFiles,
        previous: Option<&Self>,
    ) -> (Self, Vec<(Upstream, UpstreamTlsError)>) {
        let mut all = Self {
            clients: HashMap::new(),
            roots: previous.and_then(|previous| previous.roots.clone()),
        };
        let mut problems = Vec::new();
        for upstream in upstreams(plan) {
            let Some(way) = Way::of(upstream) else {
                continue;
            };
            if all.clients.contains_key(&way) {
                continue;
            }
            let before = previous.and_then(|previous| previous.clients.get(&way));
            match all.client(&way, files, before) {
                Ok(client) => drop(all.clients.insert(way, client)),
                Err(error) => {
                    problems.push((upstream.clone(), error));
                    if let Some(before) = before {
                        all.clients.insert(way, before.clone());
                    }
                }
            }
        }
        (all, problems)
    }

    /// The TLS stream on a connection to an upstream, or the connection's end.
    pub(super) async fn shake_hands(
        &self,
        upstream: &Upstream,
        stream: TcpStream,
    ) -> io::Result<TlsStream<TcpStream>> {
        let client = Way::of(upstream).and_then(|way| self.clients.get(&way));
        let Some(client) = client else {
            return Err(io::Error::other("its `tls` can't be used, see the log"));
        };
        let connector = TlsConnector::from(Arc::clone(&client.config));
        let stream = connector.connect(server_name(upstream)?, stream).await?;
        let is_agreed = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        if upstream.http == HttpVersion::Two && !is_agreed {
            return Err(io::Error::other("it does not speak HTTP/2"));
        }
        Ok(stream)
    }

    fn client(
        &mut self,
        way: &Way,
        files: &UpstreamFiles,
        before: Option<&Client>,
    ) -> Result<Client, UpstreamTlsError> {
        let made_of = MadeOf::of(&way.tls, files)?;
        if let Some(before) = before.filter(|before| before.made_of == made_of) {
            return Ok(before.clone());
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(certificates::provider()))
            .with_safe_default_protocol_versions()
            .map_err(UpstreamTlsError::Setup)?;
        let builder = match (way.tls.verification, &way.tls.ca) {
            (Verification::Off, _) => builder
                .dangerous()
                .with_custom_certificate_verifier(verifier::any()),
            (Verification::Full, Some(path)) => {
                let authorities = certificates_in(path, &made_of.authorities)?;
                builder
                    .dangerous()
                    .with_custom_certificate_verifier(verifier::one_of(authorities)?)
            }
            (Verification::Full, None) => {
                builder.with_root_certificates(self.system_roots(&made_of.authorities)?)
            }
        };
        let mut config = match (&way.tls.certificate, &made_of.certificate) {
            (Some(files), Some((chain, key))) => {
                let chain = certificates_in(&files.chain, chain)?;
                let key = key_in(files, key)?;
                builder
                    .with_client_auth_cert(chain, key)
                    .map_err(UpstreamTlsError::Setup)?
            }
            _ => builder.with_no_client_auth(),
        };
        config.alpn_protocols = match way.http {
            HttpVersion::One => vec![b"http/1.1".to_vec()],
            HttpVersion::Two => vec![b"h2".to_vec()],
            HttpVersion::FastCgi(_) => Vec::new(),
        };
        let config = Arc::new(config);
        Ok(Client { config, made_of })
    }

    fn system_roots(&mut self, text: &Arc<str>) -> Result<Arc<RootCertStore>, UpstreamTlsError> {
        if let Some(roots) = self.roots.as_ref().filter(|roots| roots.text == *text) {
            return Ok(Arc::clone(&roots.store));
        }
        let mut store = RootCertStore::empty();
        // Old authorities that can't be read any more are no reason to trust nobody.
        let certificates = CertificateDer::pem_slice_iter(text.as_bytes()).flatten();
        store.add_parsable_certificates(certificates);
        if store.is_empty() {
            return Err(UpstreamTlsError::NoAuthority);
        }
        let store = Arc::new(store);
        self.roots = Some(Roots {
            text: Arc::clone(text),
            store: Arc::clone(&store),
        });
        Ok(store)
    }
}

impl Way {
    fn of(upstream: &Upstream) -> Option<Self> {
        Some(Self {
            tls: upstream.tls.clone()?,
            http: upstream.http,
        })
    }
}

impl MadeOf {
    fn of(tls: &Tls, files: &UpstreamFiles) -> Result<Self, UpstreamTlsError> {
        let text = |path: &PathBuf| {
            let text = files.named.get(path).cloned();
            text.ok_or_else(|| UpstreamTlsError::Unread(path.clone()))
        };
        let authorities = match &tls.ca {
            Some(path) => text(path)?,
            None if tls.needs_system_roots() => Arc::clone(&files.system_roots),
            None => Arc::from(""),
        };
        let certificate = match &tls.certificate {
            Some(CertificateFiles { chain, key }) => Some((text(chain)?, text(key)?)),
            None => None,
        };
        Ok(Self {
            authorities,
            certificate,
        })
    }
}

fn upstreams(plan: &Plan) -> impl Iterator<Item = &Upstream> {
    let routes = plan.sites.iter().flat_map(|site| &site.routes);
    let proxies = routes.filter_map(|route| match &route.target {
        Target::Proxy(proxy) => Some(proxy),
        Target::App(_)
        | Target::Files(_)
        | Target::Php(_)
        | Target::Redirect(_)
        | Target::Respond(_) => None,
    });
    proxies.flat_map(|proxy| proxy.upstreams())
}

/// The name that the server must have a certificate for.
fn server_name(upstream: &Upstream) -> io::Result<ServerName<'static>> {
    let named = upstream
        .tls
        .as_ref()
        .and_then(|tls| tls.server_name.as_ref());
    let name = match (named, &upstream.address) {
        (Some(name), _) => name.as_str(),
        (None, Address::Tcp { host, port: _ }) => host,
        (None, Address::Unix(_)) => "localhost",
    };
    ServerName::try_from(name.to_owned())
        .map_err(|_| io::Error::other("its host is no name for TLS; `server_name` gives it one"))
}

fn certificates_in(
    path: &Path,
    text: &str,
) -> Result<Vec<CertificateDer<'static>>, UpstreamTlsError> {
    let failed = |source| UpstreamTlsError::Pem {
        path: path.to_owned(),
        source,
    };
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(text.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(failed)?;
    if certificates.is_empty() {
        return Err(failed(pem::Error::NoItemsFound));
    }
    Ok(certificates)
}

fn key_in(
    files: &CertificateFiles,
    text: &str,
) -> Result<PrivateKeyDer<'static>, UpstreamTlsError> {
    PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|source| UpstreamTlsError::Pem {
        path: files.key.clone(),
        source,
    })
}
