//! What an app is told of a certificate.

use proptest::prelude::*;
use rcgen::CertificateParams;
use rcgen::DnType;
use rcgen::KeyPair;

use super::*;

fn certificate(common_name: &str) -> CertificateDer<'static> {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    let key = KeyPair::generate().unwrap();
    params.self_signed(&key).unwrap().der().clone()
}

#[test]
fn base64_is_that_of_the_standard() {
    for (bytes, text) in [
        ("", ""),
        ("f", "Zg=="),
        ("fo", "Zm8="),
        ("foo", "Zm9v"),
        ("foob", "Zm9vYg=="),
        ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ] {
        let mut encoded = String::new();
        push_base64(&mut encoded, bytes.as_bytes());
        assert_eq!(encoded, text);
    }
    let mut encoded = String::new();
    push_base64(&mut encoded, &[0xfb, 0xff, 0xfe]);
    assert_eq!(encoded, "+//+");
}

#[test]
fn a_fingerprint_is_sha_256() {
    let empty = fingerprint(b"");
    let hex: String = empty
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(
        hex,
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
}

proptest! {
    #[test]
    fn no_name_gets_out_of_its_header(name in "\\PC{0,40}|[\r\n%\0-~]{0,40}") {
        let identity = ClientIdentity::new(&certificate(&name));
        prop_assert!(identity.subject.starts_with("CN="), "{}", identity.subject);
        prop_assert!(identity.subject.bytes().all(|byte| matches!(byte, b' '..=b'~')));
        let names: Vec<_> = identity
            .headers
            .split_terminator("\r\n")
            .map(|line| line.split(": ").next().unwrap_or_default())
            .collect();
        prop_assert_eq!(&names, &["client-cert", "x-client-cert-subject", "x-client-cert-fingerprint"]);
        prop_assert!(names.into_iter().all(is_about_certificate));
    }
}
