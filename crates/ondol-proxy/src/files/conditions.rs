//! Whether a request's conditions hold (RFC 9110 §13).

use std::time::SystemTime;

use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;
use http::header;

use super::validators::Strength;
use super::validators::Validators;

/// What the conditions of a GET or HEAD request for an existing file come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is answered as if it had none.
    Proceed,
    /// The visitor has this version already: 304.
    NotModified,
    /// The visitor wanted another version: 412.
    Failed,
}

/// How two entity tags are compared (RFC 9110 §8.8.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    /// Weak tags equal nothing.
    Strong,
    /// A weak tag equals a strong one of the same text.
    Weak,
}

/// In the order of precedence of RFC 9110 §13.2.2, but for `Range`.
pub(super) fn verdict(headers: &HeaderMap, validators: &Validators) -> Verdict {
    if headers.contains_key(header::IF_MATCH) {
        if !names_tag(headers, &header::IF_MATCH, validators, Comparison::Strong) {
            return Verdict::Failed;
        }
    } else if is_modified_since(headers, &header::IF_UNMODIFIED_SINCE, validators) == Some(true) {
        return Verdict::Failed;
    }
    let has_current = if headers.contains_key(header::IF_NONE_MATCH) {
        names_tag(
            headers,
            &header::IF_NONE_MATCH,
            validators,
            Comparison::Weak,
        )
    } else {
        is_modified_since(headers, &header::IF_MODIFIED_SINCE, validators) == Some(false)
    };
    if has_current {
        return Verdict::NotModified;
    }
    Verdict::Proceed
}

/// Whether a range is wanted of this very version (RFC 9110 §13.1.5): there is no `If-Range`, or it
/// has exactly the strong tag or exactly the date.
pub(super) fn range_is_of(headers: &HeaderMap, validators: &Validators) -> bool {
    let Some(wanted) = headers.get(header::IF_RANGE) else {
        return true;
    };
    if wanted.as_bytes().contains(&b'"') {
        return validators.tag.as_ref() == Some(wanted);
    }
    let date = date(wanted);
    date.is_some() && date == validators.modified && validators.date_strength == Strength::Strong
}

/// Whether a list of tags has that of the file, or is `*`. What breaks the grammar ends the list.
fn names_tag(
    headers: &HeaderMap,
    name: &HeaderName,
    validators: &Validators,
    comparison: Comparison,
) -> bool {
    let current = validators.tag.as_ref().map(HeaderValue::as_bytes);
    headers.get_all(name).iter().any(|list| {
        list.as_bytes().trim_ascii() == b"*"
            || tags(list.as_bytes()).any(|tag| {
                let allowed = comparison == Comparison::Weak || tag.strength == Strength::Strong;
                allowed && Some(tag.text) == current
            })
    })
}

/// An entity tag of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tag<'a> {
    strength: Strength,
    /// With its quotes.
    text: &'a [u8],
}

fn tags(list: &[u8]) -> impl Iterator<Item = Tag<'_>> {
    let mut rest = list;
    std::iter::from_fn(move || {
        let start = rest
            .iter()
            .position(|byte| !matches!(byte, b' ' | b'\t' | b','))?;
        let tag = rest.get(start..)?;
        let (strength, text) = match tag.strip_prefix(b"W/") {
            Some(text) => (Strength::Weak, text),
            None => (Strength::Strong, tag),
        };
        let inside = text.strip_prefix(b"\"")?;
        let length = inside.iter().position(|byte| *byte == b'"')? + 2;
        let (text, after) = text.split_at_checked(length)?;
        rest = after;
        Some(Tag { strength, text })
    })
}

/// Whether the file is newer than the date of this header; `None` when either has none.
fn is_modified_since(
    headers: &HeaderMap,
    name: &HeaderName,
    validators: &Validators,
) -> Option<bool> {
    let since = date(headers.get(name)?)?;
    Some(validators.modified? > since)
}

fn date(value: &HeaderValue) -> Option<SystemTime> {
    httpdate::parse_http_date(value.to_str().ok()?).ok()
}

#[cfg(test)]
mod tests;
