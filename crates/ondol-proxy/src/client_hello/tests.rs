//! Hellos of a real client, cut in every way, and bytes of nobody.

use std::sync::Arc;

use proptest::prelude::*;
use rustls::ClientConfig;
use rustls::ClientConnection;
use rustls::RootCertStore;
use rustls_pki_types::ServerName;

use super::*;

/// What a client sends first.
fn hello(name: &str) -> Vec<u8> {
    let provider = Arc::new(crate::certificates::provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut bytes = Vec::new();
    client.write_tls(&mut bytes).unwrap();
    bytes
}

/// The same message in records of this size.
fn in_records_of(size: usize, hello: &[u8]) -> Vec<u8> {
    let records = hello[RECORD_HEADER..].chunks(size).flat_map(|payload| {
        let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
        let header = [RECORD_HANDSHAKE, 3, 1, length[0], length[1]];
        header.into_iter().chain(payload.iter().copied())
    });
    records.collect()
}

fn found(bytes: &[u8]) -> Option<String> {
    match find_name(bytes, &mut Vec::new()) {
        Found::Name(name) => name.map(str::to_owned),
        Found::Partial(needed) => panic!("{needed} of {} bytes", bytes.len()),
    }
}

#[test]
fn the_name_is_found_in_whatever_records_it_comes() {
    let whole = hello("other.example.com");
    for size in [1, 2, 3, 100, 1000, RECORD_MAX] {
        let bytes = in_records_of(size, &whole);
        assert_eq!(found(&bytes).as_deref(), Some("other.example.com"));
        for end in 0..bytes.len() {
            let Found::Partial(needed) = find_name(&bytes[..end], &mut Vec::new()) else {
                panic!("cut at {end} of {}", bytes.len());
            };
            assert!(end < needed, "{needed} at {end}");
            // Waiting for it never waits for ever.
            assert!(
                needed <= bytes.len(),
                "{needed} at {end} of {} in {size}",
                bytes.len()
            );
        }
    }
    assert_eq!(
        found(&hello("192.0.2.1")),
        None,
        "an address is no name to ask for"
    );
}

#[test]
fn what_is_no_hello_is_known_at_once() {
    for bytes in [
        &b"GET / HTTP/1.1\r\n"[..],
        b"\x16\x02\x01\0\x05hello",
        b"\x16\x03\x01\0\0",
        b"\x16\x03\x01\x40\x01",
        b"\x16\x03\x01\0\x04\x02\0\0\0",
        b"\x15\x03\x01\0\x02\x02\x50",
    ] {
        assert_eq!(
            find_name(bytes, &mut Vec::new()),
            Found::Name(None),
            "{bytes:?}"
        );
    }
}

#[test]
fn two_names_are_none() {
    let name = |text: &str| {
        let length = u8::try_from(text.len()).unwrap();
        [&[NAME_IS_HOST, 0, length], text.as_bytes()].concat()
    };
    let extension = |names: &[u8]| {
        let length = u8::try_from(names.len()).unwrap();
        [&[0, 0, 0, length + 2, 0, length], names].concat()
    };
    let body = |extensions: &[u8]| {
        let length = u8::try_from(extensions.len()).unwrap();
        [&[3; 34][..], &[0, 0, 2, 1, 1, 1, 0, 0, length], extensions].concat()
    };
    let (a, b) = (name("a.test"), name("b.test"));
    assert_eq!(server_name(&body(&extension(&a))), Some("a.test"));
    assert_eq!(
        server_name(&body(&extension(&[a.clone(), b.clone()].concat()))),
        None
    );
    assert_eq!(
        server_name(&body(&[extension(&a), extension(&b)].concat())),
        None
    );
    assert_eq!(server_name(&body(&[])), None);
    assert_eq!(server_name(&body(&extension(&a))[..50]), None);
}

proptest! {
    #[test]
    fn any_bytes_are_answered(mut bytes: Vec<u8>, is_record: bool) {
        if is_record {
            let mut header = vec![RECORD_HANDSHAKE, 3, 1, 0, u8::try_from(bytes.len()).unwrap_or(255)];
            header.append(&mut bytes);
            bytes = header;
        }
        if let Found::Partial(needed) = find_name(&bytes, &mut Vec::new()) {
            prop_assert!(needed > bytes.len());
        }
    }

    #[test]
    fn a_hello_with_any_byte_changed_is_answered(at in 0_usize..2000, byte: u8) {
        let mut bytes = hello("other.example.com");
        let at = at % bytes.len();
        bytes[at] = byte;
        let _ = find_name(&bytes, &mut Vec::new());
    }
}
