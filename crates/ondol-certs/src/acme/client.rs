//! How one thing is asked of an issuer, in as many requests as it takes, and what was seen meanwhile that
//! the ACME library does not tell: when to come back, the issuer's clock, and answers that are no ACME.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use http::HeaderMap;
use http::Method;
use http::Request;
use http::Response;
use http::StatusCode;
use http::header;
use http::header::HeaderName;
use http_body_util::BodyExt;
use http_body_util::Full;
use instant_acme::BodyWrapper;
use instant_acme::BytesResponse;
use instant_acme::Error;
use instant_acme::HttpClient;
use ondol_base::clock;

use super::directory::Directory;
use crate::https::Https;
use crate::https::HttpsError;

/// How much of an answer is remembered, to be shown when it is not understood.
const REMEMBERED_BYTES: usize = 4 * 1024;
/// An issuer that wants to be left alone for longer than this is asked all the same.
const RETRY_AFTER_MAX: i64 = 7 * 24 * 3600;

/// Asks an issuer. Clones share what is seen.
#[derive(Debug, Clone)]
pub(super) struct Client {
    https: Https,
    directory: Arc<Directory>,
    seen: Arc<Mutex<Seen>>,
}

/// What was seen of the answers.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// The last answer.
    pub(super) last: Option<Answer>,
    /// Where the last thing that was made is.
    pub(super) location: Option<String>,
    /// What the issuer's clock says more than this machine's, in seconds.
    pub(super) clock_ahead: Option<i64>,
}

/// What is remembered of an answer.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// Before this moment the issuer does not want to be asked again.
    pub(super) retry_at: Option<i64>,
    /// Its beginning.
    pub(super) body: Bytes,
}

impl Client {
    pub(super) fn new(https: Https, directory: Arc<Directory>) -> Self {
        Self {
            https,
            directory,
            seen: Arc::default(),
        }
    }

    pub(super) fn directory(&self) -> &Directory {
        &self.directory
    }

    /// What was seen until now.
    pub(super) fn seen(&self) -> Seen {
        self.lock().clone()
    }

    /// When the issuer wants to be asked again, by its last answer.
    pub(super) fn retry_at(&self) -> Option<i64> {
        self.lock().last.as_ref()?.retry_at
    }

    /// Sends a request, and remembers the answer.
    pub(super) async fn send(
        &self,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, HttpsError> {
        let answer = self.https.request(request).await;
        let mut seen = self.lock();
        match &answer {
            Ok(answer) => seen.remember(answer),
            Err(_) => seen.last = None,
        }
        answer
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    /// What an answer tells.
    pub(super) fn remember(&mut self, answer: &Response<Bytes>) {
        let headers = answer.headers();
        let now = clock::unix_seconds();
        if let Some(date) = text(headers, &header::DATE).and_then(moment) {
            self.clock_ahead = Some(date - now);
        }
        if let Some(location) = text(headers, &header::LOCATION) {
            self.location = Some(location.to_owned());
        }
        let length = answer.body().len().min(REMEMBERED_BYTES);
        self.last = Some(Answer {
            status: answer.status(),
            retry_at: retry_at(headers, now),
            body: answer.body().slice(..length),
        });
    }
}

impl HttpClient for Client {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let client = self.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            if parts.method == Method::GET && parts.uri == *client.directory.url {
                // The library asks for it whenever an account is taken up.
                let known = client.directory.text.clone();
                return Ok(Response::new(Full::new(known)).into());
            }
            let Ok(body) = body.collect().await;
            let request = Request::from_parts(parts, body.to_bytes());
            let answer = client.send(request).await;
            let answer = answer.map_err(|error| Error::Other(error.into()))?;
            Ok(answer.map(Full::new).into())
        })
    }
}

/// When an answer wants to be followed by another request (RFC 9110 §10.2.3).
pub(super) fn retry_at(headers: &HeaderMap, now: i64) -> Option<i64> {
    let text = text(headers, &header::RETRY_AFTER)?.trim();
    let at = match text.parse::<u32>() {
        Ok(seconds) => now + i64::from(seconds),
        Err(_) => moment(text)?,
    };
    Some(at.clamp(now, now + RETRY_AFTER_MAX))
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// The seconds since the Unix epoch of an HTTP date.
fn moment(text: &str) -> Option<i64> {
    let time: SystemTime = httpdate::parse_http_date(text).ok()?;
    let since = time.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issuers_say_when_to_come_back_in_seconds_or_as_a_date() {
        let now = 1_772_337_906; // 2026-03-01 04:05:06
        let at = |value: &'static str| {
            let value = http::HeaderValue::from_static(value);
            let headers = HeaderMap::from_iter([(header::RETRY_AFTER, value)]);
            retry_at(&headers, now).map(|at| at - now)
        };
        assert_eq!(at("120"), Some(120));
        assert_eq!(at(" 120 "), Some(120));
        assert_eq!(at("Sun, 01 Mar 2026 04:06:06 GMT"), Some(60));
        assert_eq!(at("Sun, 01 Mar 2020 04:06:06 GMT"), Some(0));
        assert_eq!(at("4000000000"), Some(RETRY_AFTER_MAX));
        assert_eq!(at("soon"), None);
        assert_eq!(at("-1"), None);
        assert_eq!(retry_at(&HeaderMap::new(), now), None);
    }
}
