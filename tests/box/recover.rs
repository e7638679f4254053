//! A box that is lost comes back from its backups and its kit: in other folders, after being cut off, and alone.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;

use rustix::process::Pid;
use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::harness::Folders;
use crate::harness::Running;
use crate::harness::eventually;

/// Answers with how many orders there are, and what its release is called.
const APP: &str = r#"
import http.server, os, sqlite3
release = open("RELEASE").read()
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with sqlite3.connect(os.environ["DATABASE"]) as database:
            count = database.execute("select count(*) from orders").fetchone()[0]
        body = f"{release} {count} orders".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"#;
/// A box that has nothing to do with it.
const OTHER: &str = "[listen]\nhttp = [\"127.0.0.1:0\"]\nhttps = []\n[sites.\"a.test\"]\nhttps = false\nrespond = \"a\"\n";
const PAGE: &str = "<h1>blog</h1>";
/// So much of a large file that a restore takes a while.
const PHOTO_BYTES: usize = 48 << 20;

/// A box with a site of files, an app with a database, and backups in a folder.
struct Lost {
    running: Running,
    backups: TempDir,
}

impl Lost {
    /// Backed up, with its kit on paper; then it burns. Its state is kept aside, as on an old disk that is found again.
    fn new() -> Self {
        let folders = Folders::with("");
        let backups = tempfile::tempdir().unwrap();
        furnish(&folders);
        folders.configure(&configuration(&folders, backups.path()));
        let mut lost = Self {
            running: folders.start(),
            backups,
        };
        eventually("its app", || {
            lost.running
                .get("coffee.test")
                .contains("3 orders")
                .then_some(())
        });
        done(&lost.running.folders, &["backup", "now"]);
        let kit = lost.kit();
        done(&lost.running.folders, &["backup", "kit", "--text", &kit]);
        lost.burn();
        lost
    }

    fn kit(&self) -> String {
        self.backups.path().join("kit.txt").display().to_string()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.running.folders.path(name)
    }

    fn burn(&mut self) {
        self.running.signal(Signal::TERM);
        self.running.ended();
        for folder in ["blog", "coffee", "storage"] {
            fs::remove_dir_all(self.path(folder)).unwrap();
        }
        fs::rename(self.path("state"), self.path("old-state")).unwrap();
        fs::rename(self.path("ondol.toml"), self.path("old.toml")).unwrap();
    }

    /// What brings it back in these folders.
    fn recover(&self, into: &Folders, more: &[&str]) -> Vec<String> {
        let kit = self.kit();
        let mut arguments = vec!["recover", "--kit", &kit, "--yes"];
        arguments.extend(more);
        if rustix::process::geteuid().is_root() {
            arguments.extend(["--user", "nobody"]);
        }
        let moves = ["blog", "coffee", "storage"].map(|name| {
            let (old, new) = (self.path(name), into.path(name));
            format!("--moved={}={}", old.display(), new.display())
        });
        let all = arguments.into_iter().map(str::to_owned).chain(moves);
        all.collect()
    }
}

/// A site of files, an app, and its database in WAL mode.
fn furnish(folders: &Folders) {
    let path = |name: &str| folders.path(name);
    for folder in ["blog", "coffee", "storage"] {
        fs::create_dir(path(folder)).unwrap();
        fs::set_permissions(path(folder), PermissionsExt::from_mode(0o755)).unwrap();
    }
    fs::write(path("blog/index.html"), PAGE).unwrap();
    fs::write(path("blog/photo.raw"), photo()).unwrap();
    fs::write(path("coffee/server.py"), APP).unwrap();
    fs::write(path("coffee/RELEASE"), "arabica").unwrap();
    let table = "pragma journal_mode = wal; create table orders (n); insert into orders values (1), (2), (3)";
    sqlite(&path("storage/orders.db"), table);
    if rustix::process::geteuid().is_root() {
        let mut chown = Command::new("chown");
        chown.args(["-R", "nobody"]).arg(path("storage"));
        assert!(chown.status().unwrap().success());
    }
}

