//! What was lost by mistake is back.

use std::fs;

use super::Kept;
use crate::harness::eventually;

#[test]
fn a_table_that_was_dropped_is_back_from_the_last_copy_of_the_databases() {
    let kept = Kept::new();
    assert_eq!(kept.notes("/add"), "1 notes");
    kept.done(&["backup", "now"]);
    assert_eq!(kept.notes("/add"), "2 notes");
    let hourly = kept.done(&["backup", "now", "--databases"]);
    assert!(hourly.contains("1 database is saved"), "{hourly}");
    assert_eq!(kept.notes("/mistake"), "no such table: notes");
    let nobody = kept.refused(&["restore", "--database", "notes"]);
    assert!(nobody.contains("say --yes"), "{nobody}");
    let back = kept.done(&["restore", "--database", "notes", "--yes"]);
    for part in ["1 file was restored", "it is in its place", "runs again"] {
        assert!(back.contains(part), "no {part:?} in: {back}");
    }
    eventually("the app", || (kept.notes("/") == "2 notes").then_some(()));
    let folder = fs::read_dir(kept.path("state/apps/notes/data")).unwrap();
    let mut names = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(names.any(|name| name.starts_with("notes.db.before-restore-")));
    let events = kept.done(&["events"]);
    assert_eq!(events.matches("backup-restored").count(), 1, "{events}");
}

#[test]
fn files_folders_and_sites_come_back_and_bad_names_are_told() {
    let kept = Kept::new();
    kept.done(&["backup", "now"]);
    let blog = kept.path("blog").display().to_string();
    let (page, cat) = (format!("{blog}/index.html"), format!("{blog}/img/cat.jpg"));
    let look = kept.path("look").display().to_string();

    fs::write(&page, "vandals were here").unwrap();
    kept.done(&["restore", &page, "--yes"]);
    assert_eq!(kept.text("blog/index.html"), "the blog");

    fs::remove_dir_all(&blog).unwrap();
    kept.done(&["restore", "--site", "blog.test", "--yes"]);
    assert_eq!(kept.text("blog/index.html"), "the blog");
    assert_eq!(kept.text("blog/img/cat.jpg"), "a cat");
    // The folder is another one of the same name: who talks to visitors has to be let into it.
    eventually("visitors get the site that came back", || {
        kept.page("blog.test", "/")
            .filter(|page| page.ends_with("the blog"))
    });

    kept.done(&["restore", &cat, "--to", &look]);
    assert_eq!(fs::read_to_string(format!("{look}{cat}")).unwrap(), "a cat");

    let list = kept.done(&["backup", "list"]);
    let run = list
        .lines()
        .nth(1)
        .unwrap()
        .split_whitespace()
        .next()
        .unwrap();
    let browsed = kept.done(&["backup", "browse", run, &blog]);
    assert_eq!(browsed, "img/\nindex.html\n");

    for (arguments, expected) in [
        (
            &["restore", "--app", "note", "--yes"][..],
            "did you mean `notes`?",
        ),
        (
            &["restore", "--database", "x", "--to", &look],
            "there are: notes",
        ),
        (
            &["restore", "--site", "b.test", "--yes"],
            "there is no site `b.test`",
        ),
        (&["restore", "/no/such/file", "--yes"], "is in no backup"),
        (
            &["restore", &page, "--at", "2001-01-01", "--yes"],
            "is in no backup",
        ),
        (&["restore", "/", "--yes"], "is in use by Ondol"),
        (&["backup", "now", "dsk"], "did you mean `disk`?"),
        (
            &["backup", "browse", "20010101T000000Z-abcdef"],
            "There is no backup",
        ),
    ] {
        let said = kept.refused(arguments);
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }
    assert_eq!(kept.text("blog/index.html"), "the blog");
}
