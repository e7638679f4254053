//! The own CA: as visitors check it, after restarts, damage and clocks that jump.

use std::process::Command;

use super::*;
use crate::fixture::patterns;
use crate::sample::DAY;
use crate::sample::NOW;

fn open(folder: &Path, now: i64) -> (InternalCa, Notices) {
    InternalCa::open(folder, "seocho", now).unwrap()
}

fn leaf(ca: &InternalCa, names: &[&str], now: i64) -> Pair {
    let names = patterns(names);
    match ca.leaf(&names, now).unwrap() {
        Leaf::Kept(pair) => pair,
        Leaf::Made(pair) => {
            ca.keep(&names, &pair.pem).unwrap();
            pair
        }
    }
}

/// Asks openssl, which Ondol does not use itself, whether a visitor of this name trusts the leaf.
fn check_trusted(root_pem: &str, leaf: &Path, question: &[&str], now: i64) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root.pem");
    crate::sample::write(&root, root_pem, 0o600);
    let moment = now.to_string();
    let mut command = Command::new("openssl");
    command.args(["verify", "-x509_strict", "-purpose", "sslserver"]);
    command.args(["-attime", &moment]).args(question);
    let output = command
        .arg("-CAfile")
        .arg(&root)
        .arg(leaf)
        .output()
        .unwrap();
    assert!(output.status.success(), "{question:?}: {output:?}");
}

#[test]
fn its_certificates_are_trusted_by_those_who_import_the_root() {
    let folder = tempfile::tempdir().unwrap();
    let (ca, notices) = open(folder.path(), NOW);
    assert_eq!(notices.len(), 1);
    assert!(
        notices[0].contains("`ondol certs root` prints it"),
        "{notices:?}"
    );
    leaf(&ca, &["a.test", "*.b.test", "10.0.0.1", "::1"], NOW);
    let chain = folder.path().join("a.test/chain.pem");
    for question in [
        ["-verify_hostname", "a.test"],
        ["-verify_hostname", "x.b.test"],
        ["-verify_ip", "10.0.0.1"],
        ["-verify_ip", "::1"],
    ] {
        check_trusted(&ca.root_pem(), &chain, &question, NOW + 89 * DAY);
    }
}

#[test]
fn the_root_says_whose_it_is_and_survives_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let (first, _) = open(folder.path(), NOW);
    let name = &first.root.facts.issuer;
    let id = name.strip_prefix("Ondol seocho ").unwrap();
    assert!(
        id.len() == 6 && id.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{name}"
    );
    let key = folder.path().join("root/key.pem");
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(key).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let (again, notices) = open(folder.path(), NOW + 1000 * DAY);
    assert_eq!(again.root_pem(), first.root_pem());
    assert_eq!(notices, Notices::new());
}

#[test]
fn two_boxes_of_one_name_have_roots_of_different_names() {
    let [one, other] = [(), ()].map(|()| {
        let folder = tempfile::tempdir().unwrap();
        open(folder.path(), NOW).0.root.facts.issuer.clone()
    });
    assert_ne!(one, other);
}

#[test]
fn a_long_box_name_is_cut_to_what_a_certificate_holds() {
    let folder = tempfile::tempdir().unwrap();
    let (ca, _) = InternalCa::open(folder.path(), &"온돌".repeat(60), NOW).unwrap();
    assert_eq!(ca.root.facts.issuer.chars().count(), COMMON_NAME_MAX);
}

#[test]
fn a_leaf_is_the_same_after_a_restart_until_it_is_time_to_renew() {
    let folder = tempfile::tempdir().unwrap();
    let (ca, _) = open(folder.path(), NOW);
    let first = leaf(&ca, &["a.test", "b.test"], NOW);
    let (ca, _) = open(folder.path(), NOW + 59 * DAY);
    assert_eq!(leaf(&ca, &["a.test", "b.test"], NOW + 59 * DAY), first);
    assert_eq!(leaf(&ca, &["a.test", "b.test"], NOW).pem, first.pem);
    let renewed = leaf(&ca, &["a.test", "b.test"], NOW + 61 * DAY);
    assert_eq!(renewed.facts.validity.not_after, NOW + (61 + 90) * DAY);
}

#[test]
fn a_leaf_is_made_again_for_other_names_or_when_the_kept_one_is_broken() {
    let folder = tempfile::tempdir().unwrap();
    let (ca, _) = open(folder.path(), NOW);
    let first = leaf(&ca, &["a.test"], NOW);
    let more = leaf(&ca, &["a.test", "b.test"], NOW);
    assert_eq!(more.facts.names, patterns(&["a.test", "b.test"]));
    for broken in ["", "nonsense", &first.pem.chain_pem] {
        let before = leaf(&ca, &["a.test", "b.test"], NOW);
        let chain = folder.path().join("a.test/chain.pem");
        crate::sample::write(&chain, broken, 0o600);
        let after = leaf(&ca, &["a.test", "b.test"], NOW);
        assert_eq!(after.facts.names, before.facts.names);
        assert_ne!(after.pem, before.pem, "{broken:?} was used");
    }
}