fn photo() -> Vec<u8> {
    let numbers = 0..u32::try_from(PHOTO_BYTES / 4).unwrap();
    let noise = numbers.flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes());
    noise.collect()
}

fn configuration(folders: &Folders, backups: &Path) -> String {
    let path = |name: &str| folders.path(name).display().to_string();
    let (blog, coffee, storage) = (path("blog"), path("coffee"), path("storage"));
    let user = match rustix::process::geteuid().is_root() {
        true => "user = \"nobody\"\n",
        false => "",
    };
    let backups = backups.join("ondol");
    let backups = backups.display();
    format!(
        r#"[box]
name = "seocho"
[listen]
http = ["127.0.0.1:0"]
https = []
[sites."blog.test"]
https = false
files = "{blog}"
[sites."coffee.test"]
https = false
app = "coffee"
[apps.coffee]
dir = "{coffee}"
run = "exec python3 server.py"
env = {{ DATABASE = "{storage}/orders.db" }}
write = ["{storage}"]
data = ["{storage}"]
{user}
[backup]
to = "{backups}"
[[backup.databases]]
sqlite = "{storage}/orders.db"
"#
    )
}

fn sqlite(database: &Path, statements: &str) -> String {
    let program = "import sqlite3, sys\ndatabase = sqlite3.connect(sys.argv[1])\n\
                   rows = [list(database.execute(one)) for one in sys.argv[2].split(';')]\n\
                   database.commit()\nprint(rows[-1][0][0] if rows[-1] else '')";
    let mut python = Command::new("python3");
    let output = python.args(["-c", program]).arg(database).arg(statements);
    let output = output.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[track_caller]
fn done(folders: &Folders, arguments: &[&str]) -> String {
    let output = folders.ondol(arguments);
    let said = said(&output);
    assert!(output.status.success(), "{arguments:?}: {said}");
    said
}

fn said(output: &Output) -> String {
    let both = [&output.stdout[..], &output.stderr].concat();
    String::from_utf8(both).unwrap()
}

/// The agent that `ondol recover` has started; ended when this is dropped.
struct Recovered<'f> {
    folders: &'f Folders,
}

impl Recovered<'_> {
    fn status(&self) -> Value {
        let status = done(self.folders, &["status", "--json"]);
        serde_json::from_str(&status).unwrap()
    }

    fn get(&self, host: &str) -> Option<String> {
        let status = self.status();
        let address = status["listeners"][0]["address"].as_str()?.to_owned();
        crate::harness::get(address.parse().ok()?, host).ok()
    }
}

impl Drop for Recovered<'_> {
    fn drop(&mut self) {
        let output = self.folders.ondol(&["status", "--json"]);
        let status: Option<Value> = serde_json::from_slice(&output.stdout).ok();
        let pid = status.and_then(|status| i32::try_from(status["pid"].as_i64()?).ok());
        let Some(pid) = pid.and_then(Pid::from_raw) else {
            return;
        };
        let _ = rustix::process::kill_process(pid, Signal::TERM);
        eventually("its end", || {
            let is_gone = rustix::process::test_kill_process(pid).is_err();
            is_gone.then_some(())
        });
    }
}

/// All of it is there, and answers.
fn check(folders: &Folders) {
    assert_eq!(
        fs::read_to_string(folders.path("blog/index.html")).unwrap(),
        PAGE
    );
    assert!(fs::read(folders.path("blog/photo.raw")).unwrap() == photo());
    let count = "select count(*) from orders";
    assert_eq!(sqlite(&folders.path("storage/orders.db"), count), "3");
    assert!(!folders.path("state/recovery.json").exists());
}

