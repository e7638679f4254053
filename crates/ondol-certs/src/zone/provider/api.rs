//! The HTTP interface of a provider: sends requests, and waits where the provider wants that.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::HeaderValue;
use http::Method;
use http::Request;
use http::StatusCode;
use http::header;
use http::request;
use ondol_base::chain::Chain;
use ondol_base::clock;
use ondol_base::https::Https;
use ondol_base::https::times;
use ondol_base::secret::SecretText;
use ondol_model::USER_AGENT;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;

use super::failed;
use crate::failure::Failure;

/// How often a request is sent to a provider that asks for patience.
const TRIES: u32 = 4;
/// How long it is waited for each time at most; who asks for more is asked again by the next order.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long it is waited for one that does not say how long.
const UNTOLD: Duration = Duration::from_secs(5);
/// Shorter ones are none, and may be part of anything.
const SECRET_BYTES_MIN: usize = 8;
/// As much of an answer as fits into a sentence.
const QUOTED_CHARS_MAX: usize = 200;

/// See the file's own words.
#[derive(Debug)]
pub(crate) struct Api {
    name: &'static str,
    base: Box<str>,
    https: OnceCell<Https>,
}

/// An answer, whatever it says.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

impl Api {
    /// Of a provider, whose URLs begin with this; without a slash at the end.
    pub(crate) fn new(name: &'static str, base: &str) -> Self {
        Self {
            name,
            base: base.into(),
            https: OnceCell::new(),
        }
    }

    /// The start of a request.
    pub(crate) fn request(&self, method: Method, path: &str) -> request::Builder {
        let url = format!("{}{path}", self.base);
        Request::builder().method(method).uri(url)
    }

    /// Sends a request without a body.
    pub(crate) async fn ask(&self, request: request::Builder) -> Result<Reply, Failure> {
        self.send(self.build(request, Bytes::new())?).await
    }

    /// Sends a request with a body of JSON.
    pub(crate) async fn tell(
        &self,
        request: request::Builder,
        body: &impl Serialize,
    ) -> Result<Reply, Failure> {
        let body = serde_json::to_vec(body).map_err(|error| self.unbuildable(&error))?;
        let request = request.header(header::CONTENT_TYPE, "application/json");
        self.send(self.build(request, body.into())?).await
    }

    pub(crate) fn build(
        &self,
        request: request::Builder,
        body: Bytes,
    ) -> Result<Request<Bytes>, Failure> {
        request.body(body).map_err(|error| self.unbuildable(&error))
    }

    pub(crate) async fn send(&self, request: Request<Bytes>) -> Result<Reply, Failure> {
        self.send_unless_busy(request, |_| false).await
    }

