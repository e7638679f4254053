//! A program that a test starts, on ports that the test chose.

use std::fs;
use std::fs::File;
use std::io;
use std::io::Write;
use std::net::TcpListener;
use std::net::UdpSocket;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::atomic::AtomicU16;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Below those that the system gives to whoever asks for any: nobody gets one of ours by chance.
const FIRST: u16 = 10_000;
const COUNT: u16 = 22_000;
/// How often, and how long in all, a program that starts is asked whether it is there.
const PAUSE: Duration = Duration::from_millis(20);
const TRIES: u32 = 500;

/// A program that runs. It is ended when this is dropped, and when the test is killed.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
    log: PathBuf,
}

impl Program {
    /// Starts a command, with all that it says in `<folder>/<name>.log`.
    pub(crate) fn start(command: &Command, folder: &Path, name: &str) -> Self {
        let log = folder.join(format!("{name}.log"));
        let file = File::options().create(true).append(true).open(&log);
        let file = file.unwrap();
        // The program that sets the signal becomes the one that it is given: there is one process.
        let mut child = Command::new("setpriv");
        child.args(["--pdeathsig", "KILL"]);
        child.arg(command.get_program()).args(command.get_args());
        for (key, value) in command.get_envs() {
            child.env(key, value.unwrap());
        }
        if let Some(place) = command.get_current_dir() {
            child.current_dir(place);
        }
        let child = child
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn();
        Self {
            child: child.unwrap(),
            log,
        }
    }

    /// Asks until there is an answer. When the program ended instead, or never answered: what was the
    /// matter, and all that it said.
    pub(crate) fn wait<T>(&mut self, mut ask: impl FnMut() -> io::Result<T>) -> Result<T, String> {
        let mut matter = "it was not asked".to_owned();
        for _ in 0..TRIES {
            match ask() {
                Ok(answer) => return Ok(answer),
                Err(error) => matter = error.to_string(),
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                matter = format!("it ended: {status}");
                break;
            }
            std::thread::sleep(PAUSE);
        }
        Err(format!("{matter}\n{}", self.log()))
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts something until it runs, for another may take the ports that it was given.
pub(crate) fn try_thrice<T>(what: &str, mut start: impl FnMut() -> Result<T, String>) -> T {
    let mut said = String::new();
    for _ in 0..3 {
        match start() {
            Ok(running) => return running,
            Err(log) => said = log,
        }
    }
    panic!("{what} did not start:\n{said}");
}

/// A port of 127.0.0.1 and `[::1]` that nobody listens on, by TCP or UDP.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Tests that run beside each other are processes with other numbers.
    let start = std::process::id().wrapping_mul(97) % u32::from(COUNT);
    let start = u16::try_from(start).unwrap();
    for _ in 0..COUNT {
        let offset = (start + NEXT.fetch_add(1, Ordering::Relaxed) % COUNT) % COUNT;
        let port = FIRST + offset;
        let is_free = ["127.0.0.1", "::1"].iter().all(|host| {
            TcpListener::bind((*host, port)).is_ok() && UdpSocket::bind((*host, port)).is_ok()
        });
        if is_free {
            return port;
        }
    }
    panic!("no port is free");
}

/// Says that a test needs what is not here.
pub(crate) fn skipped(what: &str, why: &str) {
    // Not captured, so that whoever reads the tests' output knows.
    let _said = writeln!(io::stdout(), "skipped: {what}: {why}");
}
