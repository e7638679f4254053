//! Certificates in use while their files, the plan and the time change.

use std::fs;
use std::path::Path;

use super::*;
use crate::files;
use crate::fixture::patterns;
use crate::fixture::plan;
use crate::fixture::site;
use crate::sample::DAY;
use crate::sample::NOW;
use crate::sample::Sample;
use crate::sample::files_in;
use crate::sample::write;

struct Box {
    folder: tempfile::TempDir,
    owner: Owner,
}

impl Box {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut owner = Owner::open(
            folder.path().join("internal"),
            Shelf::new(folder.path().to_owned()),
            "seocho",
            NOW,
        )
        .unwrap();
        assert_eq!(owner.take_notices().len(), 1);
        Self { folder, owner }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn take_up(&mut self, plan: Plan) -> CertificateSet {
        self.owner.take_up(Arc::new(plan), NOW)
    }

    /// Looks twice, as is needed for files to count as settled.
    fn look(&mut self, now: i64) -> Option<CertificateSet> {
        let first = self.owner.refresh(now);
        self.owner.refresh(now).or(first)
    }

    fn notices(&mut self) -> String {
        self.owner.take_notices().join("\n")
    }
}

/// Each row as `issuer: names`, with `Ondol` for its own CA.
fn rows(set: &CertificateSet) -> Vec<String> {
    assert_eq!(set.entries.len(), set.rows.len());
    let line = |row: &CertificateRow| {
        let names: Vec<_> = row.names.iter().map(ToString::to_string).collect();
        let issuer = row.facts.issuer.split(' ').next().unwrap_or_default();
        format!("{issuer}: {}", names.join(", "))
    };
    set.rows.iter().map(line).collect()
}

#[test]
fn every_name_has_one_certificate_and_shared_ones_are_sent_once() {
    let mut home = Box::new();
    let shared = Sample::of(&["*.test"]).write(home.path(), "shared");
    let own = Sample::of(&["own.example", "x.test"]).write(home.path(), "own");
    let set = home.take_up(plan(
        vec![
            site(&["a.test"], None),
            site(&["b.test", "b.example"], None),
            site(&["own.example", "x.test"], Some(&own)),
        ],
        &[&shared],
    ));
    assert_eq!(
        rows(&set),
        [
            "Sample: a.test, b.test",
            "Sample: own.example, x.test",
            "Ondol: b.example"
        ]
    );
    for (entry, row) in set.entries.iter().zip(&set.rows) {
        assert_eq!(entry.names, row.names);
        let again = files::parse(&entry.pair.chain_pem, &entry.pair.key_pem).unwrap();
        assert_eq!(again.facts, row.facts);
    }
    assert_eq!(home.notices(), "");
}

#[test]
fn a_changed_pair_is_taken_up_once_it_has_settled() {
    let mut home = Box::new();
    let files = Sample::of(&["a.test"]).write(home.path(), "a");
    home.take_up(plan(vec![site(&["a.test"], Some(&files))], &[]));
    assert!(home.look(NOW).is_none());
    let renewed = Sample::with(&["a.test"], NOW, NOW + 90 * DAY);
    renewed.write(home.path(), "a");
    assert!(
        home.owner.refresh(NOW).is_none(),
        "taken up while someone may be writing"
    );
    let set = home.owner.refresh(NOW).unwrap();
    assert_eq!(*set.entries[0].pair.chain_pem, renewed.chain());
    assert!(
        home.notices()
            .contains("was taken up: it is good until 2026-05-3")
    );
    assert!(home.look(NOW).is_none());
}

