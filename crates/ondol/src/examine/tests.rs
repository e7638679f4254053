//! Findings of real folders, ports and files, from the text of a configuration.

mod apps;
mod backup;
mod care;
mod issuing;

use std::fs;
use std::fs::Permissions;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;

use ondol_config::Accepted;
use ondol_config::SourceFile;
use ondol_config::Sources;

use super::*;
use crate::examine::sample::DAY;
use crate::examine::sample::NOW;
use crate::examine::sample::Sample;
use crate::examine::sample::write;
use crate::listeners;

/// A folder for a configuration and what it names; those of a test are never in `/tmp` itself.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::set_permissions(place.path(), Permissions::from_mode(0o755)).unwrap();
        fs::create_dir(place.path().join("www")).unwrap();
        place
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// What is found of a text; listens on free ports where the text does not say otherwise.
    fn examine(&self, text: &str, user: &ServeUser, now: i64) -> Findings {
        let listen = "[listen]\nhttp = [\"127.0.0.1:0\"]\nhttps = [\"127.0.0.1:0\"]\n";
        let listen = if text.contains("[listen]") {
            ""
        } else {
            listen
        };
        let accepted = self.accepted(&format!("{text}\n{listen}"));
        examine(Subject {
            plan: &accepted.plan,
            origins: &accepted.origins,
            state: &self.path().join("state"),
            user,
            held: &BTreeSet::new(),
            now,
        })
    }

    fn accepted(&self, text: &str) -> Accepted {
        let sources = Sources {
            files: vec![SourceFile {
                path: self.path().join("ondol.toml"),
                text: text.to_owned(),
            }],
        };
        ondol_config::accept(&sources).unwrap()
    }

    /// Each finding as `line:column problem`, with the folder as `~`.
    fn check(&self, text: &str, mistakes: &[&str], warnings: &[&str]) {
        self.check_at(NOW, &ServeUser::Own, text, mistakes, warnings);
    }

    fn check_at(
        &self,
        now: i64,
        user: &ServeUser,
        text: &str,
        mistakes: &[&str],
        warnings: &[&str],
    ) {
        let findings = self.examine(text, user, now);
        self.compare(&findings, text, mistakes, warnings);
    }

    fn compare(&self, findings: &Findings, text: &str, mistakes: &[&str], warnings: &[&str]) {
        let line = |mistake: &Mistake| {
            assert!(mistake.help().is_some_and(|help| !help.is_empty()));
            let place = format!("{}:{}", mistake.line(), mistake.column());
            format!("{place} {}", mistake.problem())
                .replace(&self.path().display().to_string(), "~")
        };
        let found: Vec<_> = findings.mistakes.iter().map(line).collect();
        assert_eq!(found, mistakes, "mistakes of\n{text}");
        let found: Vec<_> = findings
            .warnings
            .iter()
            .map(|Warning(mistake)| line(mistake))
            .collect();
        assert_eq!(found, warnings, "warnings of\n{text}");
    }
}

fn stranger() -> ServeUser {
    ServeUser::Other {
        name: "web".to_owned(),
        uid: 60_001,
        gid: 60_001,
    }
}

/// Whether a note is about watching and telling, which every configuration without a word of them has.
fn is_of_care(note: &str) -> bool {
    note.starts_with("Nobody is told") || note.starts_with("The drives of this machine")
}

#[test]
fn folders_must_be_there_and_be_folders() {
    let place = Place::new();
    write(&place.path().join("page.html"), "", 0o644);
    place.check("[sites.\"a.test\"]\nfiles = \"www\"", &[], &[]);
    place.check(
        "[sites.\"a.test\"]\nfiles = \"missing/deep\"\n[[sites.\"a.test\".routes]]\npath = \"/p/\"\nfiles = \"page.html\"",
        &["2:9 the folder ~/missing/deep does not exist (site `a.test`)", "5:9 ~/page.html is not a folder (site `a.test`)"],
        &[],
    );
}

#[test]
fn a_folder_of_a_table_is_looked_at_in_its_place() {
    let place = Place::new();
    let text = "[sites.\"a.test\".files]\nindex = []\nroot = \"missing\"\n[sites.\"b.test\"]\nfiles = { root = \"www\", symlinks = \"all\" }";
    place.check(
        text,
        &["3:8 the folder ~/missing does not exist (site `a.test`)"],
        &[
            "5:36 symbolic links in ~/www are followed wherever they lead, but only folders that are served can be read (site `b.test`)",
        ],
    );
}

