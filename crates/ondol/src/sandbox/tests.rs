//! Which folders a data plane gets, and what a confined thread can still do.

use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::os::unix::fs::symlink;

use ondol_base::tasks;

use super::*;

fn set(paths: &[&str]) -> BTreeSet<Folder> {
    let paths = paths.iter().map(PathBuf::from);
    paths.map(Folder::on_disk).collect()
}

#[test]
fn another_folder_at_the_same_path_is_not_covered() {
    let temporary = tempfile::tempdir().unwrap();
    let site = temporary.path().join("site");
    fs::create_dir(&site).unwrap();
    let allowed = BTreeSet::from([Folder::on_disk(site.clone())]);
    assert!(covers(
        &allowed,
        &BTreeSet::from([Folder::on_disk(site.clone())])
    ));
    // The new one may be given the number of the one before.
    fs::remove_dir(&site).unwrap();
    fs::create_dir(&site).unwrap();
    assert!(!covers(&allowed, &BTreeSet::from([Folder::on_disk(site)])));
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
    fs::create_dir_all(&release).unwrap();
    symlink("releases/5", base.join("coffee/current")).unwrap();
    assert_eq!(
        folders_of_links(&base.join("coffee/current/public")),
        [base.join("coffee")]
    );
    assert!(folders_of_links(&release).is_empty());
}

#[test]
fn a_confined_process_reads_its_folders_writes_its_log_and_nothing_else() {
    if possible() == Confinement::None {
        println!("skipped: this kernel has no Landlock");
        return;
    }
    let temporary = tempfile::tempdir().unwrap();
    let folder = |name: &str| {
        let folder = temporary.path().join(name);
        fs::create_dir(&folder).unwrap();
        fs::File::create_new(folder.join("file")).unwrap();
        folder
    };
    let (site, secret, logs) = (folder("site"), folder("secret"), folder("logs"));
    // It binds the thread alone, so the others of this test program stay free.
    let confined = tasks::spawn_thread("confined", move || {
        confine(std::slice::from_ref(&site), &logs).unwrap();
        let refused = |outcome: io::Result<fs::File>| outcome.err().map(|error| error.kind());
        let denied = Some(ErrorKind::PermissionDenied);
        assert_eq!(refused(fs::File::open(site.join("file"))), None);
        assert_eq!(refused(fs::File::open(secret.join("file"))), denied);
        assert_eq!(refused(fs::File::create_new(site.join("new"))), denied);
        assert_eq!(refused(fs::File::create_new(logs.join("access.log"))), None);
        assert_eq!(
            refused(fs::File::options().append(true).open(logs.join("file"))),
            None
        );
        let moved = |from: &Path, to| fs::rename(from, from.with_file_name(to));
        moved(&logs.join("access.log"), "access.log.1").unwrap();
        fs::remove_file(logs.join("access.log.1")).unwrap();
        let refused_to_move = moved(&site.join("file"), "other").unwrap_err();
        assert_eq!(refused_to_move.kind(), ErrorKind::PermissionDenied);
        assert_eq!(refused(fs::File::open("/etc/passwd")), None);
        if possible() == Confinement::Full {
            assert!(TcpListener::bind("127.0.0.1:0").is_err());
        }
    });
    confined.unwrap().join().unwrap();
}
