//! Findings about backups: targets, secrets, databases, commands.

use super::*;

/// A site, and a section of backups in its fourth line and those below.
fn backup(keys: &str) -> String {
    format!("[sites.\"a.test\"]\nfiles = \"www\"\n[backup]\n{keys}\n")
}

/// What is noted of a text, with the folder as `~`.
fn notes(place: &Place, text: &str) -> String {
    let findings = place.examine(text, &ServeUser::Own, NOW);
    let folder = place.path().display().to_string();
    let notes = findings.notes.iter().filter(|note| !is_of_care(note));
    let notes: Vec<_> = notes.map(|note| note.replace(&folder, "~")).collect();
    notes.join("\n")
}

/// A target that needs nothing of this machine.
const ELSEWHERE: &str = "\"rest:https://backup.example.com/\"";

#[test]
fn who_backs_nothing_up_is_told_how() {
    let place = Place::new();
    let site = "[sites.\"a.test\"]\nfiles = \"www\"\n";
    place.check(site, &[], &[]);
    let said = notes(&place, site);
    assert!(said.starts_with("Nothing is backed up."), "{said}");
    assert!(said.contains("to = \"/mnt/usb/ondol\""), "{said}");
    place.check(
        &backup("at = \"04:00\""),
        &[],
        &["3:1 nothing is backed up: `[backup]` has no `to`"],
    );
    let said = notes(&place, &backup(&format!("to = {ELSEWHERE}")));
    assert_eq!(said, "");
}

#[test]
fn a_folder_on_the_same_disk_is_no_safe_place() {
    let place = Place::new();
    fs::create_dir(place.path().join("disk")).unwrap();
    place.check(
        &backup("to = { local = \"disk/ondol\" }"),
        &[],
        &["4:16 ~/disk/ondol is on the same disk as Ondol's own things: when that breaks, the backups are gone too"],
    );
    let said = notes(&place, &backup("to = { local = \"disk/ondol\" }"));
    assert!(
        said.starts_with("All backups are at this machine"),
        "{said}"
    );
    let both = backup(&format!("to = [{{ local = \"disk/ondol\" }}, {ELSEWHERE}]"));
    place.check(&both, &[], &[]);
    let said = notes(&place, &both);
    assert!(
        said.starts_with("Backups in ~/disk/ondol are on the same disk"),
        "{said}"
    );
}

#[test]
fn a_folder_on_another_disk_is_fine() {
    let place = Place::new();
    let memory = tempfile::tempdir_in("/dev/shm").unwrap();
    let text = backup(&format!("to = \"{}/ondol\"", memory.path().display()));
    place.check(&text, &[], &[]);
}

#[test]
fn a_disk_that_is_not_there_is_no_mistake() {
    let place = Place::new();
    let text = backup("to = [{ local = \"unplugged/ondol\" }]");
    place.check(
        &text,
        &[],
        &["4:17 ~/unplugged does not exist, so no backup goes to ~/unplugged/ondol"],
    );
    write(&place.path().join("unplugged"), "", 0o644);
    let findings = place.examine(&text, &ServeUser::Own, NOW);
    assert!(
        findings.warnings[0].problem().contains("cannot be reached"),
        "{findings:?}"
    );
    place.check(
        &backup("to = [{ local = \"unplugged\" }]"),
        &["4:17 ~/unplugged is not a folder"],
        &[],
    );
}

#[test]
fn a_target_is_apart_from_what_is_backed_up() {
    let place = Place::new();
    let check = |keys: &str, expected: &[&str]| {
        let keys = format!("{keys}\n[[backup.to]]\nrest = \"https://backup.example.com/\"");
        place.check(&backup(&keys), expected, &[]);
    };
    fs::create_dir_all(place.path().join("data/deep")).unwrap();
    let local = "[[backup.to]]\nlocal = ";
    check(
        &format!("{local}\"www/backup\""),
        &["5:9 ~/www/backup is in ~/www, which is backed up itself"],
    );
    check(
        &format!("{local}\"state/backup\""),
        &["5:9 ~/state/backup is in ~/state, which is backed up itself"],
    );
    check(
        &format!("include = \"data/deep\"\n{local}\"data\""),
        &["6:9 ~/data/deep, which is to be backed up, is in ~/data"],
    );
    std::os::unix::fs::symlink(place.path().join("www"), place.path().join("link")).unwrap();
    check(
        &format!("{local}\"link/backup\""),
        &["5:9 ~/link/backup is in ~/www, which is backed up itself"],
    );
    let excluded = format!("exclude = \"{}/data/b\"", place.path().display());
    check(
        &format!("include = \"data\"\n{excluded}\n{local}\"data/b\""),
        &[],
    );
    check(&format!("include = \"data/deep\"\n{local}\"data/b\""), &[]);
}

