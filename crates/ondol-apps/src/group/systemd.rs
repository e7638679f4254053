//! Scopes of systemd: it makes a control group with limits for a process that is there already, and keeps its hands off
//! it when the agent ends. Asked over D-Bus, since that is how systemd is asked.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use ondol_base::tasks;
use zbus::Connection;
use zbus::OwnedVariant;
use zbus::Variant;
use zbus::connection::Builder;

use crate::spec::Limits;

use super::Controllers;
use super::GroupError;
use super::Name;
use super::cgroup;
use super::cgroup::Cgroup;

const NAME: &str = "org.freedesktop.systemd1";
const OBJECT: &str = "/org/freedesktop/systemd1";
const MANAGER: &str = "org.freedesktop.systemd1.Manager";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
/// A systemd that does not answer hangs, or the whole machine does.
const ANSWER_MAX: Duration = Duration::from_secs(10);
const JOINED_LOOK: Duration = Duration::from_millis(2);
/// All apps together, beside the services of the system.
const SLICE: &str = "ondol.slice";
const MICROSECONDS: u64 = 1_000_000;

/// A systemd that makes scopes.
#[derive(Debug)]
pub(super) struct Systemd {
    connection: Mutex<Option<Connection>>,
    controllers: Controllers,
}

/// The message bus that a systemd is reached by: the machine's for root, the user's own for others. Its own socket, which
/// `systemctl` takes where there is no bus, speaks in ways that zbus does not take for D-Bus.
fn bus() -> PathBuf {
    let uid = rustix::process::geteuid();
    if uid.is_root() {
        return "/run/dbus/system_bus_socket".into();
    }
    format!("/run/user/{}/bus", uid.as_raw()).into()
}

/// Whether the machine has a systemd that could be reached if it had a message bus.
pub(super) fn is_out_of_reach() -> bool {
    is_here() && !bus().exists()
}

fn is_here() -> bool {
    Path::new("/run/systemd/system").exists()
}

impl Systemd {
    /// The systemd of this machine; `None` when it has none that answers.
    pub(super) async fn find() -> Option<Self> {
        if !is_here() {
            return None;
        }
        let connection = connect().await.ok()?;
        let controllers = controllers(&connection).await?;
        Some(Self {
            connection: Mutex::new(Some(connection)),
            controllers,
        })
    }

    pub(super) fn controllers(&self) -> Controllers {
        self.controllers
    }

    /// Puts a process into a scope of its own with these limits.
    pub(super) async fn join(
        &self,
        name: &Name,
        limits: &Limits,
        pid: u32,
    ) -> Result<Cgroup, GroupError> {
        let unit = name.scope();
        let asked = tokio::time::timeout(ANSWER_MAX, self.ask(&unit, name, limits, pid)).await;
        asked
            .map_err(|_| GroupError::Silent)?
            .map_err(GroupError::Systemd)?;
        let joined = tokio::time::timeout(ANSWER_MAX, joined(&unit, pid)).await;
        if let (Ok(Ok(group)), Some(connection)) = (&joined, self.kept()) {
            stop_empty(&connection, group).await;
        }
        joined
            .map_err(|_| GroupError::Silent)?
            .map_err(GroupError::Refused)
    }

    async fn ask(&self, unit: &str, name: &Name, limits: &Limits, pid: u32) -> zbus::Result<()> {
        let kept = self.kept();
        if let Some(connection) = kept {
            match start_scope(&connection, unit, name, limits, pid).await {
                // The bus was started anew, or systemd was.
                Err(zbus::Error::InputOutput(_)) => self.keep(None),
                outcome => return outcome,
            }
        }
        let connection = connect().await?;
        let outcome = start_scope(&connection, unit, name, limits, pid).await;
        self.keep(Some(connection));
        outcome
    }

    fn kept(&self) -> Option<Connection> {
        let kept = self
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        kept.clone().filter(|connection| !connection.is_closed())
    }

    fn keep(&self, connection: Option<Connection>) {
        *self
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = connection;
    }
}

async fn connect() -> zbus::Result<Connection> {
    let stream = open(&bus()).await?;
    Builder::unix_stream(stream)
        .method_timeout(ANSWER_MAX)
        .build()
        .await
}

async fn open(path: &Path) -> io::Result<UnixStream> {
    let path = path.to_owned();
    let opened = tasks::spawn_blocking(move || UnixStream::connect(path)).await;
    opened.unwrap_or_else(|error| Err(io::Error::other(error)))
}

