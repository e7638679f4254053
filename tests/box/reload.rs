//! Reloads under way: what visitors have open goes on, and what is asked next is answered as the new file says.

use std::fs;
use std::fs::Permissions;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use crate::harness::Folders;
use crate::harness::Running;
use crate::harness::eventually;
use crate::harness::get;
use crate::peers;
use crate::peers::KeptOpen;
use crate::peers::WebSocket;
use crate::peers::address;
use crate::peers::is_there;
use crate::peers::root;
use crate::peers::text;

const RELOADS: usize = 20;

/// Takes up a configuration, and returns what the person reads.
#[track_caller]
fn reload(running: &Running, configuration: &str) -> String {
    running.folders.configure(configuration);
    let output = running.folders.ondol(&["reload"]);
    let said = text(&output);
    assert!(output.status.success(), "{said}");
    said
}

/// A visitor who asks until told to stop; its thread returns how many answers it had, and its trouble.
struct Visitor {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<(usize, Vec<String>)>,
}

impl Visitor {
    /// With rounds of a work that counts its answers or says what failed.
    fn doing(mut round: impl FnMut() -> Result<usize, String> + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let (mut answered, mut failed) = (0, Vec::new());
            while !stopped.load(Ordering::Relaxed) && failed.len() < 10 {
                match round() {
                    Ok(count) => answered += count,
                    Err(what) => failed.push(what),
                }
            }
            (answered, failed)
        });
        Self { stop, thread }
    }

    /// On one connection from the first request to the last.
    fn on_one_connection(http: SocketAddr) -> Self {
        let mut connection = KeptOpen::to(http).unwrap();
        Self::doing(move || match connection.get("plain.test") {
            Ok(body) if body.starts_with("answer ") => Ok(1),
            other => Err(format!("{other:?}")),
        })
    }

    /// With one curl after another, each of which asks many times on one connection.
    fn with_curl(https: SocketAddr, version: &'static str, root: String) -> Self {
        const REQUESTS: usize = 50;
        Self::doing(move || {
            let mut curl = peers::curl(https);
            curl.args([
                version,
                "--cacert",
                &root,
                "--write-out",
                "%{http_code} %{num_connects}\n",
            ]);
            curl.args(["--output", "/dev/null", "https://a.test/"].repeat(REQUESTS));
            let output = curl.output().unwrap();
            let said = text(&output);
            let good = said
                .lines()
                .filter(|line| *line == "200 0" || *line == "200 1");
            let connections = said.lines().filter(|line| line.ends_with(" 1")).count();
            if good.count() == REQUESTS && connections == 1 && output.status.success() {
                Ok(REQUESTS)
            } else {
                Err(format!("{version}, {connections} connections: {said}"))
            }
        })
    }

    #[track_caller]
    fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        let (answered, failed) = self.thread.join().unwrap();
        assert!(failed.is_empty(), "after {answered} answers: {failed:?}");
        assert!(answered > 0, "it never asked");
    }
}

#[test]
fn twenty_reloads_cost_no_request_and_no_connection() {
    let echo = peers::echo_on_tcp();
    let configuration = |round: usize| {
        let new = match round % 2 {
            0 => String::new(),
            _ => format!("[sites.\"new-{round}.test\"]\nrespond = \"new\"\n"),
        };
        format!(
            "[listen]\nhttp = [\"127.0.0.1:0\"]\nhttps = [\"127.0.0.1:0\"]\n\
             [sites.\"a.test\"]\nrespond = \"answer {round}\"\n\
             [sites.\"plain.test\"]\nhttps = false\nrespond = \"answer {round}\"\n\
             [sites.\"echo.test\"]\nhttps = false\nproxy = \"http://{echo}\"\n{new}"
        )
    };
    let running = Folders::with(&configuration(0)).start();
    let (http, https) = (running.http(), address(&running, "https"));
    let before = running.generation();
    let mut socket = WebSocket::open(http, "echo.test");
    let mut visitors = vec![Visitor::on_one_connection(http)];
    if is_there("curl") {
        let root = root(&running);
        for version in ["--http1.1", "--http2"] {
            visitors.push(Visitor::with_curl(https, version, root.clone()));
        }
    }
    let mut watcher = KeptOpen::to(http).unwrap();
    for round in 1..=RELOADS {
        let said = reload(&running, &configuration(round));
        let revision = format!("Configuration {} is served", round + 1);
        assert!(said.contains(&revision), "{said}");
        let expected = format!("answer {round}");
        assert_eq!(
            watcher.get("plain.test").unwrap(),
            expected,
            "taken up when the command ends"
        );
        assert_eq!(socket.echo(&expected), expected);
    }
    visitors.into_iter().for_each(Visitor::end);
    assert_eq!(running.generation(), before, "the data plane is the same");
    let status = running.status();
    assert_eq!(status["revision"], RELOADS + 1);
    assert_eq!(peers::event_with(&running, "reloaded", ""), RELOADS);

    let said = reload(&running, &configuration(RELOADS));
    assert!(
        said.starts_with("Nothing changed: configuration 21"),
        "{said}"
    );
    assert_eq!(running.status()["revision"], RELOADS + 1);
}

