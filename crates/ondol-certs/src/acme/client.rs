//! How one thing is asked of an issuer, in as many requests as it takes, and what was seen meanwhile that
//! the ACME library does not tell: when to come back, the issuer's clock, and answers that are no ACME.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use bytes::Bytes;
use http::HeaderValue;
use http::Method;
use http::Request;
use http::Response;
use http::StatusCode;
use http::header;
use http_body_util::BodyExt;
use http_body_util::Full;
use instant_acme::BodyWrapper;
use instant_acme::BytesResponse;
use instant_acme::Error;
use instant_acme::HttpClient;
use ondol_base::clock;
use ondol_base::https::Https;
use ondol_base::https::HttpsError;
use ondol_base::https::times;

use super::directory::Directory;

/// How much of an answer is remembered, to be shown when it is not understood.
const REMEMBERED_BYTES: usize = 4 * 1024;

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
        if let Some(sent_at) = times::sent_at(headers) {
            self.clock_ahead = Some(sent_at - now);
        }
        let location = headers.get(header::LOCATION);
        if let Some(Ok(location)) = location.map(HeaderValue::to_str) {
            self.location = Some(location.to_owned());
        }
        let length = answer.body().len().min(REMEMBERED_BYTES);
        self.last = Some(Answer {
            status: answer.status(),
            retry_at: times::retry_at(headers, now),
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
            let mut answer = answer.map_err(|error| Error::Other(error.into()))?;
            // It is remembered; the library adds it to a time of its own, and panics when it is large.
            answer.headers_mut().remove(header::RETRY_AFTER);
            Ok(answer.map(Full::new).into())
        })
    }
}
