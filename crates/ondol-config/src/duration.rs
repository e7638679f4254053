//! Spans of time as people write them: `500ms`, `30s`, `2m`, `1h`, `1d`.

use std::time::Duration;

use ondol_model::limits::TIMEOUT_MAX;

/// Reads a span of time; the error says why it is none.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    parse_up_to(TIMEOUT_MAX, text)
}

/// Reads a span of time that may be so long; the error says why it is none.
pub(crate) fn parse_up_to(max: Duration, text: &str) -> Result<Duration, String> {
    let unit_at = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at(unit_at);
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60 * 1_000,
        "h" => 3_600 * 1_000,
        "d" => 24 * 3_600 * 1_000,
        _ => return Err("a time is a whole number and a unit: ms, s, m, h or d".into()),
    };
    if digits.is_empty() {
        return Err("a time begins with a whole number".into());
    }
    let number = digits.parse::<u64>().unwrap_or(u64::MAX);
    let time = Duration::from_millis(number.saturating_mul(milliseconds));
    if time.is_zero() {
        return Err("a time of zero would end everything before it begins".into());
    }
    if time > max {
        return Err(format!("a time can be at most {}", shown(max)));
    }
    Ok(time)
}

/// Reads a span of time between two bounds; the error says why it is none.
pub(crate) fn parse_within(min: Duration, max: Duration, text: &str) -> Result<Duration, String> {
    let time = parse_up_to(max, text)?;
    if time < min {
        return Err(format!("a time here is at least {}", shown(min)));
    }
    Ok(time)
}

/// In the largest unit that is whole, up to hours.
fn shown(time: Duration) -> String {
    match time.as_secs() {
        seconds if seconds.is_multiple_of(3_600) => format!("{}h", seconds / 3_600),
        seconds if seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
        seconds => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests;