#[test]
fn a_pair_that_went_bad_changes_nothing_and_is_told_once() {
    type Damage<'d> = &'d dyn Fn(&CertificateFiles);
    let damages: [(Damage<'_>, &str); 6] = [
        (
            &|files| write(&files.chain, "", 0o644),
            "there is no certificate",
        ),
        (
            &|files| write(&files.key, "", 0o600),
            "there is no private key",
        ),
        (
            &|files| fs::remove_file(&files.chain).unwrap(),
            "cannot read",
        ),
        (
            &|files| write(&files.key, &Sample::of(&["a.test"]).key, 0o600),
            "does not belong",
        ),
        (
            &|files| {
                let parent = files.chain.parent().unwrap();
                Sample::with(&["a.test"], NOW - 9 * DAY, NOW - DAY).write(parent, "a");
            },
            "it ended on 2026-02-28",
        ),
        (
            &|files| {
                Sample::of(&["b.test"]).write(files.chain.parent().unwrap(), "a");
            },
            "it does not cover a.test",
        ),
    ];
    for (damage, reason) in damages {
        let mut home = Box::new();
        let good = Sample::of(&["a.test"]);
        let files = good.write(home.path(), "a");
        home.take_up(plan(vec![site(&["a.test"], Some(&files))], &[]));
        damage(&files);
        let set = home.look(NOW).unwrap();
        assert_eq!(*set.entries[0].pair.chain_pem, good.chain(), "{reason}");
        assert!(
            set.rows[0].trouble.as_ref().unwrap().contains(reason),
            "{set:?}"
        );
        let notices = home.notices();
        assert!(
            notices.contains(reason) && notices.contains("stays in use"),
            "{notices}"
        );
        assert!(home.look(NOW).is_none());
        assert_eq!(home.notices(), "", "told twice");
        let mended = good.write(home.path(), "a");
        assert_eq!(mended, files);
        assert_eq!(home.look(NOW).unwrap().rows[0].trouble, None);
    }
}

#[test]
fn a_certificate_whose_time_has_not_come_waits_for_it() {
    let mut home = Box::new();
    let files = Sample::of(&["a.test"]).write(home.path(), "a");
    home.take_up(plan(vec![site(&["a.test"], Some(&files))], &[]));
    let future = Sample::with(&["a.test"], NOW + DAY, NOW + 90 * DAY);
    future.write(home.path(), "a");
    let set = home.look(NOW).unwrap();
    assert!(
        set.rows[0]
            .trouble
            .as_ref()
            .unwrap()
            .contains("it begins on 2026-03-02")
    );
    assert!(home.look(NOW).is_none());
    let set = home.look(NOW + 2 * DAY).unwrap();
    assert_eq!(*set.entries[0].pair.chain_pem, future.chain());
}

#[test]
fn a_pair_that_cannot_be_used_at_boot_leaves_its_sites_to_the_own_ca() {
    let mut home = Box::new();
    let files = files_in(home.path(), "later");
    let set = home.take_up(plan(vec![site(&["a.test"], Some(&files))], &[]));
    assert_eq!(rows(&set), ["Ondol: a.test"]);
    assert_eq!(set.unusable.len(), 1);
    assert!(
        home.notices()
            .contains("have a certificate of Ondol's own CA until it can")
    );
    Sample::of(&["a.test"]).write(home.path(), "later");
    assert_eq!(rows(&home.look(NOW).unwrap()), ["Sample: a.test"]);
}

#[test]
fn a_certificate_that_ends_in_use_is_told_once() {
    let mut home = Box::new();
    let files = Sample::of(&["a.test"]).write(home.path(), "a");
    home.take_up(plan(vec![site(&["a.test"], Some(&files))], &[]));
    let set = home.look(NOW + 81 * DAY).unwrap();
    assert_eq!(rows(&set), ["Sample: a.test"]);
    assert!(home.notices().contains("visitors are warned off"));
    assert!(home.look(NOW + 82 * DAY).is_none());
}

#[test]
fn own_certificates_are_renewed_in_time() {
    let mut home = Box::new();
    let before = home.take_up(plan(vec![site(&["a.test"], None)], &[]));
    assert!(home.look(NOW + 59 * DAY).is_none());
    let after = home.look(NOW + 61 * DAY).unwrap();
    assert_ne!(after.entries[0].pair, before.entries[0].pair);
    assert!(home.look(NOW + 61 * DAY).is_none());
    let late = home.look(NOW + 3600 * DAY).unwrap();
    assert_ne!(late.root_pem, after.root_pem);
    assert!(home.notices().contains("it ends soon"));
}

#[test]
fn a_reload_reads_and_makes_only_what_is_new() {
    let mut home = Box::new();
    let files = Sample::of(&["f.test"]).write(home.path(), "f");
    let sites = |names: &[&str]| {
        let mut sites: Vec<_> = names.iter().map(|name| site(&[name], None)).collect();
        sites.push(site(&["f.test"], Some(&files)));
        plan(sites, &[])
    };
    let before = home.take_up(sites(&["a.test", "b.test"]));
    assert_eq!(home.owner.keep_some(), Rest::None);
    // With nothing left on disk, what was known must come from memory.
    fs::remove_dir_all(home.path().join("internal/a.test")).unwrap();
    let after = home.take_up(sites(&["a.test", "c.test"]));
    assert_eq!(
        rows(&after),
        ["Sample: f.test", "Ondol: a.test", "Ondol: c.test"]
    );
    assert_eq!(after.entries[0], before.entries[0]);
    assert_eq!(after.entries[1], before.entries[1]);
    assert!(!home.path().join("internal/a.test").exists());
    assert_eq!(after.rows[1].names, patterns(&["a.test"]));
}

#[test]
fn a_key_that_everyone_may_read_is_told() {
    let mut home = Box::new();
    let sample = Sample::of(&["a.test"]);
    let files = sample.write(home.path(), "a");
    write(&files.key, &sample.key, 0o644);
    home.take_up(plan(vec![site(&["a.test"], Some(&files))], &[]));
    assert!(home.notices().contains("can be read by every user"));
}

#[test]
fn own_certificates_are_written_some_at_a_time() {
    let mut home = Box::new();
    let names: Vec<_> = (0..=KEEP_AT_ONCE).map(|n| format!("s{n}.test")).collect();
    let sites = names.iter().map(|name| site(&[name], None)).collect();
    home.take_up(plan(sites, &[]));
    let internal = home.path().join("internal");
    let written = || fs::read_dir(&internal).unwrap().count() - 1; // Without the root.
    assert_eq!(written(), 0);
    assert_eq!(home.owner.keep_some(), Rest::Some);
    assert_eq!(written(), KEEP_AT_ONCE);
    assert_eq!(home.owner.keep_some(), Rest::None);
    assert_eq!(written(), names.len());
}

#[test]
fn a_full_disk_is_told_once_and_the_certificates_are_used() {
    let mut home = Box::new();
    fs::rename(home.path().join("internal"), home.path().join("away")).unwrap();
    write(&home.path().join("internal"), "in the way", 0o600);
    let sites = vec![site(&["a.test"], None), site(&["b.test"], None)];
    let set = home.take_up(plan(sites, &[]));
    assert_eq!(rows(&set), ["Ondol: a.test", "Ondol: b.test"]);
    while home.owner.keep_some() == Rest::Some {}
    let notices = home.owner.take_notices();
    assert_eq!(notices.len(), 1);
    assert!(notices[0].starts_with("2 of Ondol's own certificates could not be kept in"));
}

#[test]
fn one_of_an_issuer_that_ends_makes_room_for_another_by_itself() {
    let mut home = Box::new();
    home.take_up(plan(vec![site(&["a.org"], None)], &[]));
    let kept = |issuer: &str, not_before, not_after| {
        let sample = Sample::with(&["a.org"], not_before, not_after);
        Kept {
            issuer: issuer.into(),
            name: patterns(&["a.org"]).remove(0),
            pair: files::parse(&sample.chain(), &sample.key).unwrap(),
            meta: Meta::default(),
        }
    };
    let second = kept("zerossl", NOW - DAY, NOW + 80 * DAY);
    home.owner.put(second, NOW).unwrap();
    let first = kept("letsencrypt", NOW, NOW + 10 * DAY);
    let set = home.owner.put(first, NOW).unwrap();
    let of = |set: &CertificateSet| match &set.rows[0].origin {
        Origin::Issued { issuer, .. } => (issuer.to_string(), set.rows[0].trouble.is_some()),
        Origin::Files(_) | Origin::Internal => panic!("no issuer's"),
    };
    assert_eq!(of(&set), ("letsencrypt".to_owned(), false));
    assert!(home.look(NOW + 9 * DAY).is_none());
    let set = home.look(NOW + 11 * DAY).unwrap();
    assert_eq!(of(&set), ("zerossl".to_owned(), false));
    let set = home.look(NOW + 81 * DAY).unwrap();
    assert_eq!(of(&set), ("letsencrypt".to_owned(), true), "the newest");
    assert!(home.look(NOW + 82 * DAY).is_none(), "told once");
    // The clock was wrong.
    let set = home.look(NOW + DAY).unwrap();
    assert_eq!(of(&set), ("letsencrypt".to_owned(), false));
}

#[test]
fn what_is_learnt_of_one_is_not_noted_of_another_that_took_its_place() {
    let mut home = Box::new();
    home.take_up(plan(vec![site(&["a.org"], None)], &[]));
    let kept = || {
        let sample = Sample::of(&["a.org"]);
        Kept {
            issuer: "letsencrypt".into(),
            name: patterns(&["a.org"]).remove(0),
            pair: files::parse(&sample.chain(), &sample.key).unwrap(),
            meta: Meta {
                names: vec!["a.org".to_owned()],
                ..Meta::default()
            },
        }
    };
    let (first, second) = (kept(), kept());
    home.owner.put(first.clone(), NOW).unwrap();
    let warned = |meta: &mut Meta| meta.warned_at = Some(NOW);
    let set = home.owner.note(&first, warned, NOW).unwrap().unwrap();
    assert_eq!(set.kept[0].meta.warned_at, Some(NOW));
    assert!(home.owner.note(&first, warned, NOW).unwrap().is_none());
    home.owner.put(second.clone(), NOW).unwrap();
    assert!(home.owner.note(&first, warned, NOW).unwrap().is_none());
    let shelf = Shelf::new(home.path().to_owned());
    assert_eq!(shelf.all().0, [second]);
}
