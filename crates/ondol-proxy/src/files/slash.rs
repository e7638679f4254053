//! The redirect from a folder's name to its address, which ends with a slash.

use http::HeaderValue;
use http::Response;
use http::StatusCode;
use http::Uri;
use http::header;

use super::FileRequest;
use crate::body::Body;
use crate::failure::Failure;

/// Whether the root's own address was asked for without its slash. That happens where a route's path
/// has none either (`/docs`): the links of its index would lead beside the folder.
pub(super) fn is_missing(request: &FileRequest<'_>) -> bool {
    let original = request.original.path();
    request.path == "/"
        && !original.ends_with('/')
        && ondol_model::path::normalize(original).is_some_and(|path| !path.ends_with('/'))
}

/// To the same path with a slash, keeping the query.
///
/// The path is written anew from its normal form, which has no `//` and no `\`: what the visitor
/// sent could otherwise lead to another host (`//host`, `/\host`).
pub(super) fn redirect(original: &Uri) -> Result<Response<Body>, Failure> {
    let path = ondol_model::path::normalize(original.path()).ok_or(Failure::NotFound)?;
    let mut location = String::with_capacity(path.len() + 1);
    push_encoded(&mut location, &path);
    location.push('/');
    if let Some(query) = original.query() {
        location.push('?');
        location.push_str(query);
    }
    let location = HeaderValue::try_from(location).map_err(|_| Failure::NotFound)?;
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, location);
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    Ok(response)
}

/// Escapes what may not stand in a path (RFC 3986 §3.3).
pub(super) fn push_encoded(location: &mut String, path: &str) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in path.bytes() {
        let plain = byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/".contains(&byte);
        if plain {
            location.push(char::from(byte));
            continue;
        }
        location.push('%');
        for digit in [byte >> 4, byte & 15] {
            location.extend(HEX.get(usize::from(digit)).copied().map(char::from));
        }
    }
}
