//! One question to a web process over a connection of its own, as a visitor would ask it, and what comes back.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::HeaderValue;
use http::Request;
use http::StatusCode;
use http::header;
use http_body_util::BodyExt;
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use ondol_model::upstream::Address;
use tokio::io::AsyncRead;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWrite;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::UnixStream;
use tokio::time::timeout;

/// Who asks, for the app's own log.
const USER_AGENT: &str = "Ondol-Health";
/// As much of an answer's text as is shown to the owner.
const EXCERPT_BYTES: usize = 300;
/// Fields of an answer that say why it is what it is.
const TELLING: [header::HeaderName; 4] = [
    header::LOCATION,
    header::WWW_AUTHENTICATE,
    header::SERVER,
    header::CONTENT_TYPE,
];
/// FastCGI: version 1, FCGI_GET_VALUES, request 0, 17 bytes: the name FCGI_MPXS_CONNS, and no value.
const FASTCGI_VALUES: &[u8] = b"\x01\x09\x00\x00\x00\x11\x00\x00\x0f\x00FCGI_MPXS_CONNS";

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    headers: HeaderMap,
    /// The beginning of what it says, in one line.
    excerpt: String,
}

/// Why nothing came back.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProbeError {
    /// Nobody takes connections there.
    #[error("no connection could be made")]
    Connect(#[source] io::Error),
    /// It took too long.
    #[error("nothing came back within {} s", .0.as_secs_f32())]
    Slow(Duration),
    /// The path or the host of the request can't be asked for.
    #[error("such a request can't be made")]
    Request(#[source] http::Error),
    /// What came back is no HTTP, or nothing did.
    #[error("what came back is no HTTP answer")]
    Http(#[source] hyper::Error),
    /// What came back is no FastCGI, or nothing did.
    #[error("what came back is no FastCGI answer")]
    FastCgi(#[source] io::Error),
}

enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// Whether connections are taken there.
pub(crate) async fn connect(address: &Address, limit: Duration) -> Result<(), ProbeError> {
    within(limit, async { open(address).await.map(drop) }).await
}

/// Asks for a path with `GET`, as a visitor of this host who came over TLS.
pub(crate) async fn get(
    address: &Address,
    host: &str,
    path: &str,
    limit: Duration,
) -> Result<Answer, ProbeError> {
    let request = Request::get(path)
        .header(header::HOST, host)
        .header(header::USER_AGENT, USER_AGENT)
        .header(header::ACCEPT, "*/*")
        .header(header::CONNECTION, "close")
        .header("x-forwarded-proto", "https")
        .header("x-forwarded-host", host)
        .header("x-forwarded-for", "127.0.0.1")
        .body(Empty::new())
        .map_err(ProbeError::Request)?;
    let asking = async {
        match open(address).await? {
            Stream::Tcp(stream) => exchange(stream, request).await,
            Stream::Unix(stream) => exchange(stream, request).await,
        }
    };
    within(limit, asking).await
}

/// Asks a FastCGI server what it can do: only one that takes connections answers.
pub(crate) async fn fastcgi(address: &Address, limit: Duration) -> Result<(), ProbeError> {
    let asking = async {
        match open(address).await? {
            Stream::Tcp(stream) => values(stream).await,
            Stream::Unix(stream) => values(stream).await,
        }
    };
    within(limit, asking).await
}

impl Answer {
    /// Whether a health path that answers so is well.
    pub(crate) fn is_well(&self) -> bool {
        self.status.is_success() || self.status.is_redirection()
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.status)?;
        let told = TELLING.iter().filter_map(|name| {
            let value = self.headers.get(name)?.to_str().ok()?;
            Some(format!("{name}: {value}"))
        });
        let told: Vec<_> = told.collect();
        if !told.is_empty() {
            write!(f, " ({})", told.join(", "))?;
        }
        if !self.excerpt.is_empty() {
            write!(f, " “{}”", self.excerpt)?;
        }
        Ok(())
    }
}

async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, ProbeError>>,
) -> Result<T, ProbeError> {
    // What is asked is large as a future: callers would carry it in theirs.
    match timeout(limit, Box::pin(work)).await {
        Ok(done) => done,
        Err(_elapsed) => Err(ProbeError::Slow(limit)),
    }
}

async fn open(address: &Address) -> Result<Stream, ProbeError> {
    let opened = match address {
        Address::Tcp { host, port } => TcpStream::connect((&**host, *port)).await.map(Stream::Tcp),
        Address::Unix(path) => UnixStream::connect(path).await.map(Stream::Unix),
    };
    opened.map_err(ProbeError::Connect)
}

async fn exchange<S>(stream: S, request: Request<Empty<Bytes>>) -> Result<Answer, ProbeError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let handshake = http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(ProbeError::Http)?;
    let asking = async {
        let answer = sender.send_request(request).await;
        let (parts, mut body) = answer.map_err(ProbeError::Http)?.into_parts();
        let mut text = Vec::new();
        while text.len() < EXCERPT_BYTES {
            // A body that breaks off is as long as it is.
            let Some(Ok(frame)) = body.frame().await else {
                break;
            };
            text.extend_from_slice(frame.data_ref().map_or(&[], |data| data));
        }
        Ok(Answer {
            status: parts.status,
            excerpt: excerpt(&parts.headers, &text),
            headers: parts.headers,
        })
    };
    let connection = async {
        // How it ended is told to the answer, which may have more to read.
        let _ = connection.await;
        std::future::pending().await
    };
    tokio::select! {
        answer = asking => answer,
        never = connection => never,
    }
}

