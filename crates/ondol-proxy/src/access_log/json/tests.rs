//! Lines that any JSON parser reads back, whatever visitors send.

use std::time::Duration;
use std::time::UNIX_EPOCH;

use ondol_model::plan::AccessLog;
use proptest::prelude::*;
use serde_json::Value;
use serde_json::json;

use super::*;
use crate::access_log::tests::entry;
use crate::request_id::RequestId;

fn line(entry: &Entry<'_>) -> String {
    line_of(entry, Share::ALL)
}

fn line_of(entry: &Entry<'_>, sample: Share) -> String {
    let mut line = Vec::new();
    let redaction = Redaction::of(&AccessLog::default().redact);
    push(&mut line, &mut Stamp::new(), entry, &redaction, sample);
    String::from_utf8(line).unwrap()
}

#[test]
fn a_line_has_every_key_in_its_order() {
    let entry = Entry {
        at: UNIX_EPOCH + Duration::from_millis(1_795_237_696_042),
        user: Some(b"al ice"),
        route: Some("/a"),
        referer: Some(b"https://example.com/"),
        user_agent: Some("커피/1.0 \u{1f525}".as_bytes()),
        upstream: Some("unix:/run/app.sock"),
        upstream_us: Some(900),
        tls: Some(ProtocolVersion::TLSv1_3),
        client_certificate: Some("CN=alice"),
        failure: Some("unix:/run/app.sock broke off"),
        ..entry()
    };
    assert_eq!(
        line(&entry),
        concat!(
            r#"{"time":"2026-11-21T05:08:16.042Z","client":"192.0.2.7","user":"al ice","method":"GET","#,
            r#""target":"/a?b=c","version":"HTTP/1.1","host":"example.com","site":"example.com","#,
            r#""route":"/a","status":200,"bytes":1234,"duration_us":1500,"request_id":"000000000000beef","#,
            r#""tls":"1.3","client_certificate":"CN=alice","referer":"https://example.com/","#,
            r#""user_agent":"\ucee4\ud53c/1.0 \ud83d\udd25","upstream":"unix:/run/app.sock","#,
            r#""upstream_us":900,"failure":"unix:/run/app.sock broke off","sample":1}"#,
            "\n"
        )
    );
}

#[test]
fn lnav_is_told_of_every_key() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/lnav/ondol.json");
    let text = std::fs::read_to_string(path).unwrap();
    let format: Value = serde_json::from_str(&text).unwrap();
    let line: Value = serde_json::from_str(&line(&entry())).unwrap();
    let keys = |object: &Value| {
        let keys: std::collections::BTreeSet<_> =
            object.as_object().unwrap().keys().cloned().collect();
        keys
    };
    assert_eq!(keys(&format["ondol_access"]["value"]), keys(&line));
}

#[test]
fn what_is_not_there_is_null() {
    let object: Value = serde_json::from_str(&line(&entry())).unwrap();
    for key in [
        "user",
        "route",
        "tls",
        "client_certificate",
        "referer",
        "user_agent",
        "upstream",
        "upstream_us",
        "failure",
    ] {
        assert_eq!(object[key], Value::Null, "{key}");
    }
    assert_eq!(object.as_object().unwrap().len(), 21);
}

#[test]
fn a_field_that_is_too_long_is_cut() {
    let long = vec![b'x'; limits::ACCESS_LOG_FIELD_BYTES_MAX + 1];
    let entry = Entry {
        user_agent: Some(&long),
        ..entry()
    };
    let object: Value = serde_json::from_str(&line(&entry)).unwrap();
    let kept = "x".repeat(limits::ACCESS_LOG_FIELD_BYTES_MAX);
    assert_eq!(object["user_agent"], format!("{kept}..."));
}

#[test]
fn a_line_says_for_what_share_of_the_requests_it_stands() {
    for (millionths, said) in [
        (100_000, "0.1"),
        (1, "0.000001"),
        (999_999, "0.999999"),
        (250_000, "0.25"),
    ] {
        let share = Share::of_millionths(millionths).unwrap();
        let line = line_of(&entry(), share);
        assert!(line.ends_with(&format!(",\"sample\":{said}}}\n")), "{line}");
        assert!(serde_json::from_str::<Value>(&line).is_ok());
    }
}

#[test]
fn secrets_and_users_are_left_out() {
    let entry = Entry {
        target: "/a?b=커&token=\u{202e}x&c=\"",
        host: "me:word@example.com",
        referer: Some(b"https://me:word@example.com/\xff?code=x"),
        ..entry()
    };
    let object: Value = serde_json::from_str(&line(&entry)).unwrap();
    assert_eq!(object["target"], "/a?b=커&token=REDACTED&c=\"");
    assert_eq!(object["host"], "example.com");
    assert_eq!(
        object["referer"],
        "https://REDACTED@example.com/\u{fffd}?code=REDACTED"
    );
}

#[test]
fn what_a_terminal_or_a_reader_could_be_fooled_with_is_escaped() {
    let entry = Entry {
        target: "/\u{202e}\u{2066}\u{7f}\u{9b}\u{0}\u{1b}[2J\u{2028}",
        user_agent: Some(b"\x9b\xff\x7f\xe2\x80\xae"),
        ..entry()
    };
    let line = line(&entry);
    assert!(
        line.contains(r#""/\u202e\u2066\u007f\u009b\u0000\u001b[2J\u2028""#),
        "{line}"
    );
    assert!(line.contains(r#""\ufffd\ufffd\u007f\u202e""#), "{line}");
}

proptest! {
    #[test]
    fn a_parser_gives_the_values_back_and_a_terminal_is_safe(
        client: std::net::IpAddr,
        method: String,
        target in "[^?;]{1,40}",
        host in "[^@]{0,40}",
        numbers: (u16, u64, u64),
        id: u64,
        referer in proptest::option::of("[^?;@]{0,40}"),
        user_agent in "\\PC{0,20}",
        failure: Option<String>,
    ) {
        let (status, body_bytes, upstream_us) = numbers;
        let entry = Entry {
            client, method: &method, target: &target, host: &host, status, body_bytes,
            upstream_us: Some(upstream_us), request_id: RequestId(id).into(),
            referer: referer.as_ref().map(String::as_bytes), user_agent: Some(user_agent.as_bytes()),
            failure: failure.as_deref(), ..entry()
        };
        let line = line(&entry);
        prop_assert!(line.trim_end_matches('\n').bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        let object: Value = serde_json::from_str(&line).unwrap();
        prop_assert_eq!(&object["client"], &json!(client));
        prop_assert_eq!(&object["method"], &json!(method));
        prop_assert_eq!(&object["target"], &json!(target));
        prop_assert_eq!(&object["host"], &json!(host));
        prop_assert_eq!(&object["status"], &json!(status));
        prop_assert_eq!(&object["bytes"], &json!(body_bytes));
        prop_assert_eq!(&object["upstream_us"], &json!(upstream_us));
        prop_assert_eq!(&object["request_id"], &json!(format!("{id:016x}")));
        prop_assert_eq!(&object["referer"], &json!(referer));
        prop_assert_eq!(&object["user_agent"], &json!(user_agent));
        prop_assert_eq!(&object["failure"], &json!(failure));
    }
}
