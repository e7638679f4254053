//! What visitors accept.

use proptest::prelude::*;

use super::*;

fn accepted(list: &str) -> Accepted {
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCEPT_ENCODING, list.parse().unwrap());
    Accepted::of(&headers)
}

fn qualities(accepted: Accepted) -> [u16; 4] {
    let Accepted {
        brotli,
        gzip,
        zstd,
        plain,
    } = accepted;
    [brotli, gzip, zstd, plain]
}

#[test]
fn a_list_says_what_is_liked_and_what_is_refused() {
    for (list, expected) in [
        ("", [0, 0, 0, 1]),
        ("gzip, deflate, br, zstd", [2000, 2000, 2000, 1]),
        ("GZIP;q=0.5 , br ; q=1", [2000, 1000, 0, 1]),
        ("x-gzip", [0, 2000, 0, 1]),
        ("*", [2000, 2000, 2000, 1]),
        ("gzip;q=0, *;q=0.1", [200, 0, 200, 1]),
        ("*;q=0", [0, 0, 0, 0]),
        ("identity;q=0, br;q=0.001", [2, 0, 0, 0]),
        ("*;q=0, identity;q=0.3", [0, 0, 0, 600]),
        ("identity, gzip;q=0.9", [0, 1800, 0, 2000]),
        ("gzip;q=0.5, gzip;q=1", [0, 1000, 0, 1]),
        ("br;q=2, gzip;q=0.1234, zstd;q=", [0, 0, 0, 1]),
        ("br;level=1;q=0.5", [1000, 0, 0, 1]),
        (",,br,", [2000, 0, 0, 1]),
    ] {
        assert_eq!(qualities(accepted(list)), expected, "{list}");
    }
    assert_eq!(qualities(Accepted::of(&HeaderMap::new())), [0, 0, 0, 1]);
}

proptest! {
    #[test]
    fn any_list_has_qualities_in_bounds(list in r"[a-z*;=,. 0-9qQ]{0,60}") {
        for quality in qualities(accepted(&list)) {
            prop_assert!(quality <= 2_000);
        }
    }

    #[test]
    fn what_is_said_of_one_is_kept(quality in 0_u16..=1000, others in "(, ?(br|zstd|identity|x)(;q=0\\.[0-9]{1,3})?){0,4}") {
        let text = format!("gzip;q={}.{:03}{others}", quality / 1000, quality % 1000);
        prop_assert_eq!(accepted(&text).quality(Some(Encoding::Gzip)), 2 * quality);
    }
}
