//! Ranges as tables, and what must hold for any of them (RFC 9110 §14).

use http::HeaderValue;
use proptest::prelude::*;

use super::*;

fn headers(values: &[&str]) -> HeaderMap {
    values
        .iter()
        .map(|value| (header::RANGE, HeaderValue::from_str(value).unwrap()))
        .collect()
}

#[test]
fn a_range_is_cut_to_the_file_and_what_is_none_is_ignored() {
    let part = |first, last| Part::Range(Range { first, last });
    let huge = "99999999999999999999999999";
    for (text, expected) in [
        ("bytes=0-0", part(0, 0)),
        ("bytes=2-5", part(2, 5)),
        ("bytes=7-", part(7, 9)),
        ("bytes=7-100", part(7, 9)),
        ("bytes=9-9", part(9, 9)),
        ("bytes=-3", part(7, 9)),
        ("bytes=-100", part(0, 9)),
        ("BYTES=2-5", part(2, 5)),
        ("bytes= 2-5 ", part(2, 5)),
        ("bytes=10-", Part::Unsatisfiable),
        ("bytes=10-20", Part::Unsatisfiable),
        ("bytes=-0", Part::Unsatisfiable),
        ("bytes=5-2", Part::Whole),
        ("bytes=", Part::Whole),
        ("bytes=-", Part::Whole),
        ("bytes", Part::Whole),
        ("bytes=a-b", Part::Whole),
        ("bytes=+1-2", Part::Whole),
        ("bytes=1-2-3", Part::Whole),
        ("bytes=--3", Part::Whole),
        ("bytes 0-1", Part::Whole),
        ("lines=0-1", Part::Whole),
        ("bytes=0-1,3-4", part(0, 4)),
        ("bytes=0-0,-1", part(0, 9)),
        ("bytes=,2-5 , ,", part(2, 5)),
        ("bytes=20-, 2-5, -0", part(2, 5)),
        ("bytes=20-,30-40", Part::Unsatisfiable),
        ("bytes=2-5,x", Part::Whole),
        ("bytes=2-5;6-7", Part::Whole),
        ("bytes= , ", Part::Whole),
    ] {
        assert_eq!(wanted(&headers(&[text]), 10), expected, "{text:?}");
    }
    for (text, expected) in [
        (format!("bytes=0-{huge}"), part(0, 9)),
        (format!("bytes={huge}-"), Part::Unsatisfiable),
        (format!("bytes=-{huge}"), part(0, 9)),
    ] {
        assert_eq!(wanted(&headers(&[&text]), 10), expected, "{text:?}");
    }
}

#[test]
fn an_empty_file_and_a_repeated_header_are_answered_with_the_whole() {
    assert_eq!(wanted(&headers(&["bytes=0-"]), 0), Part::Whole);
    assert_eq!(wanted(&headers(&["bytes=-1"]), 0), Part::Whole);
    assert_eq!(
        wanted(&headers(&["bytes=0-1", "bytes=0-1"]), 10),
        Part::Whole
    );
    assert_eq!(wanted(&headers(&[]), 10), Part::Whole);
}

#[test]
fn several_ranges_are_as_few_parts_as_make_sense() {
    let ranges = |pairs: &[(u64, u64)]| {
        let pairs = pairs.iter();
        Part::Ranges(
            pairs
                .map(|(first, last)| Range {
                    first: *first,
                    last: *last,
                })
                .collect(),
        )
    };
    for (text, expected) in [
        ("bytes=0-9,500-509", ranges(&[(0, 9), (500, 509)])),
        ("bytes=500-509,0-9", ranges(&[(500, 509), (0, 9)])),
        ("bytes=-1,0-0", ranges(&[(999, 999), (0, 0)])),
        ("bytes=500-,0-9,400-550", ranges(&[(0, 9), (400, 999)])),
        (
            "bytes=0-9,300-309,700-709",
            ranges(&[(0, 9), (300, 309), (700, 709)]),
        ),
        (
            "bytes=0-,0-,0-",
            Part::Range(Range {
                first: 0,
                last: 999,
            }),
        ),
    ] {
        assert_eq!(wanted(&headers(&[text]), 1000), expected, "{text:?}");
    }
    let many = |count: usize| format!("bytes={}", vec!["0-0"; count].join(","));
    let one = Part::Range(Range { first: 0, last: 0 });
    assert_eq!(wanted(&headers(&[&many(RANGES_MAX)]), 1000), one);
    assert_eq!(
        wanted(&headers(&[&many(RANGES_MAX + 1)]), 1000),
        Part::Whole
    );
}

