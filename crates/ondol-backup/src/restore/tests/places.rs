//! Beside what is there, and in place of it.

use std::fs;
use std::path::PathBuf;

use super::harness::Back;
use super::harness::Bench;
use super::harness::below;
use super::harness::database;
use super::harness::rows;
use crate::work::Destination;
use crate::work::RestoreWork;
use crate::work::What;

fn beside(bench: &Bench, what: What) -> Back {
    bench.restore(what, Destination::Beside).unwrap()
}

fn place(bench: &Bench, what: What, staged: Vec<(PathBuf, PathBuf)>) -> Back {
    bench.restore(what, Destination::Place { staged }).unwrap()
}

fn names(folder: &std::path::Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    names
}

#[test]
fn a_folder_with_its_database_in_place() {
    let bench = Bench::new();
    let path = bench.at("srv/app/app.db");
    database(&path, 3);
    bench.put("srv/app/photo", "old");
    bench.take(1_000, &[&bench.at("srv/app")], &[("app", &path)]);
    database(&path, 2);
    bench.put("srv/app/photo", "new");
    bench.put("srv/app/later", "new");

    let what = || What::Paths(vec![bench.at("srv/app")]);
    let back = beside(&bench, what());
    assert_eq!(back.faults, [""; 0]);
    let staged = bench.at("srv/.app.ondol-restore-19700101T001640Z-aaaaaa");
    assert_eq!(back.staged, [(staged, bench.at("srv/app"))]);
    // Nothing in use changes before it is put in place.
    assert_eq!(rows(&path), 5);

    let back = place(&bench, what(), back.staged);
    assert_eq!(back.faults, [""; 0]);
    assert_eq!(rows(&path), 3);
    assert_eq!(
        fs::read_to_string(bench.at("srv/app/photo")).unwrap(),
        "old"
    );
    assert!(!bench.at("srv/app/later").exists());
    let left = names(&bench.at("srv"));
    assert_eq!(left.len(), 2, "{left:?}");
    let kept = bench.at("srv").join(&left[1]);
    assert_eq!(back.staged, [(kept, bench.at("srv/app"))]);
    assert!(left[1].starts_with("app.before-restore-"), "{left:?}");
    assert_eq!(rows(&bench.at("srv").join(&left[1]).join("app.db")), 5);
}

#[test]
fn a_folder_without_its_database_leaves_that_alone() {
    let bench = Bench::new();
    let path = bench.at("srv/app/data/app.db");
    database(&path, 3);
    bench.put("srv/app/photo", "old");
    bench.put("srv/app/data/upload", "old");
    bench.take(1_000, &[&bench.at("srv/app")], &[("app", &path)]);
    database(&path, 2);
    bench.put("srv/app/photo", "new");
    bench.put("srv/app/data/upload", "new");

    let what = || What::Parts(vec!["files".to_owned()]);
    let back = beside(&bench, what());
    let places: Vec<&PathBuf> = back.staged.iter().map(|(_, place)| place).collect();
    assert_eq!(
        places,
        [&bench.at("srv/app/photo"), &bench.at("srv/app/data/upload")]
    );
    place(&bench, what(), back.staged);
    assert_eq!(rows(&path), 5);
    assert_eq!(
        fs::read_to_string(bench.at("srv/app/photo")).unwrap(),
        "old"
    );
    assert_eq!(
        fs::read_to_string(bench.at("srv/app/data/upload")).unwrap(),
        "old"
    );
}

#[test]
fn a_database_as_it_was_at_a_time() {
    let bench = Bench::new();
    let path = bench.at("srv/app.db");
    for (at, more) in [(1_000, 1), (2_000, 1), (3_000, 1)] {
        database(&path, more);
        bench.take(at, &[], &[("app", &path)]);
    }
    let at = |at| RestoreWork {
        at,
        what: What::Databases(vec!["app".to_owned()]),
        to: Destination::Into(bench.at("out")),
        moved: Vec::new(),
        databases: Vec::new(),
    };
    for (time, expected) in [(Some(2_500), 2), (None, 3), (Some(1_001), 1)] {
        let back = bench.restore_work(&at(time)).unwrap();
        assert_eq!(back.faults, [""; 0]);
        assert_eq!(rows(&below(&bench.at("out"), &path)), expected, "{time:?}");
    }
    let failure = bench.restore_work(&at(Some(999))).unwrap_err();
    assert!(
        failure.sentence.contains("1970-01-01T00:16:39Z"),
        "{}",
        failure.sentence
    );
}

#[test]
fn a_database_that_is_not_what_it_was_is_not_put_in_place() {
    let bench = Bench::new();
    let path = bench.at("srv/app.db");
    database(&path, 3);
    let mut manifest = bench.take(1_000, &[], &[("app", &path)]);
    manifest.run = "20261121T000000Z-aaaaaa".to_owned();
    manifest.databases[0].rows.insert("note".to_owned(), 4);
    bench.repository.write_manifest(&manifest).unwrap();
    let back = beside(&bench, What::Databases(vec!["app".to_owned()]));
    assert_eq!(back.staged, []);
    assert_eq!(back.faults.len(), 1);
    assert!(
        back.faults[0].contains("the table note has 3 rows, and had 4"),
        "{:?}",
        back.faults
    );
}

#[test]
fn what_is_elsewhere_now_comes_back_there() {
    let bench = Bench::new();
    let path = bench.at("srv/app/app.db");
    database(&path, 3);
    bench.put("srv/app/a", "text");
    bench.put("srv/b", "text");
    bench.take(1_000, &[&bench.at("srv")], &[("app", &path)]);
    let work = RestoreWork {
        at: None,
        what: What::Parts(vec!["files".to_owned(), "databases".to_owned()]),
        to: Destination::Beside,
        moved: vec![
            (bench.at("srv"), bench.at("new")),
            (bench.at("srv/app"), bench.at("apps/one")),
        ],
        databases: Vec::new(),
    };
    let back = bench.restore_work(&work).unwrap();
    assert_eq!(back.faults, [""; 0]);
    let to = Destination::Place {
        staged: back.staged,
    };
    bench.restore_work(&RestoreWork { to, ..work }).unwrap();
    assert_eq!(fs::read_to_string(bench.at("new/b")).unwrap(), "text");
    assert_eq!(fs::read_to_string(bench.at("apps/one/a")).unwrap(), "text");
    assert_eq!(rows(&bench.at("apps/one/app.db")), 3);
}
