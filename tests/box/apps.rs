//! Apps: run, kept up, deployed, taken back, put to sleep, adopted; by the real binary with real programs.

use std::fs;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use rustix::process::Pid;
use rustix::process::Signal;

use crate::harness::Folders;
use crate::harness::Running;
use crate::harness::eventually;
use crate::harness::get;

mod accidents;
mod deploy;
mod hold;
mod life;
mod many;
mod power;
mod push;
mod races;
mod real;
mod recovery;
mod seen;
mod wiki;

/// A small web server: it answers with its version, its process and what its environment says, and does what its
/// release tells it to.
const SERVER: &str = include_str!("apps/server.py");

/// A box with apps. It is asked to stop when dropped, so that no app outlives its test.
struct Host {
    running: Option<Running>,
}

/// Requests that never end until they are told to.
struct Load {
    stop: Arc<AtomicBool>,
    asked: Arc<AtomicU64>,
    threads: Vec<JoinHandle<Vec<String>>>,
}

impl Host {
    /// With one app `coffee` that answers `a.test`, in a folder of its own, and more lines for it.
    fn with(more: &str) -> Self {
        Self::with_version("1", more)
    }

    fn with_version(version: &str, more: &str) -> Self {
        let folders = Folders::with("");
        write_app(&folders.path("coffee"), version);
        let host = configuration(&folders, more);
        folders.configure(&host);
        Self {
            running: Some(folders.start()),
        }
    }

    fn running(&self) -> &Running {
        self.running.as_ref().unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.running().folders.path(name)
    }

    fn ondol(&self, arguments: &[&str]) -> Output {
        self.running().folders.ondol(arguments)
    }

    /// Runs a verb that must succeed; what it printed.
    fn done(&self, arguments: &[&str]) -> String {
        let output = self.ondol(arguments);
        let said = said(&output);
        assert!(
            output.status.success(),
            "{arguments:?}: {said}\n{}",
            self.running().log()
        );
        said
    }

    /// Runs a verb that must fail; what it printed.
    fn fails(&self, arguments: &[&str]) -> String {
        let output = self.ondol(arguments);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        said
    }

    /// Makes the first release, of the app's own folder. The box may only be starting its apps.
    fn deploys_first(&self) {
        eventually("the first deploy", || {
            let output = self.ondol(&["deploy", "coffee", "--wait"]);
            let said = said(&output);
            let is_early = said.contains("only starting");
            assert!(
                is_early || output.status.success(),
                "{said}\n{}",
                self.running().log()
            );
            output.status.success().then_some(())
        });
    }

    /// A release of this version, to be deployed.
    fn release(&self, version: &str) -> String {
        let folder = self.path(&format!("release-{version}"));
        write_app(&folder, version);
        folder.to_str().unwrap().to_owned()
    }

    fn http(&self) -> SocketAddr {
        self.running().http()
    }

    /// What the app answers: its version.
    fn version(&self) -> String {
        field(&self.running().get("a.test"), "version")
    }

    /// Waits until the app answers with this version.
    fn answers(&self, version: &str) {
        let http = self.http();
        eventually(&format!("version {version} answers"), || {
            let answer = get(http, "a.test").ok()?;
            (field(&answer, "version") == version).then_some(())
        });
    }

    /// What the environment of the process says that answers.
    fn env(&self) -> String {
        let mut stream = TcpStream::connect(self.http()).unwrap();
        write!(
            stream,
            "GET /env HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut env = String::new();
        stream.read_to_string(&mut env).unwrap();
        env
    }

    /// The process that answers.
    fn app_pid(&self) -> Pid {
        let answer = self.running().get("a.test");
        Pid::from_raw(field(&answer, "pid").parse().unwrap()).unwrap()
    }

    fn load(&self) -> Load {
        Load::of(1, self.http(), "version=")
    }

    /// Puts something else into the configuration, which the box takes up.
    fn configure(&self, from: &str, to: &str) {
        let configuration = fs::read_to_string(self.path("ondol.toml")).unwrap();
        let changed = configuration.replace(from, to);
        assert_ne!(configuration, changed);
        self.running().folders.configure(&changed);
        self.done(&["reload"]);
    }

    fn stop(&mut self) {
        let Some(mut running) = self.running.take() else {
            return;
        };
        running.signal(Signal::TERM);
        running.ended();
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Load {
    /// So many visitors, each of whom asks again as soon as there is an answer; it must have these words in it.
    fn of(visitors: usize, http: SocketAddr, words: &'static str) -> Self {
        let (stop, asked) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU64::new(0)),
        );
        let visitor = |_| {
            let (told, count) = (Arc::clone(&stop), Arc::clone(&asked));
            std::thread::spawn(move || {
                let mut failures = Vec::new();
                while !told.load(Ordering::Relaxed) {
                    match get(http, "a.test") {
                        Ok(answer) if answer.contains(words) => {}
                        Ok(answer) => failures.push(answer),
                        Err(error) => failures.push(error.to_string()),
                    }
                    count.fetch_add(1, Ordering::Relaxed);
                }
                failures
            })
        };
        let threads = (0..visitors).map(visitor).collect();
        Self {
            stop,
            asked,
            threads,
        }
    }

    /// So many more requests.
    fn goes_on(&self, requests: u64) {
        let until = self.asked.load(Ordering::Relaxed) + requests;
        eventually("more requests", || {
            (self.asked.load(Ordering::Relaxed) >= until).then_some(())
        });
    }

    /// Ends it; no request may have failed.
    fn none_failed(self) {
        self.stop.store(true, Ordering::Relaxed);
        let failures = self.threads.into_iter().flat_map(|it| it.join().unwrap());
        let failures: Vec<_> = failures.collect();
        let (count, first) = (failures.len(), failures.first());
        assert_eq!(count, 0, "of these: {first:?}");
    }
}

fn configuration(folders: &Folders, more: &str) -> String {
    configuration_running(folders, "run = \"python3 -u server.py\"\n", more)
}

/// The same for an app that is run by another line, or by none.
fn configuration_running(folders: &Folders, run: &str, more: &str) -> String {
    let user = user();
    let dir = folders.path("coffee");
    let dir = dir.display();
    format!(
        "[listen]\nhttp = [\"127.0.0.1:0\"]\nhttps = []\n\
         [sites.\"a.test\"]\nhttps = false\napp = \"coffee\"\n\
         [sites.\"b.test\"]\nhttps = false\nrespond = \"neighbour\"\n\
         [apps.coffee]\ndir = \"{dir}\"\n{run}{user}{more}\n"
    )
}

/// Whom apps run as, for lines of one: nobody is made here.
pub(crate) fn user() -> &'static str {
    match rustix::process::geteuid().is_root() {
        true => "user = \"nobody\"\n",
        false => "",
    }
}

/// The files of a release.
fn write_app(folder: &std::path::Path, version: &str) {
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("server.py"), SERVER).unwrap();
    fs::write(folder.join("VERSION"), version).unwrap();
}

fn said(output: &Output) -> String {
    let (stdout, stderr) = (&output.stdout, &output.stderr);
    format!(
        "{}{}",
        String::from_utf8_lossy(stdout),
        String::from_utf8_lossy(stderr)
    )
}

/// `key=value` in an answer of the server.
fn field(answer: &str, key: &str) -> String {
    let mut fields = answer
        .split_whitespace()
        .filter_map(|word| word.split_once('='));
    let found = fields
        .find(|(name, _)| *name == key)
        .map(|(_, value)| value.to_owned());
    found.unwrap_or_else(|| format!("no {key} in {answer:?}"))
}
