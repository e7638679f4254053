//! What `[backup]` becomes.

use std::time::Duration;

use ondol_model::plan::Backup;
use ondol_model::plan::BackupTarget;
use ondol_model::plan::BandwidthWindow;
use ondol_model::plan::Database;
use ondol_model::plan::DatabaseSource;
use ondol_model::plan::Keep;
use ondol_model::plan::Often;
use ondol_model::plan::Rest;
use ondol_model::plan::S3;
use ondol_model::plan::S3Key;
use ondol_model::plan::Secret;
use ondol_model::plan::Sftp;
use ondol_model::plan::Storage;
use ondol_model::plan::Verify;

use super::*;

const SITE: &str = "[sites.'a.test']\nfiles = '/a'\n";

fn backup(keys: &str) -> Backup {
    let text = format!("{SITE}{keys}");
    let accepted = accept(&sources(&[("/etc/ondol/ondol.toml", &text)]));
    let accepted = accepted.unwrap_or_else(|mistakes| panic!("{mistakes}"));
    accepted.plan.backup.clone()
}

fn targets(to: &str) -> Vec<BackupTarget> {
    backup(&format!("[backup]\nto = {to}")).to
}

fn names(to: &str) -> Vec<String> {
    let targets = targets(to).into_iter();
    targets.map(|target| target.name.to_string()).collect()
}

fn databases(keys: &str) -> Vec<Database> {
    backup(&format!("[backup]\ndatabases = {keys}")).databases
}

/// Each database as `name kind app`.
fn told(databases: &[Database]) -> Vec<String> {
    let told = databases.iter().map(|database| {
        let app = database.app.as_ref().map_or("-", |app| app.as_str());
        format!("{} {} {app}", database.name, database.source.word())
    });
    told.collect()
}

fn file(path: &str) -> Secret {
    Secret::File(path.into())
}

#[test]
fn without_a_word_of_backups_there_are_none() {
    assert_eq!(backup(""), Backup::default());
    assert_eq!(backup("[backup]"), Backup::default());
    assert!(backup("").to.is_empty());
}

#[test]
#[expect(clippy::too_many_lines, reason = "every key has its value")]
fn every_key_of_backups_is_taken_over() {
    let found = backup(&testdata("testdata/good/backup.toml"));
    let named = |name: &str, storage, append_only| BackupTarget {
        name: ondol_model::backup::TargetName::parse(name).unwrap(),
        storage,
        append_only,
    };
    let database = |name: &str, source, app: Option<&str>| Database {
        name: ondol_model::backup::DatabaseName::parse(name).unwrap(),
        source,
        app: app.map(|app| ondol_model::AppName::parse(app).unwrap()),
    };
    let expected = Backup {
        to: vec![
            named("usb", Storage::Local("/mnt/usb/ondol".into()), false),
            named(
                "cloud",
                Storage::S3(S3 {
                    endpoint: "https://s3.eu-central-1.amazonaws.com".to_owned(),
                    region: "eu-central-1".to_owned(),
                    bucket: "my-backups".to_owned(),
                    prefix: "boxes/seocho".to_owned(),
                    key: Secret::Environment("S3_KEY".into()),
                    secret: file("/etc/ondol/s3.secret"),
                    read_only: Some(S3Key {
                        key: file("/etc/ondol/ro.key"),
                        secret: file("/etc/ondol/ro.secret"),
                    }),
                }),
                false,
            ),
            named(
                "backup.example.com",
                Storage::Rest(Rest {
                    url: "https://backup.example.com:8000/seocho".to_owned(),
                    user: Some("seocho".to_owned()),
                    password: Some(file("/etc/ondol/rest.key")),
                }),
                true,
            ),
            named(
                "parents",
                Storage::Sftp(Sftp {
                    user: Some("backup".to_owned()),
                    host: "parents.example.com".to_owned(),
                    port: Some(2222),
                    path: "/srv/ondol".to_owned(),
                    identity: Some("/etc/ondol/backup.key".into()),
                }),
                false,
            ),
        ],
        at: "*/30 1-5 * * *".to_owned(),
        databases_at: Some("@hourly".to_owned()),
        timezone: Some("Asia/Seoul".to_owned()),
        keep: Keep {
            last: 1,
            hourly: 2,
            daily: 3,
            weekly: 4,
            monthly: 5,
            yearly: 6,
        },
        verify: Verify {
            read_days: 20,
            restore: Often::Daily,
            drill: Often::Never,
        },
        bandwidth: vec![
            BandwidthWindow {
                from: 8 * 60,
                to: 23 * 60,
                rate: Some(625_000),
            },
            BandwidthWindow {
                from: 23 * 60,
                to: 60,
                rate: None,
            },
            BandwidthWindow {
                from: 0,
                to: 24 * 60,
                rate: Some(2_000_000),
            },
        ],
        password: Some(file("/etc/ondol/backup.key")),
        include: vec!["/home/me/photos".into(), "/etc/ondol/extra".into()],
        exclude: vec![
            "*.tmp".to_owned(),
            "node_modules".to_owned(),
            "/srv/coffee/cache".to_owned(),
        ],
        databases: vec![
            database(
                "orders",
                DatabaseSource::Sqlite("/srv/coffee/storage/production.sqlite3".into()),
                Some("coffee"),
            ),
            database(
                "tea",
                DatabaseSource::Postgres {
                    url: "postgresql://tea@db.lan:5433/tea?sslmode=require".to_owned(),
                    password: Some(Secret::Environment("TEA_PASSWORD".into())),
                },
                Some("coffee"),
            ),
            database(
                "wiki",
                DatabaseSource::Mysql {
                    url: "mariadb://wiki@127.0.0.1/wiki".to_owned(),
                    password: Some(file("/etc/ondol/wiki.key")),
                },
                None,
            ),
        ],
        before: Some("/etc/ondol/before".to_owned()),
        after: Some("/etc/ondol/after".to_owned()),
        hook_timeout: Duration::from_secs(300),
    };
    assert_eq!(found, expected);
}