/// Which limits scopes can have.
async fn controllers(connection: &Connection) -> Option<Controllers> {
    let question = (MANAGER, "ControlGroup");
    let answer = connection.call_method(Some(NAME), OBJECT, Some(PROPERTIES), "Get", &question);
    let answer = tokio::time::timeout(ANSWER_MAX, answer).await.ok()?.ok()?;
    let value: OwnedVariant = answer.body().deserialize().ok()?;
    let path = String::try_from(value).ok()?;
    let top = Cgroup::at(cgroup::mounted()?.join(path.trim_start_matches('/')));
    let controllers = top.read("cgroup.controllers").unwrap_or_default();
    Some(Controllers::read(&controllers))
}

async fn start_scope(
    connection: &Connection,
    unit: &str,
    name: &Name,
    limits: &Limits,
    pid: u32,
) -> zbus::Result<()> {
    let slice = name.slice();
    let mut properties: Vec<(&str, Variant<'_>)> = vec![
        ("Description", name.description().into()),
        ("Slice", slice.as_str().into()),
        ("PIDs", vec![pid].into()),
        // A unit that failed would keep its name.
        ("CollectMode", "inactive-or-failed".into()),
        // At the machine's end Ondol is asked first: it lets requests end before it stops the apps.
        ("Before", vec!["ondol.service"].into()),
        // One process that used too much memory is killed, and not all others with it: servers start workers anew.
        ("Delegate", true.into()),
        ("MemoryAccounting", true.into()),
        ("CPUAccounting", true.into()),
        ("TasksAccounting", true.into()),
    ];
    if let Some(bytes) = limits.memory {
        properties.push(("MemoryMax", bytes.into()));
        // What is swapped out slows the whole machine's disk down.
        properties.push(("MemorySwapMax", 0_u64.into()));
    }
    if let Some(thousandths) = limits.cpu_thousandths {
        let quota = u64::from(thousandths) * (MICROSECONDS / 1000);
        properties.push(("CPUQuotaPerSecUSec", quota.into()));
    }
    if let Some(count) = limits.tasks {
        properties.push(("TasksMax", u64::from(count).into()));
    }
    let none: [(&str, Vec<(&str, Variant<'_>)>); 0] = [];
    let question = (unit, "fail", properties, none.as_slice());
    let asked = connection.call_method(
        Some(NAME),
        OBJECT,
        Some(MANAGER),
        "StartTransientUnit",
        &question,
    );
    asked.await.map(|_| ())
}

/// Stops the app's scopes that never got their process: it ended on the way, and nothing will tell systemd.
async fn stop_empty(connection: &Connection, beside: &Cgroup) {
    let all = beside
        .folder()
        .parent()
        .map(|slice| Cgroup::at(slice.to_owned()).inner());
    for group in all.unwrap_or_default() {
        let pid = group.name().trim_end_matches(".scope").rsplit_once('-');
        let pid = pid.and_then(|(_, pid)| pid.parse().ok());
        if pid.is_some_and(|pid| !ondol_base::process::alive(pid)) && group.is_empty() {
            let question = (group.name(), "replace");
            let asked =
                connection.call_method(Some(NAME), OBJECT, Some(MANAGER), "StopUnit", &question);
            // It may have gone by itself just now.
            let _ = tokio::time::timeout(ANSWER_MAX, asked).await;
        }
    }
}

/// Waits until the kernel says that the process is in its scope; systemd answers before it has moved it.
async fn joined(unit: &str, pid: u32) -> io::Result<Cgroup> {
    loop {
        let group = Cgroup::of(pid).ok_or(io::ErrorKind::NotFound)?;
        if group.name() == unit {
            return Ok(group);
        }
        tokio::time::sleep(JOINED_LOOK).await;
    }
}

impl Name {
    /// The scope's name: what a name must not have in systemd stands as its code.
    pub(super) fn scope(&self) -> String {
        format!("{}.scope", self.plain())
    }

    /// The slice of the app, in that of all apps: it counts what happened in scopes that are gone.
    pub(super) fn slice(&self) -> String {
        let app = self.app.replace('-', "\\x2d");
        format!("{}-{app}.slice", SLICE.trim_end_matches(".slice"))
    }

    fn description(&self) -> String {
        format!("{} of the app {}, run by Ondol", self.what, self.app)
    }
}
