//! Start, reload, crash, re-execution, upgrade and stop.

use std::fs;
use std::io::Read;
use std::io::Write;
use std::net::TcpListener;
use std::net::TcpStream;
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use rustix::process::Signal;

use crate::harness::Folders;
use crate::harness::answering;
use crate::harness::eventually;
use crate::harness::get;

const BROKEN: &str = "[box]\nnam = \"x\"\n";

fn text(output: &Output) -> String {
    let mut text = String::from_utf8(output.stdout.clone()).unwrap();
    text += &String::from_utf8(output.stderr.clone()).unwrap();
    text
}

#[test]
fn a_box_serves_and_stops_when_it_is_told_to() {
    let mut running = Folders::with(&answering("one")).start();
    assert_eq!(running.get("a.test"), "one");
    let status = running.status();
    assert_eq!(status["revision"], 1);
    assert_eq!(
        (status["sites"].as_u64(), status["on_last_good"].as_bool()),
        (Some(1), Some(false))
    );
    assert!(running.event("started").contains("serves 1 site"));
    let address = running.http();
    running.signal(Signal::TERM);
    assert!(running.ended().success(), "{}", running.log());
    assert!(
        TcpStream::connect(address).is_err(),
        "nobody listens any more"
    );
    assert!(running.log().contains("Ondol stopped"));
}

#[test]
fn a_changed_file_is_taken_up_and_a_broken_one_changes_nothing() {
    let running = Folders::with(&answering("one")).start();
    let before = running.generation();
    running.folders.configure(&answering("two"));
    let reload = running.folders.ondol(&["reload"]);
    assert!(
        reload.status.success() && text(&reload).contains("~ a.test"),
        "{}",
        text(&reload)
    );
    assert_eq!(
        (running.get("a.test"), running.generation()),
        ("two".to_owned(), before)
    );

    running.folders.configure(BROKEN);
    let reload = running.folders.ondol(&["reload"]);
    assert_eq!(reload.status.code(), Some(1));
    let said = text(&reload);
    assert!(
        said.contains("ondol.toml:2:1") && said.contains("Nothing changed"),
        "{said}"
    );
    assert_eq!(running.get("a.test"), "two");
    assert!(running.event("refused").contains("revision 2 is served on"));

    running.folders.configure(&answering("two"));
    let reload = running.folders.ondol(&["reload"]);
    assert!(
        text(&reload).contains("Nothing changed: configuration 2"),
        "{}",
        text(&reload)
    );

    running.folders.configure(&answering("three"));
    running.signal(Signal::HUP);
    eventually("the signal reloads", || {
        (running.get("a.test") == "three").then_some(())
    });
}

#[test]
fn other_addresses_need_another_data_plane_and_the_old_ones_are_given_up() {
    let running = Folders::with(&answering("one")).start();
    let (old, before) = (running.http(), running.generation());
    running
        .folders
        .configure(&answering("one").replace("127.0.0.1:0", "127.0.0.2:0"));
    let reload = running.folders.ondol(&["reload"]);
    assert!(reload.status.success(), "{}", text(&reload));
    assert_eq!(running.http().ip().to_string(), "127.0.0.2");
    assert_eq!(running.get("a.test"), "one");
    assert_eq!(running.generation().0, before.0 + 1);
    eventually("the old address is closed", || {
        TcpStream::connect(old).err()
    });
}

#[test]
fn an_address_in_use_is_refused_with_its_place_and_its_holder() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let running = Folders::with(&answering("one")).start();
    running
        .folders
        .configure(&answering("two").replace("127.0.0.1:0", &address));
    let reload = running.folders.ondol(&["reload"]);
    let said = text(&reload);
    assert!(
        said.contains("ondol.toml:2:") && said.contains(&address),
        "{said}"
    );
    assert!(
        said.contains(&format!("process {}", std::process::id())),
        "{said}"
    );
    assert_eq!(running.get("a.test"), "one");
    let (status, said) = {
        let folders = Folders::with(&answering("one").replace("127.0.0.1:0", &address));
        folders.refused()
    };
    assert!(!status.success() && said.contains("listen.http"), "{said}");
}

