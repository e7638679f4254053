//! Who is let through, from the making of a password to what an app is told.

use std::fs;
use std::fs::File;
use std::io::Read;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;

use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::pty::OpenptFlags;
use rustix::termios;
use rustix::termios::LocalModes;

use crate::harness::Folders;
use crate::harness::Running;
use crate::harness::eventually;
use crate::peers::address;
use crate::peers::app_on_tcp;
use crate::peers::ask;
use crate::peers::curl;
use crate::peers::is_there;
use crate::peers::portal_on_tcp;
use crate::peers::text;

const LISTEN: &str = "[listen]\nhttp = [\"127.0.0.1:0\"]\nhttps = []\n";
const URL: &str = "http://a.test/";
const PROGRAM: &str = env!("CARGO_BIN_EXE_ondol");

/// What `ondol password` makes of what comes through a pipe.
fn password(arguments: &[&str], input: &[u8]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.arg("password").args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

fn hash(arguments: &[&str], input: &str) -> String {
    let output = password(arguments, input.as_bytes());
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(output.stderr, b"");
    String::from_utf8(output.stdout)
        .unwrap()
        .trim_end()
        .to_owned()
}

/// What Apache's program makes, where it is installed.
fn htpasswd(input: &str) -> Option<String> {
    if !is_there("htpasswd") {
        return None;
    }
    let output = Command::new("htpasswd").args(["-nbB", "x", input]).output();
    let output = String::from_utf8(output.unwrap().stdout).unwrap();
    Some(output.trim().strip_prefix("x:").unwrap().to_owned())
}

/// A box with an app that is for these users alone.
fn guarded(users: &[(&str, String)]) -> Running {
    let table: Vec<_> = users
        .iter()
        .map(|(name, hash)| format!("{name} = \"{hash}\""))
        .collect();
    let app = app_on_tcp();
    Folders::with(&format!(
        "{LISTEN}[log]\naccess = \"json\"\n[sites.\"a.test\"]\nhttps = false\nproxy = \"http://{app}\"\n\
         basic_auth = {{ users = {{ {} }}, user_header = \"Remote-User\" }}\n\
         [[sites.\"a.test\".routes]]\npath = \"/open\"\nrespond = \"open\"\nbasic_auth = \"off\"\n",
        table.join(", ")
    ))
    .start()
}

#[test]
fn who_knows_a_password_gets_in_with_curl() {
    if !is_there("curl") {
        return;
    }
    let mut users = vec![
        ("alice", hash(&[], "hunter2 암호\n")),
        ("bob", hash(&["--bcrypt"], "secret\r\n")),
    ];
    assert!(users[0].1.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    assert!(users[1].1.starts_with("$2y$12$"));
    let again = hash(&[], "hunter2 암호");
    assert_ne!(users[0].1, again, "each has a salt of its own");
    users.extend(htpasswd("apache").map(|hash| ("carol", hash)));
    let running = guarded(&users);
    let http = address(&running, "http");
    let mut cases = vec![
        ("alice:hunter2 암호", 200),
        ("bob:secret", 200),
        ("bob:secret\r", 401),
        ("alice:secret", 401),
        ("mallory:secret", 401),
    ];
    cases.extend((users.len() > 2).then_some(("carol:apache", 200)));
    for (user, expected) in cases {
        let answer = ask(http, &["--user", user, URL]).unwrap();
        assert_eq!(answer.status, expected, "{user}: {answer:?}");
        if expected == 200 {
            let name = user.split(':').next().unwrap();
            let told = format!("remote-user: {name}\r\n");
            assert!(answer.body.contains(&told), "{}", answer.body);
            assert!(!answer.body.contains("authorization"), "{}", answer.body);
        }
    }
    let answer = ask(http, &[URL]).unwrap();
    assert_eq!(answer.status, 401);
    let challenge = answer.header("www-authenticate");
    assert_eq!(challenge, Some("basic realm=\"a.test\", charset=\"utf-8\""));
    assert_eq!(ask(http, &["http://a.test/open"]).unwrap().body, "open");
    eventually("the log has the name", || {
        let log = fs::read_to_string(running.folders.path("logs/access.log")).ok()?;
        assert!(!log.contains("hunter2") && !log.contains("secret"), "{log}");
        log.contains("\"user\":\"alice\"").then_some(())
    });
}

#[test]
fn guesses_are_delayed_and_the_owner_is_told() {
    if !is_there("curl") {
        return;
    }
    let running = guarded(&[("alice", hash(&[], "hunter2"))]);
    let http = address(&running, "http");
    let guess = |number: u32| {
        let user = format!("alice:guess {number}");
        ask(http, &["--user", &user, URL]).unwrap().status
    };
    let is_delayed = (0..100).any(|number| guess(number) == 429);
    assert!(is_delayed, "guesses are never delayed");
    eventually("the owner is told of guesses", || {
        let told = "127.0.0.1 failed to log in 5 times, so its next tries are delayed";
        running.log().contains(told).then_some(())
    });
}

#[test]
fn a_password_that_is_none_is_refused() {
    for (arguments, input, said) in [
        (&[][..], &b""[..], "there is no password"),
        (&[], b"\n", "there is no password"),
        (&[], b"a\0b\n", "zero byte"),
        (&[], &[b'x'; 1025], "at most 1024 bytes"),
        (
            &["--bcrypt"],
            &[b'x'; 73],
            "bcrypt uses only the first 72 bytes",
        ),
    ] {
        let output = password(arguments, input);
        assert_eq!(output.status.code(), Some(1), "{}", text(&output));
        assert_eq!(output.stdout, b"");
        let shown = String::from_utf8_lossy(&output.stderr);
        assert!(shown.contains(said), "{shown}");
    }
    assert!(password(&["--bcrypt"], &[b'x'; 72]).status.success());
}

/// `ondol password` at a terminal: what is typed at each question, what it shows, and what it prints.
struct AtTerminal {
    terminal: File,
    /// The end that the program has, kept open so that its modes can be looked at.
    other_end: OwnedFd,
    child: std::process::Child,
}

impl AtTerminal {
    fn start() -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
        let terminal = rustix::pty::openpt(flags).unwrap();
        rustix::pty::grantpt(&terminal).unwrap();
        rustix::pty::unlockpt(&terminal).unwrap();
        let name = rustix::pty::ptsname(&terminal, Vec::new()).unwrap();
        let open = OFlags::RDWR | OFlags::NOCTTY;
        let other_end = rustix::fs::open(&*name, open, Mode::empty()).unwrap();
        assert!(echoes(&other_end), "a new terminal shows what is typed");
        let end = || Stdio::from(other_end.try_clone().unwrap());
        let child = Command::new(PROGRAM)
            .arg("password")
            .stdin(end())
            .stderr(end())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            terminal: terminal.into(),
            other_end,
            child,
        }
    }

    /// Reads until the terminal shows this, and returns all that it has shown.
    fn shows(&mut self, expected: &str) -> String {
        let mut shown = String::new();
        while !shown.contains(expected) {
            let mut bytes = [0; 256];
            let count = self.terminal.read(&mut bytes).unwrap();
            assert!(count > 0, "{shown:?}");
            shown += &String::from_utf8_lossy(&bytes[..count]);
        }
        shown
    }

    fn types(&mut self, keys: &str) {
        self.terminal.write_all(keys.as_bytes()).unwrap();
    }

    fn echoes(&self) -> bool {
        echoes(&self.other_end)
    }

    /// What it printed, when it went well.
    fn ends(mut self) -> (Option<String>, String) {
        let mut printed = String::new();
        let mut output = self.child.stdout.take().unwrap();
        output.read_to_string(&mut printed).unwrap();
        let status = self.child.wait().unwrap();
        assert!(self.echoes(), "the terminal is left as it was");
        self.types("end\n");
        let shown = self.shows("end");
        (status.success().then_some(printed), shown)
    }
}

