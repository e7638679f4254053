//! One connection: requests on it, one after another. Nobody looks after it between them.

use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use bytes::BytesMut;
use http::HeaderMap;
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
use tokio::time::timeout;

use super::Answer;
use super::connect::plain;
use super::upload::Upload;
use crate::target::Pace;

/// A request may take so long until its answer begins, and the answer as long again, ...
const WHOLE: Duration = Duration::from_secs(120);
/// ... and a second more for so many bytes that go there or come back: several share a slow line.
const SLOWEST_BYTES_A_SECOND: u64 = 512;
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

/// What is taken of an answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected<'a> {
    pub(super) bytes_max: u64,
    /// How fast.
    pub(super) pace: Option<&'a Pace>,
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

    /// Sends a request and takes its answer.
    pub(super) async fn exchange(
        &mut self,
        request: Request<Upload>,
        expected: Expected<'_>,
    ) -> Result<Answer, Broken> {
        let Self {
            sender,
            driver,
            used_at,
        } = self;
        let answer = async {
            let sent = request.body().size_hint().exact();
            let response = async {
                sender.ready().await?;
                sender.send_request(request).await
            };
            let response = within(sent.unwrap_or(0), expected.pace, response).await;
            let response = response.map_err(Broken::Unanswered)?;
            taken(response.map_err(unanswered)?, expected).await
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

/// Waits for so long as so many bytes may take; then it is a clause whose subject is the server.
async fn within<T>(
    bytes: u64,
    pace: Option<&Pace>,
    work: impl Future<Output = T>,
) -> Result<T, String> {
    if pace.is_some() {
        // Who is slow on purpose is not stuck; that something moves is looked after elsewhere.
        return Ok(work.await);
    }
    let limit = WHOLE + Duration::from_secs(bytes / SLOWEST_BYTES_A_SECOND);
    let done = timeout(limit, work).await;
    done.map_err(|_| format!("did not come to an end within {} s", limit.as_secs()))
}

async fn taken(response: Response<Incoming>, expected: Expected<'_>) -> Result<Answer, Broken> {
    let (head, mut body) = response.into_parts();
    let announced = body.size_hint().exact();
    if head.status.is_success() && announced.is_none() && !has_end(&head.headers) {
        // Nobody could tell whether it is whole.
        let what = "does not say where its answer ends";
        return Err(Broken::Wrong(what.to_owned()));
    }
    let bytes = announced.unwrap_or(expected.bytes_max);
    let collected = collect(&mut body, announced, expected);
    let collected = within(bytes, expected.pace, collected).await;
    Ok(Answer {
        status: head.status,
        headers: head.headers,
        body: collected.map_err(Broken::Amid)??,
    })
}

async fn collect(
    body: &mut Incoming,
    announced: Option<u64>,
    Expected { bytes_max, pace }: Expected<'_>,
) -> Result<Bytes, Broken> {
    let too_large = || Broken::Wrong(format!("answered with more than {bytes_max} bytes"));
    if announced.is_some_and(|announced| announced > bytes_max) {
        return Err(too_large());
    }
    let room = announced.unwrap_or(0).min(ROOM_BYTES_MAX);
    let mut bytes = BytesMut::with_capacity(usize::try_from(room).unwrap_or(0));
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            let otherwise = "broke off in the middle of its answer";
            Broken::Amid(said(&error, otherwise))
        })?;
        // Trailers say nothing here.
        let Ok(piece) = frame.into_data() else {
            continue;
        };
        if bytes.len() as u64 + piece.len() as u64 > bytes_max {
            return Err(too_large());
        }
        if let Some(pace) = pace {
            // The thread that asks is the one that waits here; the server is slowed down by it.
            pace.down(piece.len());
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes.freeze())
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
