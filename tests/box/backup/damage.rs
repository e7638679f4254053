//! One byte is flipped in each kind of object: it is found and named, and the rest can be restored.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use ondol_backup::Failure;
use ondol_backup::Found;
use ondol_backup::ListWork;
use ondol_backup::Manifest;
use ondol_backup::Work;
use serde_json::Value;

use super::field::Field;
use super::field::contents;

type Files = BTreeMap<PathBuf, Vec<u8>>;

/// Flips a byte in the middle of a file, runs, and puts it back.
fn damaged<T>(path: &Path, run: impl FnOnce() -> T) -> T {
    let content = fs::read(path).unwrap();
    let mut bad = content.clone();
    bad[content.len() / 2] ^= 1;
    fs::write(path, bad).unwrap();
    let outcome = run();
    fs::write(path, content).unwrap();
    outcome
}

/// What a check finds; an error when the repository can't be opened at all.
fn check(field: &Field) -> Result<Vec<String>, Failure> {
    match field.run(Field::check()) {
        Some(Ok(Found::Checked { faults, .. })) => Ok(faults),
        Some(Err(failure)) => Err(failure),
        other => panic!("{other:?}"),
    }
}

/// Restores all; what could not be, and how many files came back, each as it should be.
fn restore(field: &Field, expected: &Files) -> Result<(Vec<String>, usize), Failure> {
    let to = tempfile::tempdir().unwrap();
    let faults = match field.run(field.restore(to.path())) {
        Some(Ok(Found::Restored { faults, .. })) => faults,
        Some(Err(failure)) => return Err(failure),
        other => panic!("{other:?}"),
    };
    let source = field.source();
    let restored = to.path().join(source.strip_prefix("/").unwrap());
    let found = contents(&restored);
    for (name, content) in &found {
        assert!(expected[name] == *content, "{} is wrong", name.display());
    }
    Ok((faults, found.len()))
}

fn listed(field: &Field) -> (Vec<String>, Vec<String>) {
    match field.run(Work::List(ListWork { browse: None })) {
        Some(Ok(Found::Listed {
            backups, damaged, ..
        })) => {
            let runs = backups.into_iter().map(|manifest| manifest.run);
            (runs.collect(), damaged)
        }
        other => panic!("{other:?}"),
    }
}

/// The objects in a folder of the repository.
fn objects(field: &Field, folder: &str) -> Vec<PathBuf> {
    let folder = field.target.join(folder);
    let names = contents(&folder).into_keys();
    names.map(|name| folder.join(name)).collect()
}

/// An object as sentences name it.
fn shown(field: &Field, path: &Path) -> String {
    let within = path.strip_prefix(&field.target).unwrap();
    within.display().to_string()
}

fn id(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

/// What restic says an object is.
fn cat(field: &Field, kind: &str, id: &str) -> Value {
    let (is_good, said) = field.restic(&["-q", "cat", kind, id]).unwrap();
    assert!(is_good, "{said}");
    serde_json::from_str(&said).unwrap()
}

/// The snapshot of a backup that has its manifest.
fn manifest_of(field: &Field, of: &Manifest) -> PathBuf {
    let has_it = |path: &PathBuf| {
        let tags = cat(field, "snapshot", &id(path))["tags"].to_string();
        tags.contains("manifest") && tags.contains(&of.run)
    };
    let mut all = objects(field, "snapshots").into_iter();
    all.find(has_it).unwrap()
}

/// The largest pack of a kind of pieces, `data` or `tree`.
fn largest_pack(field: &Field, kind: &str) -> PathBuf {
    let indexes = objects(field, "index");
    let indexes = indexes.iter().map(|path| cat(field, "index", &id(path)));
    let packs = indexes.flat_map(|index| index["packs"].as_array().unwrap().clone());
    let of_kind = packs.filter(|pack| pack["blobs"][0]["type"] == kind);
    let paths = of_kind.map(|pack| {
        let id = pack["id"].as_str().unwrap().to_owned();
        field.target.join("data").join(&id[..2]).join(id)
    });
    paths
        .max_by_key(|path| fs::metadata(path).unwrap().len())
        .unwrap()
}

#[test]
fn a_flipped_byte_in_any_object_is_found_and_named_and_the_rest_comes_back() {
    let mut field = Field::new(None);
    if field.restic(&["version"]).is_none() {
        println!("skipped: restic is not on this machine");
        return;
    }
    let before = contents(&field.source());
    let older = field.taken();
    field.change();
    let now = contents(&field.source());
    let newer = field.taken();
    let all = (Vec::new(), now.len());

    // The configuration: it is named, and the claim has a copy.
    let config = field.target.join("config");
    let (found, back) = damaged(&config, || (check(&field), restore(&field, &now)));
    let found = found.unwrap();
    assert!(found.iter().any(|it| it.contains("`config`")), "{found:?}");
    assert_eq!(back.unwrap(), all);

    // A key, of which there are two; and an index: what it said is in the packs, too.
    for folder in ["keys", "index"] {
        let object = objects(&field, folder).remove(0);
        let (found, back) = damaged(&object, || (check(&field), restore(&field, &now)));
        let (found, name) = (found.unwrap(), shown(&field, &object));
        assert!(found.iter().any(|it| it.contains(&name)), "{found:?}");
        assert_eq!(back.unwrap(), all, "{name}");
    }

    // A snapshot of a part, or that of a manifest: that backup does not count any more, the one before does.
    let mut parts = newer.parts.iter();
    let files = parts.find(|part| part.part == "files").unwrap();
    let files = field.target.join("snapshots").join(&files.snapshot);
    for object in [files, manifest_of(&field, &newer)] {
        let (found, listed, back) = damaged(&object, || {
            (check(&field), listed(&field), restore(&field, &before))
        });
        let (found, name) = (found.unwrap(), id(&object));
        assert!(found.iter().any(|it| it.contains(&name[..8])), "{found:?}");
        assert_eq!(listed.0, std::slice::from_ref(&older.run));
        assert!(!listed.1.is_empty());
        assert_eq!(back.unwrap(), (Vec::new(), before.len()));
    }

    // A pack: it is named, with backups and files that need it.
    for kind in ["data", "tree"] {
        let pack = largest_pack(&field, kind);
        let (found, back) = damaged(&pack, || (check(&field), restore(&field, &now)));
        let (found, name) = (found.unwrap(), shown(&field, &pack));
        let told = found.iter().find(|it| it.contains(&name));
        let told = told.unwrap_or_else(|| panic!("{name} is not named: {found:?}"));
        let is_needed = told.contains(&older.run) || told.contains(&newer.run);
        let source = field.source().display().to_string();
        assert!(is_needed && told.contains(&source), "{told}");
        let (faults, count) = back.unwrap();
        let is_hit = told.contains(&newer.run);
        assert_eq!(is_hit, !faults.is_empty(), "{told} {faults:?}");
        assert_eq!(is_hit, count < now.len(), "{told}");
        assert!(count > now.len() / 2, "{count}: {told} {faults:?}");
    }
    assert_eq!(check(&field).unwrap(), Vec::<String>::new());
    assert_eq!(restore(&field, &now).unwrap(), all);
}