/// Whether a terminal shows what is typed, and handles its keys itself.
fn echoes(terminal: &OwnedFd) -> bool {
    let modes = termios::tcgetattr(terminal).unwrap().local_modes;
    modes.contains(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG)
}

#[test]
fn a_terminal_asks_twice_and_shows_nothing() {
    let mut at = AtTerminal::start();
    at.shows("Password: ");
    assert!(!at.echoes());
    at.types("wrong\u{15}hunter3\u{7f}2암\u{7f}\n");
    at.shows("Once more: ");
    at.types("hunter2\n");
    let (printed, shown) = at.ends();
    let printed = printed.expect("a hash");
    assert!(
        printed.starts_with("$argon2id$") && printed.ends_with('\n'),
        "{printed}"
    );
    assert!(!shown.contains("hunter"), "{shown:?}");
}

#[test]
fn a_terminal_can_be_left_and_two_passwords_must_be_the_same() {
    let mut at = AtTerminal::start();
    at.shows("Password: ");
    at.types("hunter2\n");
    at.shows("Once more: ");
    at.types("hunter3\n");
    let (printed, shown) = at.ends();
    assert!(
        printed.is_none() && shown.contains("the two passwords differ"),
        "{shown:?}"
    );
    for key in ["\u{3}", "\u{4}"] {
        let mut at = AtTerminal::start();
        at.shows("Password: ");
        at.types(&format!("hunter2{key}"));
        let (printed, shown) = at.ends();
        assert!(
            printed.is_none() && shown.contains("stopped; there is no hash"),
            "{shown:?}"
        );
    }
}

#[test]
fn a_portal_lets_a_browser_in_after_its_login() {
    if !is_there("curl") {
        return;
    }
    let (app, portal) = (app_on_tcp(), portal_on_tcp());
    let running = Folders::with(&format!(
        "{LISTEN}[sites.\"app.home.test\"]\nhttps = false\nproxy = \"http://{app}\"\n\
         forward_auth = {{ to = \"http://{portal}/verify\", copy = [\"Remote-User\", \"Remote-Groups\"] }}\n\
         [sites.\"auth.home.test\"]\nhttps = false\nproxy = \"http://{portal}\"\n"
    ))
    .start();
    let http = address(&running, "http");
    let url = "http://app.home.test/photos?page=2";
    let answer = ask(http, &[url]).unwrap();
    let login = format!("http://auth.home.test/login?rd={url}");
    assert_eq!(
        (answer.status, answer.header("location")),
        (302, Some(&*login))
    );
    let jar = running.folders.path("jar");
    let jar = jar.to_str().unwrap();
    let mut browser = curl(http);
    browser.args(["--location", "--cookie", jar, "--cookie-jar", jar]);
    browser.args([
        "--header",
        "Remote-User: admin",
        "--data",
        "a=b",
        "--post302",
        url,
    ]);
    let output = browser.output().unwrap();
    let got = String::from_utf8_lossy(&output.stdout);
    assert!(got.starts_with("POST /photos?page=2 HTTP/1.1\r\n"), "{got}");
    assert!(
        got.contains("remote-user: alice\r\n") && got.contains("remote-groups: family\r\n"),
        "{got}"
    );
    assert!(!got.contains("admin") && got.ends_with("a=b"), "{got}");
}