async fn values<S>(mut stream: S) -> Result<(), ProbeError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    const HEADER_BYTES: usize = 8;
    const FASTCGI_VERSION: u8 = 1;
    let written = stream.write_all(FASTCGI_VALUES).await;
    written.map_err(ProbeError::FastCgi)?;
    let mut header = [0; HEADER_BYTES];
    let read = stream.read_exact(&mut header).await;
    read.map_err(ProbeError::FastCgi)?;
    if header[0] != FASTCGI_VERSION {
        return Err(ProbeError::FastCgi(io::ErrorKind::InvalidData.into()));
    }
    Ok(())
}

/// Text, as one line. Pages and pictures say nothing in their first bytes.
fn excerpt(headers: &HeaderMap, body: &[u8]) -> String {
    let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    let is_text = kind.is_none_or(|kind| {
        kind.starts_with(b"text/plain") || kind.starts_with(b"application/json")
    });
    if !is_text {
        return String::new();
    }
    let body = &body[..body.len().min(EXCERPT_BYTES)];
    let text = String::from_utf8_lossy(body);
    let words: Vec<_> = text.split_whitespace().collect();
    words.join(" ").replace(char::is_control, "")
}

#[cfg(test)]
mod tests {
    use tokio::io::BufReader;
    use tokio::net::TcpListener;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(5);

    /// Answers one connection with these bytes; returns the answer to a probe, and what was asked.
    async fn asked(answer: &'static [u8]) -> (Result<Answer, ProbeError>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = Address::Tcp {
            host: "127.0.0.1".to_owned(),
            port: listener.local_addr().unwrap().port(),
        };
        let serving = async {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = BufReader::new(stream);
            let mut text = String::new();
            while !text.ends_with("\r\n\r\n") {
                tokio::io::AsyncBufReadExt::read_line(&mut stream, &mut text)
                    .await
                    .unwrap();
            }
            stream.write_all(answer).await.unwrap();
            text.to_lowercase()
        };
        tokio::join!(get(&address, "coffee.example", "/up", LIMIT), serving)
    }

    #[tokio::test]
    async fn it_asks_as_a_visitor_and_tells_what_comes_back() {
        let (answer, request) = asked(
            b"HTTP/1.1 500 Oh\r\nserver: puma\r\ncontent-type: text/plain\r\n\r\nno\n database\x1b",
        )
        .await;
        assert_eq!(
            answer.unwrap().to_string(),
            "500 Internal Server Error (server: puma, content-type: text/plain) “no database”"
        );
        for line in [
            "get /up http/1.1\r\n",
            "\r\nhost: coffee.example\r\n",
            "\r\nx-forwarded-proto: https\r\n",
            "\r\nuser-agent: ondol-health\r\n",
        ] {
            assert!(request.contains(line), "{line:?} in {request:?}");
        }
    }

    #[tokio::test]
    async fn redirects_are_well_and_errors_are_not() {
        for (answer, is_well) in [
            (&b"HTTP/1.1 204 No\r\n\r\n"[..], true),
            (b"HTTP/1.1 302 To\r\nlocation: /login\r\n\r\n", true),
            (b"HTTP/1.1 404 No\r\n\r\n", false),
            (b"HTTP/1.1 503 No\r\n\r\n", false),
        ] {
            let (answer, _) = asked(answer).await;
            assert_eq!(answer.unwrap().is_well(), is_well);
        }
        let (garbage, _) = asked(b"SSH-2.0-OpenSSH\r\n").await;
        assert!(matches!(garbage, Err(ProbeError::Http(_))));
    }

    #[tokio::test]
    async fn nobody_and_silence_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let address = Address::Unix(path.clone());
        let nobody = connect(&address, LIMIT).await;
        assert!(matches!(nobody, Err(ProbeError::Connect(_))));
        let _silent = std::os::unix::net::UnixListener::bind(&path).unwrap();
        connect(&address, LIMIT).await.unwrap();
        let short = Duration::from_millis(20);
        let silence = get(&address, "a", "/", short).await;
        assert!(matches!(silence, Err(ProbeError::Slow(_))));
        let silence = fastcgi(&address, short).await;
        assert!(matches!(silence, Err(ProbeError::Slow(_))));
    }
}
