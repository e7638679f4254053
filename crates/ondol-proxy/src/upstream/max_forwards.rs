//! `Max-Forwards`: how far an OPTIONS may still go (RFC 9110 §7.6.2). TRACE goes nowhere from here.

use http::HeaderMap;
use http::HeaderValue;
use http::Method;
use http::header;

/// The hops that a request has left; `None` where it may go as far as it likes.
pub(crate) fn left(method: &Method, headers: &HeaderMap) -> Option<u64> {
    if *method != Method::OPTIONS {
        return None;
    }
    let mut values = headers.get_all(header::MAX_FORWARDS).iter();
    let value = values.next().map(HeaderValue::to_str)?.ok()?;
    let is_number = value.bytes().all(|byte| byte.is_ascii_digit());
    if values.next().is_some() || !is_number {
        return None;
    }
    value.parse().ok()
}
