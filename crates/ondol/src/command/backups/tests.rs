//! The screen of backups that are well, and of such that are not.

use super::*;
use crate::output::Color;

const NOW: i64 = 1_795_269_600;

const VIEW: View<'static> = View {
    now: NOW,
    zone: Some("UTC"),
    screen: Screen {
        width: Some(100),
        color: Color::Plain,
    },
};

fn ago(seconds: i64) -> Time {
    Time::from_unix_seconds(NOW - seconds)
}

fn job(kind: &str, seconds: i64, outcome: &str, message: &str) -> LastBackupJob {
    LastBackupJob {
        kind: kind.to_owned(),
        began_at: ago(seconds),
        ended_at: Some(ago(seconds - 60)),
        outcome: Some(outcome.to_owned()),
        message: message.to_owned(),
    }
}

fn target(name: &str, place: &str) -> BackupTarget {
    BackupTarget {
        name: name.to_owned(),
        place: place.to_owned(),
        backups: 31,
        bytes: None,
        last_good_at: Some(ago(1_800)),
        proven_as_of: Some(ago(20_000)),
        failed_proof: None,
        last: vec![
            job("full", 20_000, "good", ""),
            job("check", 9_000, "good", ""),
        ],
    }
}

fn well() -> Backups {
    Backups {
        proven_as_of: Some(ago(20_000)),
        last_good_at: Some(ago(1_800)),
        targets: vec![
            target("usb", "/mnt/usb/ondol"),
            target("away", "backup@parents.example.com:/srv/ondol"),
        ],
        databases: vec![ondol_admin::api::DatabaseAge {
            name: "coffee".to_owned(),
            as_of: Some(ago(1_800)),
            proven_as_of: Some(ago(20_000)),
            target: Some("usb".to_owned()),
        }],
        running: None,
        next: Some(ondol_admin::api::NextBackupJob {
            kind: "databases".to_owned(),
            at: ago(-1_800),
        }),
        kit_confirmed_at: Some(ago(300_000)),
        warnings: Vec::new(),
    }
}

#[test]
fn what_is_proven_stands_above_what_is_believed() {
    assert_eq!(
        VIEW.render(&well()),
        "\
Proven restorable as of 2026-11-21 08:26, 5 h ago
last backup    2026-11-21 13:30, 30 min ago
next           backup of the databases in 30 min
recovery kit   you had it in your hands 3 days ago

TARGET  PLACE                                  STATE  PROVEN AS OF  LAST BACKUP  READ BACK  BACKUPS
usb     /mnt/usb/ondol                         good   5 h ago       30 min ago   2 h ago         31
away    backup@parents.example.com:/srv/ondol  good   5 h ago       30 min ago   2 h ago         31

DATABASE  NEWEST COPY  PROVEN COPY  AT
coffee    30 min ago   5 h ago      usb
"
    );
    assert_eq!(
        short(&well(), NOW),
        "proven restorable as of 5 h ago, last 30 min ago"
    );
    assert_eq!(sentences(&well()), [""; 0]);
}

#[test]
fn what_is_not_well_is_said_once_and_below() {
    let mut backups = well();
    backups.proven_as_of = None;
    backups.last_good_at = None;
    backups.kit_confirmed_at = None;
    let usb = &mut backups.targets[0];
    usb.failed_proof = Some("coffee has 41 rows in place of 42.".to_owned());
    usb.last = vec![
        job("full", 9_000, "good", ""),
        job("databases", 3_000, "partial", "coffee could not be read."),
    ];
    backups.targets[1].last = vec![job("full", 9_000, "failed", "away.test does not answer.")];
    backups.warnings = vec!["away: away.test does not answer. It is tried again.".to_owned()];
    backups.running = Some(RunningBackupJob {
        kind: "full".to_owned(),
        target: "away".to_owned(),
        since: ago(75),
        step: "reading files".to_owned(),
        done: ondol_admin::api::BackupAmount { items: 0, bytes: 1 },
        total: Some(ondol_admin::api::BackupAmount { items: 0, bytes: 4 }),
    });
    let shown = VIEW.render(&backups);
    let (head, rest) = shown.split_once("\n\n").unwrap();
    assert_eq!(
        head,
        "\
Not proven restorable: the last proof failed
last backup    none yet
now            backup of everything at away for 75 s: reading files, 25 %
next           backup of the databases in 30 min
recovery kit   not confirmed yet"
    );
    assert!(rest.contains("incomplete  failed "), "{rest}");
    let (_, marked) = rest.split_once("\n\n! ").unwrap();
    assert_eq!(
        marked,
        "\
usb: coffee has 41 rows in place of 42.
! usb: coffee could not be read.
! away: away.test does not answer. It is tried again.
"
    );
}

#[test]
fn a_box_without_backups_says_so() {
    let shown = VIEW.render(&Backups::default());
    assert!(
        shown.starts_with("Nothing is backed up: `to` in [backup]"),
        "{shown}"
    );
}

#[test]
fn what_is_wanted_back_is_exactly_one_thing() {
    use clap::Parser;
    let parses = |words: &[&str]| {
        let words = ["ondol", "restore"].iter().chain(words);
        crate::cli::Cli::try_parse_from(words).is_ok()
    };
    for good in [
        &["/srv/a", "b"][..],
        &["--database", "a", "--database", "b", "--at", "1h"],
        &["--app", "coffee", "--yes"],
        &["--site", "a.test", "--to", "/tmp/x"],
        &["--all", "--target", "usb"],
    ] {
        assert!(parses(good), "{good:?}");
    }
    for bad in [
        &[][..],
        &["--app", "a", "--all"],
        &["/srv/a", "--database", "b"],
        &["--all", "--incomplete", "--to", "/tmp"],
    ] {
        assert!(!parses(bad), "{bad:?}");
    }
}

#[test]
fn who_is_asked_knows_how_old_the_copy_is() {
    use super::restore::Copies;
    use super::restore::what_happens;
    use ondol_admin::api;
    let question = |at: Option<Time>| api::RestoreQuestion {
        what: api::RestoreWhat::Everything,
        target: None,
        at,
        to: None,
        incomplete: false,
    };
    let answer = |paths: &[&str], databases: &[&str]| api::RestoreAnswer {
        accepted: true,
        paths: paths.iter().map(ToString::to_string).collect(),
        databases: databases.iter().map(ToString::to_string).collect(),
        ..api::RestoreAnswer::default()
    };
    let asked = |backups: &Backups, at, answer| {
        let copies = Copies {
            backups,
            zone: Some("UTC"),
            now: NOW,
        };
        what_happens(&question(at), &answer, copies)[0].clone()
    };
    assert_eq!(
        asked(&well(), None, answer(&[], &["coffee"])),
        "These are put back from the newest copy:\n  the database coffee (2026-11-21 13:30, 30 min ago)"
    );
    assert_eq!(
        asked(&well(), None, answer(&["/srv/blog"], &[])),
        "These are put back from the newest backup (2026-11-21 13:30, 30 min ago):\n  /srv/blog"
    );
    assert_eq!(
        asked(&well(), Some(ago(3_600)), answer(&[], &["coffee"])),
        "These are put back as of 2026-11-21 13:00 at the latest:\n  the database coffee"
    );
    // Which target is asked then, is not known here.
    let mut doubtful = well();
    doubtful.targets[0].failed_proof = Some("coffee has 41 rows in place of 42.".to_owned());
    assert_eq!(
        asked(&doubtful, None, answer(&[], &["coffee"])),
        "These are put back from the newest copy:\n  the database coffee"
    );
}
