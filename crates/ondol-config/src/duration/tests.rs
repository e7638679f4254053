//! Times as a table.

use std::time::Duration;

use super::parse;

#[test]
fn times_have_a_unit() {
    let milliseconds = |text| parse(text).map(|time: Duration| time.as_millis());
    for (text, expected) in [
        ("500ms", 500),
        ("30s", 30_000),
        ("2m", 120_000),
        ("1h", 3_600_000),
        ("1d", 86_400_000),
        ("007s", 7_000),
    ] {
        assert_eq!(milliseconds(text), Ok(expected), "{text}");
    }
}

#[test]
fn other_texts_are_refused_with_a_reason() {
    for (text, reason) in [
        ("", "unit"),
        ("30", "unit"),
        ("s", "whole number"),
        ("1.5s", "unit"),
        ("-1s", "unit"),
        ("1 s", "unit"),
        ("1S", "unit"),
        ("0s", "zero"),
        ("2d", "at most 24h"),
        ("99999999999999999999999d", "at most 24h"),
        ("１s", "unit"),
    ] {
        let refused = parse(text).expect_err(text);
        assert!(refused.contains(reason), "{text}: {refused}");
    }
}