#[test]
fn three_lines_are_enough() {
    let found = backup(
        "[backup]\nto = ['/mnt/usb/ondol', { s3 = { endpoint = 'https://s3.us-west-004.backblazeb2.com', bucket = 'seocho', key = { env = 'K' }, secret = { env = 'S' } } }]\ndatabases = '/srv/a.sqlite3'",
    );
    let names: Vec<_> = found.to.iter().map(|it| it.name.to_string()).collect();
    assert_eq!(names, ["usb", "seocho"]);
    assert_eq!(told(&found.databases), ["a sqlite -"]);
}

#[test]
fn a_target_is_written_as_restic_does() {
    let storage = |text: &str| {
        let mut targets = targets(&format!("'{text}'"));
        assert_eq!(targets.len(), 1, "{text}");
        targets.remove(0).storage
    };
    let rest = |url: &str| {
        Storage::Rest(Rest {
            url: url.to_owned(),
            user: None,
            password: None,
        })
    };
    for path in ["/mnt/usb", "/mnt/usb/", "local:/mnt/usb", "/mnt//usb/."] {
        assert_eq!(storage(path), Storage::Local("/mnt/usb".into()), "{path}");
    }
    for (text, url) in [
        ("rest:http://127.0.0.1:8000/", "http://127.0.0.1:8000"),
        (
            "rest:https://Backup.Example.com/a/b/",
            "https://backup.example.com/a/b",
        ),
    ] {
        assert_eq!(storage(text), rest(url), "{text}");
    }
    let sftp = |user: Option<&str>, path: &str| {
        Storage::Sftp(Sftp {
            user: user.map(str::to_owned),
            host: "nas".to_owned(),
            port: None,
            path: path.to_owned(),
            identity: None,
        })
    };
    for (text, user, path) in [
        ("sftp:me@nas:/srv/a", Some("me"), "/srv/a"),
        ("sftp:nas:a", None, "a"),
        ("me@nas:a", Some("me"), "a"),
        ("sftp://me@nas//srv/a", Some("me"), "/srv/a"),
    ] {
        assert_eq!(storage(text), sftp(user, path), "{text}");
    }
    let at_a_key = "{ rest = 'http://nas.lan:8000/x' }";
    assert_eq!(targets(at_a_key)[0].storage, rest("http://nas.lan:8000/x"));
    let with_user = "{ rest = { url = 'https://me@nas.lan/x', password = { env = 'P' } } }";
    assert!(
        matches!(&targets(with_user)[0].storage, Storage::Rest(rest) if rest.user.as_deref() == Some("me") && rest.url == "https://nas.lan/x")
    );
}

#[test]
fn targets_without_names_have_some_of_their_own() {
    assert_eq!(
        names(
            "['/mnt/usb/a', '/mnt/usb/b', { local = '/mnt/x', name = 'usb-2' }, '/srv/b', 'rest:https://a.example.com/x', 'rest:https://[fd00::1]:8000/', 'me@a.example.com:b']"
        ),
        [
            "usb",
            "usb-3",
            "usb-2",
            "disk",
            "a.example.com",
            "fd00--1",
            "a.example.com-2"
        ]
    );
}

