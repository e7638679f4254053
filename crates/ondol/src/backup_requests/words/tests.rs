//! What the owner reads at the end of a job.

use std::collections::BTreeMap;

use ondol_backup::BoxIdentity;
use ondol_backup::FailureKind;

use super::*;

const RUN: &str = "20261121T033000Z-abcdef";

fn manifest() -> Manifest {
    let part = |part: &str, files, bytes, added| ManifestPart {
        part: part.to_owned(),
        snapshot: "0".repeat(64),
        files,
        bytes,
        added,
        unreadable: 0,
        unreadable_first: Vec::new(),
        canary: None,
    };
    Manifest {
        version: 1,
        ondol: "0.1.0".to_owned(),
        of: BoxIdentity {
            id: "1".to_owned(),
            name: "seocho".to_owned(),
        },
        run: RUN.to_owned(),
        kind: "full".to_owned(),
        began_at: 1_795_231_800,
        ended_at: 1_795_231_860,
        parts: vec![
            part("box", 3, 4_000, 1_000),
            part("files", 20_000, 2_000_000, 0),
        ],
        databases: vec![ManifestDatabase {
            name: "coffee".to_owned(),
            kind: "sqlite".to_owned(),
            path: "/srv/coffee.db".into(),
            url: None,
            app: None,
            engine: "3.50".to_owned(),
            as_of: 1_795_231_801,
            bytes: 77,
            digest: "0".repeat(64),
            rows: BTreeMap::from([("a".to_owned(), 2), ("b".to_owned(), 40)]),
        }],
        failed_databases: BTreeMap::new(),
        configuration: "/etc/ondol/ondol.toml".into(),
        state: "/var/lib/ondol".into(),
        sites: Vec::new(),
        apps: Vec::new(),
    }
}

fn end_of(found: Found) -> api::BackupEnd {
    end("usb", Ok(found), Some("UTC"))
}

#[test]
fn a_backup_is_good_only_when_nothing_is_missing_in_it() {
    let good = end_of(Found::Taken(manifest()));
    assert!(good.good);
    assert_eq!(
        good.message,
        "20,003 files and 1 database are saved (2.0 MB, 1.0 kB of that new)"
    );
    let backup = &good.found.backups[0];
    assert_eq!((backup.run.as_str(), backup.good), (RUN, true));
    assert_eq!(backup.databases[0].rows, Some(42));

    let mut one = manifest();
    one.kind = "databases".to_owned();
    let one = end_of(Found::Taken(one)).message;
    assert!(one.starts_with("1 database is saved ("), "{one}");

    let mut partial = manifest();
    partial.parts[1].unreadable = 3;
    let first = ("/srv/secret".into(), "permission denied".to_owned());
    partial.parts[1].unreadable_first = vec![first];
    let why = "it is locked.".to_owned();
    partial.failed_databases.insert("orders".to_owned(), why);
    let partial = end_of(Found::Taken(partial));
    assert!(!partial.good && !partial.found.backups[0].good);
    assert_eq!(
        partial.message,
        "20,003 files and 1 database are saved (2.0 MB, 1.0 kB of that new), but 4 things could not be read, so this one \
         does not count as good:\nthe database orders: it is locked\n/srv/secret: permission denied\nand 2 more"
    );
}

#[test]
fn each_end_has_its_sentence() {
    let faults = |all: &[&str]| all.iter().map(|fault| (*fault).to_owned()).collect();
    let proven = |all: &[&str]| Found::Proven {
        run: RUN.to_owned(),
        shown: vec!["coffee: 42 rows".to_owned()],
        faults: faults(all),
    };
    let pruned = |runs: usize, freed| Found::Pruned {
        runs: vec![RUN.to_owned(); runs],
        freed,
    };
    let table = [
        (pruned(0, 0), true, "there was nothing to remove"),
        (
            pruned(1, 5_000),
            true,
            "1 old backup was removed, and 5.0 kB came free",
        ),
        (
            pruned(2, 0),
            true,
            "2 old backups were removed, and what only they used comes free with a later one",
        ),
        (
            Found::Checked {
                packs: 33,
                faults: Vec::new(),
                damaged: Vec::new(),
            },
            true,
            "33 packs were read back, and all is as it was written",
        ),
        (
            Found::Checked {
                packs: 1,
                faults: faults(&["the pack 12 is damaged"]),
                damaged: Vec::new(),
            },
            false,
            "1 pack was read back, but 1 thing in it can't be relied on:\nthe pack 12 is damaged",
        ),
        (
            proven(&[]),
            true,
            "the backup of 2026-11-21 03:30 was restored, and all is as it was saved",
        ),
        (
            proven(&["coffee has 41 rows in place of 42"]),
            false,
            "the backup of 2026-11-21 03:30 was restored, but 1 thing in it can't be relied on:\ncoffee has 41 rows in \
             place of 42",
        ),
    ];
    for (found, good, message) in table {
        let end = end_of(found);
        assert_eq!((end.good, end.message.as_str()), (good, message));
    }
    let failure = Failure {
        kind: FailureKind::Full,
        sentence: "There is no room.".to_owned(),
    };
    let failed = end("usb", Err(failure), None);
    assert_eq!(
        (failed.good, failed.message.as_str()),
        (false, "There is no room.")
    );
}

#[test]
fn a_name_of_a_run_that_is_none_is_shown_as_it_is() {
    for run in [
        "",
        "x",
        "20261121T033000Z",
        "온돌온돌온돌온돌-1",
        "20261321T033000Z-1",
    ] {
        let shown = moment(run, Some("UTC"));
        let expected = if run == "20261121T033000Z" {
            "2026-11-21 03:30"
        } else {
            run
        };
        assert_eq!(shown, expected);
    }
}
