//! The visitor of `--once`: asks each site over HTTPS, and believes Ondol's own CA and no other.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use http_body_util::BodyExt;
use http_body_util::Empty;
use http_body_util::Limited;
use hyper::Request;
use hyper::StatusCode;
use hyper::header::HOST;
use hyper::header::LOCATION;
use hyper_util::rt::TokioIo;
use ondol_base::clock;
use ondol_base::tasks::Group;
use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::ServerName;
use rustls_pki_types::pem::PemObject;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::APP;
use super::HELLO;
use super::place::Place;

/// For one visit, which takes milliseconds.
const VISIT: Duration = Duration::from_secs(5);
const BODY_BYTES_MAX: usize = 64 * 1024;

/// What came of asking for one address.
#[derive(Debug)]
pub(super) struct Visit {
    /// The address.
    pub(super) url: String,
    /// The status of the answer.
    pub(super) status: StatusCode,
    /// Where it leads, when it is a redirect.
    pub(super) location: Option<String>,
    /// How the connection was protected: `TLS 1.3`; `None` for plain HTTP.
    pub(super) protection: Option<&'static str>,
    /// The answer.
    pub(super) body: String,
    /// From the first byte of the connection to the last of the answer.
    pub(super) took: Duration,
}

/// Asks both sites, and for the way from HTTP to HTTPS. An answer that is not the expected one is an error.
pub(super) async fn visit_all(place: &Place, root_pem: &str) -> anyhow::Result<Vec<Visit>> {
    let tls = believe(root_pem)?;
    let hello = visit(place, HELLO, Some(&tls), StatusCode::OK).await?;
    let app = visit(place, APP, Some(&tls), StatusCode::OK).await?;
    let plain = visit(place, HELLO, None, StatusCode::PERMANENT_REDIRECT).await?;
    Ok(vec![hello, app, plain])
}

async fn visit(
    place: &Place,
    site: &str,
    tls: Option<&TlsConnector>,
    expected: StatusCode,
) -> anyhow::Result<Visit> {
    let url = match tls {
        Some(_) => place.url(site),
        None => format!("http://{site}:{}/", place.http_port()),
    };
    let visit = tokio::time::timeout(VISIT, ask(place, site, tls, &url)).await;
    let visit = visit.context("there was no answer in time").flatten();
    let visit = visit.with_context(|| format!("{url} could not be asked"))?;
    anyhow::ensure!(
        visit.status == expected,
        "{url} answered {}, not {expected}:\n{}",
        visit.status,
        visit.body
    );
    Ok(visit)
}

async fn ask(
    place: &Place,
    site: &str,
    tls: Option<&TlsConnector>,
    url: &str,
) -> anyhow::Result<Visit> {
    let start = clock::now();
    let port = match tls {
        Some(_) => place.https_port(),
        None => place.http_port(),
    };
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    let mut visit = match tls {
        None => exchange(stream, site, port).await?,
        Some(tls) => {
            let name = ServerName::try_from(site.to_owned())?;
            let stream = tls.connect(name, stream).await?;
            let version = stream.get_ref().1.protocol_version();
            let mut visit = exchange(stream, site, port).await?;
            visit.protection = Some(match version {
                Some(rustls::ProtocolVersion::TLSv1_3) => "TLS 1.3",
                Some(_) | None => "TLS 1.2",
            });
            visit
        }
    };
    visit.url = url.to_owned();
    visit.took = start.elapsed();
    Ok(visit)
}

async fn exchange<S>(stream: S, site: &str, port: u16) -> anyhow::Result<Visit>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let mut tasks = Group::default();
    tasks.spawn("visit", async move {
        // What went wrong is told to who waits for the answer.
        let _ = connection.await;
    });
    let request = Request::get("/").header(HOST, format!("{site}:{port}"));
    let response = sender
        .send_request(request.body(Empty::<Bytes>::new())?)
        .await?;
    let location = response
        .headers()
        .get(LOCATION)
        .and_then(|value| value.to_str().ok());
    let location = location.map(str::to_owned);
    let status = response.status();
    let body = Limited::new(response.into_body(), BODY_BYTES_MAX)
        .collect()
        .await;
    let body = body
        .map_err(|error| anyhow::anyhow!(error))
        .context("the answer broke off")?;
    Ok(Visit {
        url: String::new(),
        status,
        location,
        protection: None,
        body: String::from_utf8_lossy(&body.to_bytes()).into_owned(),
        took: Duration::ZERO,
    })
}

fn believe(root_pem: &str) -> anyhow::Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(root_pem.as_bytes())?)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
