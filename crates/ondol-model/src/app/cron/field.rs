//! One field of a line: the numbers that it is for.

use super::CronError;

/// The numbers of one field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field {
    numbers: u64,
    /// Whether it begins with `*`; with a step too.
    is_any: bool,
}

/// What a field can be.
#[derive(Debug)]
pub(super) struct Kind {
    name: &'static str,
    accepted: &'static str,
    first: u32,
    last: u32,
    names: &'static [&'static str],
}

pub(super) const MINUTE: Kind = Kind {
    name: "minute",
    accepted: "`0` to `59`, `*`, `*/10`, `0-29`, `0,30`",
    first: 0,
    last: 59,
    names: &[],
};
pub(super) const HOUR: Kind = Kind {
    name: "hour",
    accepted: "`0` to `23`, `*`, `*/2`, `9-17`, `6,18`",
    first: 0,
    last: 23,
    names: &[],
};
pub(super) const DAY: Kind = Kind {
    name: "day of the month",
    accepted: "`1` to `31`, `*`, `*/2`, `1-7`, `1,15`",
    first: 1,
    last: 31,
    names: &[],
};
pub(super) const MONTH: Kind = Kind {
    name: "month",
    accepted: "`1` to `12` or `jan` to `dec`, `*`, `*/3`, `6-8`, `1,7`",
    first: 1,
    last: 12,
    names: &[
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ],
};
pub(super) const WEEKDAY: Kind = Kind {
    name: "day of the week",
    accepted: "`0` (Sunday) to `7` (Sunday too) or `sun` to `sat`, `*`, `mon-fri`, `sat,sun`",
    first: 0,
    last: 7,
    names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
};

impl Field {
    pub(super) fn any(kind: &Kind) -> Self {
        Self {
            numbers: numbers(kind.first, kind.last, 1),
            is_any: true,
        }
    }

    pub(super) fn parse(text: &str, kind: &Kind) -> Result<Self, CronError> {
        let mut all = 0;
        for part in text.split(',') {
            all |= parse_part(part, kind).ok_or_else(|| CronError::Field {
                field: kind.name,
                part: part.to_owned(),
                accepted: kind.accepted,
            })?;
        }
        Ok(Self {
            numbers: all,
            is_any: text.starts_with('*'),
        })
    }

    /// A single number.
    pub(super) fn parse_one(text: &str, kind: &Kind) -> Option<Self> {
        let number = parse_number(text, kind)?;
        Some(Self {
            numbers: 1 << number,
            is_any: false,
        })
    }

    /// With Sunday under both of its numbers.
    pub(super) fn with_sunday(self) -> Self {
        let is_sunday = self.has(0) || self.has(7);
        Self {
            numbers: self.numbers | u64::from(is_sunday),
            ..self
        }
    }

    pub(super) fn has(self, number: i64) -> bool {
        (0..64).contains(&number) && self.numbers & (1 << number) != 0
    }

    pub(super) fn is_any(self) -> bool {
        self.is_any
    }
}

/// A number, a range or a star, with a step or without.
fn parse_part(text: &str, kind: &Kind) -> Option<u64> {
    let (range, step) = match text.split_once('/') {
        Some((range, step)) => (range, Some(parse_plain(step)?)),
        None => (text, None),
    };
    if step.is_some_and(|step| step == 0 || step > kind.last) {
        return None;
    }
    let (first, last) = if range == "*" {
        (kind.first, kind.last)
    } else if let Some((first, last)) = range.split_once('-') {
        (parse_number(first, kind)?, parse_number(last, kind)?)
    } else {
        let first = parse_number(range, kind)?;
        (first, if step.is_some() { kind.last } else { first })
    };
    (first <= last).then(|| numbers(first, last, step.unwrap_or(1)))
}

fn parse_number(text: &str, kind: &Kind) -> Option<u32> {
    let name = kind.names.iter().zip(kind.first..);
    let mut name = name.filter(|(name, _)| name.eq_ignore_ascii_case(text));
    let number = match name.next() {
        Some((_, number)) => number,
        None => parse_plain(text)?,
    };
    (kind.first..=kind.last).contains(&number).then_some(number)
}

/// Digits alone; `parse` would take a sign too.
fn parse_plain(text: &str) -> Option<u32> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| text.parse().ok()).flatten()
}

fn numbers(first: u32, last: u32, step: u32) -> u64 {
    let step = usize::try_from(step).unwrap_or(usize::MAX);
    (first..=last)
        .step_by(step)
        .fold(0, |all, number| all | 1 << number)
}
