//! Backups, as the owner of a box meets them: three lines of configuration, and what they bring; and
//! jobs that end badly: power cuts, kills, disks that are full or fail, and what was stored and is damaged.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;

use serde_json::Value;

use crate::harness::Folders;
use crate::harness::Running;
use crate::harness::eventually;
use crate::harness::get_path;

mod agents;
mod damage;
mod disk;
mod field;
mod job;
mod kills;
mod kit;
mod mishaps;
mod nights;
mod powercut;
mod troubles;

/// Says how many notes there are; a row more for each visit of /add.
const APP: &str = r#"
import http.server, os, sqlite3
path = os.path.join(os.environ["ONDOL_DATA"], "notes.db")
def ask(statement):
    with sqlite3.connect(path, timeout=10) as database:
        return database.execute(statement).fetchall()
ask("pragma journal_mode = wal")
if not ask("select * from sqlite_master"):
    ask("create table other (text)")
    ask("create table notes (text)")
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            if self.path == "/add":
                ask("insert into notes values ('a note')")
            if self.path == "/mistake":
                ask("drop table notes")
            status, body = 200, "%d notes" % ask("select count(*) from notes")[0][0]
        except sqlite3.Error as error:
            status, body = 500, str(error)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"#;

/// A box with a site of files and an app with a database, and backups in a folder.
struct Kept {
    running: Running,
}

impl Kept {
    fn new() -> Self {
        Self::with("")
    }

    /// With more to say about backups.
    fn with(more: &str) -> Self {
        let folders = Folders::with("");
        for folder in ["blog", "blog/img", "notes", "usb"] {
            let path = folders.path(folder);
            fs::create_dir(&path).unwrap();
            fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
        }
        fs::write(folders.path("blog/index.html"), "the blog").unwrap();
        fs::write(folders.path("blog/img/cat.jpg"), "a cat").unwrap();
        fs::write(folders.path("notes/server.py"), APP).unwrap();
        folders.configure(&configuration(&folders, more));
        let kept = Self {
            running: folders.start(),
        };
        eventually("the app", || (kept.notes("/") == "0 notes").then_some(()));
        kept
    }

    fn path(&self, name: &str) -> PathBuf {
        self.running.folders.path(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// What the app answers.
    fn notes(&self, path: &str) -> String {
        get_path(self.running.http(), "notes.test", path).unwrap()
    }

    /// What visitors get.
    fn page(&self, host: &str, path: &str) -> Option<String> {
        get_path(self.running.http(), host, path).ok()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.running.folders.ondol(arguments)
    }

    #[track_caller]
    fn done(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = said(&output);
        assert!(output.status.success(), "{arguments:?}: {said}");
        said
    }

    #[track_caller]
    fn refused(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        said
    }

    fn backups(&self) -> Value {
        serde_json::from_str(&self.done(&["backups", "--json"])).unwrap()
    }

    /// The twelve words of its kit.
    fn words(&self) -> String {
        let sheet = self.done(&["backup", "kit", "disk"]);
        word_lines(&sheet).join(" ")
    }
}

/// The words of a sheet, line by line, without what shows mistakes.
fn word_lines(sheet: &str) -> Vec<String> {
    let lines = sheet.lines().filter_map(|line| line.split_once(": words "));
    let words = lines.map(|(_, line)| {
        let mut words: Vec<_> = line.split_whitespace().collect();
        words.pop();
        words.join(" ")
    });
    words.collect()
}

fn said(output: &Output) -> String {
    let both = [&output.stdout[..], &output.stderr].concat();
    String::from_utf8(both).unwrap()
}

fn configuration(folders: &Folders, more: &str) -> String {
    let path = |name: &str| folders.path(name).display().to_string();
    let (blog, notes, disk) = (path("blog"), path("notes"), path("usb/disk"));
    let database = path("state/apps/notes/data/notes.db");
    let user = crate::apps::user();
    format!(
        r#"[box]
name = "seocho"
[listen]
http = ["127.0.0.1:0"]
https = []
[sites."blog.test"]
https = false
files = "{blog}"
[sites."notes.test"]
https = false
app = "notes"
[apps.notes]
dir = "{notes}"
run = "exec python3 server.py"
health = "/"
{user}
[backup]
to = [{{ name = "disk", local = "{disk}" }}]
databases = ["{database}"]
{more}"#
    )
}

/// Debian's restic, where it is installed: what it says of a repository.
fn restic(repository: &std::path::Path, words: &str, arguments: &[&str]) -> Option<Output> {
    let mut restic = Command::new("restic");
    restic
        .args(["--no-cache", "-r"])
        .arg(repository)
        .args(arguments);
    let output = restic.env("RESTIC_PASSWORD", words).output();
    if output.is_err() {
        println!("skipped: there is no restic");
    }
    output.ok()
}
