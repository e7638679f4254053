//! Where things go.

use super::*;

fn layout(to: Destination, moved: &[(&str, &str)], stays: &[&str]) -> Layout {
    let moved: Vec<_> = moved
        .iter()
        .map(|(from, to)| (PathBuf::from(from), PathBuf::from(to)))
        .collect();
    Layout::new(&to, &moved, stays.iter().map(PathBuf::from).collect())
}

#[test]
fn the_longest_folder_that_was_moved_counts() {
    let layout = layout(
        Destination::Beside,
        &[
            ("/srv", "/data"),
            ("/srv/app", "/apps/app"),
            ("/etc/x", "/y"),
        ],
        &[],
    );
    let moved = |path: &str| layout.moved(Path::new(path)).display().to_string();
    assert_eq!(moved("/srv/photos/a"), "/data/photos/a");
    assert_eq!(moved("/srv/app"), "/apps/app");
    assert_eq!(moved("/srv/app/b"), "/apps/app/b");
    assert_eq!(moved("/srv/apple"), "/data/apple");
    assert_eq!(moved("/etc/xy"), "/etc/xy");
    assert!(layout.is_taken_apart(Path::new("/srv")));
    assert!(!layout.is_taken_apart(Path::new("/srv/app")));
}

#[test]
fn below_a_folder_each_thing_has_its_whole_path() {
    let layout = layout(Destination::Into("/tmp/out".into()), &[], &["/srv/app/db"]);
    let goal = layout.goal(Path::new("/srv/app"), "r");
    let expected = Goal {
        base: "/tmp/out".into(),
        place: "srv/app".into(),
        stands_for: None,
    };
    assert_eq!(goal, Some(expected));
    assert!(!layout.is_taken_apart(Path::new("/srv/app")));
    assert!(layout.takes_virtual(Path::new("/ondol/environment")));
}

#[test]
fn beside_what_is_there_with_the_name_of_the_run() {
    let layout = layout(Destination::Beside, &[], &["/etc/app/data/db"]);
    let goal = layout.goal(
        Path::new("/etc/missing-folder/data"),
        "20261121T033000Z-abcdef",
    );
    let expected = Goal {
        base: "/etc".into(),
        place: "missing-folder/.data.ondol-restore-20261121T033000Z-abcdef".into(),
        stands_for: Some("/etc/missing-folder/data".into()),
    };
    assert_eq!(goal, Some(expected));
    assert!(layout.is_taken_apart(Path::new("/etc/app")));
    assert!(layout.is_taken_apart(Path::new("/")));
    assert!(!layout.is_taken_apart(Path::new("/etc/app/other")));
    assert!(!layout.takes_virtual(Path::new("/ondol/canary")));
}

#[test]
fn no_name_is_too_long() {
    let name = "ä".repeat(127);
    assert!(beside(OsStr::new(&name), "ondol-restore-20261121T033000Z-abcdef").len() <= NAME_MAX);
    assert!(after(OsStr::new(&name), "before-restore-20261121T033000Z").len() <= NAME_MAX);
}

#[test]
fn paths_that_lead_elsewhere_are_known() {
    assert!(is_plain(Path::new("/a/b")));
    for path in ["a", "/a/../b", "../a", ""] {
        assert!(!is_plain(Path::new(path)), "{path}");
    }
}
