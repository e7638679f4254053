//! Who the data plane runs as.

use std::os::unix::fs::symlink;

use super::*;

fn set(paths: &[&str]) -> BTreeSet<PathBuf> {
    paths.iter().map(PathBuf::from).collect()
}

#[test]
fn a_folder_covers_itself_and_what_is_below() {
    let allowed = set(&["/srv/a", "/srv/b"]);
    for (wanted, expected) in [
        (set(&[]), true),
        (set(&["/srv/a"]), true),
        (set(&["/srv/a/x/y", "/srv/b"]), true),
        (set(&["/srv/ab"]), false),
        (set(&["/srv"]), false),
        (set(&["/srv/a", "/srv/c"]), false),
    ] {
        assert_eq!(covers(&allowed, &wanted), expected, "{wanted:?}");
    }
}

#[test]
fn the_folder_of_a_switched_link_is_read_too() {
    let temporary = tempfile::tempdir().unwrap();
    let base = temporary.path().canonicalize().unwrap();
    let release = base.join("coffee/releases/5/public");
    std::fs::create_dir_all(&release).unwrap();
    symlink("releases/5", base.join("coffee/current")).unwrap();
    assert_eq!(
        folders_of_links(&base.join("coffee/current/public")),
        [base.join("coffee")]
    );
    assert!(folders_of_links(&release).is_empty());
}
