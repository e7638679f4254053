//! What HTTP answers for an object: whole, exactly the bytes that were asked for, or an error.

use bytes::Bytes;
use http::HeaderValue;
use http::StatusCode;
use http::header;

use super::Object;
use super::TargetError;
use super::Trouble;
use crate::http::Answer;

/// The value of `Range` for so many bytes, at least one.
pub(super) fn range(offset: u64, length: u64) -> Result<HeaderValue, TargetError> {
    let last = offset
        .checked_add(length)
        .and_then(|end| end.checked_sub(1));
    let value = last.map(|last| format!("bytes={offset}-{last}"));
    let value = value.and_then(|value| HeaderValue::from_str(&value).ok());
    value.ok_or_else(|| TargetError::new(Trouble::Other, "no object has so many bytes"))
}

/// The content of an answer (200, 206, or 416: it has no such bytes) for an object, or for a range of it.
pub(super) fn content(
    object: &Object,
    range: Option<(u64, u64)>,
    answer: Answer,
) -> Result<Bytes, TargetError> {
    let object = object.path();
    let wrong = |what: String| TargetError::new(Trouble::Wrong, format!("the server {what}"));
    let is_encoded = answer.headers.get(header::CONTENT_ENCODING);
    if is_encoded.is_some_and(|encoding| encoding != "identity") {
        return Err(wrong(format!(
            "sent {object} compressed, which was not asked for"
        )));
    }
    if answer.status == StatusCode::RANGE_NOT_SATISFIABLE {
        return Err(wrong(format!("has fewer bytes of {object} than it should")));
    }
    let length = answer.body.len() as u64;
    match range {
        // No object is empty.
        None if length == 0 => Err(wrong(format!(
            "answered that all is well, but sent nothing of {object}"
        ))),
        None if answer.status == StatusCode::PARTIAL_CONTENT => Err(wrong(format!(
            "sent a part of {object} where all of it was asked for"
        ))),
        None => Ok(answer.body),
        Some((offset, wanted)) => {
            let starts_there = match answer.status {
                StatusCode::PARTIAL_CONTENT => starts_at(&answer) == Some(offset),
                // The whole object, which happens to be the range.
                _ => offset == 0,
            };
            if starts_there && length == wanted {
                return Ok(answer.body);
            }
            Err(wrong(format!(
                "sent {length} bytes of {object} instead of {wanted} from byte {offset} on"
            )))
        }
    }
}

/// The first byte of what `Content-Range` tells: `bytes 0-9/443`.
fn starts_at(answer: &Answer) -> Option<u64> {
    let value = answer.header("content-range")?.strip_prefix("bytes ")?;
    value.split_once('-')?.0.trim().parse().ok()
}