#[test]
fn a_file_broken_while_the_box_was_off_does_not_keep_it_off() {
    let running = Folders::with(&answering("one")).start();
    let running = running.start_again(BROKEN);
    assert_eq!(running.get("a.test"), "one");
    let status = running.status();
    assert_eq!(status["on_last_good"], true);
    assert!(
        status["on_last_good_reason"]
            .as_str()
            .unwrap()
            .contains("ondol.toml:2:1")
    );
    assert!(running.event("last-good").contains("ondol reload"));
    running.folders.configure(&answering("two"));
    assert!(running.folders.ondol(&["reload"]).status.success());
    assert_eq!(running.status()["on_last_good"], false);

    let (status, said) = Folders::with(BROKEN).refused();
    assert_eq!(status.code(), Some(1));
    assert!(said.contains("ondol.toml:2:1"), "{said}");
}

#[test]
fn whoever_has_no_file_or_no_agent_is_told_what_to_do() {
    let folders = Folders::with("");
    fs::remove_file(folders.path("ondol.toml")).unwrap();
    let (status, said) = folders.refused();
    assert_eq!(status.code(), Some(1));
    assert!(
        said.contains("cannot be read") && said.contains("--config"),
        "{said}"
    );
    let status = folders.ondol(&["status"]);
    assert_eq!(status.status.code(), Some(3));
    assert!(text(&status).contains("ondol run"), "{}", text(&status));
}

#[test]
fn a_second_box_in_the_same_folders_is_refused_by_the_number_of_the_first() {
    let running = Folders::with(&answering("one")).start();
    let (status, said) = running.folders.refused();
    let pid = running.pid().as_raw_nonzero();
    assert!(
        !status.success() && said.contains(&format!("process {pid}")),
        "{said}"
    );
    assert_eq!(running.get("a.test"), "one");
}

#[test]
fn a_crashed_data_plane_is_replaced_and_visitors_only_wait() {
    let running = Folders::with(&answering("one")).start();
    let address = running.http();
    for _ in 0..2 {
        let (number, pid) = running.generation();
        rustix::process::kill_process(pid, Signal::KILL).unwrap();
        assert_eq!(get(address, "a.test").unwrap(), "one");
        eventually("the next one is known", || {
            (running.status()["generation"].as_u64() > Some(number)).then_some(())
        });
    }
    assert!(running.event("generation-lost").contains("signal 9"));
}

#[test]
fn a_data_plane_that_stands_still_is_replaced_by_the_next_reload() {
    let running = Folders::with(&answering("one")).start();
    let (number, pid) = running.generation();
    rustix::process::kill_process(pid, Signal::STOP).unwrap();
    running.folders.configure(&answering("two"));
    let reload = running.folders.ondol(&["reload"]);
    // A stopped process does not even notice that its link is gone.
    rustix::process::kill_process(pid, Signal::KILL).unwrap();
    assert!(reload.status.success(), "{}", text(&reload));
    assert_eq!(running.get("a.test"), "two");
    assert_eq!(running.generation().0, number + 1);
}

#[test]
fn a_folder_that_is_new_is_served_though_the_data_plane_is_locked_in() {
    let running = Folders::with(&answering("one")).start();
    let number = running.generation().0;
    for (name, expected) in [
        ("site", number + 1),
        ("site/below", number + 1),
        ("other", number + 2),
    ] {
        let folder = running.folders.path(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("index.html"), name).unwrap();
        let target = format!("files = \"{}\"", folder.display());
        running
            .folders
            .configure(&answering("x").replace("respond = \"x\"", &target));
        let reload = running.folders.ondol(&["reload"]);
        assert!(reload.status.success(), "{}", text(&reload));
        assert_eq!(
            (running.get("a.test"), running.generation().0),
            (name.to_owned(), expected)
        );
    }
}

