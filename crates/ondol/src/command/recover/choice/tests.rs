//! Which backups a box is brought back from.

use std::collections::BTreeMap;
use std::path::PathBuf;

use ondol_backup::BoxIdentity;
use ondol_backup::ManifestApp;
use ondol_backup::ManifestPart;
use ondol_backup::ManifestSite;

use super::*;

const DAY: i64 = 86_400;

fn backup(began_at: i64, kind: &str, databases: &[(&str, i64)], failed: &[&str]) -> Manifest {
    let parts: &[&str] = match kind {
        "full" => &["databases", "box", "apps", "files"],
        _ => &["databases"],
    };
    let part = |part: &&str| ManifestPart {
        part: (*part).to_owned(),
        snapshot: "ab".repeat(32),
        files: 10,
        bytes: 1_000,
        added: 0,
        unreadable: 0,
        unreadable_first: Vec::new(),
        canary: None,
    };
    let database = |(name, as_of): &(&str, i64)| ManifestDatabase {
        name: (*name).to_owned(),
        kind: "sqlite".to_owned(),
        path: PathBuf::from("/srv/db"),
        url: None,
        app: Some("coffee".to_owned()),
        engine: String::new(),
        as_of: *as_of,
        bytes: 1,
        digest: String::new(),
        rows: BTreeMap::new(),
    };
    let site = |name: &str, apps: &[&str], folders: &[&str]| ManifestSite {
        name: name.to_owned(),
        apps: apps.iter().map(|app| (*app).to_owned()).collect(),
        folders: folders.iter().map(PathBuf::from).collect(),
    };
    Manifest {
        version: 1,
        ondol: "0".to_owned(),
        of: BoxIdentity {
            id: "1".to_owned(),
            name: "seocho".to_owned(),
        },
        run: format!("run-{began_at}"),
        kind: kind.to_owned(),
        began_at,
        ended_at: began_at + 60,
        parts: parts.iter().map(part).collect(),
        databases: databases.iter().map(database).collect(),
        failed_databases: failed
            .iter()
            .map(|name| ((*name).to_owned(), "it is locked.".to_owned()))
            .collect(),
        configuration: PathBuf::from("/etc/ondol/ondol.toml"),
        state: PathBuf::from("/var/lib/ondol"),
        sites: vec![
            site("coffee.example", &["coffee"], &[]),
            site("blog.example", &[], &["/srv/blog"]),
            site("nas.example", &[], &[]),
        ],
        apps: vec![ManifestApp {
            name: "coffee".to_owned(),
            code: Vec::new(),
            data: Vec::new(),
            databases: vec!["orders".to_owned()],
        }],
    }
}

#[test]
fn everything_of_the_night_and_databases_of_the_hour() {
    let backups = [
        backup(
            2 * DAY + 3_600,
            "databases",
            &[("orders", 2 * DAY + 3_601)],
            &["users"],
        ),
        backup(
            2 * DAY,
            "full",
            &[("orders", 2 * DAY + 1), ("users", 2 * DAY + 2)],
            &["gone"],
        ),
        backup(DAY, "full", &[("orders", DAY + 1)], &[]),
    ];
    let choice = choose(&backups, None).unwrap();
    assert_eq!(choice.manifest.run, backups[1].run);
    let databases: Vec<_> = choice
        .databases
        .iter()
        .map(|database| (&*database.name, database.as_of))
        .collect();
    assert_eq!(
        databases,
        [("orders", 2 * DAY + 3_601), ("users", 2 * DAY + 2)],
        "one that failed in the hour is that of the night"
    );
    assert_eq!(
        choice.lost,
        [("gone".to_owned(), "it is locked.".to_owned())]
    );
    let ages: Vec<_> = choice
        .sites()
        .into_iter()
        .map(|site| (site.name, site.files, site.databases))
        .collect();
    assert_eq!(
        ages,
        [
            (
                "coffee.example".to_owned(),
                Some(2 * DAY),
                Some(2 * DAY + 2)
            ),
            ("blog.example".to_owned(), Some(2 * DAY), None),
            ("nas.example".to_owned(), None, None),
        ]
    );
    let earlier = choose(&backups, Some(2 * DAY - 1)).unwrap();
    assert_eq!(earlier.manifest.run, backups[2].run);
    assert_eq!(earlier.databases[0].as_of, DAY + 1);
}

#[test]
fn what_is_not_there_is_said() {
    assert!(choose(&[], None).unwrap_err().contains("no backup"));
    let hourly = [backup(DAY, "databases", &[("orders", DAY)], &[])];
    assert!(choose(&hourly, None).unwrap_err().contains("of everything"));
    let full = [backup(DAY, "full", &[], &[])];
    let error = choose(&full, Some(DAY - 1)).unwrap_err();
    assert!(error.contains("the oldest is of 1970-01-02"), "{error}");
}
