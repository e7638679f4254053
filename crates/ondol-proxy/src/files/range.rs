//! Which part of a file is wanted (RFC 9110 §14).

use http::HeaderMap;
use http::header;
use ondol_model::limits::RANGES_MAX;

/// The part of a file that is answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it: nothing else was asked for, or nothing that is understood.
    Whole,
    /// A part that is there.
    Range(Range),
    /// Several parts that are there, none next to another.
    Ranges(Vec<Range>),
    /// Parts that are not there: 416.
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
/// What is no list of byte ranges is ignored, as RFC 9110 §14.2 wants, and so is one that is longer than
/// [`RANGES_MAX`]. Parts that overlap or nearly touch are sent as one, so that no answer is larger than the
/// file by more than its own words. Of an empty file there is only the whole.
pub(super) fn wanted(headers: &HeaderMap, size: u64) -> Part {
    let mut values = headers.get_all(header::RANGE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Part::Whole;
    };
    if size == 0 {
        return Part::Whole;
    }
    let Some(specs) = value.to_str().ok().and_then(parse) else {
        return Part::Whole;
    };
    let ranges = specs.iter().filter_map(|spec| spec.of(size)).collect();
    match joined(ranges).as_slice() {
        [] => Part::Unsatisfiable,
        [range] => Part::Range(*range),
        ranges => Part::Ranges(ranges.to_vec()),
    }
}

/// A gap as small as the words around a part costs less than another part.
const GAP_BYTES: u64 = 100;

/// The same bytes in as few parts as make sense: in the order that was asked for, or, where some were
/// joined, in that of the file.
fn joined(ranges: Vec<Range>) -> Vec<Range> {
    let mut sorted = ranges.clone();
    sorted.sort_by_key(|range| range.first);
    let mut joined: Vec<Range> = Vec::with_capacity(sorted.len());
    for range in sorted {
        match joined.last_mut() {
            Some(before) if range.first <= before.last.saturating_add(GAP_BYTES) => {
                before.last = before.last.max(range.last);
            }
            _ => joined.push(range),
        }
    }
    if joined.len() == ranges.len() {
        ranges
    } else {
        joined
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
    /// The part that it is of a file that is not empty; `None` where that has none.
    fn of(self, size: u64) -> Option<Range> {
        let end = size - 1;
        match self {
            Self::From { first, .. } if first > end => None,
            Self::From { first, last } => Some(Range {
                first,
                last: last.map_or(end, |last| last.min(end)),
            }),
            Self::Suffix { length: 0 } => None,
            Self::Suffix { length } => Some(Range {
                first: size.saturating_sub(length),
                last: end,
            }),
        }
    }
}

/// `None` for another unit, too many ranges, or what breaks the grammar.
fn parse(text: &str) -> Option<Vec<Spec>> {
    let (unit, list) = text.split_once('=')?;
    if !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    let mut specs = Vec::new();
    for spec in list.split(',').map(|spec| spec.trim_matches([' ', '\t'])) {
        if spec.is_empty() {
            continue; // RFC 9110 §5.6.1.2
        }
        if specs.len() == RANGES_MAX {
            return None;
        }
        specs.push(parse_one(spec)?);
    }
    (!specs.is_empty()).then_some(specs)
}

fn parse_one(text: &str) -> Option<Spec> {
    match text.split_once('-')? {
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
