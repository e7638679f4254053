//! One question to the box's own listener, by a connection of its own, within limits.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http::header;
use http_body_util::Empty;
use ondol_base::clock;
use ondol_base::https::exchange::Begun;
use ondol_base::https::exchange::begin;
use ondol_model::plan::SiteCheck;
use ondol_model::watch::CHECK_USER_AGENT;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// As much of a body as is looked into.
pub(super) const BODY_BYTES_MAX: usize = 1024 * 1024;
/// What is read of a body into which nobody looks, so that its sender can end it well.
const REST_BYTES_MAX: usize = 64 * 1024;
const REST: Duration = Duration::from_millis(500);

/// What is asked of whom.
pub(super) struct Question<'p> {
    pub(super) address: SocketAddr,
    pub(super) host: String,
    pub(super) check: &'p SiteCheck,
    /// `None` for plain HTTP; within it `None` where TLS can't be made ready.
    pub(super) tls: Option<Option<Arc<ClientConfig>>>,
    /// Whether visitors must show a certificate: then the site lives when it has shown its own.
    pub(super) wants_certificate: bool,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    /// `None` where nobody gets further without a certificate.
    pub(super) status: Option<u16>,
    /// The first bytes of the body; empty where nobody looks into it.
    pub(super) body: Bytes,
    /// From the connection to the head of the answer, and to the end of a body that is looked into.
    pub(super) took: Duration,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum AskError {
    /// The one who asks is not able to.
    #[error("TLS could not be made ready")]
    Unready,
    /// The path or name can't be asked for.
    #[error("it can't be asked for")]
    Request(#[source] http::Error),
    /// No connection.
    #[error("the box could not be connected to at {0}")]
    Connect(SocketAddr, #[source] io::Error),
    /// The TLS handshake failed, most often because of the certificate.
    #[error("a visitor could not agree on TLS with it")]
    Tls(#[source] io::Error),
    /// What came is no HTTP, or it ended in the middle.
    #[error("it did not answer in HTTP")]
    Http(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It took too long.
    #[error("it did not answer within {} s", .0.as_secs())]
    Slow(Duration),
}

/// Asks once.
pub(super) async fn ask(question: Question<'_>) -> Result<Answer, AskError> {
    let limit = question.check.timeout;
    // What is asked is large as a future: the one who looks would carry it in its own.
    match tokio::time::timeout(limit, Box::pin(ask_patiently(question))).await {
        Ok(answer) => answer,
        Err(_) => Err(AskError::Slow(limit)),
    }
}

async fn ask_patiently(question: Question<'_>) -> Result<Answer, AskError> {
    let Question {
        address,
        host,
        check,
        tls,
        wants_certificate,
    } = question;
    let request = Request::get(encoded(&check.path))
        .header(header::HOST, &host)
        .header(header::USER_AGENT, CHECK_USER_AGENT)
        .header(header::ACCEPT, "*/*")
        .header(header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(AskError::Request)?;
    let started = clock::now();
    let stream = TcpStream::connect(address).await;
    let stream = stream.map_err(|error| AskError::Connect(address, error))?;
    let begun = match tls {
        None => begin(stream, request).await,
        Some(config) => {
            let connector = TlsConnector::from(config.ok_or(AskError::Unready)?);
            let name = server_name(&host)?;
            let stream = connector.connect(name, stream).await;
            let stream = stream.map_err(AskError::Tls)?;
            if wants_certificate {
                return Ok(Answer {
                    status: None,
                    body: Bytes::new(),
                    took: started.elapsed(),
                });
            }
            begin(stream, request).await
        }
    };
    let mut begun = begun.map_err(|error| AskError::Http(error.into()))?;
    let status = Some(begun.head.status.as_u16());
    if check.contains.is_none() && check.json.is_empty() {
        let took = started.elapsed();
        read_rest(begun).await;
        return Ok(Answer {
            status,
            body: Bytes::new(),
            took,
        });
    }
    let body = begun.beginning(BODY_BYTES_MAX).await;
    let body = body.map_err(|error| AskError::Http(error.into()))?;
    Ok(Answer {
        status,
        body,
        took: started.elapsed(),
    })
}

/// What becomes of a body into which nobody looks is nobody's business.
async fn read_rest(mut begun: Begun) {
    let _ = tokio::time::timeout(REST, begun.beginning(REST_BYTES_MAX)).await;
}

fn server_name(host: &str) -> Result<ServerName<'static>, AskError> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    ServerName::try_from(bare.to_owned())
        .map_err(|error| AskError::Tls(io::Error::new(io::ErrorKind::InvalidInput, error)))
}

/// A path as it is sent: what no URL may have is escaped (RFC 3986 §2.1).
fn encoded(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'!' | b'#'..=b';' | b'=' | b'?'..=b'Z' | b'_' | b'a'..=b'z' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => {
                let (high, low) = (byte >> 4, byte & 0xf);
                encoded.push('%');
                let digits = [high, low].map(|digit| char::from_digit(digit.into(), 16));
                encoded.extend(
                    digits
                        .into_iter()
                        .flatten()
                        .map(|digit| digit.to_ascii_uppercase()),
                );
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_sent_as_urls_have_it() {
        for (path, sent) in [
            ("/", "/"),
            ("/up?full=1&a=%20", "/up?full=1&a=%20"),
            ("/한", "/%ED%95%9C"),
            ("/a b\"<>\\^`{|}[", "/a%20b%22%3C%3E%5C%5E%60%7B%7C%7D%5B"),
        ] {
            assert_eq!(encoded(path), sent);
        }
    }
}
