//! Backups as they are taken, and as restic sees them.

#![expect(
    clippy::disallowed_methods,
    reason = "the files of a test do not outlive it"
)]

use std::fs;
use std::io;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;

use aws_lc_rs::digest;
use ondol_base::signature_v4::hex;
use rusqlite::Connection;

use super::Taking;
use super::take;
use crate::access::DatabaseAccess;
use crate::access::DatabasePlace;
use crate::databases::sqlite_integrity;
use crate::databases::sqlite_rows;
use crate::databases::tests::servers::Server;
use crate::failure::Failure;
use crate::failure::FailureKind;
use crate::identity::BoxIdentity;
use crate::manifest::MANIFEST_PATH;
use crate::manifest::Manifest;
use crate::report::Found;
use crate::report::Report;
use crate::reporter::Reporter;
use crate::repository::Repository;
use crate::source::tests::as_nobody_special;
use crate::target::Folder;
use crate::target::Trouble;
use crate::testing::Call;
use crate::testing::new_repository;
use crate::testing::restic;
use crate::testing::this_box;
use crate::work::PartWork;
use crate::work::TakeWork;

fn work(run: &str, state: &Path) -> TakeWork {
    TakeWork {
        run: run.to_owned(),
        kind: "full".to_owned(),
        parts: Vec::new(),
        databases: Vec::new(),
        is_known: false,
        anew: false,
        configuration: "/etc/ondol/ondol.toml".into(),
        state: state.to_owned(),
        sites: Vec::new(),
        apps: Vec::new(),
    }
}

fn part(part: &str, roots: &[&Path]) -> PartWork {
    PartWork {
        part: part.to_owned(),
        roots: roots.iter().map(|root| root.to_path_buf()).collect(),
        left_out: Vec::new(),
        patterns: Vec::new(),
        texts: Vec::new(),
    }
}

fn sqlite(name: &str, path: &Path) -> DatabaseAccess {
    DatabaseAccess {
        name: name.to_owned(),
        place: DatabasePlace::Sqlite {
            path: path.to_owned(),
        },
        app: None,
    }
}

/// What a job says, kept.
#[derive(Debug, Clone, Default)]
struct Said(Arc<Mutex<Vec<u8>>>);