#[test]
fn sites_with_awkward_names_do_not_share_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let (ca, _) = open(folder.path(), NOW);
    let names = [
        "root",
        "*.example.com",
        "_.example.com",
        "example.com",
        "::1",
        "10.0.0.1",
    ];
    let leaves = names.map(|name| leaf(&ca, &[name], NOW));
    assert_eq!(names.map(|name| leaf(&ca, &[name], NOW)), leaves);
    let (again, notices) = open(folder.path(), NOW);
    assert_eq!((again.root_pem(), notices), (ca.root_pem(), Notices::new()));
}

#[test]
fn a_name_longer_than_a_common_name_is_covered() {
    let folder = tempfile::tempdir().unwrap();
    let (ca, _) = open(folder.path(), NOW);
    let long = format!("{}.{}.test", "a".repeat(60), "b".repeat(60));
    leaf(&ca, &[&long], NOW);
    let chain = folder.path().join(&long).join("chain.pem");
    check_trusted(&ca.root_pem(), &chain, &["-verify_hostname", &long], NOW);
}

#[test]
fn a_broken_root_is_set_aside_and_replaced() {
    type Damage = fn(&Path);
    let damages: [(Damage, &str); 4] = [
        (
            |root| fs::remove_file(root.join("key.pem")).unwrap(),
            "cannot read",
        ),
        (
            |root| crate::sample::write(&root.join("chain.pem"), "x", 0o600),
            "no certificate",
        ),
        (
            |root| drop(fs::copy(root.join("chain.pem"), root.join("key.pem"))),
            "no private key",
        ),
        (
            |root| {
                let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
                crate::sample::write(&root.join("key.pem"), &key, 0o600);
            },
            "does not belong",
        ),
    ];
    for (damage, reason) in damages {
        let folder = tempfile::tempdir().unwrap();
        let (before, _) = open(folder.path(), NOW);
        let old = leaf(&before, &["a.test"], NOW);
        damage(&folder.path().join("root"));
        let (after, notices) = open(folder.path(), NOW + 1);
        assert_ne!(after.root_pem(), before.root_pem(), "{reason}");
        assert!(
            notices[0].contains(reason) && notices[0].contains("was set aside as"),
            "{notices:?}"
        );
        assert!(
            folder
                .path()
                .join(format!("root.replaced-{}", NOW + 1))
                .is_dir()
        );
        // What the old root signed is of no use to those who import the new one.
        assert_ne!(leaf(&after, &["a.test"], NOW + 1).pem, old.pem);
        assert_eq!(open(folder.path(), NOW + 2).0.root_pem(), after.root_pem());
    }
}

#[test]
fn a_root_is_replaced_before_a_leaf_outlives_it() {
    let folder = tempfile::tempdir().unwrap();
    let (old, _) = open(folder.path(), NOW);
    let late = NOW + ROOT_LIFETIME - ROOT_REMAINING_MIN + DAY;
    assert!(!old.is_ending(late - 2 * DAY) && old.is_ending(late));
    let (new, notices) = open(folder.path(), late);
    assert!(notices[0].contains("it ends soon"), "{notices:?}");
    assert!(!new.is_ending(late));
}

#[test]
fn a_clock_that_fell_back_to_the_seventies_costs_no_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let (ca, _) = open(folder.path(), NOW);
    let kept = leaf(&ca, &["a.test"], NOW);
    let (ca, notices) = open(folder.path(), 1000);
    assert_eq!(notices, Notices::new());
    assert_eq!(leaf(&ca, &["a.test"], 1000).pem, kept.pem);
    // One that has to be made meanwhile is good as soon as the root is, which visitors can check.
    leaf(&ca, &["b.test"], 1000);
    let chain = folder.path().join("b.test/chain.pem");
    check_trusted(&ca.root_pem(), &chain, &["-verify_hostname", "b.test"], NOW);
}

#[test]
fn a_clock_that_had_been_ahead_is_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let (ca, _) = open(folder.path(), NOW);
    let ahead = leaf(&ca, &["a.test"], NOW + 900 * DAY);
    let now = leaf(&ca, &["a.test"], NOW + DAY);
    assert_ne!(now.pem, ahead.pem);
    assert_eq!(now.facts.validity.not_after, NOW + 91 * DAY);
}

#[test]
fn a_folder_that_cannot_be_written_stops_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    crate::sample::write(&file, "in the way", 0o600);
    let (ca, notices) = open(&file.join("internal"), NOW);
    assert!(notices[0].contains("could not be kept in"), "{notices:?}");
    let names = patterns(&["a.test"]);
    let Leaf::Made(pair) = ca.leaf(&names, NOW).unwrap() else {
        panic!("it was kept nowhere");
    };
    assert_eq!(pair.facts.names, names);
    assert!(ca.keep(&names, &pair.pem).is_err());
}
