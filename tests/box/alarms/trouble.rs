//! Channels that fail, each in its way, and a disk that is full.

use std::fs;
use std::net::TcpListener;

use super::hook::Hook;
use super::hook::Manner;
use super::messages;
use super::send;
use super::watching;
use crate::bad_input::SmallDisk;
use crate::harness::Folders;
use crate::harness::Running;
use crate::harness::eventually;
use crate::peers::text;

/// What is in every URL, and in nothing that is told.
const SECRET: &str = "S3CRETs3cret";

const REFUSING: [(&str, &str, &str); 5] = [
    (
        "token",
        "HTTP/1.1 401 Unauthorized\r\nContent-Length: 33\r\n\r\nno hook S3CRETs3cret\x1b[2J\r\nX: y <b>",
        "refused the message",
    ),
    (
        "forbidden",
        "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
        "refused the message",
    ),
    (
        "busy",
        "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 99999999999999999999\r\nContent-Length: 0\r\n\r\n",
        "takes no more messages",
    ),
    (
        "moved",
        "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/S3CRETs3cret\r\nContent-Length: 0\r\n\r\n",
        "messages are not sent after a redirect",
    ),
    (
        "nonsense",
        "SSH-2.0-OpenSSH_9.9 S3CRETs3cret\r\n",
        "gave no whole answer",
    ),
];

/// What the box says of the last message to somebody that did not arrive.
fn error(running: &Running, person: &str) -> Option<String> {
    let messages = messages(running);
    let mut errors = messages.iter().filter(|one| one["person"] == person);
    errors.find_map(|one| Some(one["error"].as_str()?.to_owned()))
}

#[test]
fn channels_that_fail_in_every_way_hold_up_nobody_and_tell_no_secret() {
    let well = Hook::open(Manner::Takes);
    let person = |name: &str, hook: &Hook| {
        let at = hook.at;
        format!("[people.{name}]\nwebhook = \"http://{at}/hooks/{SECRET}\"\n")
    };
    let mut people = person("well", &well);
    let refusing = REFUSING.map(|(name, answer, _)| (name, Hook::open(Manner::Says(answer))));
    let silent = [
        ("drips", Hook::open(Manner::Drips)),
        ("silent", Hook::open(Manner::Silent)),
    ];
    let pours = [("pours", Hook::open(Manner::Pours))];
    for (name, hook) in refusing.iter().chain(&silent).chain(&pours) {
        people += &person(name, hook);
    }
    let mail = TcpListener::bind("127.0.0.1:0").unwrap(); // Connections are taken by nobody.
    let port = mail.local_addr().unwrap().port();
    let smtp = format!(
        "[alarms]\nsmtp = {{ host = \"127.0.0.1\", port = {port}, security = \"none\", from = \"box@example.com\" }}\n"
    );
    people += &smtp;
    people += "[people.mail]\nemail = \"me@example.com\"\n\
               [people.stuck]\nexec = [\"sh\", \"-c\", \"sleep 1000 & sleep 1000\"]\n";
    let running = Folders::with(&watching(&people)).start();

    let count = |hook: &Hook| {
        let mut taken = hook.taken();
        taken.retain(|one| one.body["kind"] == "test");
        taken.len()
    };
    send(&running, None);
    for (_, hook) in silent.iter().chain(&refusing).chain(&pours) {
        hook.wait(1);
    }
    // The others have not been given up, and these arrive all the same.
    for _ in 0..3 {
        send(&running, Some("well"));
    }
    eventually("the messages of the one who is well", || {
        (count(&well) == 4).then_some(())
    });
    for (name, hook) in &silent {
        assert_eq!(hook.taken().len(), 1, "{name} was let go of");
    }

    for (name, _, part) in REFUSING {
        let said = eventually(name, || error(&running, name));
        assert!(said.contains(part), "{name}: {said}");
        assert!(!said.chars().any(char::is_control), "{name}: {said:?}");
    }

    let mut told = running.log();
    for path in ["/status", "/watch", "/events", "/alarms?all=true"] {
        told += &running.ask(path).to_string();
    }
    for verb in [
        &["status"][..],
        &["status", "--json"],
        &["events"],
        &["alarm", "list", "--all"],
    ] {
        let output = text(&running.folders.ondol(verb));
        assert!(!output.contains('\x1b'), "{verb:?}: {output:?}");
        told += &output;
    }
    assert!(told.contains("nonsense/webhook"), "{told}");
    assert!(!told.contains(SECRET), "{told}");
}

#[test]
fn a_full_disk_loses_no_message_and_none_comes_twice() {
    let hook = Hook::open(Manner::Takes);
    let people = format!("[people.me]\nwebhook = \"http://{}/\"\n", hook.at);
    let folders = Folders::with(&watching(&people));
    let Some(disk) = SmallDisk::of("size=4m,mode=755", folders.path("state")) else {
        return;
    };
    let running = folders.start();
    let tests = || {
        let mut taken = hook.taken();
        taken.retain(|one| one.body["kind"] == "test");
        taken
    };
    send(&running, None);
    eventually("a message", || (tests().len() == 1).then_some(()));
    disk.fill();
    let mut sent = 1;
    // What the database has reserved takes some.
    while send(&running, None).iter().all(|id| *id > 0) {
        sent += 1;
        assert!(sent < 500, "the disk is not full");
    }
    sent += 1;
    eventually("all messages", || (tests().len() >= sent).then_some(()));
    fs::remove_file(disk.folder().join("filler")).unwrap();
    sent += 1;
    send(&running, None);
    eventually("what was kept is written, and the new one sent", || {
        let messages = messages(&running);
        let done =
            |one: &&serde_json::Value| one["kind"] == "test" && one["outcome"] == "delivered";
        (messages.iter().filter(done).count() == sent).then_some(())
    });
    let mut keys: Vec<_> = tests().into_iter().map(|one| one.key).collect();
    assert_eq!(keys.len(), sent);
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), sent, "each has a key of its own");
}
