//! What is put back, who is stopped, and what is refused.

use ondol_admin::api::RestoreQuestion;
use ondol_admin::api::RestoreWhat;
use ondol_config::SourceFile;
use ondol_config::Sources;

use super::*;

const BOX: &str = r#"
[sites."coffee.test"]
app = "coffee"
[sites."blog.test"]
files = "/srv/blog"
[sites."old.test"]
redirect = { to = "https://coffee.test" }
[apps.coffee]
dir = "/srv/coffee"
run = "x"
data = ["/mnt/pictures"]
[apps.tea]
run = "x"
git = "https://example.com/tea.git"
[backup]
to = "/mnt/usb/ondol"
[[backup.databases]]
sqlite = "/srv/coffee/storage/coffee.db"
[[backup.databases]]
postgres = "postgresql:///orders"
app = "coffee"
[[backup.databases]]
sqlite = "/srv/alone.db"
"#;

fn folders() -> Folders {
    Folders {
        config: "/etc/ondol/ondol.toml".into(),
        state: "/var/lib/ondol".into(),
        runtime: "/run/ondol".into(),
        logs: "/var/log/ondol".into(),
    }
}

fn meant_of(what: RestoreWhat, to: Option<&str>) -> Result<Meant, String> {
    let file = SourceFile {
        path: "/etc/ondol/ondol.toml".into(),
        text: BOX.to_owned(),
    };
    let sources = Sources { files: vec![file] };
    let plan = ondol_config::accept(&sources).map_err(|mistakes| format!("{mistakes:?}"));
    let question = RestoreQuestion {
        what,
        target: None,
        at: None,
        to: to.map(str::to_owned),
        incomplete: false,
    };
    meant(&question, &plan.unwrap().plan, &folders())
}

fn paths(paths: &[&str]) -> What {
    What::Paths(paths.iter().map(PathBuf::from).collect())
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn databases(names: &[&str]) -> What {
    What::Databases(texts(names))
}

#[test]
fn an_app_is_its_folders_and_the_databases_that_do_not_lie_in_them() {
    let coffee = [
        paths(&["/mnt/pictures", "/srv/coffee", "/var/lib/ondol/apps/coffee"]),
        databases(&["orders"]),
    ];
    let blog = [paths(&["/srv/blog"])];
    let table = [
        (
            RestoreWhat::App("coffee".to_owned()),
            &coffee[..],
            &["coffee"][..],
        ),
        (
            RestoreWhat::Site("coffee.test".to_owned()),
            &coffee,
            &["coffee"],
        ),
        (RestoreWhat::Site("blog.test".to_owned()), &blog, &[]),
    ];
    for (what, expected, apps) in table {
        let meant = meant_of(what.clone(), None).unwrap();
        assert_eq!(meant.what, expected, "{what:?}");
        let names: Vec<_> = meant.apps.iter().map(AppName::as_str).collect();
        assert_eq!(names, apps, "{what:?}");
        assert_eq!(meant.notes, [""; 0], "{what:?}");
    }
}

#[test]
fn who_uses_what_is_replaced_is_stopped() {
    let of_paths = |all: &[&str]| RestoreWhat::Paths(texts(all));
    let of_databases = |all: &[&str]| RestoreWhat::Databases(texts(all));
    let table = [
        (
            of_paths(&["/srv/coffee/storage/coffee.db"]),
            &["coffee"][..],
        ),
        (of_paths(&["/srv"]), &["coffee"]),
        (of_paths(&["/mnt/pictures/1.jpg"]), &["coffee"]),
        (of_paths(&["/var/lib/ondol/apps/tea/data"]), &["tea"]),
        (of_paths(&["/srv/blog/index.html"]), &[]),
        (of_databases(&["orders"]), &["coffee"]),
        (of_databases(&["coffee"]), &["coffee"]),
        (of_databases(&["alone"]), &[]),
        (RestoreWhat::Everything, &["coffee", "tea"]),
    ];
    for (what, apps) in table {
        let meant = meant_of(what.clone(), None).unwrap();
        let names: Vec<_> = meant.apps.iter().map(AppName::as_str).collect();
        assert_eq!(names, apps, "{what:?}");
        // A copy elsewhere disturbs nobody.
        let copy = meant_of(what, Some("/tmp/copy")).unwrap();
        assert_eq!(copy.apps, []);
    }
}

#[test]
fn the_owner_is_told_who_must_be_stopped_by_hand_and_what_stays() {
    let alone = RestoreWhat::Databases(texts(&["alone"]));
    let notes = meant_of(alone, None).unwrap().notes;
    assert_eq!(
        notes,
        ["Ondol does not know who uses the database alone: stop that yourself until it is back."]
    );
    let all = meant_of(RestoreWhat::Everything, None).unwrap();
    assert_eq!(
        all.what,
        [What::Parts(texts(&["apps", "files", "databases"]))]
    );
    assert!(
        all.notes
            .iter()
            .any(|note| note.contains("`ondol recover`"))
    );
    let copy = meant_of(RestoreWhat::Everything, Some("/tmp/copy")).unwrap();
    let parts = texts(&["box", "databases", "apps", "files"]);
    assert_eq!(copy.what, [What::Parts(parts)]);
    let configuration = RestoreWhat::Paths(texts(&["/etc/ondol"]));
    let notes = meant_of(configuration, None).unwrap().left_to_do;
    assert!(notes[0].contains("`ondol reload`"), "{notes:?}");
}

#[test]
fn what_can_not_be_done_is_refused_before_anything_happens() {
    let of_paths = |path: &str| RestoreWhat::Paths(texts(&[path]));
    let table = [
        (of_paths("/var/lib/ondol"), "is in use by Ondol"),
        (of_paths("/"), "is in use by Ondol"),
        (of_paths("/mnt/usb"), "the backups of usb lie in /mnt/usb"),
        (of_paths("srv/blog"), "no absolute path"),
        (of_paths("/srv/../etc"), "no absolute path"),
        (RestoreWhat::Paths(Vec::new()), "nothing is named"),
        (
            RestoreWhat::App("cofee".to_owned()),
            "there is no app `cofee`; did you mean `coffee`?",
        ),
        (
            RestoreWhat::Databases(texts(&["x"])),
            "there is no database `x`: there are `coffee`, `orders`, `alone`",
        ),
        (
            RestoreWhat::Site("old.test".to_owned()),
            "nothing of it to put back",
        ),
    ];
    for (what, expected) in table {
        let refused = meant_of(what.clone(), None).unwrap_err();
        assert!(refused.contains(expected), "{what:?}: {refused}");
    }
    // A copy of what is in use, or of what the configuration has forgotten, does no harm.
    for what in [
        of_paths("/var/lib/ondol"),
        RestoreWhat::Databases(texts(&["x"])),
    ] {
        meant_of(what, Some("/tmp/copy")).unwrap();
    }
}
