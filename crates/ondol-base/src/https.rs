//! Requests to machines elsewhere.
//!
//! One connection for each request, HTTP/1.1, and a limit on everything. It follows no redirect and knows
//! nothing of what is asked.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use http::Request;
use http::Response;
use http::Uri;
use http::header;
use http_body_util::Full;
use http_body_util::LengthLimitError;
use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::ServerName;
use rustls_pki_types::pem::PemObject;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::authorities::read_authorities;
use crate::authorities::trusted;
use crate::tasks;

mod ask;
mod error;
pub mod exchange;
mod lines;
pub mod times;

pub use ask::Answer;
pub use ask::Ask;
pub use error::HttpsError;
pub use lines::Lines;

use ask::host_of;
use exchange::Begun;

/// From the question for the address to the end of the TLS handshake.
const CONNECT: Duration = Duration::from_secs(10);
/// What one address of several may take of it: where version 6 leads nowhere, version 4 gets its turn.
const CONNECT_ADDRESS: Duration = Duration::from_secs(3);
/// Addresses that are tried.
const ADDRESSES_MAX: usize = 6;
/// A whole request, to the last byte of its answer, where the one who asks says nothing else.
const WHOLE: Duration = Duration::from_secs(30);
/// The largest answer, where the one who asks says nothing else.
pub const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// Asks by HTTPS. Cheap to clone.
#[derive(Clone)]
pub struct Https {
    tls: Arc<ClientConfig>,
    user_agent: HeaderValue,
    plain: Plain,
    /// `None` when every machine may be asked.
    home: Option<Home>,
}

/// The one host that may be anywhere, and what decides where others may be.
#[derive(Debug, Clone)]
struct Home {
    host: Arc<str>,
    is_public: fn(IpAddr) -> bool,
}

/// Whether `http://` is spoken too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plain {
    Refused,
    Allowed,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// What a URL says of whom to ask.
#[derive(Debug)]
struct Peer {
    host: Box<str>,
    port: u16,
    /// `None` for plain HTTP.
    tls_name: Option<ServerName<'static>>,
}

impl Https {
    /// A client that calls itself so, and trusts those whom the system trusts, and those in this file. Blocks on
    /// the disk.
    pub fn new(user_agent: &'static str, root: Option<&Path>) -> Result<Self, HttpsError> {
        let mut roots = RootCertStore::empty();
        // What can't be read is as good as not there: the file of `root` may be enough.
        roots.add_parsable_certificates(trusted());
        if let Some(path) = root {
            add_named(&mut roots, path)?;
        }
        if roots.is_empty() {
            return Err(HttpsError::NoRoots);
        }
        Self::trusting(user_agent, roots)
    }

    /// A client that trusts nobody, so that only plain HTTP is any good.
    pub fn plain(user_agent: &'static str) -> Result<Self, HttpsError> {
        let mut https = Self::trusting(user_agent, RootCertStore::empty())?;
        https.plain = Plain::Allowed;
        Ok(https)
    }