#[test]
fn reloads_that_come_together_are_done_one_after_another() {
    let running = Folders::with(&answering("one")).start();
    running.folders.configure(&answering("two"));
    let reloads: Vec<_> = (0..6).map(|_| running.folders.begin(&["reload"])).collect();
    let said: Vec<_> = reloads
        .into_iter()
        .map(|child| child.wait_with_output().unwrap())
        .collect();
    assert!(
        said.iter().all(|output| output.status.success()),
        "{said:?}"
    );
    let changed = said
        .iter()
        .filter(|output| text(output).contains("~ a.test"));
    assert_eq!(changed.count(), 1, "{said:?}");
}

#[test]
fn a_log_that_was_moved_away_is_begun_anew() {
    let running = Folders::with(&answering("one")).start();
    let (log, moved) = (
        running.folders.path("logs/access.log"),
        running.folders.path("logs/old.log"),
    );
    running.get("a.test");
    fs::rename(&log, &moved).unwrap();
    running.signal(Signal::USR1);
    eventually("a new log", || log.exists().then_some(()));
    running.get("a.test");
    eventually("a line in it", || {
        (fs::metadata(&log).unwrap().len() > 0).then_some(())
    });
}

#[test]
fn an_agent_that_is_killed_takes_its_data_plane_along() {
    let mut running = Folders::with(&answering("one")).start();
    let address = running.http();
    running.signal(Signal::KILL);
    running.ended();
    eventually("nobody listens", || TcpStream::connect(address).err());
}

/// Asks for the site without a pause until told to stop; counts answers, and failures.
struct Load {
    stop: Arc<AtomicBool>,
    failed: Arc<AtomicU64>,
    thread: std::thread::JoinHandle<u64>,
}

impl Load {
    fn on(address: std::net::SocketAddr) -> Self {
        let (stop, failed) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU64::new(0)),
        );
        let (stopped, failures) = (Arc::clone(&stop), Arc::clone(&failed));
        let thread = std::thread::spawn(move || {
            let mut answered = 0;
            while !stopped.load(Ordering::Relaxed) {
                match get(address, "a.test") {
                    Ok(body) if body.starts_with("load") => answered += 1,
                    Ok(_) | Err(_) => drop(failures.fetch_add(1, Ordering::Relaxed)),
                }
            }
            answered
        });
        Self {
            stop,
            failed,
            thread,
        }
    }

    fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        let answered = self.thread.join().unwrap();
        assert_eq!(
            self.failed.load(Ordering::Relaxed),
            0,
            "of {answered} requests"
        );
        assert!(answered > 10, "only {answered} requests");
    }
}

#[test]
fn no_request_fails_while_the_box_is_reloaded_re_executed_and_upgraded() {
    let running = Folders::with(&answering("load 0"))
        .with_own_program()
        .start();
    let pid = running.status()["pid"].clone();
    let load = Load::on(running.http());
    for round in 1..20 {
        running
            .folders
            .configure(&answering(&format!("load {round}")));
        assert!(running.folders.ondol(&["reload"]).status.success());
    }
    let before = running.generation().0;
    running.re_execute();
    assert!(running.event("upgraded").contains("started itself anew"));
    assert!(running.generation().0 > before);

    let new = running.folders.path("new");
    fs::copy(running.folders.program(), &new).unwrap();
    let upgrade = running.folders.ondol(&["upgrade", new.to_str().unwrap()]);
    assert!(
        upgrade.status.success() && text(&upgrade).contains('→'),
        "{}",
        text(&upgrade)
    );
    assert!(running.folders.path("ondol.previous").exists());
    assert!(running.event("upgraded").contains("became"));
    assert_eq!(running.status()["pid"], pid, "it is the same process");
    assert_eq!(running.get("a.test"), "load 19");
    eventually("only one data plane is left", || {
        (running.status()["generations"].as_array().unwrap().len() == 1).then_some(())
    });
    load.end();
}

