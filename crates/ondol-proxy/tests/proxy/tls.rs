//! Handshakes: which certificate is shown, what is agreed on, what is remembered.

use std::io::Read;
use std::io::Write;
use std::sync::Arc;

use rustls::ClientConnection;
use rustls::DEFAULT_VERSIONS;
use rustls::HandshakeKind;
use rustls::NamedGroup;
use rustls::ProtocolVersion;
use rustls::version::TLS12;
use rustls::version::TLS13;
use rustls_pki_types::ServerName;

use crate::harness::Identity;
use crate::harness::Plane;
use crate::harness::TlsStream;
use crate::harness::Wire;
use crate::harness::client_config;
use crate::harness::handshake;
use crate::harness::plan;
use crate::harness::respond;
use crate::harness::secure_site;
use crate::harness::site;
use crate::harness::wait_until;

fn start(identities: &[&Identity]) -> Plane {
    Plane::start_with(plan([secure_site("a.test", respond("a"))]), identities)
}

fn shown(plane: &Plane, name: &str) -> std::io::Result<TlsStream> {
    let config = Arc::new(client_config(DEFAULT_VERSIONS, &["http/1.1"]));
    handshake(plane.connect_tls(), name, &config)
}

#[test]
fn the_name_that_is_asked_for_chooses_the_certificate() {
    let exact = Identity::new(&["a.test"]);
    let wild = Identity::new(&["*.a.test"]);
    let fallback = Identity::new(&[]);
    let plane = start(&[&exact, &wild, &fallback]);
    for (name, identity) in [
        ("a.test", &exact),
        ("A.Test", &exact),
        ("x.a.test", &wild),
        ("x.y.a.test", &fallback),
        ("b.test", &fallback),
        ("127.0.0.1", &fallback), // An address is no name to ask for.
    ] {
        let visitor = shown(&plane, name).unwrap();
        assert!(identity.was_shown_to(&visitor), "{name}");
    }
}

#[test]
fn an_unknown_name_without_a_fallback_ends_in_the_handshake() {
    let plane = start(&[&Identity::new(&["a.test"])]);
    assert!(shown(&plane, "b.test").is_err());
    wait_until("a count", || plane.counters().handshakes_failed == 1);
    assert!(shown(&plane, "a.test").is_ok());
}

#[test]
fn both_versions_and_both_protocols_are_spoken() {
    let plane = start(&[&Identity::new(&["a.test"])]);
    for (version, is) in [
        (&TLS12, ProtocolVersion::TLSv1_2),
        (&TLS13, ProtocolVersion::TLSv1_3),
    ] {
        for (offered, chosen) in [
            (&["http/1.1"][..], Some("http/1.1")),
            (&["h2"], Some("h2")),
            (&["http/1.1", "h2"], Some("h2")),
            (&[], None),
        ] {
            let config = Arc::new(client_config(&[version], offered));
            let visitor = handshake(plane.connect_tls(), "a.test", &config).unwrap();
            assert_eq!(visitor.conn.protocol_version(), Some(is));
            assert_eq!(visitor.conn.alpn_protocol(), chosen.map(str::as_bytes));
        }
    }
}

#[test]
fn who_offers_no_protocol_gets_http_1_1() {
    let plane = start(&[&Identity::new(&["a.test"])]);
    let config = Arc::new(client_config(DEFAULT_VERSIONS, &[]));
    let mut visitor = Wire::new(handshake(plane.connect_tls(), "a.test", &config).unwrap());
    assert_eq!(visitor.get("a.test", "/").text(), "a");
}

#[test]
fn who_speaks_nothing_we_do_is_told_so() {
    let plane = start(&[&Identity::new(&["a.test"])]);
    let config = Arc::new(client_config(DEFAULT_VERSIONS, &["spdy/3"]));
    let refused = handshake(plane.connect_tls(), "a.test", &config).unwrap_err();
    assert!(
        refused.to_string().contains("NoApplicationProtocol"),
        "{refused}"
    );
}

#[test]
fn keys_are_agreed_on_safe_from_quantum_computers() {
    let plane = start(&[&Identity::new(&["a.test"])]);
    let visitor = shown(&plane, "a.test").unwrap();
    let group = visitor.conn.negotiated_key_exchange_group().unwrap();
    assert_eq!(group.name(), NamedGroup::X25519MLKEM768);
}