    fn trusting(user_agent: &'static str, roots: RootCertStore) -> Result<Self, HttpsError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| HttpsError::Unready(error.into()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            tls: Arc::new(config),
            user_agent: HeaderValue::from_static(user_agent),
            plain: Plain::Refused,
            home: None,
        })
    }

    /// [`Https::new`] for where files may not be read.
    pub async fn open(user_agent: &'static str, root: Option<&Path>) -> Result<Self, HttpsError> {
        let root = root.map(Path::to_owned);
        let opened = tasks::spawn_blocking(move || Self::new(user_agent, root.as_deref())).await;
        opened.unwrap_or_else(|error| Err(HttpsError::Unready(error.into())))
    }

    /// The same, which speaks plain HTTP too where this URL, which the owner has named, begins with `http://`.
    pub fn plain_where(mut self, url: &str) -> Self {
        if url.starts_with("http://") {
            self.plain = Plain::Allowed;
        }
        self
    }

    /// The same, for one who is told by whom it asks whom to ask next: but for the host of this URL, only
    /// machines that are public are asked, so that nobody is led to those of the owner's own network.
    pub fn starting_at(
        mut self,
        url: &str,
        is_public: fn(IpAddr) -> bool,
    ) -> Result<Self, HttpsError> {
        let parsed = url.parse::<Uri>();
        let uri = parsed.map_err(|_| HttpsError::Url(url.into()))?;
        let host = Arc::from(&*self.peer(&uri)?.host);
        self.home = Some(Home { host, is_public });
        Ok(self)
    }

    /// Sends a request to the host of its URL. An answer that is larger than [`ANSWER_BYTES_MAX`] is an error.
    pub async fn request(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpsError> {
        let peer = self.peer(request.uri())?;
        let answer = async {
            let request = self.in_origin_form(request);
            let request = request.map_err(|error| peer.http_error(error))?;
            match self.connect_to(&peer).await? {
                Stream::Plain(stream) => peer.exchange(stream, request).await,
                Stream::Tls(stream) => peer.exchange(stream, request).await,
            }
        };
        peer.within(WHOLE, answer).await
    }

    /// Asks within the limits of the question. Of an answer that is larger, the beginning is returned.
    pub async fn ask(&self, ask: Ask) -> Result<Answer, HttpsError> {
        let (time, bytes_max) = (ask.time, ask.bytes_max);
        let (peer, request) = self.prepare(ask)?;
        let answer = async {
            let mut begun = self.begin(&peer, request).await?;
            let body = begun.beginning(bytes_max).await;
            let body = body.map_err(|error| peer.http_error(error))?;
            Ok(Answer {
                status: begun.head.status,
                headers: begun.head.headers,
                body,
            })
        };
        peer.within(time, answer).await
    }

    /// Asks one whose answer goes on, line by line. The limits of the question hold until its head has come.
    pub async fn lines(&self, ask: Ask) -> Result<Lines, HttpsError> {
        let time = ask.time;
        let (peer, request) = self.prepare(ask)?;
        let begun = peer.within(time, self.begin(&peer, request)).await?;
        Ok(Lines::new(peer, begun))
    }

    fn prepare(&self, ask: Ask) -> Result<(Peer, Request<Bytes>), HttpsError> {
        let bad = || HttpsError::Url(host_of(&ask.url).into());
        let uri = ask.url.parse::<Uri>().map_err(|_| bad())?;
        let peer = self.peer(&uri).map_err(|_| bad())?;
        let mut request = Request::new(ask.body);
        *request.method_mut() = ask.method;
        *request.uri_mut() = uri;
        *request.headers_mut() = ask.headers;
        Ok((peer, request))
    }

    fn peer(&self, uri: &Uri) -> Result<Peer, HttpsError> {
        let bad = || HttpsError::Url(uri.to_string().into());
        let host = uri.host().ok_or_else(bad)?;
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let (default_port, tls_name) = match (uri.scheme_str(), self.plain) {
            (Some("https"), _) => {
                let name = ServerName::try_from(bare.to_owned()).map_err(|_| bad())?;
                (443, Some(name))
            }
            (Some("http"), Plain::Allowed) => (80, None),
            _ => return Err(bad()),
        };
        Ok(Peer {
            host: bare.into(),
            port: uri.port_u16().unwrap_or(default_port),
            tls_name,
        })
    }

    /// Where it may be asked, of all its addresses. It looks at addresses and not at names, since everybody
    /// can let a name lead anywhere.
    fn allowed(
        &self,
        peer: &Peer,
        mut addresses: Vec<SocketAddr>,
    ) -> Result<Vec<SocketAddr>, HttpsError> {
        let Some(home) = &self.home else {
            return Ok(addresses);
        };
        if peer.host.eq_ignore_ascii_case(&home.host) {
            return Ok(addresses);
        }
        if peer.tls_name.is_none() {
            return Err(HttpsError::Url(format!("http://{}", peer.host).into()));
        }
        let first = addresses.first().copied();
        addresses.retain(|address| (home.is_public)(address.ip()));
        match first {
            Some(first) if addresses.is_empty() => Err(HttpsError::Private {
                host: peer.host.clone(),
                address: first.ip(),
            }),
            Some(_) | None => Ok(addresses),
        }
    }

    async fn begin(&self, peer: &Peer, request: Request<Bytes>) -> Result<Begun, HttpsError> {
        let request = self.in_origin_form(request);
        let request = request.map_err(|error| peer.http_error(error))?;
        let begun = match self.connect_to(peer).await? {
            Stream::Plain(stream) => exchange::begin(stream, request).await,
            Stream::Tls(stream) => exchange::begin(stream, request).await,
        };
        begun.map_err(|error| peer.http_error(error))
    }

    async fn connect_to(&self, peer: &Peer) -> Result<Stream, HttpsError> {
        let addresses = self.allowed(peer, peer.addresses().await?)?;
        peer.within(CONNECT, self.connect(peer, addresses)).await
    }

    async fn connect(&self, peer: &Peer, addresses: Vec<SocketAddr>) -> Result<Stream, HttpsError> {
        let stream = peer.connect(addresses).await?;
        let Some(name) = peer.tls_name.clone() else {
            return Ok(Stream::Plain(stream));
        };
        let connector = TlsConnector::from(Arc::clone(&self.tls));
        let stream = connector.connect(name, stream).await;
        match stream {
            Ok(stream) => Ok(Stream::Tls(Box::new(stream))),
            Err(source) => Err(HttpsError::Tls {
                host: peer.host.clone(),
                source,
            }),
        }
    }

    /// The request as it is sent to its own host (RFC 9112 §3.2.1), with the fields that every request has.
    fn in_origin_form(&self, request: Request<Bytes>) -> Result<Request<Full<Bytes>>, http::Error> {
        let (mut parts, body) = request.into_parts();
        if let Some(authority) = parts.uri.authority() {
            // Who is named before the host is nobody's business but that of the one who asks.
            let authority = authority.as_str();
            let host = authority.rsplit('@').next().unwrap_or(authority);
            let host = HeaderValue::from_str(host)?;
            parts.headers.insert(header::HOST, host);
        }
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        parts.uri = match path.starts_with('/') {
            true => Uri::try_from(path)?,
            false => Uri::try_from(format!("/{path}"))?, // A query right after the host.
        };
        let us = self.user_agent.clone();
        parts.headers.entry(header::USER_AGENT).or_insert(us);
        let close = HeaderValue::from_static("close");
        parts.headers.insert(header::CONNECTION, close);
        Ok(Request::from_parts(parts, Full::new(body)))
    }
}

