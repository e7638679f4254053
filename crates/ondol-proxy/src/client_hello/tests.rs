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
    hello_offering(name, &[])
}

/// The same, of one that offers these protocols.
fn hello_offering(name: &str, protocols: &[&[u8]]) -> Vec<u8> {
    let provider = Arc::new(crate::certificates::provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|it| it.to_vec()).collect();
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
    match find(bytes, &mut Vec::new()) {
        Found::Whole(wishes) => wishes.name.map(str::to_owned),
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
            let Found::Partial(needed) = find(&bytes[..end], &mut Vec::new()) else {
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
            find(bytes, &mut Vec::new()),
            Found::Whole(Wishes::default()),
            "{bytes:?}"
        );
    }
}

#[test]
fn an_issuer_offers_its_protocol_and_no_other() {
    let offered: [(&[&[u8]], _); 7] = [
        (&[b"acme-tls/1"], true),
        (&[], false),
        (&[b"h2"], false),
        (&[b"h2", b"http/1.1"], false),
        (&[b"acme-tls/1", b"h2"], false),
        (&[b"h2", b"acme-tls/1"], false),
        (&[b"acme-tls/10"], false),
    ];
    for (protocols, is_issuers) in offered {
        let hello = hello_offering("a.test", protocols);
        for size in [1, 3, 100, RECORD_MAX] {
            let bytes = in_records_of(size, &hello);
            let wishes = Wishes {
                name: Some("a.test"),
                is_issuers,
            };
            let found = find(&bytes, &mut Vec::new()) == Found::Whole(wishes);
            assert!(found, "{protocols:?} in {size}");
        }
    }
}

#[test]
fn a_list_of_protocols_that_is_none_or_comes_twice_is_no_issuers() {
    let extension = |content: &[u8]| {
        let length = u8::try_from(content.len()).unwrap();
        [&[0, 16, 0, length], content].concat()
    };
    let body = |extensions: &[u8]| {
        let length = u8::try_from(extensions.len()).unwrap();
        [&[3; 34][..], &[0, 0, 2, 1, 1, 1, 0, 0, length], extensions].concat()
    };
    let is_issuers = |extensions: &[u8]| wishes(&body(extensions)).unwrap().is_issuers;
    let one = extension(b"\0\x0b\x0aacme-tls/1");
    assert!(is_issuers(&one));
    assert!(!is_issuers(&[one.clone(), one.clone()].concat()));
    let other = extension(b"\0\x03\x02h2");
    assert!(!is_issuers(&[one.clone(), other.clone()].concat()));
    assert!(!is_issuers(&[other, one].concat()));
    for broken in [
        &b""[..],
        b"\0",
        b"\0\0",
        b"\0\x01\0",
        b"\0\x0c\x0aacme-tls/1",
        b"\0\x0a\x0aacme-tls/1",
        b"\0\x0b\x0bacme-tls/1",
        b"\0\x0b\x09acme-tls/1",
        b"\0\x0b\x0aacme-tls/1\0",
        b"\0\x0c\x0aacme-tls/1\0",
    ] {
        assert!(!is_issuers(&extension(broken)), "{broken:?}");
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
    let server_name = |body: &[u8]| {
        let wishes = wishes(body)?;
        wishes.name.map(str::to_owned)
    };
    assert_eq!(
        server_name(&body(&extension(&a))),
        Some("a.test".to_owned())
    );
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
        if let Found::Partial(needed) = find(&bytes, &mut Vec::new()) {
            prop_assert!(needed > bytes.len());
        }
    }

    #[test]
    fn a_hello_with_any_byte_changed_is_answered(at in 0_usize..2000, byte: u8) {
        let mut bytes = hello_offering("other.example.com", &[b"acme-tls/1"]);
        let at = at % bytes.len();
        bytes[at] = byte;
        let _ = find(&bytes, &mut Vec::new());
    }

    #[test]
    fn any_extensions_are_answered(extensions: Vec<(u8, Vec<u8>)>, cut in 0_usize..400) {
        let extensions = extensions.iter().flat_map(|(kind, content)| {
            let kind = if kind % 2 == 0 { EXTENSION_PROTOCOLS } else { EXTENSION_SERVER_NAME };
            let length = u16::try_from(content.len()).unwrap().to_be_bytes();
            [&kind.to_be_bytes()[..], &length, content].concat()
        });
        let extensions: Vec<u8> = extensions.collect();
        let length = u16::try_from(extensions.len()).unwrap().to_be_bytes();
        let body = [&[3; 34][..], &[0, 0, 2, 1, 1, 1, 0], &length, &extensions].concat();
        let _ = wishes(&body);
        let _ = wishes(&body[..cut.min(body.len())]);
    }

    #[test]
    fn only_one_list_of_protocols_is_an_issuers(names in proptest::collection::vec("(acme-tls/1|h2|[a-z]{1,12})", 0..4)) {
        let protocols: Vec<&[u8]> = names.iter().map(|name| name.as_bytes()).collect();
        let bytes = hello_offering("a.test", &protocols);
        let mut message = Vec::new();
        let Found::Whole(wishes) = find(&bytes, &mut message) else { panic!("cut") };
        prop_assert_eq!(wishes.is_issuers, names == ["acme-tls/1"]);
    }
}
