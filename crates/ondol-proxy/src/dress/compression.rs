//! Smaller bodies, for visitors who take them: which answers, in which coding, and what becomes of the
//! header fields that speak of the body.

mod accept;
mod body;
mod encoder;
mod kind;
mod tag;

use bytes::Bytes;
use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;
use http::Method;
use http::Response;
use http::StatusCode;
use http::header;
use http::request::Parts;
use http_body::Body as _;
use ondol_model::plan::Compression;
use ondol_model::plan::CompressionLevel;
use ondol_model::plan::Encoding;

use crate::body::Body;
use crate::dress::compression::encoder::Encoder;
use crate::headers;

pub(crate) use body::EncodedBody;
pub(super) use tag::restored;

/// A body of at most this size that is in memory is encoded in one go: it leaves with its length, in one
/// piece with its head. It takes the slowest coding half a millisecond.
const AT_ONCE_BYTES_MAX: usize = 64 * 1024;

/// How answers are compressed, prepared.
#[derive(Debug)]
pub(super) struct Compressor {
    encodings: Vec<Encoding>,
    bytes_min: u64,
    level: CompressionLevel,
}

impl Compressor {
    pub(super) fn new(compression: &Compression) -> Self {
        Self {
            encodings: compression.encodings.clone(),
            bytes_min: compression.bytes_min,
            level: compression.level,
        }
    }

    pub(super) fn apply(&self, parts: &Parts, response: &mut Response<Body>) {
        if response.status() == StatusCode::NOT_MODIFIED {
            put_vary(response.headers_mut());
            tag::mark_as_asked(parts, response.headers_mut());
            return;
        }
        if !self.is_worth_it(parts, response) {
            return;
        }
        put_vary(response.headers_mut());
        let Some(encoding) = accept::choose(&parts.headers, &self.encodings) else {
            return;
        };
        if parts.method != Method::HEAD {
            let body = std::mem::replace(response.body_mut(), Body::Empty);
            match self.encoded(encoding, body) {
                Ok(body) => *response.body_mut() = body,
                Err(body) => {
                    *response.body_mut() = body;
                    return;
                }
            }
        }
        let headers = response.headers_mut();
        let word = HeaderValue::from_static(encoding.word());
        headers.insert(header::CONTENT_ENCODING, word);
        headers.remove(header::CONTENT_LENGTH);
        headers.remove(header::ACCEPT_RANGES);
        tag::mark(headers);
    }

    /// The body in a coding, or itself when that does not make it smaller, or too many are being encoded.
    fn encoded(&self, encoding: Encoding, body: Body) -> Result<Body, Body> {
        let size = body.size_hint().exact();
        let Some(encoder) = Encoder::new(encoding, self.level, size) else {
            return Err(body);
        };
        match body {
            Body::Full(bytes) if bytes.len() <= AT_ONCE_BYTES_MAX => {
                let smaller = encoder.at_once(&bytes);
                let smaller = smaller.filter(|smaller| smaller.len() < bytes.len());
                smaller
                    .map(|smaller| Body::Full(Bytes::from(smaller)))
                    .ok_or(Body::Full(bytes))
            }
            body => Ok(Body::Encoded(Box::new(EncodedBody::new(body, encoder)))),
        }
    }

    /// Whether this answer would be smaller, and may be changed at all.
    fn is_worth_it(&self, parts: &Parts, response: &Response<Body>) -> bool {
        let headers = response.headers();
        let size = if parts.method == Method::HEAD {
            length(headers)
        } else {
            response.body().size_hint().exact()
        };
        let has_body = !matches!(
            response.status(),
            StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::PARTIAL_CONTENT
        );
        has_body
            && size.is_none_or(|size| size >= self.bytes_min)
            && !headers.contains_key(header::CONTENT_ENCODING)
            && headers.get(header::CONTENT_TYPE).is_some_and(kind::is_text)
            && !forbids(headers)
            && !forbids(&parts.headers)
            && !SEALED.iter().any(|name| headers.contains_key(name))
    }
}

/// What speaks of the very bytes of a body.
const SEALED: [HeaderName; 5] = [
    header::CONTENT_RANGE,
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("repr-digest"),
];

/// RFC 9111 §5.2.1.6, §5.2.2.6.
fn forbids(headers: &HeaderMap) -> bool {
    let mut controls = headers.get_all(header::CACHE_CONTROL).iter();
    controls.any(|control| headers::has_token(control, "no-transform"))
}

fn length(headers: &HeaderMap) -> Option<u64> {
    let length = headers.get(header::CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

/// Caches must keep the codings apart.
fn put_vary(headers: &mut HeaderMap) {
    let says_so = |list: &HeaderValue| {
        headers::has_token(list, "accept-encoding") || headers::has_token(list, "*")
    };
    if !headers.get_all(header::VARY).iter().any(says_so) {
        let name = HeaderValue::from_static("accept-encoding");
        headers.append(header::VARY, name);
    }
}