#[test]
fn databases_are_named_and_found_to_be_an_apps() {
    let apps =
        "[apps.coffee]\ndir = '/srv/coffee'\n[apps.tea]\nwrite = '/srv/coffee/tea'\ndata = 'tea'\n";
    let list = "databases = ['/srv/coffee/production.sqlite3', '/srv/coffee/tea/production.sqlite3', '/etc/ondol/tea/x.db', '/srv/production.db', { sqlite = 'y.db', app = 'tea' }, { postgres = 'postgres://u@h/production', name = 'x' }, 'mysql:///production?socket=/run/m.sock']";
    let found = backup(&format!("[backup]\n{list}\n{apps}"));
    assert_eq!(
        told(&found.databases),
        [
            "production sqlite coffee",
            "tea-production sqlite tea",
            "tea-x sqlite tea",
            "production-2 sqlite -",
            "y sqlite tea",
            "x postgres -",
            "production-3 mysql -",
        ]
    );
    assert_eq!(told(&databases("'/srv/데이터.db'")), ["sqlite sqlite -"]);
}

#[test]
fn words_that_mean_none_are_none() {
    let found = backup(
        "[backup]\ndatabases_at = false\nverify = { read = false, restore = false, drill = 'never' }\nbandwidth = 'unlimited'",
    );
    assert_eq!(found.databases_at, None);
    let expected = Verify {
        read_days: 0,
        restore: Often::Never,
        drill: Often::Never,
    };
    assert_eq!((found.verify, found.bandwidth), (expected, Vec::new()));
    let found = backup("[backup]\nbandwidth = '8Mbit/s'").bandwidth;
    let all_day = BandwidthWindow {
        from: 0,
        to: 24 * 60,
        rate: Some(1_000_000),
    };
    assert_eq!(found, [all_day]);
}

/// Whatever is wrong with an address, what may be a password in it is not repeated.
#[test]
fn passwords_are_not_shown() {
    for text in [
        "to = 'rest:https://me:hunter2@backup.example.com/'",
        "to = 'rest:https://me:hun/ter2@backup.example.com/hunter2'",
        "to = { rest = { url = 'http://me:hunter2@backup.example.com' } }",
        "to = 'https://me:hunter2@backup.example.com/'",
        "to = 's3:https://hunter2@s3.example.com/bucket'",
        "to = 'sftp://me:hunter2@nas//a'",
        "to = 'sftp://me:hun/ter2@nas//a'",
        "to = 'me:hunter2@nas:/a'",
        "to = { sftp = 'me:hunter2@nas:/a' }",
        "to = { s3 = { endpoint = 'https://me:hunter2@nas', bucket = 'abc', key = { env = 'K' }, secret = { env = 'K' } } }",
        "to = { s3 = { endpoint = 'https://nas', bucket = 'abc', key = 'hunter2', secret = { env = 'K' } } }",
        "databases = 'postgresql://me:hunter2@db/coffee'",
        "databases = 'postgresql:///coffee?password=hunter2'",
        "databases = 'pg://me:hunter2@db/coffee'",
        "databases = { postgres = 'mysql://me:hun?ter2@db/hunter2' }",
        "databases = { sqlite = 'postgresql://me:hunter2@db/coffee' }",
        "databases = { mysql = 'mysql://me@db/coffee', password = 'hunter2' }",
        "password = 'hunter2'",
        "pasword = 'hunter2'",
    ] {
        let text = format!("{SITE}[backup]\n{text}");
        let mistakes = accept(&sources(&[("a.toml", &text)])).expect_err(&text);
        let shown = mistakes.to_string();
        assert!(
            !shown.contains("hunter2") && !shown.contains("ter2@"),
            "{text}\n{shown}"
        );
        assert!(shown.contains("a.toml:4:"), "{shown}");
    }
}

#[test]
fn there_are_only_so_many_targets_and_databases() {
    let targets: Vec<_> = (0..17).map(|n| format!("'/mnt/{n}'")).collect();
    let databases: Vec<_> = (0..257).map(|n| format!("'/srv/{n:03}.db'")).collect();
    let (targets, databases) = (targets.join(", "), databases.join(", "));
    let text = format!("{SITE}[backup]\nto = [{targets}]\ndatabases = [{databases}]");
    check(
        &[("a.toml", &text)],
        &[
            "a.toml:4:173 this is one target more than the 16 that a box can have",
            "a.toml:5:3854 this is one database more than the 256 that a box can have",
        ],
    );
}
