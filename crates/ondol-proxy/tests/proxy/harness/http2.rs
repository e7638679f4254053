//! Visitors by HTTP/2.

use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use http::Response;
use http_body_util::BodyExt as _;
use http_body_util::Collected;
use http_body_util::combinators::BoxBody;
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper::rt::Executor;
use hyper_util::rt::TokioIo;
use ondol_base::tasks;
use rustls::ClientConfig;
use rustls::DEFAULT_VERSIONS;
use rustls_pki_types::ServerName;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

use super::Plane;
use super::client_config;

/// A body that a test sends.
pub(crate) type SentBody = BoxBody<Bytes, std::convert::Infallible>;

/// A connection; it moves while its plane's runtime runs.
#[derive(Debug)]
pub(crate) struct Http2 {
    pub(crate) send: http2::SendRequest<SentBody>,
    /// Ends with the connection.
    pub(crate) connection: JoinHandle<hyper::Result<()>>,
}

impl Http2 {
    /// A visitor by HTTPS.
    pub(crate) async fn connect(plane: &Plane, name: &str) -> Self {
        Self::connect_as(plane, name, client_config(DEFAULT_VERSIONS, &["h2"])).await
    }

    pub(crate) async fn connect_as(plane: &Plane, name: &str, config: ClientConfig) -> Self {
        let connector = TlsConnector::from(Arc::new(config));
        let stream = TcpStream::connect(plane.https).await.unwrap();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let stream = connector.connect(name, stream).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        Self::on(stream).await
    }

    /// A visitor without TLS, who knows beforehand what is spoken.
    pub(crate) async fn connect_plain(plane: &Plane) -> Self {
        Self::on(TcpStream::connect(plane.http).await.unwrap()).await
    }

    async fn on(stream: impl AsyncRead + AsyncWrite + Unpin + 'static) -> Self {
        let (send, connection) = http2::handshake(OnThisThread, TokioIo::new(stream))
            .await
            .unwrap();
        let connection = tasks::spawn_local(connection);
        Self { send, connection }
    }

    /// A GET of `https://host/path`.
    pub(crate) async fn get(&mut self, url: &str) -> hyper::Result<Response<Collected<Bytes>>> {
        self.request(Request::get(url).body(empty()).unwrap()).await
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn request(
        &mut self,
        request: Request<SentBody>,
    ) -> hyper::Result<Response<Collected<Bytes>>> {
        self.send.ready().await?;
        let (parts, body) = self.send.send_request(request).await?.into_parts();
        let body = Incoming::collect(body).await?;
        Ok(Response::from_parts(parts, body))
    }
}

pub(crate) fn empty() -> SentBody {
    BoxBody::default()
}

#[derive(Debug, Clone, Copy)]
struct OnThisThread;

impl<F: Future<Output: 'static> + 'static> Executor<F> for OnThisThread {
    fn execute(&self, task: F) {
        drop(tasks::spawn_local(task));
    }
}
