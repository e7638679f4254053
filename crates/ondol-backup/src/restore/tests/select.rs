//! Which backup something comes from, and what is said when there is none.

use std::fs;
use std::path::PathBuf;

use super::harness::Bench;
use super::harness::below;
use crate::failure::FailureKind;
use crate::work::Destination;
use crate::work::RestoreWork;
use crate::work::What;

#[test]
fn the_newest_that_is_not_younger() {
    let bench = Bench::new();
    let path = bench.put("data/a", "one");
    bench.take(1_000, &[&bench.at("data")], &[]);
    bench.put("data/a", "two");
    bench.take(2_000, &[&bench.at("data")], &[]);
    let at = |at| {
        let work = RestoreWork {
            at,
            what: What::Paths(vec![path.clone()]),
            to: Destination::Into(bench.at("out")),
            moved: Vec::new(),
            databases: Vec::new(),
        };
        bench.restore_work(&work).unwrap();
        fs::read_to_string(below(&bench.at("out"), &path)).unwrap()
    };
    assert_eq!(
        (at(Some(1_999)), at(Some(2_000)), at(None)),
        ("one".into(), "two".into(), "two".into())
    );
}

#[test]
fn what_is_gone_from_the_newest_is_found_in_older_ones() {
    let bench = Bench::new();
    let path = bench.put("data/a", "one");
    bench.take(1_000, &[&bench.at("data")], &[]);
    fs::rename(&path, bench.at("data/b")).unwrap();
    bench.take(2_000, &[&bench.at("data")], &[]);
    let to = || Destination::Into(bench.at("out"));
    let failure = bench.restore(What::Paths(vec![path]), to()).unwrap_err();
    assert_eq!(failure.kind, FailureKind::NotFound);
    assert!(
        failure.sentence.contains("--at 1970-01-01T00:16:40Z"),
        "{}",
        failure.sentence
    );
    let failure = bench
        .restore(What::Paths(vec![PathBuf::from("/nowhere")]), to())
        .unwrap_err();
    assert_eq!(failure.sentence, "/nowhere is in no backup.");
}

#[test]
fn names_that_are_none() {
    let bench = Bench::new();
    let to = || Destination::Into(bench.at("out"));
    let failure = bench
        .restore(What::Parts(vec!["box".to_owned()]), to())
        .unwrap_err();
    assert_eq!(
        failure.sentence,
        "There is no backup in this repository yet."
    );
    bench.put("data/a", "one");
    bench.take(1_000, &[&bench.at("data")], &[]);
    let what = What::Databases(vec!["shop".to_owned()]);
    let failure = bench.restore(what, to()).unwrap_err();
    assert_eq!(
        failure.sentence,
        "No backup has the database shop, nor any other."
    );
    let what = What::Paths(vec![PathBuf::from("/etc/../data")]);
    let failure = bench.restore(what, to()).unwrap_err();
    assert_eq!(failure.sentence, "`/etc/../data` is no absolute path.");
}
