//! A shelf, and what power cuts and other hands leave on it.

use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::fixture::pattern;
use crate::sample::Sample;

fn kept(names: &[&str]) -> Kept {
    let sample = Sample::of(names);
    Kept {
        issuer: "pebble".into(),
        name: pattern(names[0]),
        pair: files::parse(&sample.chain(), &sample.key).unwrap(),
        meta: Meta {
            names: names.iter().map(|&name| name.to_owned()).collect(),
            obtained_at: 7,
            ..Meta::default()
        },
    }
}

fn shelf() -> (tempfile::TempDir, Shelf) {
    let place = tempfile::tempdir().unwrap();
    let shelf = Shelf::new(place.path().join("certificates"));
    (place, shelf)
}

#[test]
fn a_certificate_comes_back_and_takes_the_place_of_another() {
    let (_place, shelf) = shelf();
    let first = kept(&["*.example.org", "example.org"]);
    shelf.keep(&first).unwrap();
    assert_eq!(shelf.all().0, std::slice::from_ref(&first));
    let second = kept(&["*.example.org"]);
    shelf.keep(&second).unwrap();
    let (all, unusable) = shelf.all();
    assert_eq!(all, std::slice::from_ref(&second));
    assert!(unusable.is_empty());
    let folder = shelf.folder("pebble", &second.name);
    let key = fs::metadata(folder.join("key.pem")).unwrap();
    assert_eq!(key.permissions().mode() & 0o777, 0o600);
    assert_eq!(folders_in(&shelf.issuer_folder("pebble")).len(), 1);
    shelf.remove("pebble", &second.name).unwrap();
    assert!(shelf.all().0.is_empty());
}

#[test]
fn what_was_about_to_take_a_place_when_the_power_went_is_no_certificate() {
    let (_place, shelf) = shelf();
    let first = kept(&["example.org"]);
    shelf.keep(&first).unwrap();
    let folder = shelf.folder("pebble", &first.name);
    let half = with_end(&folder, NEW);
    fs::create_dir(&half).unwrap();
    fs::copy(folder.join("chain.pem"), half.join("chain.pem")).unwrap();
    assert_eq!(shelf.all().0, [first]);
    let second = kept(&["example.org", "www.example.org"]);
    shelf.keep(&second).unwrap();
    assert_eq!(shelf.all().0, [second]);
    assert!(!half.exists());
}

#[test]
fn a_complete_one_takes_the_place_that_is_free() {
    let (_place, shelf) = shelf();
    let first = kept(&["example.org"]);
    shelf.keep(&first).unwrap();
    let folder = shelf.folder("pebble", &first.name);
    fs::rename(&folder, with_end(&folder, NEW)).unwrap();
    assert_eq!(shelf.all().0, [first]);
}

#[test]
fn two_steps_that_were_cut_off_leave_the_new_one() {
    let (_place, shelf) = shelf();
    let [first, second] = [&["example.org"][..], &["example.org", "a.example.org"]].map(kept);
    let folder = shelf.folder("pebble", &first.name);
    shelf.keep(&first).unwrap();
    fs::rename(&folder, with_end(&folder, OLD)).unwrap();
    shelf.keep(&second).unwrap();
    fs::rename(&folder, with_end(&folder, NEW)).unwrap();
    assert_eq!(shelf.all().0, [second]);
    assert!(!with_end(&folder, OLD).exists());
}

#[test]
fn what_was_cut_off_while_it_was_removed_does_not_come_back() {
    let (_place, shelf) = shelf();
    let first = kept(&["example.org"]);
    shelf.keep(&first).unwrap();
    let folder = shelf.folder("pebble", &first.name);
    fs::remove_file(folder.join("key.pem")).unwrap();
    fs::rename(&folder, with_end(&folder, OLD)).unwrap();
    let (all, unusable) = shelf.all();
    assert!(all.is_empty() && unusable.is_empty());
}

#[test]
fn a_name_may_end_as_names_of_folders_do() {
    let (_place, shelf) = shelf();
    let names = ["whats.new", "what.order", "*.new", "x.old"];
    let all = names.map(|name| kept(&[name]));
    for kept in &all {
        shelf.keep(kept).unwrap();
    }
    let mut again = shelf.all().0;
    again.sort_by_key(|kept| names.iter().position(|name| kept.name == pattern(name)));
    assert_eq!(again, all);
}

#[test]
fn a_key_that_is_another_certificates_is_said_and_left_where_it_is() {
    let (_place, shelf) = shelf();
    let first = kept(&["example.org"]);
    shelf.keep(&first).unwrap();
    let key = shelf.folder("pebble", &first.name).join("key.pem");
    file::replace(&key, Sample::of(&["a.test"]).key.as_bytes(), 0o600).unwrap();
    let (all, unusable) = shelf.all();
    assert!(all.is_empty());
    assert_eq!(unusable.len(), 1);
    assert!(key.exists());
}

