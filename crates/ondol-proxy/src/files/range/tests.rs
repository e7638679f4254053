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
fn a_single_range_is_cut_to_the_file_and_all_else_is_the_whole() {
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
        ("bytes=0-1,3-4", Part::Whole),
        ("bytes=0-0,-1", Part::Whole),
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

proptest! {
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
        match part {
            Part::Range(range) => {
                prop_assert_eq!(Some(&range.first), expected.first());
                prop_assert_eq!(Some(&range.last), expected.last());
            }
            Part::Unsatisfiable => prop_assert!(expected.is_empty()),
            Part::Whole => prop_assert!(false, "the range was ignored"),
        }
    }
}
