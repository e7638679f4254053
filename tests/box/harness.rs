//! A box under test: the real binary in a folder of its own, on ports that the system chooses.
//!
//! Readiness comes from the notification that systemd would get; what is true a little later is asked for
//! until it is, with an end.

use std::fs;
use std::fs::Permissions;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::ExitStatus;
use std::process::Output;
use std::process::Stdio;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::channel;
use std::time::Duration;

use rustix::process::Pid;
use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

/// What a busy machine may need for anything that takes a moment.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
const PROGRAM: &str = env!("CARGO_BIN_EXE_ondol");

/// The folders of a box; nothing runs in them yet.
pub(crate) struct Folders {
    temporary: TempDir,
    program: PathBuf,
    /// What the box tells systemd.
    said: Receiver<Vec<u8>>,
}

/// A box that runs. It is killed when dropped.
pub(crate) struct Running {
    pub(crate) folders: Folders,
    child: Child,
}

impl Folders {
    /// With this configuration.
    pub(crate) fn with(configuration: &str) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        // The user that talks to visitors must find the way in.
        fs::set_permissions(temporary.path(), Permissions::from_mode(0o755)).unwrap();
        let notify = UnixDatagram::bind(temporary.path().join("notify")).unwrap();
        let (heard, said) = channel();
        std::thread::spawn(move || {
            let mut message = [0; 512];
            while let Ok(length) = notify.recv(&mut message) {
                if heard.send(message[..length].to_vec()).is_err() {
                    return; // The test is over.
                }
            }
        });
        let folders = Self {
            temporary,
            program: PROGRAM.into(),
            said,
        };
        folders.configure(configuration);
        folders
    }

    /// Has a copy of the program run, which can be replaced.
    pub(crate) fn with_own_program(mut self) -> Self {
        self.program = self.path("ondol");
        fs::copy(PROGRAM, &self.program).unwrap();
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.temporary.path().join(name)
    }

    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// Replaces the configuration file.
    pub(crate) fn configure(&self, text: &str) {
        fs::write(self.path("ondol.toml"), text).unwrap();
    }

    /// Runs a verb of the command line to its end.
    pub(crate) fn ondol(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Starts a verb of the command line.
    pub(crate) fn begin(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Starts the box and waits until it says that it is ready.
    pub(crate) fn start(self) -> Running {
        self.start_with(&[])
    }

    /// Starts the box with more variables in its environment.
    pub(crate) fn start_with(self, variables: &[(&str, &str)]) -> Running {
        let child = self.spawn(variables);
        let running = Running {
            folders: self,
            child,
        };
        running.wait_ready();
        running
    }

    /// Runs a box that is expected to refuse.
    pub(crate) fn refused(&self) -> (ExitStatus, String) {
        let output = self.run_command().output().unwrap();
        (output.status, String::from_utf8(output.stderr).unwrap())
    }

    fn spawn(&self, variables: &[(&str, &str)]) -> Child {
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.path("log"))
            .unwrap();
        let mut command = self.run_command();
        command.envs(variables.iter().copied());
        command.stderr(log).spawn().unwrap()
    }

    /// What starts the box, not started yet.
    pub(crate) fn run_command(&self) -> Command {
        let mut arguments = vec!["run"];
        if rustix::process::geteuid().is_root() {
            arguments.extend(["--user", "nobody"]);
        }
        self.command(&arguments)
    }

    /// A verb of the command line, not started yet.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .env("ONDOL_CONFIG", self.path("ondol.toml"))
            .env("ONDOL_STATE", self.path("state"))
            .env("ONDOL_RUNTIME", self.path("run"))
            .env("ONDOL_LOGS", self.path("logs"))
            .env("NOTIFY_SOCKET", self.path("notify"))
            .stdin(Stdio::null());
        command
    }
}

impl Running {
    /// Forgets what the agent has said so far.
    pub(crate) fn forget_ready(&self) {
        while self.folders.said.try_recv().is_ok() {}
    }

    /// Waits until the agent says that it is ready (again).
    pub(crate) fn wait_ready(&self) {
        loop {
            match self.folders.said.recv_timeout(PATIENCE) {
                Ok(message) if message.starts_with(b"READY=1") => return,
                Ok(_) => {}
                Err(error) => panic!("the box never became ready ({error}):\n{}", self.log()),
            }
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        rustix::process::kill_process(self.pid(), signal).unwrap();
    }

    /// Has the agent start itself anew, and waits until it has.
    pub(crate) fn re_execute(&self) {
        self.forget_ready();
        self.signal(Signal::USR2);
        self.wait_ready();
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap()
    }

    /// Waits for the agent's end.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        eventually("the agent ends", || self.child.try_wait().unwrap())
    }