#[test]
fn another_listener_comes_and_goes_while_what_is_open_goes_on() {
    let echo = peers::echo_on_tcp();
    let configuration = |http: &str| {
        format!(
            "[listen]\nhttp = [{http}]\nhttps = []\n\
             [sites.\"plain.test\"]\nhttps = false\nrespond = \"answer {}\"\n\
             [sites.\"echo.test\"]\nhttps = false\nproxy = \"http://{echo}\"\n",
            http.len()
        )
    };
    let (one, two) = ("\"127.0.0.1:0\"", "\"127.0.0.1:0\", \"127.0.0.2:0\"");
    let running = Folders::with(&configuration(one)).start();
    let http = running.http();
    let mut socket = WebSocket::open(http, "echo.test");
    let asking = Visitor::doing(move || match get(http, "plain.test") {
        Ok(body) if body.starts_with("answer ") => Ok(1),
        other => Err(format!("{other:?}")),
    });
    let first = running.generation().0;
    let said = reload(&running, &configuration(two));
    assert!(said.contains("~ addresses to listen on"), "{said}");
    assert!(
        running.generation().0 > first,
        "it needed another data plane"
    );
    let addresses = peers::addresses(&running, "http");
    assert_eq!((addresses.len(), addresses[0]), (2, http));
    let expected = format!("answer {}", two.len());
    for address in &addresses {
        assert_eq!(get(*address, "plain.test").unwrap(), expected, "{address}");
    }
    assert_eq!(socket.echo("still there"), "still there");

    reload(&running, &configuration(one));
    assert_eq!(peers::addresses(&running, "http"), [http]);
    eventually("the other address is given up", || {
        std::net::TcpStream::connect(addresses[1]).err()
    });
    asking.end();
    assert_eq!(socket.echo("to the end"), "to the end");
}

#[test]
fn a_folder_outside_of_what_may_be_read_is_served_after_a_reload() {
    let other = tempfile::tempdir().unwrap();
    fs::set_permissions(other.path(), Permissions::from_mode(0o755)).unwrap();
    fs::write(other.path().join("index.html"), "other").unwrap();
    let folders = Folders::with("");
    fs::create_dir(folders.path("www")).unwrap();
    fs::write(folders.path("www/index.html"), "first").unwrap();
    let configuration = |root: &str| {
        format!(
            "[listen]\nhttp = [\"127.0.0.1:0\"]\nhttps = []\n[sites.\"a.test\"]\nhttps = false\nfiles = {root:?}\n"
        )
    };
    folders.configure(&configuration("www"));
    let running = folders.start();
    let http = running.http();
    let (first, data_plane) = running.generation();
    assert_eq!(running.get("a.test"), "first");
    confined(&running, data_plane.as_raw_nonzero().get());

    let asking = Visitor::doing(move || match get(http, "a.test") {
        Ok(body) if body == "first" || body == "other" => Ok(1),
        other => Err(format!("{other:?}")),
    });
    reload(&running, &configuration(other.path().to_str().unwrap()));
    assert_eq!(running.get("a.test"), "other");
    assert!(
        running.generation().0 > first,
        "the sandbox can't be widened in place"
    );
    asking.end();
    assert_eq!(peers::event_with(&running, "reloaded", ""), 1);
}

/// The data plane runs as another user and can gain no privileges, where root can arrange that.
fn confined(running: &Running, data_plane: i32) {
    let status = fs::read_to_string(format!("/proc/{data_plane}/status")).unwrap();
    assert!(status.contains("NoNewPrivs:\t1"), "{status}");
    if !rustix::process::geteuid().is_root() {
        peers::skipped("another user", "only root can start as one");
        return;
    }
    let nobody = Command::new("id")
        .args(["-u", "nobody"])
        .stdin(Stdio::null())
        .output();
    let nobody = text(&nobody.unwrap());
    let uids = format!("Uid:\t{0}\t{0}\t{0}\t{0}\n", nobody.trim());
    assert!(status.contains(&uids), "{status}\n{}", running.log());
}