/// The bytes that a list of ranges names, one by one.
fn named(ranges: &[(u64, u64)], size: u64) -> std::collections::BTreeSet<u64> {
    let ranges = ranges.iter();
    ranges
        .flat_map(|(first, last)| *first..=(*last).min(size - 1))
        .filter(|byte| *byte < size)
        .collect()
}

proptest! {
    #[test]
    fn of_any_list_all_bytes_come_and_none_twice(
        pairs in proptest::collection::vec((0_u64..3000, 0_u64..500), 1..12),
        size in 1_u64..3000,
    ) {
        let pairs: Vec<_> = pairs.into_iter().map(|(first, more)| (first, first + more)).collect();
        let texts: Vec<_> = pairs.iter().map(|(first, last)| format!("{first}-{last}")).collect();
        let sent = match wanted(&headers(&[&format!("bytes={}", texts.join(","))]), size) {
            Part::Ranges(ranges) => ranges,
            Part::Range(range) => vec![range],
            Part::Unsatisfiable => Vec::new(),
            Part::Whole => return Err(TestCaseError::fail("the ranges were ignored")),
        };
        let sum: u64 = sent.iter().map(|range| range.length()).sum();
        let bytes = sent.iter().map(|range| (range.first, range.last)).collect::<Vec<_>>();
        let bytes = named(&bytes, size);
        prop_assert_eq!(sum, bytes.len() as u64);
        prop_assert!(bytes.is_superset(&named(&pairs, size)));
        prop_assert!(sum <= size);
    }

    #[test]
    fn any_list_is_inside_the_file(text in "bytes=[0-9 ,-]{0,40}", size: u64) {
        let Ok(value) = HeaderValue::from_str(&text) else { return Ok(()) };
        let headers = [(header::RANGE, value)].into_iter().collect();
        if let Part::Ranges(ranges) = wanted(&headers, size) {
            prop_assert!(ranges.len() > 1);
            for range in ranges {
                prop_assert!(range.first <= range.last && range.last < size);
            }
        }
    }

    #[test]
    fn a_range_is_always_inside_the_file(text in "bytes=[0-9 -]{0,30}|.{0,20}", size: u64) {
        let Ok(value) = HeaderValue::from_str(&text) else { return Ok(()) };
        let headers = [(header::RANGE, value)].into_iter().collect();
        if let Part::Range(range) = wanted(&headers, size) {
            prop_assert!(range.first <= range.last && range.last < size);
            prop_assert!(range.length() >= 1 && range.length() <= size);
        }
    }

    #[test]
    fn the_bytes_asked_for_are_those_that_come(first: u16, length in 1_u16.., size in 1_u16..) {
        let (first, size) = (u64::from(first), u64::from(size));
        let last = first + u64::from(length) - 1;
        let expected: Vec<u64> = (first..=last).filter(|byte| *byte < size).collect();
        let part = wanted(&headers(&[&format!("bytes={first}-{last}")]), size);
        match &part {
            Part::Range(range) => {
                prop_assert_eq!(Some(&range.first), expected.first());
                prop_assert_eq!(Some(&range.last), expected.last());
            }
            Part::Unsatisfiable => prop_assert!(expected.is_empty()),
            Part::Whole | Part::Ranges(_) => prop_assert!(false, "{part:?}"),
        }
    }
}
