//! One connection: requests on it, one after another. Nobody looks after it between them.

use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::pin::pin;

use bytes::BytesMut;
use http::HeaderMap;
use http::Method;
use http::Request;
use http::Response;
use http::header;
use http_body_util::BodyExt;
use hyper::body::Body;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use ondol_base::clock;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::time::Instant;

use super::Answer;
use super::connect::plain;
use super::upload::Upload;

/// What is made room for at once, whatever a server says that comes.
const ROOM_BYTES_MAX: u64 = 64 * 1024 * 1024;

type Driver = Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>;

/// See the file's own words.
pub(super) struct Connection {
    sender: SendRequest<Upload>,
    /// What moves the bytes; `None` when that has ended.
    driver: Option<Driver>,
    used_at: Instant,
}

/// Why there is no answer. Each is a clause whose subject is the server.
#[derive(Debug)]
pub(super) enum Broken {
    /// Nothing came back.
    Unanswered(String),
    /// The answer did not come to its end.
    Amid(String),
    /// The answer is none that can be taken.
    Wrong(String),
}

impl Connection {
    pub(super) async fn over<S>(stream: S) -> Result<Self, hyper::Error>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, driver) = http1::handshake(TokioIo::new(stream)).await?;
        Ok(Self {
            sender,
            driver: Some(Box::pin(driver)),
            used_at: clock::now(),
        })
    }

    /// When the last answer had come.
    pub(super) fn used_at(&self) -> Instant {
        self.used_at
    }

    /// Whether another request may be sent after this answer, as far as is known.
    pub(super) fn may_be_kept(&self, answer: &Answer) -> bool {
        let is_last = answer.header("connection").is_some_and(|value| {
            let mut words = value.split(',');
            words.any(|word| word.trim().eq_ignore_ascii_case("close"))
        });
        self.driver.is_some() && !self.sender.is_closed() && !is_last
    }

    /// Sends a request and takes its answer, of at most so many bytes.
    pub(super) async fn exchange(
        &mut self,
        request: Request<Upload>,
        bytes_max: u64,
    ) -> Result<Answer, Broken> {
        let Self {
            sender,
            driver,
            used_at,
        } = self;
        let answer = async {
            let method = request.method().clone();
            sender.ready().await.map_err(unanswered)?;
            let response = sender.send_request(request).await.map_err(unanswered)?;
            taken(&method, response, bytes_max).await
        };
        let mut answer = pin!(answer);
        let answer = poll_fn(|cx| {
            let moved = driver.as_mut().map(|driver| driver.as_mut().poll(cx));
            // How it ended is told to the answer, which may have more to read.
            if moved.is_some_and(|moved| moved.is_ready()) {
                *driver = None;
            }
            answer.as_mut().poll(cx)
        });
        let answer = answer.await?;
        *used_at = clock::now();
        Ok(answer)
    }
}

async fn taken(
    method: &Method,
    response: Response<Incoming>,
    bytes_max: u64,
) -> Result<Answer, Broken> {
    let (head, mut body) = response.into_parts();
    let announced = body.size_hint().exact();
    let too_large = || Broken::Wrong(format!("answered with more than {bytes_max} bytes"));
    if announced.is_some_and(|announced| announced > bytes_max) && method != Method::HEAD {
        return Err(too_large());
    }
    if head.status.is_success()
        && method != Method::HEAD
        && !has_end(&head.headers)
        && announced.is_none()
    {
        // Nobody could tell whether it is whole.
        return Err(Broken::Wrong(
            "does not say where its answer ends".to_owned(),
        ));
    }
    let room = announced.unwrap_or(0).min(ROOM_BYTES_MAX);
    let mut bytes = BytesMut::with_capacity(usize::try_from(room).unwrap_or(0));
    while let Some(frame) = body.frame().await {
        let frame = frame
            .map_err(|error| Broken::Amid(said(&error, "broke off in the middle of its answer")))?;
        // Trailers say nothing here.
        let Ok(piece) = frame.into_data() else {
            continue;
        };
        if bytes.len() as u64 + piece.len() as u64 > bytes_max {
            return Err(too_large());
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(Answer {
        status: head.status,
        headers: head.headers,
        body: bytes.freeze(),
    })
}

/// Whether an answer says where it ends, otherwise than by the end of its connection.
fn has_end(headers: &HeaderMap) -> bool {
    headers.contains_key(header::CONTENT_LENGTH) || headers.contains_key(header::TRANSFER_ENCODING)
}

fn unanswered(error: hyper::Error) -> Broken {
    if error.is_parse() {
        return Broken::Wrong("did not answer in HTTP".to_owned());
    }
    Broken::Unanswered(said(&error, "ended the connection without an answer"))
}

/// What happened, as a clause whose subject is the server.
fn said(error: &hyper::Error, otherwise: &str) -> String {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(error) = cause.downcast_ref::<io::Error>() {
            return match error.kind() {
                io::ErrorKind::TimedOut => format!("stopped answering: {}", plain(error)),
                _ => format!("{otherwise} ({})", plain(error)),
            };
        }
        source = cause.source();
    }
    otherwise.to_owned()
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("used_at", &self.used_at)
            .finish_non_exhaustive()
    }
}