#[test]
fn a_lost_box_comes_back_in_other_folders_and_the_old_one_writes_no_more() {
    let lost = Lost::new();
    let new = Folders::with("# what was written ahead\n");
    let arguments = lost.recover(&new, &[]);
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let said = done(&new, &arguments);
    let recovered = Recovered { folders: &new };
    for part in [
        "seocho is back",
        "coffee.test",
        "blog.test",
        "ondol.toml.before-recovery-",
    ] {
        assert!(said.contains(part), "no {part:?} in: {said}");
    }
    check(&new);
    assert_eq!(recovered.get("blog.test").as_deref(), Some(PAGE));
    eventually("the app", || {
        recovered
            .get("coffee.test")
            .filter(|body| body == "arabica 3 orders")
    });
    done(&new, &["backup", "now"]);
    // Somebody finds the old disk, and switches the old box on.
    for folder in ["blog", "coffee", "storage"] {
        fs::create_dir(lost.path(folder)).unwrap();
    }
    fs::rename(lost.path("old-state"), lost.path("state")).unwrap();
    fs::rename(lost.path("old.toml"), lost.path("ondol.toml")).unwrap();
    let old = lost.running.start_after(|_| {});
    let refused = old.folders.ondol(&["backup", "now"]);
    let words = self::said(&refused);
    assert!(
        !refused.status.success() && words.contains("seocho"),
        "{words}"
    );
}

#[test]
fn a_recovery_that_is_cut_off_goes_on() {
    let lost = Lost::new();
    let new = Folders::with("");
    let arguments = lost.recover(&new, &["--no-start"]);
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let journal = new.path("state/recovery.json");
    for step in ["box", "databases"] {
        let mut cut = new.begin(&arguments);
        eventually(step, || {
            let has_ended = cut.try_wait().unwrap().is_some();
            let noted = fs::read_to_string(&journal).unwrap_or_default();
            (has_ended || noted.contains(&format!("\"{step}"))).then_some(())
        });
        let _ = cut.kill();
        cut.wait().unwrap();
    }
    let said = done(&new, &arguments);
    assert!(said.contains("goes on where it was"), "{said}");
    check(&new);
    assert!(
        !new.path("run/admin.sock").exists(),
        "it was not to be started"
    );
}

#[test]
fn what_can_not_be_recovered_is_said_and_changes_nothing() {
    let lost = Lost::new();
    let new = Folders::with("# mine\n");
    let kit = fs::read_to_string(lost.kit()).unwrap();
    let words = kit.lines().find(|line| line.contains("words ")).unwrap();
    let mistyped = words.replacen("words ", "words zoo ", 1);
    let elsewhere = lost.backups.path().join("empty").display().to_string();
    for (kit, more, expected) in [
        (
            kit.replace(words, &mistyped),
            vec![],
            "is not as it is on the sheet",
        ),
        (kit.replace(words, ""), vec![], "is missing"),
        ("a letter\n".to_owned(), vec![], "no recovery kit"),
        (kit.clone(), vec!["--target", &elsewhere], &*elsewhere),
        (kit.clone(), vec!["--at", "2001-01-01"], "the oldest is of"),
        (kit.clone(), vec!["--moved", "srv"], "--moved"),
    ] {
        let path = lost.backups.path().join("other.txt");
        fs::write(&path, kit).unwrap();
        let mut arguments = vec!["recover", "--kit", path.to_str().unwrap(), "--yes"];
        arguments.extend(more);
        let output = new.ondol(&arguments);
        let words = said(&output);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {words}");
        assert!(words.contains(expected), "no {expected:?} in: {words}");
        assert_eq!(
            fs::read_to_string(new.path("ondol.toml")).unwrap(),
            "# mine\n"
        );
        assert!(!new.path("state").exists());
    }
    let kit = lost.kit();
    let unasked = new.ondol(&["recover", "--kit", &kit]);
    assert!(said(&unasked).contains("say --yes"), "{}", said(&unasked));
    let dry = done(&new, &["recover", "--kit", &kit, "--dry-run"]);
    assert!(
        dry.contains("coffee.test") && dry.contains("Nothing was changed"),
        "{dry}"
    );
    let mut running = Folders::with(OTHER).start();
    let beside = running.folders.ondol(&["recover", "--kit", &kit, "--yes"]);
    assert!(said(&beside).contains("ondol restore"), "{}", said(&beside));
    running.signal(Signal::TERM);
    running.ended();
}
