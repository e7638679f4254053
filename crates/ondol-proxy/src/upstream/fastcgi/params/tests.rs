//! Variables as a script sees them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;

use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;
use http::Method;

use super::*;
use crate::upstream::request_head::Peer;
use crate::upstream::request_head::RequestFraming;

/// The variables of a request, by name; a name that comes twice is an error.
fn variables(
    headers: &[(&str, &str)],
    change: impl FnOnce(&mut Script, &mut RequestHead<'_>),
) -> BTreeMap<String, String> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a test's own name");
        let value = HeaderValue::from_str(value).expect("a test's own value");
        map.append(name, value);
    }
    let mut head = RequestHead {
        method: &Method::GET,
        target: "/blog/index.php/a%20b?c=d&e",
        host: "a.test:8443",
        prefix: None,
        headers: &map,
        framing: RequestFraming::None,
        upgrade: None,
        forwarding: Forwarding {
            client: "192.0.2.1",
            peer: "192.0.2.1",
            scheme: "https",
            host: "a.test:8443",
            peer_is: Peer::Visitor,
            id: crate::request_id::RequestId(0x2a).into(),
            certificate: Some("client-cert: :QQ==:\r\nx-client-cert-subject: CN=me\r\n"),
            via: None,
        },
        changes: None,
        fields: None,
    };
    let mut script = Script {
        root: Rc::from(Path::new("/srv/blog")),
        base: "/blog".into(),
        name: "index.php".into(),
        path_info: "/a b".into(),
        user: None,
        version: Version::HTTP_2,
    };
    change(&mut script, &mut head);
    let visitor = VisitorEnds {
        from: SocketAddr::from(([192, 0, 2, 1], 4321)),
        to: SocketAddr::from(([198, 51, 100, 1], 443)),
    };
    let mut buffer = Vec::new();
    encode(&head, (&script, visitor), &mut buffer);
    decoded(&buffer)
}

fn decoded(mut bytes: &[u8]) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    let length = |bytes: &mut &[u8]| {
        let (first, rest) = bytes.split_first().unwrap();
        if *first < 0x80 {
            *bytes = rest;
            return usize::from(*first);
        }
        let (four, rest) = bytes.split_first_chunk::<4>().unwrap();
        *bytes = rest;
        (u32::from_be_bytes(*four) & 0x7fff_ffff) as usize
    };
    while !bytes.is_empty() {
        let (name, value) = (length(&mut bytes), length(&mut bytes));
        let (pair, rest) = bytes.split_at(name + value);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let earlier = variables.insert(text(&pair[..name]), text(&pair[name..]));
        assert_eq!(earlier, None, "{}", text(&pair[..name]));
        bytes = rest;
    }
    variables
}

#[test]
fn a_script_is_told_what_the_common_servers_tell() {
    let found = variables(&[("accept", "*/*")], |_, _| {});
    let expected = [
        ("CONTENT_LENGTH", ""),
        ("CONTENT_TYPE", ""),
        ("DOCUMENT_ROOT", "/srv/blog"),
        ("DOCUMENT_URI", "/blog/index.php"),
        ("GATEWAY_INTERFACE", "CGI/1.1"),
        ("HTTPS", "on"),
        ("HTTP_ACCEPT", "*/*"),
        ("HTTP_CLIENT_CERT", ":QQ==:"),
        ("HTTP_HOST", "a.test:8443"),
        ("HTTP_X_CLIENT_CERT_SUBJECT", "CN=me"),
        ("HTTP_X_REQUEST_ID", "000000000000002a"),
        ("PATH_INFO", "/a b"),
        ("PATH_TRANSLATED", "/srv/blog/a b"),
        ("QUERY_STRING", "c=d&e"),
        ("REDIRECT_STATUS", "200"),
        ("REMOTE_ADDR", "192.0.2.1"),
        ("REMOTE_PORT", "4321"),
        ("REQUEST_METHOD", "GET"),
        ("REQUEST_SCHEME", "https"),
        ("REQUEST_URI", "/blog/index.php/a%20b?c=d&e"),
        ("SCRIPT_FILENAME", "/srv/blog/index.php"),
        ("SCRIPT_NAME", "/blog/index.php"),
        ("SERVER_ADDR", "198.51.100.1"),
        ("SERVER_NAME", "a.test"),
        ("SERVER_PORT", "8443"),
        ("SERVER_PROTOCOL", "HTTP/2.0"),
        ("SERVER_SOFTWARE", "ondol"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(found, BTreeMap::from(expected));
}

#[test]
fn a_body_has_its_length_and_type_and_a_user_its_name() {
    let headers = [("content-type", "text/plain"), ("content-length", "9")];
    let found = variables(&headers, |script, head| {
        head.framing = RequestFraming::Length(5);
        script.user = Some(Box::from(&b"kim"[..]));
    });
    assert_eq!(found["CONTENT_LENGTH"], "5");
    assert_eq!(found["CONTENT_TYPE"], "text/plain");
    assert_eq!(found["REMOTE_USER"], "kim");
    assert!(!found.contains_key("HTTP_CONTENT_LENGTH"));
}

#[test]
fn no_field_of_a_visitor_becomes_a_variable_that_it_must_not_set() {
    let found = variables(
        &[
            ("proxy", "http://evil.test"),
            ("x_forwarded_for", "1.2.3.4"),
            ("x-forwarded-for", "1.2.3.4"),
            ("x-forwarded-proto", "http"),
            ("x-real-ip", "1.2.3.4"),
            ("forwarded", "for=1.2.3.4"),
            ("remote.user", "admin"),
            ("x$y", "1"),
            ("x~y", "1"),
            ("client-cert", "mine"),
            ("x-client-cert-subject", "CN=admin"),
            ("connection", "x-own"),
            ("x-own", "1"),
        ],
        |_, _| {},
    );
    let fields = found.keys().filter(|name| name.starts_with("HTTP_"));
    let fields: Vec<_> = fields.map(String::as_str).collect();
    let expected = [
        "HTTP_CLIENT_CERT",
        "HTTP_HOST",
        "HTTP_X_CLIENT_CERT_SUBJECT",
        "HTTP_X_REQUEST_ID",
    ];
    assert_eq!(fields, expected);
    assert_eq!(found["HTTP_X_CLIENT_CERT_SUBJECT"], "CN=me");
    assert_eq!(found["REMOTE_ADDR"], "192.0.2.1");
}

#[test]
fn fields_of_one_name_become_one_variable() {
    let headers = [
        ("x-a", "1"),
        ("cookie", "a=1"),
        ("x-b", ""),
        ("x-a", "2"),
        ("cookie", "b=2"),
        ("x-a", "3"),
    ];
    let found = variables(&headers, |_, _| {});
    assert_eq!(found["HTTP_X_A"], "1, 2, 3");
    assert_eq!(found["HTTP_X_B"], "");
    assert_eq!(found["HTTP_COOKIE"], "a=1; b=2");
}

#[test]
fn long_values_arrive_whole() {
    for length in [0, 1, 127, 128, 255, 256, 70_000] {
        let value = "v".repeat(length);
        let found = variables(&[("x-long", &value)], |_, _| {});
        assert_eq!(found["HTTP_X_LONG"], value, "{length}");
    }
}
