//! What proves a backup, and what shows that it is none.

use std::fs;
use std::sync::mpsc;

use super::*;
use crate::access::DatabaseAccess;
use crate::report::Ground;
use crate::report::Report;
use crate::restore::tests::harness::Bench;
use crate::restore::tests::harness::below;
use crate::restore::tests::harness::database;
use crate::restore::tests::harness::noise;
use crate::restore::tests::harness::rows;

pub(crate) struct Proven {
    pub(crate) run: String,
    pub(crate) shown: Vec<String>,
    pub(crate) faults: Vec<String>,
}

fn proven(bench: &Bench, keep_for: &[&str]) -> Result<Proven, Failure> {
    proven_while(bench, keep_for, Vec::new(), |_| ())
}

/// While it waits, what it says that it has ready is looked at.
pub(crate) fn proven_while(
    bench: &Bench,
    keep_for: &[&str],
    databases: Vec<DatabaseAccess>,
    look: impl FnOnce(Ground),
) -> Result<Proven, Failure> {
    let work = ProveWork {
        run: None,
        scratch: bench.at("scratch"),
        databases,
        keep_for: keep_for.iter().map(|name| (*name).to_owned()).collect(),
    };
    let (go_on, leash) = Leash::new();
    let (said, reports) = mpsc::channel();
    let reporter = Reporter::to(Heard(said));
    let found = std::thread::scope(|scope| {
        let repository = bench.reopened();
        let work = &work;
        let job = scope.spawn(move || prove(&repository, work, &leash, &reporter));
        let ready = reports.iter().find_map(|report| match report {
            Report::Ready(ground) => Some(ground),
            _ => None,
        });
        if let Some(ground) = ready {
            assert!(!keep_for.is_empty(), "nothing is to be kept");
            look(ground);
        }
        go_on.send(()).unwrap_or_default();
        job.join().unwrap()
    });
    match found? {
        Found::Proven { run, shown, faults } => Ok(Proven { run, shown, faults }),
        other => panic!("{other:?}"),
    }
}

/// Lines of a job, as its agent reads them.
struct Heard(mpsc::Sender<Report>);

impl std::io::Write for Heard {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        let report = serde_json::from_slice(line).unwrap();
        self.0.send(report).unwrap_or_default();
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn files_and_databases_are_shown_to_come_back() {
    let bench = Bench::new();
    let path = bench.at("data/app.db");
    database(&path, 3);
    for number in 0..300_u64 {
        bench.put(&format!("data/{number}"), noise(number, 500));
    }
    // A link is counted where a backup is taken.
    std::os::unix::fs::symlink("/srv", bench.at("data/link")).unwrap();
    let full = bench.take(1_000, &[&bench.at("data")], &[("app", &path)]);
    database(&path, 2);
    bench.take(2_000, &[], &[("app", &path)]);
    let proven = proven(&bench, &[]).unwrap();
    assert_eq!(proven.faults, [""; 0]);
    assert_eq!(proven.run, full.run);
    let expected = [
        "the canary of the part databases came back as it was",
        "the canary of the part files came back as it was",
        "200 of the 300 files of the part files, other ones each time, came back as they were",
        "the database app of 1970-01-01T00:33:21Z came back whole, with 5 rows in 1 tables",
    ];
    assert_eq!(proven.shown, expected);
    assert!(!bench.at("scratch/sample").exists());
    assert!(!below(&bench.at("scratch"), &path).exists());
}

#[test]
fn what_an_app_is_started_from_is_kept() {
    let bench = Bench::new();
    let path = bench.at("srv/app/data/app.db");
    database(&path, 3);
    bench.put("srv/app/run.py", "code");
    bench.put("srv/app/data/upload", "data");
    let mut manifest = bench.take(1_000, &[&bench.at("srv/app")], &[("app", &path)]);
    manifest.run = "20261121T000000Z-aaaaaa".to_owned();
    manifest.databases[0].app = Some("web".to_owned());
    manifest.apps.push(crate::manifest::ManifestApp {
        name: "web".to_owned(),
        code: vec![bench.at("srv/app")],
        data: vec![bench.at("srv/app/data")],
        databases: vec!["app".to_owned()],
    });
    bench.repository.write_manifest(&manifest).unwrap();
    let mut was_ready = false;
    let proven = proven_while(&bench, &["web"], Vec::new(), |ground| {
        was_ready = true;
        let code = below(&ground.root, &bench.at("srv/app/run.py"));
        assert_eq!(fs::read_to_string(code).unwrap(), "code");
        assert_eq!(rows(&below(&ground.root, &path)), 3);
    });
    assert_eq!(proven.unwrap().faults, [""; 0]);
    assert!(was_ready);
    assert!(!bench.at("scratch").exists());
}

#[test]
fn a_backup_that_is_not_what_it_says_is_not_proven() {
    let bench = Bench::new();
    let path = bench.at("data/app.db");
    database(&path, 3);
    bench.put("data/a", noise(1, 500));
    let mut manifest = bench.take(1_000, &[&bench.at("data")], &[("app", &path)]);
    manifest.run = "20261121T000000Z-aaaaaa".to_owned();
    manifest.databases[0].rows.insert("note".to_owned(), 4);
    manifest.parts[1].canary = Some("00".to_owned());
    manifest.parts[1].files = 1_000;
    bench.repository.write_manifest(&manifest).unwrap();
    let expected = [
        "The canary of the part files came back as something else.",
        "Of the 1000 files of the part files, 998 are not there.",
        "The database app did not come back as it was: the table note has 3 rows, and had 4.",
    ];
    assert_eq!(proven(&bench, &[]).unwrap().faults, expected);
}

#[test]
fn missing_packs_are_faults_and_nothing_to_prove_is_a_failure() {
    let bench = Bench::new();
    assert!(proven(&bench, &[]).is_err());
    bench.put("data/a", noise(1, 500));
    bench.take(1_000, &[&bench.at("data")], &[]);
    for pack in bench.packs() {
        fs::remove_file(pack).unwrap();
    }
    let proven = proven(&bench, &[]).unwrap();
    assert!(!proven.faults.is_empty());
    assert!(
        !proven.shown.iter().any(|shown| shown.contains("came back")),
        "{:?}",
        proven.shown
    );
}
