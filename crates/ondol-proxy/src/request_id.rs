//! The id of a request: in the error page, the access log and the header to the upstream.

use std::cell::Cell;
use std::fmt;

use bytes::Bytes;
use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;

/// The header that carries it.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// A longer one is no id.
const GIVEN_BYTES_MAX: usize = 128;

/// 64 bits that tell a request from the others of this box, printed as 16 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RequestId(pub(crate) u64);

impl RequestId {
    /// Appends the digits to a buffer.
    pub(crate) fn put(self, buffer: &mut Vec<u8>) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        for byte in self.0.to_be_bytes() {
            for digit in [byte >> 4, byte & 15] {
                buffer.push(DIGITS[usize::from(digit)]);
            }
        }
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// An id as it is shown: what a trusted proxy has given the request, or our own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ShownId<'a> {
    Given(&'a str),
    Own(RequestId),
}

impl<'a> ShownId<'a> {
    pub(crate) fn new(given: Option<&'a HeaderValue>, own: RequestId) -> Self {
        let given = given.and_then(|id| id.to_str().ok());
        given.map_or(Self::Own(own), Self::Given)
    }

    /// Appends it to a buffer.
    pub(crate) fn put(self, buffer: &mut Vec<u8>) {
        match self {
            Self::Given(text) => buffer.extend_from_slice(text.as_bytes()),
            Self::Own(id) => id.put(buffer),
        }
    }

    /// A number that is the same wherever this id is seen (FNV-1a of an id that is not ours).
    pub(crate) fn number(self) -> u64 {
        match self {
            Self::Own(id) => id.0,
            Self::Given(text) => text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            }),
        }
    }

    /// As the value of a header. It always is one.
    pub(crate) fn header(self) -> Option<HeaderValue> {
        let mut text = Vec::with_capacity(16);
        self.put(&mut text);
        HeaderValue::from_maybe_shared(Bytes::from(text)).ok()
    }
}

impl From<RequestId> for ShownId<'_> {
    fn from(id: RequestId) -> Self {
        Self::Own(id)
    }
}

impl fmt::Display for ShownId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given(text) => f.write_str(text),
            Self::Own(id) => id.fmt(f),
        }
    }
}

/// The id that a trusted proxy has given, if it is one that may stand in a log, a header and a page.
pub(crate) fn given(headers: &HeaderMap) -> Option<HeaderValue> {
    let mut values = headers.get_all(X_REQUEST_ID).iter();
    let value = values.next()?;
    let is_sane = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let bytes = value.as_bytes();
    let is_id = (1..=GIVEN_BYTES_MAX).contains(&bytes.len()) && bytes.iter().all(is_sane);
    (is_id && values.next().is_none()).then(|| value.clone())
}

/// Makes ids: a counter from a random start, mixed so that neighbors don't look alike.
#[derive(Debug)]
pub(crate) struct RequestIds(Cell<u64>);

impl RequestIds {
    /// Ids from a seed that differs between workers and starts.
    pub(crate) fn new(seed: u64) -> Self {
        Self(Cell::new(seed))
    }

    /// The next id. The mixing is a bijection (SplitMix64), so one worker's ids never repeat.
    pub(crate) fn next(&self) -> RequestId {
        let count = self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.0.set(count);
        let mixed = (count ^ (count >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        RequestId(mixed ^ (mixed >> 31))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_short_and_plain() {
        let given = |values: &[&str]| {
            let values = values.iter().map(|text| {
                let value = HeaderValue::from_str(text).expect("a test's own value");
                (X_REQUEST_ID, value)
            });
            given(&values.collect()).is_some()
        };
        assert!(given(&["6f1c-A_z.9"]) && given(&[&"x".repeat(128)]));
        assert!(!given(&[]) && !given(&[""]) && !given(&["a", "b"]));
        assert!(!given(&["a b"]) && !given(&["<b>"]) && !given(&["\u{e9}"]));
        assert!(!given(&[&"x".repeat(129)]));
    }
}