#[test]
fn folders_must_be_readable_by_who_serves_them() {
    let place = Place::new();
    let www = place.path().join("www");
    let text = "[sites.\"a.test\"]\nfiles = \"www\"";
    fs::set_permissions(&www, Permissions::from_mode(0o755)).unwrap();
    place.check_at(NOW, &stranger(), text, &[], &[]);
    fs::set_permissions(&www, Permissions::from_mode(0o750)).unwrap();
    let expected =
        "2:9 the user web, which serves it, may not read the folder ~/www (site `a.test`)";
    place.check_at(NOW, &stranger(), text, &[expected], &[]);
    fs::set_permissions(&www, Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(place.path(), Permissions::from_mode(0o700)).unwrap();
    let expected = "2:9 the user web, which serves it, may not enter ~, so it cannot read ~/www (site `a.test`)";
    place.check_at(NOW, &stranger(), text, &[expected], &[]);
    place.check(text, &[], &[]);
}

#[test]
fn an_access_control_list_may_allow_what_the_mode_forbids() {
    let place = Place::new();
    let www = place.path().join("www");
    fs::set_permissions(&www, Permissions::from_mode(0o750)).unwrap();
    // Version 2; user:: rwx, user:60001 r-x, group:: r-x, mask:: r-x, other:: --- (acl(5)).
    let entries: [(u16, u16, u32); 5] = [
        (0x01, 7, u32::MAX),
        (0x02, 5, 60_001),
        (0x04, 5, u32::MAX),
        (0x10, 5, u32::MAX),
        (0x20, 0, u32::MAX),
    ];
    let mut list = 2_u32.to_le_bytes().to_vec();
    for (tag, permissions, id) in entries {
        list.extend(tag.to_le_bytes());
        list.extend(permissions.to_le_bytes());
        list.extend(id.to_le_bytes());
    }
    let flags = rustix::fs::XattrFlags::empty();
    if rustix::fs::setxattr(&www, "system.posix_acl_access", &list, flags).is_err() {
        println!("skipped: this file system has no access control lists");
        return;
    }
    let text = "[sites.\"a.test\"]\nfiles = \"www\"";
    place.check_at(NOW, &stranger(), text, &[], &[]);
}

#[test]
fn a_taken_port_is_shown_with_who_has_it() {
    let place = Place::new();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = other.local_addr().unwrap();
    let text = format!(
        "[listen]\nhttp = [\"127.0.0.1:0\"]\nhttps = [\"127.0.0.1:0\", \"{taken}\"]\n[sites.\"a.test\"]\nfiles = \"www\""
    );
    let findings = place.examine(&text, &ServeUser::Own, NOW);
    let [mistake] = &findings.mistakes[..] else {
        panic!("{findings:?}");
    };
    assert_eq!((mistake.line(), mistake.column()), (3, 25));
    let expected = format!("could not listen on {taken} (listen.https), which ");
    assert!(mistake.problem().starts_with(&expected), "{mistake}");
    assert!(
        mistake
            .problem()
            .contains(&format!("(process {})", std::process::id())),
        "{mistake}"
    );
    assert_eq!(
        mistake.help(),
        Some("stop that program, or choose another port here")
    );
}

#[test]
fn a_port_that_this_box_holds_already_is_free() {
    let place = Place::new();
    let own = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = own.local_addr().unwrap();
    let text = format!(
        "[listen]\nhttp = [\"{address}\"]\nhttps = [\"127.0.0.1:0\"]\n[sites.\"a.test\"]\nfiles = \"www\""
    );
    let path = place.path().join("ondol.toml");
    let files = vec![SourceFile { path, text }];
    let accepted = ondol_config::accept(&Sources { files }).unwrap();
    let held = listeners::keys(&accepted.plan.listen).collect();
    let findings = examine(Subject {
        plan: &accepted.plan,
        origins: &accepted.origins,
        state: &place.path().join("state"),
        user: &ServeUser::Own,
        held: &held,
        now: NOW,
    });
    assert!(findings.mistakes.is_empty(), "{findings:?}");
}

#[test]
fn an_address_of_another_machine_is_said_to_be_one() {
    let place = Place::new();
    let text = "[listen]\nhttp = [\"192.0.2.1:8080\"]\nhttps = [\"127.0.0.1:0\"]\n[sites.\"a.test\"]\nfiles = \"www\"";
    let findings = place.examine(text, &ServeUser::Own, NOW);
    let shown = findings.mistakes[0].to_string();
    assert!(
        shown.contains("which is no address of this machine") && shown.contains("`ip address`"),
        "{shown}"
    );
}

const SITE: &str = "[sites.\"a.test\"]\naliases = [\"b.test\"]\nfiles = \"www\"\ncertificate = { chain = \"a.pem\", key = \"a.key\" }";

#[test]
fn a_sites_certificate_must_be_its_own_and_good_now() {
    let both = ["a.test", "b.test"];
    let at = |days: i64| NOW + days * DAY;
    let cases: [(Sample, &[&str], &[&str]); 6] = [
        (Sample::of(&both), &[], &[]),
        (Sample::of(&["*.test"]), &[], &[]),
        (
            Sample::of(&["a.test", "c.test"]),
            &["4:25 the certificate does not cover b.test"],
            &[],
        ),
        (
            Sample::with(&both, at(-90), at(-1)),
            &["4:25 the certificate in ~/a.pem ended on 2026-02-28 00:00"],
            &[],
        ),
        (
            Sample::with(&both, at(1), at(90)),
            &["4:25 the certificate in ~/a.pem is good only from 2026-03-02 00:00 on"],
            &[],
        ),
        (
            Sample::with(&both, at(-85), at(5)),
            &[],
            &["4:25 the certificate in ~/a.pem ends on 2026-03-06 00:00"],
        ),
    ];
    for (sample, mistakes, warnings) in cases {
        let place = Place::new();
        sample.write(place.path(), "a");
        place.check(SITE, mistakes, warnings);
    }
}

#[test]
fn certificate_files_must_be_a_readable_pair_and_the_key_private() {
    let place = Place::new();
    place.check(
        SITE,
        &["4:25 cannot read ~/a.pem: No such file or directory (os error 2)"],
        &[],
    );
    let sample = Sample::of(&["*.test"]);
    let files = sample.write(place.path(), "a");
    fs::remove_file(&files.key).unwrap();
    place.check(
        SITE,
        &["4:40 cannot read ~/a.key: No such file or directory (os error 2)"],
        &[],
    );
    write(&files.key, &sample.key, 0o644);
    place.check(
        SITE,
        &["4:40 the key ~/a.key can be read by every user of this machine"],
        &[],
    );
    write(&files.key, &Sample::of(&["*.test"]).key, 0o600);
    let expected = "4:40 ~/a.key cannot be used: the key does not belong to the certificate";
    place.check(SITE, &[expected], &[]);
}

#[test]
fn who_issues_certificates_to_visitors_must_be_named() {
    let place = Place::new();
    let text = "[sites.\"a.test\"]\nfiles = \"www\"\nclient_ca = \"clients.pem\"\n";
    let missing = "3:13 cannot read ~/clients.pem: No such file or directory (os error 2)";
    place.check(text, &[missing], &[]);
    let file = place.path().join("clients.pem");
    let sample = Sample::of(&["a.test"]);
    write(&file, &sample.key, 0o644);
    let none = "3:13 there is no certificate in ~/clients.pem (`-----BEGIN CERTIFICATE-----`)";
    place.check(text, &[none], &[]);
    write(&file, &sample.chain(), 0o644);
    place.check(text, &[], &[]);
}

#[test]
fn a_key_of_a_foreign_group_is_worth_a_word() {
    let place = Place::new();
    let sample = Sample::of(&["*.test"]);
    let files = sample.write(place.path(), "a");
    write(&files.key, &sample.key, 0o640);
    if std::os::unix::fs::chown(&files.key, None, Some(60_001)).is_err() {
        println!("skipped: only root can give a file to another group");
        return;
    }
    let expected = "4:40 the key ~/a.key can be read by every user of the group 60001";
    place.check(SITE, &[], &[expected]);
}

#[test]
fn a_shared_certificate_is_checked_at_its_own_place() {
    let place = Place::new();
    Sample::of(&["shop.test"]).write(place.path(), "s");
    let text = "[sites.\"a.test\"]\nfiles = \"www\"\n[tls]\ncertificate = { chain = \"s.pem\", key = \"s.key\" }";
    place.check(
        text,
        &[],
        &["4:15 this certificate covers none of the sites' names, only shop.test"],
    );
    let text = text.replace("s.key", "t.key");
    place.check(
        &text,
        &["4:40 cannot read ~/t.key: No such file or directory (os error 2)"],
        &[],
    );
}

#[test]
fn a_lost_clock_does_not_stop_the_box() {
    let place = Place::new();
    Sample::of(&["*.test"]).write(place.path(), "a");
    let expected = "4:25 the clock of this machine says 1970-01-01 00:16, so the dates of ~/a.pem were not checked";
    place.check_at(1000, &ServeUser::Own, SITE, &[], &[expected]);
}

#[test]
fn a_missing_socket_of_an_app_is_worth_a_word() {
    let place = Place::new();
    let socket = place.path().join("app.sock");
    let text = format!(
        "[sites.\"a.test\"]\nproxy = [\"http://127.0.0.1:1\", \"unix:{}\"]",
        socket.display()
    );
    place.check(&text, &[], &["2:32 there is no socket ~/app.sock"]);
    write(&socket, "", 0o644);
    place.check(&text, &[], &["2:32 ~/app.sock is not a socket"]);
    fs::remove_file(&socket).unwrap();
    let _app = UnixListener::bind(&socket).unwrap();
    place.check(&text, &[], &[]);
    fs::set_permissions(&socket, Permissions::from_mode(0o755)).unwrap();
    place.check_at(
        NOW,
        &stranger(),
        &text,
        &[],
        &["2:32 the user web may not connect to ~/app.sock"],
    );
}

#[test]
fn missing_pages_are_worth_a_word() {
    let place = Place::new();
    let shown = place.path().display().to_string();
    let text = format!(
        "[sites.\"a.test\"]\nrespond = {{ status = 503, file = \"{shown}/busy.html\" }}\nerror_pages = \"{shown}/pages\""
    );
    let missing = [
        "2:34 the file ~/busy.html cannot be read: No such file or directory (os error 2)",
        "3:15 the folder ~/pages does not exist",
    ];
    place.check(&text, &[], &missing);
    write(&place.path().join("busy.html"), "busy", 0o644);
    fs::create_dir(place.path().join("pages")).unwrap();
    place.check(&text, &[], &[]);
    fs::set_permissions(
        place.path().join("busy.html"),
        Permissions::from_mode(0o600),
    )
    .unwrap();
    let may_not = "2:34 the user web may not read ~/busy.html: `chmod o+r ~/busy.html` allows it";
    place.check_at(NOW, &stranger(), &text, &[], &[may_not]);
}

#[test]
fn a_site_that_browsers_would_not_build_in_is_worth_a_word() {
    let place = Place::new();
    let lacks = |keys: &str| {
        format!(
            "[sites.\"a.test\"]\nhttps = false\nrespond = \"\"\nhsts = {{ {keys} preload = true }}"
        )
    };
    let problem = |lack| format!("4:8 browsers will not build in `a.test`: `hsts` needs {lack}");
    place.check(&lacks(""), &[], &[&problem("`subdomains = true`")]);
    let short = "max_age = \"30d\", subdomains = true,";
    place.check(
        &lacks(short),
        &[],
        &[&problem("a `max_age` of at least a year")],
    );
    place.check(&lacks("subdomains = true,"), &[], &[]);
}

#[test]
fn a_time_zone_that_does_not_exist_is_a_mistake_at_its_place() {
    let place = Place::new();
    let text = "[box]\ntimezone = \"Asia/Soul\"\n[sites.\"a.test\"]\nfiles = \"www\"";
    place.check(
        text,
        &["2:12 this machine knows no time zone Asia/Soul"],
        &[],
    );
    place.check(&text.replace("Soul", "Seoul"), &[], &[]);
}

#[test]
fn times_are_told_in_the_zone_of_the_box() {
    let place = Place::new();
    Sample::of(&["*.test"]).write(place.path(), "a");
    for (zone, told) in [
        ("UTC", "2026-05-20 00:00"),
        ("Asia/Seoul", "2026-05-20 09:00"),
    ] {
        let text = format!("{SITE}\n[box]\ntimezone = \"{zone}\"");
        let expected = format!("4:25 the certificate in ~/a.pem ended on {told}");
        let late = NOW + 81 * DAY;
        place.check_at(late, &ServeUser::Own, &text, &[&expected], &[]);
    }
}

const USERS: &str =
    "{ users = { a = \"$2y$05$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC\" } }";

#[test]
fn passwords_by_plain_http_are_warned_of_once_for_a_site() {
    let place = Place::new();
    let own = format!("https = false\nrespond = \"a\"\nbasic_auth = {USERS}");
    let route = "[[sites.\"a.test\".routes]]\npath = \"/p\"\nrespond = \"p\"";
    let expected = "the passwords of `a.test` go over plain HTTP, where others can read them";
    let text = format!("[sites.\"a.test\"]\n{own}\n{route}");
    place.check(&text, &[], &[&format!("4:14 {expected}")]);
    let text = format!(
        "[sites.\"a.test\"]\nhttps = false\nrespond = \"a\"\n{route}\nbasic_auth = {USERS}"
    );
    place.check(&text, &[], &[&format!("7:14 {expected}")]);
    let text = format!("[sites.\"a.test\"]\n{own}\n{route}").replace("https = false\n", "");
    place.check(&text, &[], &[]);
}

#[test]
fn a_file_of_hashes_that_all_can_read_is_warned_of() {
    let place = Place::new();
    let file = place.path().join("ondol.toml");
    let text = format!("[sites.\"a.test\"]\nfiles = \"www\"\nbasic_auth = {USERS}");
    write(&file, &text, 0o640);
    place.check(&text, &[], &[]);
    write(&file, &text, 0o644);
    let expected = "3:14 everyone on this machine can read the hashes of passwords in ~/ondol.toml";
    place.check(&text, &[], &[expected]);
    place.check("[sites.\"a.test\"]\nfiles = \"www\"", &[], &[]);
}

#[test]
fn findings_are_shown_in_the_order_of_the_file() {
    let place = Place::new();
    let text = "[sites.\"z.test\"]\nfiles = \"gone\"\n[sites.\"a.test\"]\nfiles = \"away\"\n[sites.\"b.example.com\"]\nfiles = \"www\"";
    let findings = place.examine(text, &ServeUser::Own, NOW);
    let lines: Vec<_> = findings.mistakes.iter().map(Mistake::line).collect();
    assert_eq!(lines, [2, 4]);
    let file = place.path().join("ondol.toml");
    let expected = format!(
        "warning: b.example.com will have a certificate of Ondol's own CA: the domain is kept for examples, so no issuer vouches for it\n --> {}:5:1\n  = help: put your",
        file.display()
    );
    assert!(
        findings.warnings[0].to_string().starts_with(&expected),
        "{}",
        findings.warnings[0]
    );
}

#[test]
fn files_towards_upstreams_must_be_usable_and_unchecked_servers_are_told() {
    let place = Place::new();
    let pair = Sample::of(&["box.test"]).write(place.path(), "box");
    let ended = Sample::with(&["box.test"], NOW - 90 * DAY, NOW - DAY);
    ended.write(place.path(), "ended");
    write(&place.path().join("empty.pem"), "nothing", 0o644);
    let site = |tls: &str| {
        format!(
            "[sites.'a.test']\nhttps = false\nproxy = {{ to = 'https://nas.test', tls = {{ {tls} }} }}"
        )
    };
    place.check(
        &site("ca = 'box.pem', certificate = { chain = 'box.pem', key = 'box.key' }"),
        &[],
        &[],
    );
    place.check(
        &site("ca = 'gone.pem'"),
        &["3:49 cannot read ~/gone.pem: No such file or directory (os error 2)"],
        &[],
    );
    place.check(
        &site("ca = 'empty.pem'"),
        &["3:49 there is no certificate in ~/empty.pem (`-----BEGIN CERTIFICATE-----`)"],
        &[],
    );
    place.check(
        &site("verify = false"),
        &[],
        &[
            "3:53 nobody checks who the servers of `a.test` are: whoever gets in between can read and change everything",
        ],
    );
    place.check(
        &site("ca = 'box.pem', certificate = { chain = 'ended.pem', key = 'ended.key' }"),
        &[],
        &["3:84 the certificate in ~/ended.pem ended on 2026-02-28 00:00"],
    );
    fs::set_permissions(&pair.key, Permissions::from_mode(0o644)).unwrap();
    place.check(
        &site("ca = 'box.pem', certificate = { chain = 'box.pem', key = 'box.key' }"),
        &["3:101 the key ~/box.key can be read by every user of this machine"],
        &[],
    );
}
