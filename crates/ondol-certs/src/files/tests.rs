//! Pairs as people have them: whole, damaged, of every kind that openssl makes.

use super::*;
use crate::fixture::pattern;
use crate::fixture::patterns;
use crate::sample::DAY;
use crate::sample::NOW;
use crate::sample::Sample;
use crate::sample::write;

#[test]
fn a_pair_tells_its_names_issuer_dates_and_key() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["a.example.com", "*.b.example.com", "192.168.0.7", "::1"];
    let files = Sample::of(&names).write(folder.path(), "a");
    let (pair, readers) = load(&files).unwrap();
    assert_eq!(readers, KeyReaders::Few);
    assert_eq!(pair.order, ChainOrder::Straight);
    assert_eq!(pair.facts.names, patterns(&names));
    assert_eq!(pair.facts.issuer, "Sample CA");
    assert_eq!(pair.facts.validity.not_before, NOW - 10 * DAY);
    assert_eq!(pair.facts.validity.not_after, NOW + 80 * DAY);
    assert_eq!(pair.facts.key.to_string(), "ECDSA P-256");
    assert!(!format!("{pair:?}").contains("PRIVATE"));
}

#[test]
fn a_wildcard_covers_one_label_and_nothing_else() {
    let sample = Sample::of(&["*.example.com", "shop.test", "10.0.0.1"]);
    let facts = parse(&sample.leaf, &sample.key).unwrap().facts;
    let cases = [
        ("a.example.com", true),
        ("*.example.com", true),
        ("example.com", false),
        ("a.b.example.com", false),
        ("*.b.example.com", false),
        ("shop.test", true),
        ("www.shop.test", false),
        ("*.shop.test", false),
        ("10.0.0.1", true),
        ("10.0.0.2", false),
    ];
    for (name, covered) in cases {
        assert_eq!(facts.covers(&pattern(name)), covered, "{name}");
    }
}

#[test]
fn texts_that_are_no_pair_are_refused_with_the_reason_and_the_file() {
    let sample = Sample::of(&["a.test"]);
    let other = Sample::of(&["a.test"]);
    let chain = sample.chain();
    let reversed = format!("{}{}", sample.issuer, sample.leaf);
    let long = sample.leaf.repeat(CERTIFICATE_CHAIN_MAX + 1);
    let cut = &sample.leaf[..sample.leaf.len() / 2];
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let encrypted =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let unknown = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let cases = [
        ("", &*sample.key, "there is no certificate", Part::Chain),
        (
            &*sample.key,
            &*sample.key,
            "there is no certificate",
            Part::Chain,
        ),
        (cut, &*sample.key, "not PEM", Part::Chain),
        (
            broken,
            &*sample.key,
            "certificate 1 of the chain is broken",
            Part::Chain,
        ),
        (&*long, &*sample.key, "more than 10", Part::Chain),
        (
            &*reversed,
            &*sample.key,
            "belongs to certificate 2",
            Part::Chain,
        ),
        (&*chain, "", "there is no private key", Part::Key),
        (&*chain, &*chain, "there is no private key", Part::Key),
        (&*chain, encrypted, "passphrase", Part::Key),
        (&*chain, unknown, "of a kind that cannot be used", Part::Key),
        (&*chain, &*other.key, "does not belong", Part::Key),
    ];
    for (chain, key, expected, part) in cases {
        let source = parse(chain, key).unwrap_err();
        assert!(
            source.to_string().contains(expected),
            "{expected}: {source}"
        );
        let (chain, key) = ("c".into(), "k".into());
        assert_eq!(
            PairError::Text { chain, key, source }.part(),
            part,
            "{expected}"
        );
    }
}

