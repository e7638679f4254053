//! One request and its answer on a connection (HTTP/1.1), which ends with it.

use bytes::Bytes;
use http::Request;
use http::response::Parts;
use http_body_util::BodyExt;
use http_body_util::Limited;
use hyper::body::Body;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;

/// Why a body did not come whole: the connection ended, or it is longer than was asked for.
pub(crate) type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// Sends a request, and returns the head of the answer and its body of at most so many bytes.
pub(crate) async fn exchange<S, B>(
    stream: S,
    request: Request<B>,
    body_bytes_max: usize,
) -> Result<(Parts, Result<Bytes, BodyError>), hyper::Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
    B: Body + 'static,
    B::Data: Send,
    B::Error: Into<BodyError>,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let answer = async {
        let (head, body) = sender.send_request(request).await?.into_parts();
        let body = Limited::new(body, body_bytes_max).collect().await;
        Ok((head, body.map(|body| body.to_bytes())))
    };
    let connection = async {
        // How it ended is told to the answer, which may have more to read.
        let _ = connection.await;
        std::future::pending().await
    };
    tokio::select! {
        answer = answer => answer,
        never = connection => never,
    }
}
