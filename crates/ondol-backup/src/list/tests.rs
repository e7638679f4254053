//! What is told of a repository.

use std::path::Path;

use super::*;
use crate::restore::tests::harness::Bench;
use crate::restore::tests::harness::database;

fn told(bench: &Bench, browse: Option<(&str, &Path)>) -> Result<Found, Failure> {
    let work = ListWork {
        browse: browse.map(|(run, path)| (run.to_owned(), path.to_owned())),
    };
    list(&bench.reopened(), &work, &Reporter::silent())
}

#[test]
fn backups_come_newest_first_and_folders_are_looked_into() {
    let bench = Bench::new();
    let path = bench.at("data/app.db");
    database(&path, 1);
    bench.put("data/folder/a", "text");
    bench.put("data/b", "text");
    let first = bench.take(1_000, &[&bench.at("data")], &[("app", &path)]);
    let second = bench.take(2_000, &[], &[("app", &path)]);
    let Found::Listed { backups, names, .. } = told(&bench, None).unwrap() else {
        panic!("no list")
    };
    assert_eq!(backups, [second.clone(), first.clone()]);
    assert_eq!(names, [""; 0]);

    let browsed = |run: &str, path: &Path| match told(&bench, Some((run, path))) {
        Ok(Found::Listed { names, .. }) => Ok(names),
        Ok(other) => panic!("{other:?}"),
        Err(failure) => Err(failure.sentence),
    };
    let data = bench.at("data");
    let expected: Vec<String> = ["app.db", "b", "folder/"].map(str::to_owned).into();
    assert_eq!(browsed(&first.run, &data), Ok(expected));
    assert_eq!(browsed(&second.run, &data), Ok(vec!["app.db".to_owned()]));
    assert_eq!(
        browsed(&first.run, &bench.at("data/b")),
        Ok(vec!["b".to_owned()])
    );
    let missing = format!(
        "{}/none is not in the backup {}.",
        data.display(),
        first.run
    );
    assert_eq!(browsed(&first.run, &data.join("none")), Err(missing));
    assert!(
        browsed("never", &data)
            .unwrap_err()
            .starts_with("There is no backup never")
    );
}
