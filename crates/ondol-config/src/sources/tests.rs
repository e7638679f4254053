//! Reading real files and folders.

use ondol_model::limits::CONFIG_BYTES_MAX;

use super::*;
use crate::accept;

#[expect(
    clippy::disallowed_methods,
    reason = "scratch files of a test need not survive a crash"
)]
fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, bytes) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, bytes).expect("a file");
    }
    folder
}

/// The names of the files that are read, or the error with its source.
fn read(folder: &tempfile::TempDir) -> Result<Vec<String>, String> {
    let root = folder.path();
    let sources = Sources::read(&root.join("ondol.toml")).map_err(|error| {
        let source = std::error::Error::source(&error);
        let text = match source {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        };
        text.replace(&format!("{}/", root.display()), "")
    })?;
    let names = sources.files.iter().map(|file| {
        let name = file.path.strip_prefix(root).expect("a file of the folder");
        name.display().to_string()
    });
    Ok(names.collect())
}

#[test]
fn included_files_are_sorted_and_read_once() {
    let folder = folder(&[
        (
            "ondol.toml",
            b"include = ['sites/*.toml', 'last.toml', 'sites/?.toml', '*.toml']",
        ),
        ("sites/b.toml", b""),
        ("sites/a.toml", b""),
        ("sites/ab.toml", b""),
        ("sites/.hidden.toml", b""),
        ("sites/a.toml~", b""),
        ("sites/c.tom", b""),
        ("last.toml", b""),
    ]);
    let expected = [
        "ondol.toml",
        "sites/a.toml",
        "sites/ab.toml",
        "sites/b.toml",
        "last.toml",
    ];
    assert_eq!(read(&folder), Ok(expected.map(str::to_owned).to_vec()));
}

#[test]
fn a_folder_without_files_includes_none() {
    let folder = folder(&[
        ("ondol.toml", b"include = 'sites/*.toml'"),
        ("sites/x", b""),
    ]);
    assert_eq!(read(&folder), Ok(vec!["ondol.toml".into()]));
}

#[test]
fn what_cannot_be_read_is_named() {
    let check = |files: &[(&str, &[u8])], expected: &str| {
        assert_eq!(read(&folder(files)), Err(expected.to_owned()));
    };
    check(
        &[],
        "the configuration file ondol.toml cannot be read: No such file or directory (os error 2)",
    );
    check(&[("ondol.toml/x", b"")], "ondol.toml is no ordinary file");
    check(
        &[("ondol.toml", b"include = 'gone.toml'")],
        "the configuration file gone.toml cannot be read: No such file or directory (os error 2)",
    );
    check(
        &[("ondol.toml", b"include = 'gone/*'")],
        "the folder gone, which `include` names, cannot be read: No such file or directory (os error 2)",
    );
    check(
        &[("ondol.toml", b"[box]\nname = '\xed\x95'\n")],
        "the configuration file ondol.toml is not UTF-8 text: see line 2",
    );
}

#[test]
fn the_files_are_limited_together() {
    let half = vec![b'#'; usize::try_from(CONFIG_BYTES_MAX / 2).expect("it fits")];
    let main: &[u8] = b"include = '*.toml'";
    let files = [("ondol.toml", main), ("a.toml", &half), ("b.toml", &half)];
    assert_eq!(read(&folder(&files[..2])).map(|files| files.len()), Ok(2));
    assert_eq!(
        read(&folder(&files)),
        Err("the configuration is larger than 4 MiB with b.toml".into())
    );
    let huge = vec![b'#'; 10 * 1024 * 1024];
    assert_eq!(
        read(&folder(&[("ondol.toml", &huge)])),
        Err("the configuration is larger than 4 MiB with ondol.toml".into())
    );
}

#[test]
fn more_files_than_the_limit_are_refused() {
    let names: Vec<_> = (0..=CONFIG_FILES_MAX)
        .map(|index| format!("{index}.toml"))
        .collect();
    let mut files: Vec<(&str, &[u8])> = vec![("ondol.toml", b"include = '*.toml'")];
    files.extend(names.iter().map(|name| (name.as_str(), b"".as_slice())));
    assert_eq!(
        read(&folder(&files)),
        Err("`include` brings in more than 1000 files".into())
    );
}

#[test]
fn a_broken_main_file_is_read_so_that_it_can_be_explained() {
    let folder = folder(&[
        ("ondol.toml", b"include = ['a.toml'\n[box"),
        ("a.toml", b""),
    ]);
    let sources = Sources::read(&folder.path().join("ondol.toml")).expect("it is readable");
    assert!(accept(&sources).is_err());
}
