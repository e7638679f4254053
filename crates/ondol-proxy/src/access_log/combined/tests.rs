//! Lines as Apache writes them, whatever visitors send.

use std::time::Duration;
use std::time::UNIX_EPOCH;

use http::Version;
use ondol_model::plan::AccessLog;
use proptest::prelude::*;

use super::*;
use crate::access_log::tests::entry;

fn line(entry: &Entry<'_>) -> String {
    let mut line = Vec::new();
    let redaction = Redaction::of(&AccessLog::default().redact);
    push(&mut line, &mut Stamp::new(), entry, &redaction);
    String::from_utf8(line).unwrap()
}

/// The fields of a line as log analyzers cut them: by the blanks outside of quotes and brackets.
fn fields(line: &str) -> Vec<Vec<u8>> {
    let mut fields = vec![Vec::new()];
    let mut closing = None;
    let mut bytes = line.strip_suffix('\n').unwrap().bytes();
    while let Some(byte) = bytes.next() {
        let field = fields.last_mut().unwrap();
        match (byte, closing) {
            (b' ', None) => fields.push(Vec::new()),
            (b'"', None) => closing = Some(b'"'),
            (b'[', None) => closing = Some(b']'),
            (byte, Some(end)) if byte == end => closing = None,
            (b'\\', Some(b'"')) => field.push(unescaped(&mut bytes)),
            _ => field.push(byte),
        }
    }
    fields
}

fn unescaped(bytes: &mut impl Iterator<Item = u8>) -> u8 {
    match bytes.next().unwrap() {
        b'b' => 0x08,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 0x0b,
        b'x' => {
            let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
            u8::from_str_radix(str::from_utf8(&digits).unwrap(), 16).unwrap()
        }
        itself => itself,
    }
}

#[test]
fn a_line_is_as_apache_writes_it() {
    let entry = Entry {
        at: UNIX_EPOCH + Duration::from_secs(1_795_237_696),
        referer: Some(b"https://example.com/"),
        user_agent: Some(b"Mozilla/5.0 (X11)"),
        ..entry()
    };
    assert_eq!(
        line(&entry),
        "192.0.2.7 - - [21/Nov/2026:05:08:16 +0000] \"GET /a?b=c HTTP/1.1\" 200 1234 \
         \"https://example.com/\" \"Mozilla/5.0 (X11)\"\n"
    );
}

#[test]
fn what_is_not_there_is_a_hyphen() {
    let entry = Entry {
        body_bytes: 0,
        version: Version::HTTP_2,
        client: "2001:db8::1".parse().unwrap(),
        ..entry()
    };
    let text = line(&entry);
    assert!(text.starts_with("2001:db8::1 - - ["), "{text}");
    assert!(
        text.ends_with("\"GET /a?b=c HTTP/2.0\" 200 - \"-\" \"-\"\n"),
        "{text}"
    );
    let unreadable = Entry {
        method: "",
        target: "",
        ..entry
    };
    assert!(line(&unreadable).contains("] \"-\" 200 "));
}

#[test]
fn a_hostile_visitor_can_neither_forge_a_line_nor_reach_the_terminal() {
    for (sent, written) in [
        (&b"a\" 200 1 \"x"[..], r#"a\" 200 1 \"x"#),
        (b"a\\", r"a\\"),
        (b"a\r\nb\t\x08\x0b", r"a\r\nb\t\b\v"),
        (b"\x1b[2J\x07\0\x7f", r"\x1b[2J\x07\x00\x7f"),
        ("\u{202e}gpj".as_bytes(), r"\xe2\x80\xaegpj"),
        (b"\x9b31m\xff", r"\x9b31m\xff"),
        ("\u{9b}31m".as_bytes(), r"\xc2\x9b31m"),
        (
            "\u{2066}if\u{2069}".as_bytes(),
            r"\xe2\x81\xa6if\xe2\x81\xa9",
        ),
    ] {
        let entry = Entry {
            user_agent: Some(sent),
            ..entry()
        };
        let line = line(&entry);
        assert!(line.ends_with(&format!(" \"{written}\"\n")), "{line}");
    }
}

#[test]
fn a_user_is_one_field_whatever_the_name() {
    for (user, written) in [
        (&b"alice"[..], "alice"),
        (b"alice@example.com", "alice@example.com"),
        (b"", "-"),
        (b"-", "-"),
        (b"a b\"c\\[d]\n", r"a\x20b\x22c\x5c\x5bd\x5d\x0a"),
        ("\u{202e}a".as_bytes(), r"\xe2\x80\xaea"),
    ] {
        let entry = Entry {
            user: Some(user),
            ..entry()
        };
        let line = line(&entry);
        assert!(
            line.starts_with(&format!("192.0.2.7 - {written} [")),
            "{line}"
        );
    }
}

#[test]
fn a_field_that_is_too_long_is_cut() {
    let long = vec![b'x'; limits::ACCESS_LOG_FIELD_BYTES_MAX + 1];
    let (fits, _) = long.split_at(limits::ACCESS_LOG_FIELD_BYTES_MAX);
    for (sent, marked) in [(long.as_slice(), true), (fits, false)] {
        let entry = Entry {
            referer: Some(sent),
            ..entry()
        };
        let referer = fields(&line(&entry)).swap_remove(7);
        assert_eq!(referer.ends_with(b"x..."), marked);
        assert!(referer.starts_with(fits));
    }
}

#[test]
fn secrets_are_left_out_of_the_address_and_the_referer() {
    let entry = Entry {
        target: "/a?token=\"x\"&b=c",
        referer: Some(b"https://me:word@example.com/?code=x&q=\xff"),
        ..entry()
    };
    let line = line(&entry);
    assert!(
        line.contains("\"GET /a?token=REDACTED&b=c HTTP/1.1\""),
        "{line}"
    );
    let referer = r#""https://REDACTED@example.com/?code=REDACTED&q=\xff""#;
    assert!(line.contains(referer), "{line}");
}

proptest! {
    #[test]
    fn a_line_has_nine_printable_fields_that_give_the_values_back(
        client: IpAddr,
        method in "[A-Z]{1,8}|.{1,8}",
        target in "/[^?;]{0,40}",
        status in 100_u16..1000,
        body_bytes in 1_u64..,
        referer in proptest::option::of("[^?;@]{0,40}"),
        user_agent: Option<Vec<u8>>,
    ) {
        let entry = Entry {
            client, method: &method, target: &target, status, body_bytes,
            referer: referer.as_ref().map(String::as_bytes), user_agent: user_agent.as_deref(), ..entry()
        };
        let line = line(&entry);
        prop_assert!(line.trim_end_matches('\n').bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        let fields = fields(&line);
        prop_assert_eq!(fields.len(), 9);
        let texts: Vec<_> = fields.iter().map(|field| String::from_utf8_lossy(field)).collect();
        prop_assert_eq!(&texts[0], &client.to_string());
        prop_assert_eq!(&texts[4], &format!("{method} {target} HTTP/1.1"));
        prop_assert_eq!(&texts[5], &status.to_string());
        prop_assert_eq!(&texts[6], &body_bytes.to_string());
        prop_assert_eq!(&fields[7], referer.as_deref().unwrap_or("-").as_bytes());
        prop_assert_eq!(&fields[8], user_agent.as_deref().unwrap_or(b"-"));
    }
}