#[test]
fn a_chain_out_of_order_is_noticed() {
    let (sample, other) = (Sample::of(&["a.test"]), Sample::of(&["b.test"]));
    let chain = format!("{}{}", sample.leaf, other.leaf);
    let pair = parse(&chain, &sample.key).unwrap();
    assert_eq!(pair.order, ChainOrder::Broken);
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let good = Sample::of(&["a.test"]).write(folder.path(), "a");
    let huge = folder.path().join("huge");
    write(&huge, &"x".repeat(200 * 1024), 0o600);
    let fifo = folder.path().join("fifo");
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    for (path, expected) in [
        (folder.path().join("none"), "cannot read"),
        (folder.path().to_owned(), "cannot read"),
        (fifo, "cannot read"),
        (huge, "is larger than"),
    ] {
        let chain = CertificateFiles {
            chain: path.clone(),
            ..good.clone()
        };
        let key = CertificateFiles {
            key: path.clone(),
            ..good.clone()
        };
        for (files, part) in [(chain, Part::Chain), (key, Part::Key)] {
            let error = load(&files).unwrap_err();
            let text = error.to_string();
            assert!(
                text.contains(expected) && text.contains(path.to_str().unwrap()),
                "{text}"
            );
            assert_eq!(error.part(), part);
        }
    }
}

#[test]
fn a_key_that_everyone_may_read_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let sample = Sample::of(&["a.test"]);
    let files = sample.write(folder.path(), "a");
    for (mode, readers) in [
        (0o640, KeyReaders::Few),
        (0o644, KeyReaders::Everyone),
        (0o602, KeyReaders::Everyone),
    ] {
        write(&files.key, &sample.key, mode);
        assert_eq!(load(&files).unwrap().1, readers, "{mode:o}");
    }
}

#[test]
fn a_key_that_a_foreign_group_may_read_is_noticed() {
    const OWN: u32 = 1000;
    for (mode, group, expected) in [
        (0o640, 33, KeyReaders::Group(33)),
        (0o660, 33, KeyReaders::Group(33)),
        (0o600, 33, KeyReaders::Few),
        (0o640, ROOT, KeyReaders::Few),
        (0o640, OWN, KeyReaders::Few),
        (0o644, 33, KeyReaders::Everyone),
    ] {
        assert_eq!(readers(mode, group, OWN), expected, "{mode:o} {group}");
    }
}

#[test]
fn keys_of_the_kinds_that_openssl_makes_are_accepted() {
    // RSA in PKCS #1 and PKCS #8, an elliptic curve in SEC 1, Ed25519: as `openssl` writes them.
    let folder = tempfile::tempdir().unwrap();
    let kinds: [(&[&str], &str); 4] = [
        (&["genrsa", "-traditional", "2048"], "RSA 2048"),
        (
            &[
                "genpkey",
                "-algorithm",
                "RSA",
                "-pkeyopt",
                "rsa_keygen_bits:3072",
            ],
            "RSA 3072",
        ),
        (
            &["ecparam", "-genkey", "-noout", "-name", "secp384r1"],
            "ECDSA P-384",
        ),
        (&["genpkey", "-algorithm", "ED25519"], "other"),
    ];
    for (arguments, kind) in kinds {
        let key = folder.path().join("k.pem");
        let chain = folder.path().join("c.pem");
        openssl(&[arguments, &["-out", key.to_str().unwrap()]].concat());
        let subject = [
            "req",
            "-x509",
            "-subj",
            "/CN=x",
            "-addext",
            "subjectAltName=DNS:a.test",
        ];
        let files = [
            "-key",
            key.to_str().unwrap(),
            "-out",
            chain.to_str().unwrap(),
        ];
        openssl(&[&subject[..], &files[..]].concat());
        let (pair, _) = load(&CertificateFiles { chain, key }).unwrap();
        assert_eq!(pair.facts.key.to_string(), kind);
        assert_eq!(pair.facts.names, patterns(&["a.test"]));
        assert_eq!(pair.facts.issuer, "x");
    }
}

fn openssl(arguments: &[&str]) {
    // genrsa wants its size last.
    let mut arguments = arguments.to_vec();
    if let Some(index) = arguments.iter().position(|argument| *argument == "2048") {
        let size = arguments.remove(index);
        arguments.push(size);
    }
    let output = std::process::Command::new("openssl")
        .args(&arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
}