impl Write for Said {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Said {
    fn reports(&self) -> Vec<Report> {
        let said = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        said.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

fn taken(repository: &Repository, work: &TakeWork) -> Manifest {
    match take(repository, work, &this_box(), &Reporter::silent()).unwrap() {
        Found::Taken(manifest) => manifest,
        found => panic!("{found:?}"),
    }
}

/// All of a snapshot, as restic restores it; `None` where there is no restic.
fn restored(repository: &Path, snapshot: &str) -> Option<tempfile::TempDir> {
    let (is_well, told) = restic(repository, &["check", "--read-data"])?;
    assert!(is_well && told.contains("no errors were found"), "{told}");
    let copy = tempfile::tempdir().unwrap();
    let to = copy.path().to_str().unwrap();
    let (is_well, told) = restic(repository, &["restore", snapshot, "--target", to]).unwrap();
    assert!(is_well, "{told}");
    Some(copy)
}

fn below(copy: &tempfile::TempDir, path: &Path) -> PathBuf {
    copy.path().join(path.strip_prefix("/").unwrap())
}

fn digest_of(path: &Path) -> String {
    let bytes = fs::read(path).unwrap();
    hex(digest::digest(&digest::SHA256, &bytes).as_ref())
}

#[test]
fn a_backup_has_its_parts_its_databases_and_its_manifest() {
    let (place, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (_, repository) = new_repository(place.path());
    let home = home.path();
    fs::create_dir_all(home.join("site")).unwrap();
    fs::write(home.join("site/index.html"), "<h1>").unwrap();
    fs::create_dir_all(home.join("state")).unwrap();
    fs::write(home.join("state/ondol.db"), "no database").unwrap();
    let database = home.join("site/shop.db");
    let connection = Connection::open(&database).unwrap();
    connection
        .execute_batch(
            "PRAGMA journal_mode = wal; CREATE TABLE t (x); INSERT INTO t VALUES (1), (2)",
        )
        .unwrap();
    let mut work = work("20261121T033000Z-aaaa", &home.join("state"));
    work.parts = vec![
        part("files", &[&home.join("site")]),
        PartWork {
            texts: vec![("/ondol/environment".into(), "KEY=\"value\"\n".to_owned())],
            ..part("box", &[&home.join("state")])
        },
    ];
    work.databases = vec![sqlite("shop", &database), sqlite("same", &database)];
    let said = Said::default();
    let found = take(&repository, &work, &this_box(), &Reporter::to(said.clone())).unwrap();
    let Found::Taken(manifest) = found else {
        panic!("{found:?}");
    };
    let words: Vec<_> = manifest
        .parts
        .iter()
        .map(|part| part.part.as_str())
        .collect();
    assert_eq!(words, ["box", "databases", "files"]);
    // The canary is one of them.
    let files: Vec<_> = manifest.parts.iter().map(|part| part.files).collect();
    assert_eq!(files, [3, 1, 2]);
    assert!(
        manifest
            .parts
            .iter()
            .all(|part| part.unreadable == 0 && part.added > 0)
    );
    let names: Vec<_> = manifest
        .databases
        .iter()
        .map(|it| it.name.as_str())
        .collect();
    assert_eq!(names, ["same", "shop"]);
    let shop = &manifest.databases[1];
    assert_eq!((shop.kind.as_str(), shop.rows["t"]), ("sqlite", 2));
    assert!(shop.engine.starts_with("SQLite 3."));
    assert_eq!(manifest.failed_databases.len(), 0);
    assert_eq!(
        repository.manifests().unwrap().good,
        std::slice::from_ref(&manifest)
    );
    let steps = said
        .reports()
        .into_iter()
        .filter(|it| matches!(it, Report::Step(_)));
    assert_eq!(steps.count(), 3);

    assert_restored(place.path(), &manifest, &home.join("site"));
}

/// What restic restores is what the manifest says.
fn assert_restored(place: &Path, manifest: &Manifest, site_folder: &Path) {
    let shop = &manifest.databases[1];
    let Some(copy) = restored(place, &manifest.parts[1].snapshot) else {
        return;
    };
    let database = below(&copy, &shop.path);
    assert_eq!(fs::metadata(&database).unwrap().len(), shop.bytes);
    assert_eq!(digest_of(&database), shop.digest);
    sqlite_integrity(&database).unwrap();
    assert_eq!(sqlite_rows(&database).unwrap(), shop.rows);
    let copy = restored(place, &manifest.parts[2].snapshot).unwrap();
    let site = below(&copy, site_folder);
    let names: Vec<_> = fs::read_dir(&site)
        .unwrap()
        .map(|it| it.unwrap().file_name())
        .collect();
    assert_eq!(names, ["index.html"]);
    let canary = digest_of(&copy.path().join("ondol/canary"));
    assert_eq!(Some(canary), manifest.parts[2].canary);
    let copy = restored(place, &manifest.parts[0].snapshot).unwrap();
    assert_eq!(
        fs::read_to_string(copy.path().join("ondol/environment")).unwrap(),
        "KEY=\"value\"\n"
    );
}

#[test]
fn the_next_backup_reads_only_what_has_changed_and_always_the_databases() {
    let (place, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (_, repository) = new_repository(place.path());
    let home = home.path();
    let large: Vec<u8> = (0..1_000_000u32)
        .flat_map(|n| n.wrapping_mul(n).to_le_bytes())
        .collect();
    fs::write(home.join("large"), &large).unwrap();
    let database = home.join("a.db");
    let connection = Connection::open(&database).unwrap();
    connection
        .execute_batch("PRAGMA journal_mode = wal; CREATE TABLE t (x); INSERT INTO t VALUES (1)")
        .unwrap();
    let mut first = work("20261121T033000Z-aaaa", home);
    first.parts = vec![part("files", &[home])];
    first.databases = vec![sqlite("a", &database)];
    let one = taken(&repository, &first);
    connection.execute_batch("UPDATE t SET x = 2").unwrap();
    let second = TakeWork {
        run: "20261122T033000Z-bbbb".to_owned(),
        ..first
    };
    let two = taken(&repository, &second);
    assert!(two.parts[1].added < 50_000, "{:?}", two.parts);
    assert_eq!(one.parts[1].bytes, two.parts[1].bytes);
    assert_ne!(one.parts[1].canary, two.parts[1].canary);
    assert_ne!(one.databases[0].digest, two.databases[0].digest);
    for manifest in [one, two] {
        let Some(copy) = restored(place.path(), &manifest.parts[0].snapshot) else {
            return;
        };
        let database = &manifest.databases[0];
        assert_eq!(digest_of(&below(&copy, &database.path)), database.digest);
        let copy = restored(place.path(), &manifest.parts[1].snapshot).unwrap();
        assert!(fs::read(below(&copy, &home.join("large"))).unwrap() == large);
    }
}

#[test]
fn a_manifest_of_the_same_length_is_another() {
    let place = tempfile::tempdir().unwrap();
    let (_, repository) = new_repository(place.path());
    for run in ["20261121T033000Z-aaaa", "20261122T033000Z-bbbb"] {
        let taking = Taking {
            repository: &repository,
            work: &work(run, Path::new("/state")),
            of: &this_box(),
            reporter: &Reporter::silent(),
            began_at: 0,
        };
        repository.write_manifest(&taking.manifest()).unwrap();
    }
    for snapshot in repository.snapshots().unwrap().good {
        let node = repository
            .node(&snapshot, Path::new(MANIFEST_PATH))
            .unwrap();
        let mut text = Vec::new();
        repository.write_file(&node.unwrap(), &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains(snapshot.run.as_deref().unwrap()), "{text}");
    }
}

#[test]
fn what_cant_be_saved_is_told_and_the_rest_is_saved() {
    let (place, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (_, repository) = new_repository(place.path());
    let home = home.path();
    let locked = home.join("locked.db");
    let connection = Connection::open(&locked).unwrap();
    connection
        .execute_batch("CREATE TABLE t (x); BEGIN EXCLUSIVE")
        .unwrap();
    let fine = home.join("fine.db");
    Connection::open(&fine)
        .unwrap()
        .execute_batch("CREATE TABLE t (x)")
        .unwrap();
    let damaged = home.join("damaged.db");
    fs::write(
        &damaged,
        [&b"SQLite format 3\0"[..], &[0xaa; 8176]].concat(),
    )
    .unwrap();
    let nowhere = DatabaseAccess {
        name: "nowhere".to_owned(),
        place: DatabasePlace::Postgres {
            url: "postgresql://x@127.0.0.1:1/x".to_owned(),
            password: None,
        },
        app: None,
    };
    let mut work = work("20261121T033000Z-aaaa", home);
    work.databases = vec![
        sqlite("damaged", &damaged),
        sqlite("fine", &fine),
        sqlite("gone", &home.join("gone.db")),
        sqlite("locked", &locked),
        nowhere,
    ];
    let said = Said::default();
    let found = take(&repository, &work, &this_box(), &Reporter::to(said.clone())).unwrap();
    let Found::Taken(manifest) = found else {
        panic!("{found:?}");
    };
    assert_eq!(manifest.databases.len(), 1);
    assert_eq!(manifest.parts[0].files, 1);
    let failed: Vec<_> = manifest
        .failed_databases
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(failed, ["damaged", "gone", "locked", "nowhere"]);
    let notes = said
        .reports()
        .into_iter()
        .filter(|it| matches!(it, Report::Note(_)));
    assert_eq!(notes.count(), 4);

    work.databases.retain(|database| database.name != "fine");
    let failure = take(&repository, &work, &this_box(), &Reporter::silent()).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Here);
    assert!(
        failure.sentence.starts_with("No backup was taken"),
        "{failure}"
    );
    assert_eq!(repository.manifests().unwrap().good.len(), 1);
}

#[test]
fn a_file_that_cant_be_read_makes_the_backup_partial() {
    let (place, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (_, repository) = new_repository(place.path());
    let root = home.path().to_owned();
    fs::write(root.join("fine"), "x").unwrap();
    fs::write(root.join("secret"), "x").unwrap();
    fs::set_permissions(root.join("secret"), fs::Permissions::from_mode(0o000)).unwrap();
    let mut work = work("20261121T033000Z-aaaa", &root);
    work.parts = vec![part("files", &[&root])];
    let said = Said::default();
    let reporter = Reporter::to(said.clone());
    let found = as_nobody_special(move || take(&repository, &work, &this_box(), &reporter));
    let Found::Taken(manifest) = found.unwrap() else {
        panic!("a backup");
    };
    let files = &manifest.parts[0];
    assert_eq!((files.files, files.unreadable), (2, 1));
    assert_eq!(
        files.unreadable_first,
        [(root.join("secret"), "Permission denied".to_owned())]
    );
    let told = Report::Unreadable {
        path: root.join("secret"),
        why: "Permission denied".to_owned(),
    };
    assert!(said.reports().contains(&told));
}

#[test]
fn the_repository_of_another_box_and_a_lost_target_get_no_backup() {
    let (place, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (target, repository) = new_repository(place.path());
    fs::write(home.path().join("x"), "x").unwrap();
    let mut work = work("20261121T033000Z-aaaa", home.path());
    work.parts = vec![part("files", &[home.path()])];
    taken(&repository, &work);
    let other = BoxIdentity {
        id: "another".to_owned(),
        name: "another".to_owned(),
    };
    let failure: Failure = take(&repository, &work, &other, &Reporter::silent()).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Foreign);
    target.refuse(Call::Write(Folder::Data), Trouble::Full);
    let failure = take(&repository, &work, &this_box(), &Reporter::silent()).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Full, "{failure}");
    assert_eq!(repository.manifests().unwrap().good.len(), 1);
}

#[test]
fn large_and_small_dumps_of_servers_are_whole_in_the_eyes_of_restic() {
    let (Some(postgres), Some(mariadb)) = (Server::postgres(), Server::mariadb()) else {
        return;
    };
    let (place, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (_, repository) = new_repository(place.path());
    postgres.create(
        "small",
        "CREATE TABLE t (x text); INSERT INTO t VALUES ('x')",
    );
    postgres.create(
        "large",
        "CREATE TABLE t (x text); INSERT INTO t SELECT repeat(md5(n::text), 30) FROM generate_series(1, 9000) n",
    );
    mariadb.create("shop", "CREATE TABLE t (x longtext); INSERT INTO t SELECT REPEAT(MD5(seq), 30) FROM seq_1_to_9000;");
    let access = |name: &str, place: DatabasePlace| DatabaseAccess {
        name: name.to_owned(),
        place,
        app: Some("app".to_owned()),
    };
    let mut work = work("20261121T033000Z-aaaa", home.path());
    work.kind = "databases".to_owned();
    work.databases = vec![
        access("large", postgres.place("large")),
        access("shop", mariadb.place("shop")),
        access("small", postgres.place("small")),
    ];
    let manifest = taken(&repository, &work);
    assert_eq!(manifest.failed_databases.len(), 0, "{manifest:?}");
    let rows: Vec<_> = manifest
        .databases
        .iter()
        .map(|it| it.rows.clone())
        .collect();
    let expected = [("public.t", 9000), ("t", 9000), ("public.t", 1)];
    assert_eq!(
        rows,
        expected.map(|(name, rows)| [(name.to_owned(), rows)].into())
    );
    let Some(copy) = restored(place.path(), &manifest.parts[0].snapshot) else {
        return;
    };
    for database in &manifest.databases {
        let path = below(&copy, &database.path);
        assert_eq!(digest_of(&path), database.digest, "{database:?}");
        assert_eq!(fs::metadata(&path).unwrap().len(), database.bytes);
    }
    assert!(manifest.databases[0].bytes > 8 << 20);
}