#[test]
fn what_else_is_known_is_not_worth_a_good_certificate() {
    let (_place, shelf) = shelf();
    let first = kept(&["example.org", "www.example.org"]);
    shelf.keep(&first).unwrap();
    let meta = shelf.folder("pebble", &first.name).join(META);
    file::replace(&meta, b"{", 0o600).unwrap();
    let (all, _) = shelf.all();
    assert_eq!(all[0].pair, first.pair);
    assert_eq!(all[0].name, first.name);
}

#[test]
fn an_order_goes_on_only_with_its_key_and_its_url() {
    let (_place, shelf) = shelf();
    let name = pattern("*.example.org");
    shelf.prepare_order("pebble", &name, "a key").unwrap();
    assert_eq!(shelf.order("pebble", &name), None);
    let order = KeptOrder {
        url: "https://issuer.test/order/7".to_owned(),
        names: vec![name.clone()],
        replaces: true,
        profile: None,
        key_pem: "a key".to_owned(),
    };
    shelf.keep_order("pebble", &name, &order).unwrap();
    assert_eq!(shelf.order("pebble", &name), Some(order));
    assert!(shelf.all().0.is_empty());
    shelf.prepare_order("pebble", &name, "another").unwrap();
    assert_eq!(shelf.order("pebble", &name), None);
    shelf.forget_order("pebble", &name).unwrap();
}

#[test]
fn a_disk_that_takes_nothing_is_known_before_an_order() {
    let (place, shelf) = shelf();
    shelf.try_out().unwrap();
    let file = place.path().join("file");
    file::replace(&file, b"", 0o600).unwrap();
    assert!(Shelf::new(file).try_out().is_err());
}

#[test]
fn a_key_is_in_nothing_that_is_printed() {
    let sample = Sample::of(&["example.org"]);
    let order = KeptOrder {
        url: "https://ca.example/order/1".to_owned(),
        names: vec![pattern("example.org")],
        replaces: false,
        profile: None,
        key_pem: sample.key.clone(),
    };
    let printed = format!("{order:?} {:#?}", kept(&["example.org"]));
    assert!(printed.contains("https://ca.example/order/1"), "{printed}");
    assert!(!printed.contains("PRIVATE KEY"), "{printed}");
}

/// A file with a byte changed here and there, and cut off there.
fn damaged(whole: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let changed = (0..whole.len()).map(|at| {
        let mut bytes = whole.to_vec();
        bytes[at] ^= 0x15;
        bytes
    });
    let cut = (0..whole.len()).map(|end| whole[..end].to_vec());
    changed.chain(cut)
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the files of a test do not outlive it"
)]
fn damage_to_what_is_known_of_it_takes_no_certificate_away() {
    let (_place, shelf) = shelf();
    let mut first = kept(&["example.org", "www.example.org"]);
    first.meta.renewal = Some(Renewal {
        start: 1,
        end: 3,
        moment: 2,
        ask_at: 4,
        explanation: Some("https://ca.example/why".to_owned()),
    });
    shelf.keep(&first).unwrap();
    let meta = shelf.folder("pebble", &first.name).join(META);
    for bytes in damaged(&fs::read(&meta).unwrap()) {
        fs::write(&meta, &bytes).unwrap();
        let (all, unusable) = shelf.all();
        assert!(unusable.is_empty());
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].pair, first.pair);
        assert_eq!(all[0].name, first.name);
    }
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the files of a test do not outlive it"
)]
fn an_order_that_is_damaged_is_read_whole_or_not_at_all() {
    let (_place, shelf) = shelf();
    let name = pattern("example.org");
    let order = KeptOrder {
        url: "https://ca.example/order/1".to_owned(),
        names: vec![name.clone(), pattern("www.example.org")],
        replaces: true,
        profile: Some("classic".to_owned()),
        key_pem: Sample::of(&["example.org"]).key,
    };
    shelf
        .prepare_order("pebble", &name, &order.key_pem)
        .unwrap();
    shelf.keep_order("pebble", &name, &order).unwrap();
    let file = with_end(&shelf.folder("pebble", &name), order::END).join("order.json");
    let whole = fs::read(&file).unwrap();
    for bytes in damaged(&whole) {
        fs::write(&file, &bytes).unwrap();
        if let Some(read) = shelf.order("pebble", &name) {
            assert_eq!(read.key_pem, order.key_pem);
            assert!(!read.names.is_empty());
        }
    }
    fs::write(&file, &whole).unwrap();
    assert_eq!(shelf.order("pebble", &name), Some(order));
}
