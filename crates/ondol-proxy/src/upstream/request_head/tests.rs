//! Heads as an upstream sees them.

use http::HeaderName;

use super::*;

fn encoded(headers: &[(&str, &str)], peer_is: Peer) -> String {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a test's own name");
        map.append(
            name,
            HeaderValue::from_str(value).expect("a test's own value"),
        );
    }
    let head = RequestHead {
        method: &Method::GET,
        target: "/a%20b?c",
        host: "a.test",
        prefix: None,
        headers: &map,
        framing: RequestFraming::None,
        upgrade: None,
        forwarding: Forwarding {
            client: "192.0.2.1",
            peer: "192.0.2.9",
            scheme: "https",
            host: "a.test",
            peer_is,
            id: crate::request_id::RequestId(0x2a).into(),
            certificate: None,
            via: Some(("1.1", "ondol-1")),
        },
        changes: None,
        fields: None,
    };
    let mut buffer = Vec::new();
    encode(&head, &mut buffer);
    String::from_utf8(buffer).expect("a test's own text")
}

#[track_caller]
fn check_passed_on(headers: &[(&str, &str)], expected: &str) {
    let text = encoded(headers, Peer::Visitor);
    let (_, after_host) = text.split_once("host: a.test\r\n").expect("a host");
    let (passed_on, _) = after_host
        .split_once("x-forwarded-for: ")
        .expect("forwarding headers");
    assert_eq!(passed_on, expected);
}

#[test]
fn the_head_is_written_anew() {
    assert_eq!(
        encoded(&[("accept", "*/*"), ("host", "evil.test")], Peer::Visitor),
        "GET /a%20b?c HTTP/1.1\r\nhost: a.test\r\naccept: */*\r\nx-forwarded-for: 192.0.2.9\r\n\
         x-real-ip: 192.0.2.1\r\nx-forwarded-proto: https\r\nx-forwarded-host: a.test\r\n\
         x-request-id: 000000000000002a\r\nvia: 1.1 ondol-1\r\n\r\n"
    );
}

#[test]
fn hop_by_hop_and_nominated_headers_stay_behind() {
    check_passed_on(
        &[
            ("connection", "keep-alive"),
            ("keep-alive", "5"),
            ("te", "gzip"),
        ],
        "",
    );
    check_passed_on(
        &[("connection", "x-own"), ("x-own", "1"), ("x-kept", "2")],
        "x-kept: 2\r\n",
    );
    check_passed_on(&[("te", "gzip, Trailers")], "");
    let takes_trailers = encoded(&[("te", "gzip, Trailers")], Peer::Visitor);
    assert!(
        takes_trailers.ends_with("te: trailers\r\nconnection: te\r\n\r\n"),
        "{takes_trailers}"
    );
    check_passed_on(
        &[
            ("transfer_encoding", "chunked"),
            ("keep_alive", "x"),
            ("proxy", "x"),
            ("proxy-authorization", "x"),
            ("expect", "100-continue"),
        ],
        "",
    );
}

#[test]
fn a_visitor_cannot_speak_for_itself() {
    let claims = [
        ("x-forwarded-for", "10.0.0.1"),
        ("forwarded", "for=10.0.0.1"),
        ("x-forwarded-proto", "http"),
    ];
    check_passed_on(&claims, "");
    let nominated = encoded(
        &[("connection", "x-forwarded-for, x-real-ip")],
        Peer::Visitor,
    );
    assert!(nominated.contains("x-forwarded-for: 192.0.2.9\r\nx-real-ip: 192.0.2.1\r\n"));
}

#[test]
fn a_trusted_proxy_is_believed_and_added_to_the_chain() {
    let text = encoded(
        &[
            ("x-forwarded-for", "192.0.2.1"),
            ("x-forwarded-proto", "http"),
        ],
        Peer::TrustedProxy(ClientIpHeader::XForwardedFor),
    );
    assert!(
        text.contains("x-forwarded-for: 192.0.2.1, 192.0.2.9\r\n"),
        "{text}"
    );
    // The scheme is what was made of its word: see `arrival.rs`.
    assert!(
        text.contains("x-forwarded-proto: https\r\n") && !text.contains("proto: http\r\n"),
        "{text}"
    );
}

#[test]
fn crumbs_become_one_cookie() {
    check_passed_on(
        &[("cookie", "a=1"), ("cookie", "b=2")],
        "cookie: a=1; b=2\r\n",
    );
}

#[test]
fn what_is_read_before_a_body_does_not_come_after_it() {
    let trailers = [
        "grpc-status",
        "server-timing",
        "x-checksum",
        "content-length",
        "transfer-encoding",
        "host",
        "cookie",
        "authorization",
        "x-forwarded-for",
        "x_real_ip",
        "trailer",
    ];
    let kept = trailers.into_iter().filter(|name| may_trail(name, &[]));
    assert_eq!(
        kept.collect::<Vec<_>>(),
        ["grpc-status", "server-timing", "x-checksum"]
    );
}
