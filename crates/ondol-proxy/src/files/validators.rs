//! What tells one version of a file from another: its entity tag and its date.

use std::io::Write;
use std::time::Duration;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use http::HeaderMap;
use http::HeaderValue;
use http::header;
use httpdate::HttpDate;

use super::encoding::Encoding;

/// The last second that HTTP can write, in the year 9999.
const LAST_SECOND: u64 = 253_402_300_799;
/// An entity tag is two numbers of at most 25 and 13 digits, a hyphen, an encoding and two quotes.
const TAG_BYTES: usize = 45;

/// The entity tag and the date of a file.
///
/// Neither exists for a file from the first two seconds of 1970: that is the date which build tools
/// give to all files of all versions, and two versions of one size must not look the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Validators {
    /// In its quotes. Always strong: one change of a file changes it.
    pub(super) tag: Option<HeaderValue>,
    /// In whole seconds; never in the future (RFC 9110 §8.8.2.1).
    pub(super) modified: Option<SystemTime>,
    /// The same as HTTP writes it.
    date: Option<HeaderValue>,
    /// Of the date.
    pub(super) date_strength: Strength,
}

/// How much a validator says (RFC 9110 §8.8.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strength {
    /// No two versions have the same.
    Strong,
    /// Two versions might have the same.
    Weak,
}

impl Validators {
    pub(super) fn new(
        stat: &rustix::fs::Stat,
        encoding: Option<Encoding>,
        now: SystemTime,
    ) -> Self {
        let seconds = stat.st_mtime;
        if matches!(seconds, 0 | 1) {
            return Self {
                tag: None,
                modified: None,
                date: None,
                date_strength: Strength::Weak,
            };
        }
        let modified = u64::try_from(seconds)
            .ok()
            .filter(|seconds| *seconds <= LAST_SECOND)
            .map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds))
            .filter(|modified| *modified <= now);
        // Until its second is over the file may change again within it (RFC 9110 §8.8.2.2).
        let is_settled = modified.is_some_and(|modified| modified + Duration::from_secs(1) <= now);
        Self {
            tag: tag(stat, encoding),
            modified,
            date: modified.and_then(date),
            date_strength: if is_settled {
                Strength::Strong
            } else {
                Strength::Weak
            },
        }
    }

    #[cfg(test)]
    pub(super) fn with(
        tag: Option<HeaderValue>,
        modified: Option<SystemTime>,
        date_strength: Strength,
    ) -> Self {
        Self {
            tag,
            modified,
            date: modified.and_then(date),
            date_strength,
        }
    }

    /// Writes `ETag` and `Last-Modified`.
    pub(super) fn write(&self, headers: &mut HeaderMap) {
        if let Some(tag) = &self.tag {
            headers.insert(header::ETAG, tag.clone());
        }
        if let Some(date) = &self.date {
            headers.insert(header::LAST_MODIFIED, date.clone());
        }
    }
}

fn tag(stat: &rustix::fs::Stat, encoding: Option<Encoding>) -> Option<HeaderValue> {
    let nanoseconds = i128::from(stat.st_mtime_nsec);
    let modified = i128::from(stat.st_mtime) * 1_000_000_000 + nanoseconds;
    let mut tag = Vec::with_capacity(TAG_BYTES);
    tag.push(b'"');
    push_base36(&mut tag, modified.unsigned_abs());
    tag.push(b'-');
    push_base36(&mut tag, u128::from(stat.st_size.unsigned_abs()));
    if let Some(encoding) = encoding {
        tag.push(b'.');
        tag.extend_from_slice(encoding.ending().as_bytes());
    }
    tag.push(b'"');
    HeaderValue::from_maybe_shared(Bytes::from(tag)).ok()
}

fn push_base36(text: &mut Vec<u8>, mut number: u128) {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let start = text.len();
    loop {
        text.extend(DIGITS.get((number % 36) as usize));
        number /= 36;
        if number == 0 {
            break;
        }
    }
    if let Some(digits) = text.get_mut(start..) {
        digits.reverse();
    }
}

fn date(time: SystemTime) -> Option<HeaderValue> {
    let mut text = Vec::with_capacity("Sun, 06 Nov 1994 08:49:37 GMT".len());
    write!(text, "{}", HttpDate::from(time)).ok()?;
    HeaderValue::from_maybe_shared(Bytes::from(text)).ok()
}