#[test]
fn a_visitor_who_comes_again_shakes_hands_faster() {
    let plane = start(&[&Identity::new(&["a.test"])]);
    for version in [&TLS12, &TLS13] {
        let config = Arc::new(client_config(&[version], &["http/1.1"]));
        let kinds = [(); 2].map(|()| {
            let stream = handshake(plane.connect_tls(), "a.test", &config).unwrap();
            let mut visitor = Wire::new(stream);
            assert_eq!(visitor.get("a.test", "/").text(), "a");
            visitor.stream.conn.handshake_kind()
        });
        let again = Some(HandshakeKind::Resumed);
        assert_eq!(kinds, [Some(HandshakeKind::Full), again], "{version:?}");
    }
}

#[test]
fn a_new_certificate_is_shown_from_the_next_handshake_on() {
    let old = Identity::new(&["a.test"]);
    let new = Identity::new(&["a.test"]);
    let plane = start(&[&old]);
    let before = shown(&plane, "a.test").unwrap();
    assert!(old.was_shown_to(&before));
    plane.apply(plan([secure_site("a.test", respond("new"))]), &[&new]);
    assert!(new.was_shown_to(&shown(&plane, "a.test").unwrap()));
    assert_eq!(Wire::new(before).get("a.test", "/").text(), "new");
}

#[test]
fn plain_http_on_the_tls_port_ends_and_hurts_no_one() {
    let plane = start(&[&Identity::new(&["a.test"])]);
    let mut lost = plane.connect_tls();
    lost.write_all(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
        .unwrap();
    Wire::new(lost).rest();
    assert_eq!(plane.visit_tls("a.test").get("a.test", "/").text(), "a");
}

#[test]
fn a_name_with_the_dot_of_the_root_is_the_same_name() {
    let plane = start(&[&Identity::new(&["a.test"])]);
    let config = Arc::new(client_config(DEFAULT_VERSIONS, &["http/1.1"]));
    for (name, is_known) in [("a.testx", false), ("a.test.", true)] {
        // A client leaves the dot out by itself, so it is put in place of a letter.
        let asked = ServerName::try_from("a.testx").unwrap();
        let mut client = ClientConnection::new(Arc::clone(&config), asked).unwrap();
        let mut hello = Vec::new();
        client.write_tls(&mut hello).unwrap();
        let at = hello.windows(7).position(|it| it == b"a.testx").unwrap();
        hello[at..at + 7].copy_from_slice(name.as_bytes());
        let mut stream = plane.connect_tls();
        stream.write_all(&hello).unwrap();
        let mut kind = [0];
        stream.read_exact(&mut kind).unwrap();
        let (handshake, alert) = (22, 21);
        assert_eq!(kind, [if is_known { handshake } else { alert }], "{name}");
    }
}

#[test]
fn nothing_is_taken_before_the_handshake_is_done() {
    let plane = start(&[&Identity::new(&["a.test"])]);
    let mut config = client_config(&[&TLS13], &["http/1.1"]);
    config.enable_early_data = true;
    let config = Arc::new(config);
    let mut visitor = Wire::new(handshake(plane.connect_tls(), "a.test", &config).unwrap());
    assert_eq!(visitor.get("a.test", "/").text(), "a");
    let name = ServerName::try_from("a.test").unwrap();
    let mut again = ClientConnection::new(config, name).unwrap();
    assert!(again.early_data().is_none(), "the ticket allows it");
}

#[test]
fn a_site_of_plain_http_alone_is_not_served_by_tls() {
    let identity = Identity::new(&["a.test", "plain.test"]);
    let sites = [
        secure_site("a.test", respond("a")),
        site("plain.test", respond("plain")),
    ];
    let plane = Plane::start_with(plan(sites), &[&identity]);
    for name in ["a.test", "plain.test"] {
        let mut visitor = plane.visit_tls(name);
        assert_eq!(visitor.get("plain.test", "/").status(), 421, "{name}");
    }
    let answer = plane.visit().get("plain.test", "/");
    assert_eq!(answer.text(), "plain");
    assert_eq!(answer.field("strict-transport-security"), None);
}