impl fmt::Debug for Https {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Https")
            .field("plain", &self.plain)
            .field("home", &self.home)
            .finish_non_exhaustive()
    }
}

impl Peer {
    async fn addresses(&self) -> Result<Vec<SocketAddr>, HttpsError> {
        let found = tokio::net::lookup_host((&*self.host, self.port)).await;
        let found = found.map_err(|source| HttpsError::Lookup {
            host: self.host.clone(),
            source,
        })?;
        Ok(by_turns(found.collect()))
    }

    async fn connect(&self, addresses: Vec<SocketAddr>) -> Result<TcpStream, HttpsError> {
        let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for address in addresses.into_iter().take(ADDRESSES_MAX) {
            match timeout(CONNECT_ADDRESS, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    // Whole requests are written at once; without it only latency suffers.
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Ok(Err(error)) => last = error,
                Err(_) => last = io::ErrorKind::TimedOut.into(),
            }
        }
        Err(HttpsError::Connect {
            host: self.host.clone(),
            source: last,
        })
    }

    async fn exchange(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Bytes>, HttpsError> {
        let answer = exchange::exchange(stream, request, ANSWER_BYTES_MAX).await;
        let (head, body) = answer.map_err(|error| self.http_error(error))?;
        let body = body.map_err(|error| self.http_error(error))?;
        Ok(Response::from_parts(head, body))
    }

    async fn within<T>(
        &self,
        limit: Duration,
        work: impl Future<Output = Result<T, HttpsError>>,
    ) -> Result<T, HttpsError> {
        // What is asked is large as a future: callers would carry it in theirs.
        match timeout(limit, Box::pin(work)).await {
            Ok(done) => done,
            Err(_) => Err(HttpsError::Slow {
                host: self.host.clone(),
                limit,
            }),
        }
    }

    fn http_error(
        &self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> HttpsError {
        let source = source.into();
        if source.is::<LengthLimitError>() {
            return HttpsError::TooLarge(self.host.clone());
        }
        HttpsError::Http {
            host: self.host.clone(),
            source,
        }
    }
}

fn add_named(roots: &mut RootCertStore, path: &Path) -> Result<(), HttpsError> {
    let failed = |source| HttpsError::Roots {
        path: path.to_owned(),
        source,
    };
    let text = read_authorities(path).map_err(failed)?;
    let before = roots.len();
    for certificate in CertificateDer::pem_slice_iter(text.as_bytes()) {
        let added = certificate
            .map_err(io::Error::other)
            .and_then(|certificate| roots.add(certificate).map_err(io::Error::other));
        added.map_err(failed)?;
    }
    if roots.len() == before {
        return Err(failed(io::Error::other(
            "there is no certificate in it (`-----BEGIN CERTIFICATE-----`)",
        )));
    }
    Ok(())
}

/// The two versions of IP by turns, beginning with the one that the system prefers.
fn by_turns(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|address| address.is_ipv6() == first_is_v6);
    let mut second = second.into_iter();
    let mut turns = Vec::new();
    for address in first {
        turns.push(address);
        turns.extend(second.next());
    }
    turns.extend(second);
    turns
}

#[cfg(test)]
mod tests;
