//! A question with its limits, and an answer.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::Method;
use http::StatusCode;

use super::ANSWER_BYTES_MAX;
use super::WHOLE;

/// What is asked of whom.
#[derive(Clone)]
pub struct Ask {
    /// How.
    pub method: Method,
    /// Whom, and for what.
    pub url: String,
    /// Header fields besides those that every request has.
    pub headers: HeaderMap,
    /// What is sent; may be empty.
    pub body: Bytes,
    /// How long all may take, to the last byte that is read.
    pub time: Duration,
    /// As much of the body of the answer as is read.
    pub bytes_max: usize,
}

/// What was answered, whatever it says.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body, or so many bytes of it as were wanted.
    pub body: Bytes,
}

impl Ask {
    /// A question with a method, the usual limits and nothing else.
    pub fn new(method: Method, url: impl Into<String>) -> Self {
        Self {
            method,
            url: url.into(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            time: WHOLE,
            bytes_max: ANSWER_BYTES_MAX,
        }
    }
}

/// A URL may be a secret, as header fields are.
impl fmt::Debug for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ask")
            .field("method", &self.method)
            .field("host", &host_of(&self.url))
            .finish_non_exhaustive()
    }
}

/// Who is named in a URL that can't be read, without what may be a secret in it.
pub(super) fn host_of(url: &str) -> &str {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    if scheme.is_empty() || host.is_empty() {
        return "…";
    }
    host
}
