//! Lines that any JSON parser reads back, whatever visitors send.

use std::time::Duration;
use std::time::UNIX_EPOCH;

use proptest::prelude::*;
use serde_json::Value;
use serde_json::json;

use super::*;
use crate::access_log::tests::entry;
use crate::request_id::RequestId;

fn line(entry: &Entry<'_>) -> String {
    let mut line = Vec::new();
    push(&mut line, &mut Stamp::new(), entry);
    String::from_utf8(line).unwrap()
}

#[test]
fn a_line_has_every_key_in_its_order() {
    let entry = Entry {
        at: UNIX_EPOCH + Duration::from_millis(1_795_237_696_042),
        user: Some(b"al ice"),
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
            r#""status":200,"bytes":1234,"duration_us":1500,"request_id":"000000000000beef","#,
            r#""tls":"1.3","client_certificate":"CN=alice","referer":"https://example.com/","#,
            r#""user_agent":"\ucee4\ud53c/1.0 \ud83d\udd25","upstream":"unix:/run/app.sock","#,
            r#""upstream_us":900,"failure":"unix:/run/app.sock broke off"}"#,
            "\n"
        )
    );
}

#[test]
fn what_is_not_there_is_null() {
    let object: Value = serde_json::from_str(&line(&entry())).unwrap();
    for key in [
        "user",
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
    assert_eq!(object.as_object().unwrap().len(), 18);
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

proptest! {
    #[test]
    fn a_parser_gives_the_values_back_and_a_terminal_is_safe(
        client: std::net::IpAddr,
        method: String,
        target: String,
        host: String,
        numbers: (u16, u64, u64),
        id: u64,
        referer: Option<Vec<u8>>,
        user_agent in "\\PC{0,20}",
        failure: Option<String>,
    ) {
        let (status, body_bytes, upstream_us) = numbers;
        let entry = Entry {
            client, method: &method, target: &target, host: &host, status, body_bytes,
            upstream_us: Some(upstream_us), request_id: RequestId(id),
            referer: referer.as_deref(), user_agent: Some(user_agent.as_bytes()),
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
        prop_assert_eq!(&object["referer"], &json!(referer.as_deref().map(String::from_utf8_lossy)));
        prop_assert_eq!(&object["user_agent"], &json!(user_agent));
        prop_assert_eq!(&object["failure"], &json!(failure));
    }
}
