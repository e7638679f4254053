//! `bandwidth`: how much of the line backups may use.

use ondol_model::plan::BandwidthWindow;

use crate::file::rules::read as read_text;
use crate::report::Report;
use crate::section::Section;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;
use crate::shape::Table;
use crate::size;

/// With less, no backup would ever be done: 64 kbit/s.
const RATE_MIN: u64 = 8_000;
const DAY: u16 = 24 * 60;
const UNLIMITED: &str = "unlimited";
/// Bits a second.
const BITS: [(&str, u64); 5] = [
    ("kbit/s", 1_000),
    ("Kbit/s", 1_000),
    ("Mbit/s", 1_000_000),
    ("Gbit/s", 1_000_000_000),
    ("bit/s", 1),
];

const RATE: Form = Form {
    what: "a rate",
    example: "20Mbit/s",
};

pub(super) const BANDWIDTH: Key = Key {
    name: "bandwidth",
    doc: "The most of the line that backups use, each way: a rate (`20Mbit/s`, `2MB/s`), or a list of rates at times of the day, the first of which counts; at all others there is no limit. Without it there is none. The folders of this machine are not limited.",
    shape: Shape::AnyOf(&[Shape::Text(RATE), Shape::OneOrMore(&Shape::Table(&WINDOW))]),
    absent: Absent::Means,
};

static WINDOW: Table = Table {
    title: "a rate of `bandwidth`",
    doc: "A rate at a time of the day.",
    keys: &[
        Key {
            name: "from",
            doc: "When it begins, as `HH:MM`.",
            shape: Shape::Text(Form {
                what: "a time of day",
                example: "08:00",
            }),
            absent: Absent::Default("\"00:00\""),
        },
        Key {
            name: "to",
            doc: "When it is over, as `HH:MM`; on the next day when that is not later than `from`.",
            shape: Shape::Text(Form {
                what: "a time of day",
                example: "23:00",
            }),
            absent: Absent::Default("\"24:00\""),
        },
        Key {
            name: "rate",
            doc: "The rate, or `unlimited`.",
            shape: Shape::Text(Form {
                what: "a rate or \"unlimited\"",
                example: "5Mbit/s",
            }),
            absent: Absent::Mistake,
        },
    ],
    later: &[],
};

pub(super) fn bandwidth(section: Section<'_>, report: &mut Report) -> Vec<BandwidthWindow> {
    if section.text(BANDWIDTH.name).is_some() {
        let rate = read_text(section, BANDWIDTH.name, rate, report).flatten();
        let all_day = |rate| BandwidthWindow {
            from: 0,
            to: DAY,
            rate: Some(rate),
        };
        return rate.map(all_day).into_iter().collect();
    }
    let mut left = vec![true; usize::from(DAY)];
    let mut windows = Vec::new();
    for table in section.tables(BANDWIDTH.name) {
        let Some(window) = window(table, report) else {
            continue;
        };
        let mut is_used = false;
        for minute in minutes(&window) {
            if let Some(left) = left.get_mut(usize::from(minute)) {
                is_used |= std::mem::take(left);
            }
        }
        if !is_used {
            report
                .add(table.at(), "this rate never counts")
                .help("of several rates for a time of the day the first counts: put this one before the others, or remove it");
        }
        windows.push(window);
    }
    windows
}

fn window(table: Section<'_>, report: &mut Report) -> Option<BandwidthWindow> {
    let from = read_text(table, "from", begin, report);
    let to = read_text(table, "to", minute_of_day, report);
    Some(BandwidthWindow {
        from: from.unwrap_or(0),
        to: to.unwrap_or(DAY),
        rate: read_text(table, "rate", rate, report)?,
    })
}

/// The minutes of the day that are in a window.
fn minutes(window: &BandwidthWindow) -> impl Iterator<Item = u16> {
    let end = match window.to > window.from {
        true => window.to,
        false => window.to + DAY,
    };
    (window.from..end).map(|minute| minute % DAY)
}

pub(in crate::file) fn begin(text: &str) -> Result<u16, String> {
    match minute_of_day(text) {
        Ok(DAY) => Err("a day begins at 00:00".to_owned()),
        other => other,
    }
}

pub(in crate::file) fn minute_of_day(text: &str) -> Result<u16, String> {
    let number = |digits: &str| {
        let is_number = digits.len() <= 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse::<u16>().ok().filter(|_| is_number)
    };
    let minute = text.split_once(':').and_then(|(hour, minute)| {
        let minute = number(minute).filter(|_| minute.len() == 2)?;
        let minutes = number(hour)? * 60 + minute;
        (minute < 60 && minutes <= DAY).then_some(minutes)
    });
    minute.ok_or_else(|| "a time of day is `00:00` to `24:00`".to_owned())
}

/// Reads bytes a second; `None` is no limit.
fn rate(text: &str) -> Result<Option<u64>, String> {
    if text == UNLIMITED {
        return Ok(None);
    }
    let accepted = || {
        format!(
            "a rate is a number of bits a second (\"500kbit/s\", \"20Mbit/s\") or of bytes (\"2MB/s\"), or \"{UNLIMITED}\""
        )
    };
    let in_bits = BITS.iter().find_map(|(unit, bits)| {
        let number = text.strip_suffix(unit)?.trim_end().parse::<u64>().ok()?;
        number.checked_mul(*bits).map(|bits| bits / 8)
    });
    let in_bytes = || size::parse(text.strip_suffix("/s")?).ok();
    let rate = in_bits.or_else(in_bytes).ok_or_else(accepted)?;
    if rate < RATE_MIN {
        return Err("with less than 64kbit/s no backup would ever be done".to_owned());
    }
    Ok(Some(rate))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_bits_or_bytes() {
        for (text, bytes) in [
            ("20Mbit/s", 2_500_000),
            ("500 kbit/s", 62_500),
            ("1Gbit/s", 125_000_000),
            ("64000bit/s", 8_000),
            ("2MB/s", 2_000_000),
            ("1MiB/s", 1 << 20),
        ] {
            assert_eq!(rate(text), Ok(Some(bytes)), "{text}");
        }
        assert_eq!(rate("unlimited"), Ok(None));
        for text in [
            "",
            "20",
            "20M",
            "20Mbit",
            "Mbit/s",
            "-1Mbit/s",
            "1kbit/s",
            "0MB/s",
            "99999999999Gbit/s",
            "1.5Mbit/s",
            "20Mbps",
        ] {
            assert!(rate(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_of_day_are_hours_and_minutes() {
        for (text, minute) in [
            ("00:00", 0),
            ("8:05", 485),
            ("23:59", 1_439),
            ("24:00", 1_440),
        ] {
            assert_eq!(minute_of_day(text), Ok(minute), "{text}");
        }
        for text in [
            "", ":", "8", "08:5", "24:01", "12:60", "+8:00", "008:00", "-1:00", "8:00 ",
        ] {
            assert!(minute_of_day(text).is_err(), "{text}");
        }
    }
}
