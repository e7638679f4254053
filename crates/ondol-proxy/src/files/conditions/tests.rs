//! Conditional requests as tables (RFC 9110 §13).

use std::time::Duration;
use std::time::UNIX_EPOCH;

use proptest::prelude::*;

use super::*;

const TAG: &str = "\"abc-1\"";
const MODIFIED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

fn validators() -> Validators {
    Validators::with(
        Some(HeaderValue::from_static(TAG)),
        Some(UNIX_EPOCH + Duration::from_secs(784_111_777)),
        Strength::Strong,
    )
}

fn headers(fields: &[(HeaderName, &str)]) -> HeaderMap {
    fields
        .iter()
        .map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap()))
        .collect()
}

#[test]
fn conditions_are_judged_in_the_order_of_the_standard() {
    use header::IF_MATCH;
    use header::IF_MODIFIED_SINCE;
    use header::IF_NONE_MATCH;
    use header::IF_UNMODIFIED_SINCE;
    let cases: &[(&[(HeaderName, &str)], Verdict)] = &[
        (&[], Verdict::Proceed),
        (&[(IF_NONE_MATCH, TAG)], Verdict::NotModified),
        (&[(IF_NONE_MATCH, "W/\"abc-1\"")], Verdict::NotModified),
        (&[(IF_NONE_MATCH, "*")], Verdict::NotModified),
        (
            &[(IF_NONE_MATCH, "\"x,y\", W/\"z\" ,\"abc-1\"")],
            Verdict::NotModified,
        ),
        (
            &[(IF_NONE_MATCH, "\"x\""), (IF_NONE_MATCH, TAG)],
            Verdict::NotModified,
        ),
        (&[(IF_NONE_MATCH, "\"x\"")], Verdict::Proceed),
        (&[(IF_NONE_MATCH, "abc-1")], Verdict::Proceed),
        (&[(IF_NONE_MATCH, "\"abc-1")], Verdict::Proceed),
        (&[(IF_NONE_MATCH, "w/\"abc-1\"")], Verdict::Proceed),
        (&[(IF_NONE_MATCH, "")], Verdict::Proceed),
        (&[(IF_MODIFIED_SINCE, MODIFIED)], Verdict::NotModified),
        (&[(IF_MODIFIED_SINCE, AFTER)], Verdict::NotModified),
        (&[(IF_MODIFIED_SINCE, BEFORE)], Verdict::Proceed),
        (&[(IF_MODIFIED_SINCE, "yesterday")], Verdict::Proceed),
        // With a tag to go by, the date says nothing.
        (
            &[(IF_NONE_MATCH, "\"x\""), (IF_MODIFIED_SINCE, AFTER)],
            Verdict::Proceed,
        ),
        (&[(IF_MATCH, TAG)], Verdict::Proceed),
        (&[(IF_MATCH, "*")], Verdict::Proceed),
        (&[(IF_MATCH, "\"x\", \"abc-1\"")], Verdict::Proceed),
        (&[(IF_MATCH, "\"x\"")], Verdict::Failed),
        (&[(IF_MATCH, "W/\"abc-1\"")], Verdict::Failed),
        (&[(IF_UNMODIFIED_SINCE, MODIFIED)], Verdict::Proceed),
        (&[(IF_UNMODIFIED_SINCE, BEFORE)], Verdict::Failed),
        (&[(IF_UNMODIFIED_SINCE, "yesterday")], Verdict::Proceed),
        (
            &[(IF_MATCH, TAG), (IF_UNMODIFIED_SINCE, BEFORE)],
            Verdict::Proceed,
        ),
        (
            &[(IF_MATCH, TAG), (IF_NONE_MATCH, TAG)],
            Verdict::NotModified,
        ),
        (
            &[(IF_MATCH, "\"x\""), (IF_NONE_MATCH, TAG)],
            Verdict::Failed,
        ),
        (
            &[(IF_UNMODIFIED_SINCE, BEFORE), (IF_NONE_MATCH, TAG)],
            Verdict::Failed,
        ),
    ];
    for (fields, expected) in cases {
        assert_eq!(
            verdict(&headers(fields), &validators()),
            *expected,
            "{fields:?}"
        );
    }
}

#[test]
fn a_range_is_of_this_version_by_exactly_its_tag_or_date() {
    for (value, expected) in [
        (TAG, true),
        ("\"x\"", false),
        ("W/\"abc-1\"", false),
        (MODIFIED, true),
        (AFTER, false),
        (BEFORE, false),
        ("abc-1", false),
    ] {
        let headers = headers(&[(header::IF_RANGE, value)]);
        assert_eq!(range_is_of(&headers, &validators()), expected, "{value:?}");
    }
    assert!(range_is_of(&HeaderMap::new(), &validators()));
}

#[test]
fn a_date_whose_second_may_not_be_over_does_not_vouch_for_a_range() {
    let mut fresh = validators();
    fresh.date_strength = Strength::Weak;
    assert!(!range_is_of(
        &headers(&[(header::IF_RANGE, MODIFIED)]),
        &fresh
    ));
    assert!(range_is_of(&headers(&[(header::IF_RANGE, TAG)]), &fresh));
}

#[test]
fn a_file_without_validators_has_always_changed() {
    let none = Validators::with(None, None, Strength::Weak);
    for (name, value) in [
        (header::IF_NONE_MATCH, TAG),
        (header::IF_MODIFIED_SINCE, AFTER),
        (header::IF_UNMODIFIED_SINCE, BEFORE),
    ] {
        assert_eq!(verdict(&headers(&[(name, value)]), &none), Verdict::Proceed);
    }
    let any = headers(&[(header::IF_MATCH, "*")]);
    assert_eq!(verdict(&any, &none), Verdict::Proceed);
    let range = headers(&[(header::IF_RANGE, MODIFIED)]);
    assert!(!range_is_of(&range, &none));
}

proptest! {
    #[test]
    fn a_tag_is_found_wherever_it_stands_in_a_list(
        before in proptest::collection::vec("(W/)?\"[!#-~]{0,8}\"", 0..4),
        after in ".{0,12}",
    ) {
        let mut list: Vec<&str> = before.iter().map(String::as_str).collect();
        list.push(TAG);
        list.push(&after);
        let Ok(value) = HeaderValue::from_str(&list.join(" , ")) else { return Ok(()) };
        let headers = [(header::IF_MATCH, value)].into_iter().collect();
        prop_assert_eq!(verdict(&headers, &validators()), Verdict::Proceed);
    }

    #[test]
    fn no_bytes_break_the_reading_of_a_list(list: Vec<u8>) {
        prop_assert!(tags(&list).all(|tag| tag.text.len() >= 2));
    }
}
