//! Sizes as a table.

use super::parse;

#[test]
fn sizes_have_a_unit() {
    for (text, expected) in [
        ("1B", 1),
        ("512KB", 512_000),
        ("32MB", 32_000_000),
        ("32 MB", 32_000_000),
        ("1KiB", 1_024),
        ("10GiB", 10 * 1_024 * 1_024 * 1_024),
        ("1TB", 1_000_000_000_000),
    ] {
        assert_eq!(parse(text), Ok(expected), "{text}");
    }
}

#[test]
fn other_texts_are_refused_with_a_reason() {
    for (text, reason) in [
        ("", "unit"),
        ("32", "unit"),
        ("0", "unit"),
        ("0MB", "zero"),
        ("MB", "whole number"),
        ("1.5GB", "unit"),
        ("-1B", "unit"),
        ("32mb", "unit"),
        ("99999999999999999999B", "larger"),
        ("18446744073709551615KB", "larger"),
    ] {
        let refused = parse(text).expect_err(text);
        assert!(refused.contains(reason), "{text}: {refused}");
    }
}