#[test]
fn secrets_of_backups_must_be_there_and_for_few_eyes() {
    let place = Place::new();
    write(&place.path().join("good"), "secret", 0o600);
    write(&place.path().join("open"), "secret", 0o644);
    let s3 = "s3 = { endpoint = \"https://s3.test\", bucket = \"abc\", key = { file = \"good\" }, secret = { file = \"open\" }, read_only = { key = { env = \"ONDOL_NO_SUCH\" }, secret = { file = \"good\" } } }";
    let rest =
        "rest = { url = \"https://backup.test\", user = \"a\", password = { file = \"none\" } }";
    let text = backup(&format!(
        "password = {{ file = \"none\" }}\n[[backup.to]]\n{s3}\n[[backup.to]]\n{rest}"
    ));
    let missing = "cannot read the secret in ~/none: No such file or directory (os error 2)";
    place.check(
        &text,
        &[
            &format!("4:21 {missing}"),
            "6:97 ~/open can be read by other users of this machine, so it is no secret; `chmod go= ~/open` ends that",
            &format!("8:71 {missing}"),
        ],
        &["6:135 the environment variable ONDOL_NO_SUCH is not set, or empty"],
    );
}

#[test]
fn databases_must_be_databases() {
    let place = Place::new();
    let make = |name: &str, content: &str| write(&place.path().join(name), content, 0o600);
    make("good.db", "SQLite format 3\0…");
    make("empty.db", "");
    make("short.db", "SQLite");
    make("other.db", "PK\u{3}\u{4} something else");
    let table = |path: &str| format!("{{ sqlite = \"{path}\" }}");
    let all = [
        "good.db", "empty.db", "short.db", "other.db", "none.db", "www",
    ]
    .map(table);
    let databases = all.join(",\n");
    place.check(
        &backup(&format!("to = {ELSEWHERE}\ndatabases = [\n{databases}]")),
        &[
            "8:12 ~/short.db is not a SQLite database",
            "9:12 ~/other.db is not a SQLite database",
            "11:12 ~/www is not a SQLite database",
        ],
        &["10:12 the database ~/none.db does not exist"],
    );
}

#[test]
fn the_key_of_ssh_must_be_there_and_for_its_user_alone() {
    let place = Place::new();
    let text = |keys: &str| backup(&format!("[[backup.to]]\nsftp = {keys}"));
    let with_key = text("{ host = \"nas\", path = \"/b\", identity = \"key\" }");
    place.check(
        &with_key,
        &["5:48 cannot read the key ~/key: No such file or directory (os error 2)"],
        &[],
    );
    write(&place.path().join("key"), "", 0o640);
    place.check(
        &with_key,
        &["5:48 ssh takes no key that others may read, as they may ~/key"],
        &[],
    );
    write(&place.path().join("key"), "", 0o600);
    place.check(&with_key, &[], &[]);
    let said = notes(&place, &text("\"sftp://me@nas/srv/b\""));
    assert!(
        said.starts_with("Backups at nas go to srv/b in me's own folder"),
        "{said}"
    );
    assert_eq!(notes(&place, &text("\"sftp://me@nas//srv/b\"")), "");
}

#[test]
fn what_is_named_must_be_there() {
    let place = Place::new();
    let keys = format!(
        "to = {ELSEWHERE}\ninclude = [\"www\", \"none\"]\nbefore = \"no-such-program x\"\nafter = \"true\"\ntimezone = \"Asia/Atlantis\""
    );
    place.check(
        &backup(&keys),
        &["8:12 this machine knows no time zone Asia/Atlantis"],
        &[
            "5:19 ~/none is not backed up: No such file or directory (os error 2)",
            "6:10 there is no program `no-such-program`",
        ],
    );
}

#[test]
fn who_can_only_add_is_told_who_removes() {
    let place = Place::new();
    let text = backup(
        "[[backup.to]]\nname = \"far\"\nrest = \"https://backup.example.com/\"\nappend_only = true",
    );
    place.check(&text, &[], &[]);
    let said = notes(&place, &text);
    assert!(
        said.starts_with("Nothing is removed at far by itself"),
        "{said}"
    );
}
