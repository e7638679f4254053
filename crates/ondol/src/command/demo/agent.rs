//! The agent of the demo: this program again, as its child.

use std::fs;
use std::fs::OpenOptions;
use std::io;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use ondol_admin::client::Client;
use ondol_base::clock;
use ondol_base::process::Child;
use rustix::process::Pid;
use rustix::process::Signal;

use super::place::Place;
use crate::folders::Person;
use crate::sandbox::ServeUser;

const OWN_PROGRAM: &str = "/proc/self/exe";
/// Users that talk to visitors when root runs the demo; the second is on every system.
const USERS: [&str; 2] = ["ondol-web", "nobody"];
/// An agent that takes longer to be ready has a reason to.
const READY: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(20);
/// From being asked to end to being asked again, which ends it at once: visitors of a demo, whose browser may
/// keep a connection open, are not waited for longer.
const ASK: Duration = Duration::from_millis(500);
/// From being asked to end to being ended by force.
const STOP: Duration = Duration::from_secs(5);
/// So much of the agent's log tells why it failed.
const REASON_LINES: usize = 12;

/// A running agent. Dropping it kills what still runs.
#[derive(Debug)]
pub(super) struct Agent {
    child: Child,
    client: Client,
    log: PathBuf,
    state: State,
}

/// Why another attempt with other ports may do better.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("a port was taken while the demo started")]
pub(super) struct PortTaken;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Running,
    Ended,
}

impl Agent {
    /// Starts it in the folders of the demo. Must be called in a runtime.
    pub(super) fn start(place: &Place) -> anyhow::Result<Self> {
        let folder = |name| place.path().join(name);
        let log = folder("agent.log");
        let file = OpenOptions::new().create(true).append(true).open(&log);
        let mut command = Command::new(OWN_PROGRAM);
        command.arg0("ondol");
        for (flag, name) in [
            ("--config", "ondol.toml"),
            ("--state", "state"),
            ("--runtime", "run"),
            ("--logs", "logs"),
        ] {
            command.arg(flag).arg(folder(name));
        }
        command.arg("run");
        // Who started the demo is not to be told of its agent, nor the agent to take over from another.
        for variable in [
            "NOTIFY_SOCKET",
            "WATCHDOG_USEC",
            "WATCHDOG_PID",
            "ONDOL_HANDOVER",
        ] {
            command.env_remove(variable);
        }
        if let Some(user) = user()? {
            command.args(["--user", user]);
        }
        // In a group of its own, so that Ctrl-C reaches the demo alone, which ends things in order.
        command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command.stderr(file.context("could not make the agent's log")?);
        let child = command.spawn().context("could not start the agent")?;
        Ok(Self {
            child: Child::adopt(child.id()).context("could not look after the agent")?,
            client: Client::new(folder("run/admin.sock")),
            log,
            state: State::Running,
        })
    }

    /// Waits until visitors are served; returns the root of its CA.
    pub(super) async fn ready(&self) -> anyhow::Result<String> {
        let deadline = clock::now() + READY;
        loop {
            let status = self.client.status().await;
            if status.is_ok_and(|status| status.generation.is_some()) {
                return Ok(self.client.root().await?);
            }
            if clock::now() >= deadline {
                anyhow::bail!(
                    "the agent was not ready after {} s:\n{}",
                    READY.as_secs(),
                    self.reason()
                );
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits until it has ended by itself, and tells why.
    pub(super) async fn ended(&self) -> anyhow::Error {
        match self.child.ended().await {
            Ok(status) => {
                let reason = self.reason();
                let is_taken = reason.contains("could not listen on");
                let error = anyhow::anyhow!("the agent ended ({status}):\n{reason}");
                if is_taken {
                    error.context(PortTaken)
                } else {
                    error
                }
            }
            Err(error) => anyhow::Error::new(error).context("could not look after the agent"),
        }
    }

    /// Ends it: in order, then at once, then by force.
    pub(super) async fn stop(mut self) {
        let deadline = clock::now() + STOP;
        while self.state == State::Running && clock::now() < deadline {
            // A failure means that it has ended already.
            let _ = self.child.signal(Signal::TERM);
            self.wait(ASK).await;
        }
        if self.state == State::Running {
            let waited = STOP.as_secs();
            // Where nobody reads this, nobody misses it.
            let _ = writeln!(
                io::stderr().lock(),
                "ondol: the agent did not end in {waited} s and was killed"
            );
            self.kill();
            self.wait(STOP).await;
        }
    }

    async fn wait(&mut self, patience: Duration) {
        let ended = tokio::time::timeout(patience, self.child.ended()).await;
        if ended.is_ok() {
            self.state = State::Ended;
        }
    }

    fn kill(&self) {
        if let Some(group) = Pid::from_raw(self.child.pid().cast_signed()) {
            // Its data planes end by themselves when it is gone.
            let _ = rustix::process::kill_process_group(group, Signal::KILL);
        }
    }

    fn reason(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(REASON_LINES)..].join("\n")
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        if self.state == State::Running {
            self.kill();
        }
    }
}

/// Who talks to visitors: only root can choose.
fn user() -> anyhow::Result<Option<&'static str>> {
    let person = Person::current();
    if person == Person::Ordinary {
        return Ok(None);
    }
    let exists = |name: &&&str| ServeUser::find(person, Some(name)).is_ok();
    let found = USERS.iter().find(exists);
    found.copied().map(Some).context(
        "root's demo needs another user to talk to visitors, and there is neither `ondol-web` nor `nobody`: \
         run it as an ordinary user",
    )
}