#[test]
fn a_program_that_is_no_ondol_is_refused_before_anything_changes() {
    let running = Folders::with(&answering("one")).with_own_program().start();
    let before = running.generation();
    let program = fs::read(running.folders.program()).unwrap();
    for file in ["/bin/true", "/no/such/file", "ondol.toml"] {
        let upgrade = running.folders.ondol(&["upgrade", file]);
        assert_eq!(upgrade.status.code(), Some(1), "{file}");
        assert!(
            text(&upgrade).contains("Nothing changed"),
            "{}",
            text(&upgrade)
        );
    }
    assert!(fs::read(running.folders.program()).unwrap() == program);
    assert_eq!(
        (running.get("a.test"), running.generation()),
        ("one".to_owned(), before)
    );
}

#[test]
fn a_program_that_cannot_take_over_gives_everything_back() {
    let running = Folders::with(&answering("load")).with_own_program().start();
    let load = Load::on(running.http());
    let (before, started) = (running.generation(), running.status()["pid"].clone());
    let program = running.folders.program().to_owned();
    let good = running.folders.path("good");
    fs::rename(&program, &good).unwrap();
    fs::write(&program, "no program").unwrap();
    running.re_execute();
    assert!(
        running.event("upgrade-refused").contains("goes on"),
        "{}",
        running.log()
    );
    assert_eq!(
        (running.generation(), &running.status()["pid"]),
        (before, &started)
    );

    // The program is fine, but no data plane of it can start: it boots, and retreats.
    fs::rename(&good, &program).unwrap();
    if !rustix::process::geteuid().is_root() {
        println!("skipped: another user: only root can start as one");
        return load.end();
    }
    let processes = limit_processes(&running, Some(0));
    running.re_execute();
    eventually("a second refusal", || {
        let refusals = running.log().matches("could not take over").count();
        (refusals == 2).then_some(())
    });
    assert_eq!(running.generation(), before);
    limit_processes(&running, processes);
    running.re_execute();
    assert!(running.generation().0 > before.0);
    load.end();
}

/// How many processes the user of the box's data planes may have, as its children inherit it; returns
/// what it was.
fn limit_processes(running: &crate::harness::Running, most: Option<u64>) -> Option<u64> {
    let resource = rustix::process::Resource::Nproc;
    let before = rustix::process::getrlimit(resource);
    let limit = rustix::process::Rlimit {
        current: most,
        maximum: before.maximum,
    };
    rustix::process::prlimit(Some(running.pid()), resource, limit)
        .unwrap()
        .current
}

/// A box that forwards to an app which has taken a request and not answered it yet.
fn waiting_for_an_app() -> (crate::harness::Running, TcpStream, TcpStream) {
    let app = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = format!(
        "proxy = \"http://{}\"\ncheck = false",
        app.local_addr().unwrap()
    );
    let running = Folders::with(&answering("x").replace("respond = \"x\"", &target)).start();
    let mut visitor = TcpStream::connect(running.http()).unwrap();
    visitor
        .write_all(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
        .unwrap();
    let (mut asked, _) = app.accept().unwrap();
    let _ = asked.read(&mut [0; 1024]).unwrap();
    (running, visitor, asked)
}

#[test]
fn a_stopping_box_finishes_what_visitors_have() {
    let (mut running, mut visitor, mut asked) = waiting_for_an_app();
    let address = running.http();
    running.signal(Signal::TERM);
    eventually("it is stopping", || {
        running.log().contains("stopping").then_some(())
    });
    eventually("new visitors are refused", || {
        TcpStream::connect(address).err()
    });
    asked
        .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone")
        .unwrap();
    let mut answer = String::new();
    visitor.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("done"), "{answer}");
    assert!(running.ended().success());
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let (mut running, mut visitor, _asked) = waiting_for_an_app();
    running.signal(Signal::TERM);
    eventually("it is stopping", || {
        running.log().contains("stopping").then_some(())
    });
    running.signal(Signal::TERM);
    assert!(running.ended().success());
    assert!(running.log().contains("stopped at once"));
    let mut answer = Vec::new();
    let _ = visitor.read_to_end(&mut answer); // A cut may be an error.
    assert!(answer.is_empty());
}
