//! Which part of a file is wanted (RFC 9110 §14).

use http::HeaderMap;
use http::header;

/// The part of a file that is answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it: nothing else was asked for, or nothing that is understood.
    Whole,
    /// A part that is there.
    Range(Range),
    /// A part that is not there: 416.
    Unsatisfiable,
}

/// A part of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    /// Its first byte.
    pub(super) first: u64,
    /// Its last byte, at least the first.
    pub(super) last: u64,
}

impl Range {
    /// Its bytes, at least one.
    pub(super) fn length(self) -> u64 {
        self.last - self.first + 1
    }
}

/// The part that the `Range` header asks for.
///
/// Several ranges are answered with the whole, as RFC 9110 §14.2 allows: a client that asks for many
/// small ones gets nothing that costs more than the file. Of an empty file there is only the whole.
pub(super) fn wanted(headers: &HeaderMap, size: u64) -> Part {
    let mut values = headers.get_all(header::RANGE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Part::Whole;
    };
    if size == 0 {
        return Part::Whole;
    }
    match value.to_str().ok().and_then(parse) {
        Some(spec) => spec.of(size),
        None => Part::Whole,
    }
}

/// One range as it is written; numbers too large for this machine are as large as can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spec {
    /// `first-last`, or `first-`.
    From { first: u64, last: Option<u64> },
    /// `-length`: the end of the file.
    Suffix { length: u64 },
}

impl Spec {
    fn of(self, size: u64) -> Part {
        let end = size - 1;
        match self {
            Self::From { first, .. } if first > end => Part::Unsatisfiable,
            Self::From { first, last } => Part::Range(Range {
                first,
                last: last.map_or(end, |last| last.min(end)),
            }),
            Self::Suffix { length: 0 } => Part::Unsatisfiable,
            Self::Suffix { length } => Part::Range(Range {
                first: size.saturating_sub(length),
                last: end,
            }),
        }
    }
}

/// `None` for another unit, several ranges, or what breaks the grammar.
fn parse(text: &str) -> Option<Spec> {
    let (unit, range) = text.split_once('=')?;
    if !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = range.trim_matches([' ', '\t']).split_once('-')?;
    match (first, last) {
        ("", length) => Some(Spec::Suffix {
            length: number(length)?,
        }),
        (first, "") => Some(Spec::From {
            first: number(first)?,
            last: None,
        }),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(Spec::From {
                first,
                last: Some(last),
            })
        }
    }
}

fn number(digits: &str) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
