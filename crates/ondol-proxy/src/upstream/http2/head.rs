//! Heads as HTTP/2 has them: made of the one that an upstream of HTTP/1.1 would get, so that the rules
//! about what is passed on, added and removed stand in one place.

use std::io;
use std::mem::MaybeUninit;

use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;
use http::Method;
use http::Request;
use http::StatusCode;
use http::Uri;
use http::Version;
use http::header;
use http::response::Parts;
use ondol_model::limits::HEADERS_MAX;

use crate::headers;
use crate::upstream::request_head;
use crate::upstream::request_head::RequestHead;
use crate::upstream::response_head::AfterResponse;
use crate::upstream::response_head::BodyFraming;
use crate::upstream::response_head::ResponseHead;

/// What is added to the fields of a visitor at most.
const ADDED_MAX: usize = 64;

/// The head of a request. An upgrade is not asked for: HTTP/2 has none (RFC 9113 §8.6).
pub(super) fn request(head: &RequestHead<'_>, scheme: &'static str) -> io::Result<Request<()>> {
    let head = RequestHead {
        upgrade: None,
        ..*head
    };
    let mut text = Vec::with_capacity(1024);
    request_head::encode(&head, &mut text);
    let mut fields = [const { MaybeUninit::uninit() }; HEADERS_MAX + ADDED_MAX];
    let mut parsed = httparse::Request::new(&mut []);
    httparse::ParserConfig::default()
        .parse_request_with_uninit_headers(&mut parsed, &text, &mut fields)
        .map_err(unfit)?;
    let mut headers = HeaderMap::with_capacity(parsed.headers.len());
    let mut host = None;
    for field in parsed.headers.iter() {
        let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(unfit)?;
        match name {
            header::HOST => host = Some(field.value),
            header::CONNECTION | header::TRANSFER_ENCODING => {}
            _ => {
                let value = HeaderValue::from_bytes(field.value).map_err(unfit)?;
                headers.append(name, value);
            }
        }
    }
    let uri = Uri::builder()
        .scheme(scheme)
        .authority(host.unwrap_or_default())
        .path_and_query(parsed.path.unwrap_or("/"))
        .build()
        .map_err(unfit)?;
    let mut request = Request::new(());
    *request.method_mut() = head.method.clone();
    *request.uri_mut() = uri;
    *request.version_mut() = Version::HTTP_2;
    *request.headers_mut() = headers;
    Ok(request)
}

/// The head of a response as it goes on to the visitor. `h2` has refused the fields that HTTP/2 does not
/// have, and compares the length with the body.
pub(super) fn response(parts: Parts, method: &Method, is_ended: bool) -> io::Result<ResponseHead> {
    let Parts {
        status,
        mut headers,
        ..
    } = parts;
    if status.is_informational() {
        return Err(unfit("it switched protocols, which HTTP/2 cannot"));
    }
    if headers.len() > HEADERS_MAX {
        return Err(unfit("it has too many headers"));
    }
    let left_behind: Vec<HeaderName> = headers
        .keys()
        .filter(|name| **name != header::TRAILER && headers::is_hop_by_hop(name.as_str()))
        .cloned()
        .collect();
    for name in left_behind {
        headers.remove(name);
    }
    if headers.get_all(header::DATE).iter().nth(1).is_some()
        && let Some(first) = headers.remove(header::DATE)
    {
        headers.insert(header::DATE, first);
    }
    let is_bodiless = is_ended
        || *method == Method::HEAD
        || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    let length = headers.get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
    let framing = match length {
        _ if is_bodiless => BodyFraming::None,
        Some(length) => BodyFraming::Length(length),
        None => BodyFraming::UntilClose,
    };
    Ok(ResponseHead {
        status,
        headers,
        framing,
        after: AfterResponse::Close,
        upgrade: None,
    })
}

/// What of a response's trailers goes on to the visitor.
pub(super) fn response_trailers(mut trailers: HeaderMap) -> HeaderMap {
    let left_behind: Vec<HeaderName> = trailers
        .keys()
        .filter(|name| headers::is_hop_by_hop(name.as_str()) || **name == header::CONTENT_LENGTH)
        .cloned()
        .collect();
    for name in left_behind {
        trailers.remove(name);
    }
    trailers
}

fn unfit(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