    /// Sends a request, again and again while the provider is busy, as it says by the usual status codes
    /// or in its own way.
    pub(crate) async fn send_unless_busy(
        &self,
        request: Request<Bytes>,
        says_busy: impl Fn(&Reply) -> bool,
    ) -> Result<Reply, Failure> {
        let https = self.https.get_or_try_init(|| self.open()).await?;
        let sent_secrets = secrets_of(&request);
        let mut left = TRIES;
        loop {
            left -= 1;
            let sent = https.request(request.clone()).await;
            let (head, body) = sent
                .map_err(|error| {
                    failed(format!(
                        "{} could not be asked: {}",
                        self.name,
                        Chain(&error)
                    ))
                })?
                .into_parts();
            let reply = Reply {
                status: head.status,
                body: without(body, &sent_secrets),
            };
            if !is_busy(reply.status) && !says_busy(&reply) {
                return Ok(reply);
            }
            let wait = wait_asked_for(&head.headers).unwrap_or(UNTOLD);
            if left == 0 || wait > PATIENCE {
                return Err(self.busy(reply.status, wait));
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// What is said of an answer that is not understood.
    pub(crate) fn unexpected(&self, reply: &Reply) -> Failure {
        let said = self.quoted(&String::from_utf8_lossy(&reply.body));
        failed(format!(
            "{} answered what Ondol does not understand ({}): {said}",
            self.name, reply.status
        ))
    }

    /// What a provider said, fit for a sentence.
    pub(crate) fn quoted(&self, text: &str) -> String {
        let words: Vec<_> = text.split_whitespace().collect();
        let mut quoted: String = words.join(" ").chars().take(QUOTED_CHARS_MAX).collect();
        quoted.retain(|letter| !letter.is_control());
        if quoted.is_empty() {
            return "nothing".to_owned();
        }
        format!("`{quoted}`")
    }

    async fn open(&self) -> Result<Https, Failure> {
        let https = Https::open(USER_AGENT, None).await;
        let https = https
            .map_err(|error| failed(format!("{} can't be asked: {}", self.name, Chain(&error))))?;
        Ok(https.plain_where(&self.base)) // Only tests have a base without TLS.
    }

    fn busy(&self, status: StatusCode, wait: Duration) -> Failure {
        let seconds = wait.as_secs();
        let mut failure = failed(format!(
            "{} takes no more requests for now ({status}): it wants to be asked again in {seconds} s",
            self.name
        ));
        let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
        failure.retry_at = Some(clock::unix_seconds().saturating_add(seconds));
        failure
    }

    fn unbuildable(&self, error: &dyn std::fmt::Display) -> Failure {
        failed(format!(
            "{} can't be asked for such a name: {error}",
            self.name
        ))
    }
}

impl Reply {
    /// The body as JSON; `None` when it is something else.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }
}

/// Secrets in the body of a request, as an extension of it.
#[derive(Clone)]
pub(crate) struct Sent(pub(crate) Vec<SecretText>);

/// The secrets that a request carries.
fn secrets_of(request: &Request<Bytes>) -> Vec<SecretText> {
    let header = request.headers().get(header::AUTHORIZATION);
    let in_header = header.filter(|value| value.is_sensitive());
    let in_header = in_header.and_then(|value| value.to_str().ok()?.rsplit(' ').next());
    let in_body = request.extensions().get::<Sent>().into_iter();
    in_header
        .map(SecretText::new)
        .into_iter()
        .chain(in_body.flat_map(|sent| sent.0.clone()))
        .collect()
}

/// What was answered, without secrets that were sent: some repeat what they did not understand, and that is
/// told the owner and kept.
fn without(body: Bytes, secrets: &[SecretText]) -> Bytes {
    let text = String::from_utf8_lossy(&body);
    let secrets = secrets.iter().map(|secret| secret.as_str().trim());
    let repeated: Vec<_> = secrets
        .filter(|secret| secret.len() >= SECRET_BYTES_MIN && text.contains(secret))
        .collect();
    if repeated.is_empty() {
        return body;
    }
    let cleaned = repeated
        .into_iter()
        .fold(text.into_owned(), |text, secret| {
            text.replace(secret, "***")
        });
    cleaned.into()
}

/// The value of a header with a secret in it (`Bearer …`); `what` it is says the failure.
pub(crate) fn authorization(
    scheme: &str,
    token: &SecretText,
    what: &str,
) -> Result<HeaderValue, Failure> {
    let value = format!("{scheme} {}", token.as_str().trim());
    let mut value = HeaderValue::from_str(&value).map_err(|_| {
        failed(format!(
            "{what} can't be right: it has more than one line, or other signs that none has"
        ))
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// A text in the path or the query of a URL (RFC 3986 §2.1).
pub(crate) fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _infallible = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

fn is_busy(status: StatusCode) -> bool {
    [
        StatusCode::TOO_MANY_REQUESTS,
        StatusCode::BAD_GATEWAY,
        StatusCode::SERVICE_UNAVAILABLE,
        StatusCode::GATEWAY_TIMEOUT,
    ]
    .contains(&status)
}

fn wait_asked_for(headers: &HeaderMap) -> Option<Duration> {
    let now = clock::unix_seconds();
    let seconds = times::retry_at(headers, now)? - now;
    u64::try_from(seconds).ok().map(Duration::from_secs)
}