    /// The agent's end, when it has come.
    pub(crate) fn has_ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Asks the box to stop, and starts it again in the same folders.
    pub(crate) fn start_again(mut self, configuration: &str) -> Self {
        self.signal(Signal::TERM);
        assert!(self.ended().success(), "{}", self.log());
        self.folders.configure(configuration);
        self.child = self.folders.spawn(&[]);
        self.wait_ready();
        self
    }

    /// Kills the agent, and starts it again in the same folders.
    pub(crate) fn start_after_kill(self) -> Self {
        self.start_after(|_| {})
    }

    /// The same; more happens between the two.
    pub(crate) fn start_after(mut self, more: impl FnOnce(&Folders)) -> Self {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        more(&self.folders);
        self.forget_ready();
        self.child = self.folders.spawn(&[]);
        self.wait_ready();
        self
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folders.path("log")).unwrap_or_default()
    }

    /// What the admin socket answers. A question that falls between two images of the agent is asked again.
    pub(crate) fn ask(&self, path: &str) -> Value {
        eventually("an answer of the admin socket", || self.try_ask(path))
    }

    fn try_ask(&self, path: &str) -> Option<Value> {
        let mut socket = UnixStream::connect(self.folders.path("run/admin.sock")).ok()?;
        let question = format!("GET {path} HTTP/1.1\r\nHost: box\r\nConnection: close\r\n\r\n");
        socket.write_all(question.as_bytes()).ok()?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer).ok()?;
        serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
    }

    pub(crate) fn status(&self) -> Value {
        self.ask("/status")
    }

    /// The newest event of a kind; waits for one.
    pub(crate) fn event(&self, kind: &str) -> String {
        eventually(&format!("an event {kind}"), || {
            let events = self.ask("/events");
            let mut events = events["events"].as_array().unwrap().iter();
            let event = events.find(|event| event["kind"] == kind)?;
            Some(event["message"].as_str().unwrap().to_owned())
        })
    }

    /// The data plane that serves: its number and its process.
    pub(crate) fn generation(&self) -> (u64, Pid) {
        let status = self.status();
        let number = status["generation"].as_u64().unwrap();
        let generations = status["generations"].as_array().unwrap();
        let one = generations
            .iter()
            .find(|one| one["number"] == number)
            .unwrap();
        let pid = i32::try_from(one["pid"].as_i64().unwrap()).unwrap();
        (number, Pid::from_raw(pid).unwrap())
    }

    /// Where plain HTTP is accepted.
    pub(crate) fn http(&self) -> SocketAddr {
        let status = self.status();
        let listeners = status["listeners"].as_array().unwrap();
        let http = listeners
            .iter()
            .find(|one| one["protocol"] == "http")
            .unwrap();
        http["address"].as_str().unwrap().parse().unwrap()
    }

    /// The body of a site's answer over plain HTTP.
    pub(crate) fn get(&self, host: &str) -> String {
        get(self.http(), host).unwrap_or_else(|error| panic!("{error}:\n{}", self.log()))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Data planes end with their link to the agent.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One request on a connection of its own; the body of the answer.
pub(crate) fn get(address: SocketAddr, host: &str) -> std::io::Result<String> {
    get_path(address, host, "/")
}

/// The same for any path.
pub(crate) fn get_path(address: SocketAddr, host: &str, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (_, body) = answer
        .split_once("\r\n\r\n")
        .ok_or(std::io::ErrorKind::UnexpectedEof)?;
    Ok(body.trim_end().to_owned())
}

/// Asks until there is an answer; fails when there is none in time.
pub(crate) fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    const PAUSE: Duration = Duration::from_millis(10);
    let tries = PATIENCE.as_millis() / PAUSE.as_millis();
    for _ in 0..tries {
        if let Some(answer) = ask() {
            return answer;
        }
        std::thread::sleep(PAUSE);
    }
    panic!("never happened: {what}");
}

/// A configuration with one plain site, `a.test`, that answers with a text.
pub(crate) fn answering(text: &str) -> String {
    format!(
        "[listen]\nhttp = [\"127.0.0.1:0\"]\nhttps = []\n\
         [sites.\"a.test\"]\nhttps = false\nrespond = \"{text}\"\n"
    )
}
