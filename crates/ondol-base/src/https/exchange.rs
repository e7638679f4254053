//! One request and its answer on a connection (HTTP/1.1), which ends with it.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;

use bytes::Bytes;
use http::Request;
use http::response::Parts;
use http_body_util::BodyExt;
use http_body_util::Limited;
use hyper::body::Body;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;

/// Why a body did not come whole: the connection ended, or it is longer than was asked for.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// An answer whose head has come, and whose body comes.
pub struct Begun {
    /// The head.
    pub head: Parts,
    body: Incoming,
    connection: Connection,
}

/// What reads and writes; it never ends, for how a connection ended is told to the answer.
type Connection = Pin<Box<dyn Future<Output = Infallible> + Send>>;

/// Sends a request, and returns the head of the answer and its body of at most so many bytes.
pub async fn exchange<S, B>(
    stream: S,
    request: Request<B>,
    body_bytes_max: usize,
) -> Result<(Parts, Result<Bytes, BodyError>), hyper::Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BodyError>,
{
    let mut begun = begin(stream, request).await?;
    let body = Limited::new(begun.body, body_bytes_max).collect();
    let body = tokio::select! {
        body = body => body,
        never = &mut begun.connection => match never {},
    };
    Ok((begun.head, body.map(|body| body.to_bytes())))
}

/// Sends a request, and returns when the head of its answer has come.
pub async fn begin<S, B>(stream: S, request: Request<B>) -> Result<Begun, hyper::Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BodyError>,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let mut connection: Connection = Box::pin(async {
        // How it ended is told to the answer, which may have more to read.
        let _ = connection.await;
        std::future::pending().await
    });
    let answer = tokio::select! {
        answer = sender.send_request(request) => answer?,
        never = &mut connection => match never {},
    };
    let (head, body) = answer.into_parts();
    let connection = Box::pin(async move {
        let _sender = sender; // A connection without one takes it that nobody waits for the rest.
        connection.await
    });
    Ok(Begun {
        head,
        body,
        connection,
    })
}

impl Begun {
    /// The next piece of the body; `None` at its end. Nothing is lost when the future is dropped.
    pub(super) async fn piece(&mut self) -> Result<Option<Bytes>, hyper::Error> {
        loop {
            let frame = tokio::select! {
                frame = self.body.frame() => frame,
                never = &mut self.connection => match never {},
            };
            match frame {
                None => return Ok(None),
                Some(frame) => {
                    if let Ok(data) = frame?.into_data() {
                        return Ok(Some(data));
                    }
                }
            }
        }
    }

    /// The first bytes of the body: all, or so many and at least one more that is left out.
    pub async fn beginning(&mut self, bytes_max: usize) -> Result<Bytes, hyper::Error> {
        let mut bytes = Vec::new();
        while let Some(piece) = self.piece().await? {
            let room = bytes_max - bytes.len();
            bytes.extend_from_slice(&piece[..piece.len().min(room)]);
            if piece.len() > room {
                break;
            }
        }
        Ok(bytes.into())
    }
}

impl fmt::Debug for Begun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Begun")
            .field("status", &self.head.status)
            .finish_non_exhaustive()
    }
}
