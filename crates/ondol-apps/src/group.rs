//! The processes that belong together: what one start of a program brought forth, limited, counted and ended as one.
//!
//! A scope of systemd where there is one, a control group of its own making where it may make some, else the session of
//! the process, which holds together but limits nothing.

use std::io;

use ondol_base::tasks;

use crate::spec::Limits;
use crate::status::Usage;

mod cgroup;
mod delegated;
mod process;
mod session;
mod systemd;

use cgroup::Cgroup;
use delegated::Delegated;
use session::Session;
use systemd::Systemd;

/// Looks at a session that is being killed; one that starts processes faster than they are killed is given up.
const KILL_LOOKS_MAX: usize = 200;
const KILL_LOOK: std::time::Duration = std::time::Duration::from_millis(5);

/// How groups are made on this machine.
#[derive(Debug)]
pub struct Groups {
    maker: Maker,
}

#[derive(Debug)]
enum Maker {
    Systemd(Systemd),
    Delegated(Delegated),
    /// Only looked at: groups could be made.
    Possible(Controllers),
    Nobody,
}

/// One process and all that it started.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    held: Held,
    /// The processes that were killed for their memory before it began, in the group that counts for it.
    killed_before: u64,
}

#[derive(Debug, Clone)]
enum Held {
    Scope(Cgroup),
    Own(Cgroup),
    /// `None` for one that had ended when it was looked for.
    Session(Option<Session>),
}

/// Why there is no group for a process.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GroupError {
    /// The system refused.
    #[error("could not put the process into a group of its own")]
    Refused(#[source] io::Error),
    /// systemd refused.
    #[error("systemd does not make a scope for it")]
    Systemd(#[source] zbus::Error),
    /// systemd does not answer.
    #[error("systemd does not answer, which makes the scope for it")]
    Silent,
}

/// What groups can be limited in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Controllers {
    pub(crate) memory: bool,
    pub(crate) cpu: bool,
    pub(crate) tasks: bool,
}

/// What a group is called.
#[derive(Debug)]
struct Name {
    app: String,
    what: String,
    /// Makes the name another one than any before it.
    pid: u32,
}

impl Groups {
    /// Finds out what this machine offers, and makes it ready. To be asked once by the agent, before it starts anything
    /// else: it may have to move to another control group itself.
    pub async fn find() -> Self {
        let maker = match Systemd::find().await {
            Some(systemd) => Maker::Systemd(systemd),
            None => delegated::claim().map_or(Maker::Nobody, Maker::Delegated),
        };
        Self { maker }
    }

    /// Finds out what this machine offers, and changes nothing; only for [`crate::unenforced`].
    pub async fn look() -> Self {
        let maker = match Systemd::find().await {
            Some(systemd) => Maker::Systemd(systemd),
            None => delegated::look().map_or(Maker::Nobody, Maker::Possible),
        };
        Self { maker }
    }

    /// Puts a process, which has not started any other, into a group of its own.
    ///
    /// # Errors
    ///
    /// When the system refuses; the process is where it was.
    pub(crate) async fn join(
        &self,
        app: &str,
        what: &str,
        limits: &Limits,
        pid: u32,
    ) -> Result<Group, GroupError> {
        let name = Name {
            app: app.to_owned(),
            what: what.to_owned(),
            pid,
        };
        let held = match &self.maker {
            Maker::Systemd(systemd) => Held::Scope(systemd.join(&name, limits, pid).await?),
            Maker::Delegated(delegated) => {
                let joined = delegated.join(&name, limits, pid);
                Held::Own(joined.map_err(GroupError::Refused)?)
            }
            Maker::Possible(_) | Maker::Nobody => Held::Session(Session::of(pid)),
        };
        Ok(Group::new(held))
    }

    /// What of these limits the groups do not enforce, and each process must bring itself.
    pub(crate) fn left_to_process(&self, limits: &Limits) -> Limits {
        let Controllers { memory, cpu, tasks } = self.controllers();
        Limits {
            memory: limits.memory.filter(|_| !memory),
            cpu_thousandths: limits.cpu_thousandths.filter(|_| !cpu),
            tasks: limits.tasks.filter(|_| !tasks),
            descriptors: limits.descriptors,
        }
    }

    /// Whether what a process started is found again whatever it does.
    pub(crate) fn holds_together(&self) -> bool {
        !matches!(self.maker, Maker::Nobody)
    }

    /// Whether it is only a message bus that is missing, by which systemd is asked.
    pub(crate) fn miss_a_bus(&self) -> bool {
        matches!(self.maker, Maker::Nobody) && systemd::is_out_of_reach()
    }

    fn controllers(&self) -> Controllers {
        match &self.maker {
            Maker::Systemd(systemd) => systemd.controllers(),
            Maker::Delegated(delegated) => delegated.controllers(),
            Maker::Possible(controllers) => *controllers,
            Maker::Nobody => Controllers::default(),
        }
    }
}

impl Group {
    fn new(held: Held) -> Self {
        let mut group = Self {
            held,
            killed_before: 0,
        };
        group.killed_before = group.killed_so_far();
        group
    }

    /// The group of a process that an earlier agent has started.
    pub(crate) fn adopt(pid: u32) -> Self {
        let is_scope =
            |group: &Cgroup| group.name().starts_with(PREFIX) && group.name().ends_with(".scope");
        let held = match Cgroup::of(pid) {
            Some(group) if is_scope(&group) => Held::Scope(group),
            Some(group) if delegated::is_of_app(group.folder()) => Held::Own(group),
            Some(_) | None => Held::Session(Session::of(pid)),
        };
        Self::new(held)
    }

    /// What a process has left that has ended while nobody looked, and led a session; `None` when that is nothing.
    pub(crate) fn left_by(pid: u32, start_ticks: u64) -> Option<Self> {
        let left = Session::led_by(pid, start_ticks).processes();
        left.first().map(|one| Self::adopt(*one))
    }

    /// Kills all that is in it, and returns when that has ended.
    pub(crate) async fn kill(&self) {
        match &self.held {
            Held::Scope(group) | Held::Own(group) => group.kill_and_wait().await,
            Held::Session(Some(session)) => kill_session(*session).await,
            Held::Session(None) => {}
        }
    }

    /// What it uses; `None` where this machine doesn't tell, or all of it has ended.
    pub(crate) fn usage(&self) -> Option<Usage> {
        match &self.held {
            Held::Scope(group) | Held::Own(group) => group.usage(),
            Held::Session(session) => session.and_then(Session::usage),
        }
    }

    /// How often the kernel has killed one of it because its memory was used up. A scope is gone with its last process;
    /// what happened in it is then known from all of the app's together.
    pub(crate) fn oom_kills(&self) -> u64 {
        self.killed_so_far().saturating_sub(self.killed_before)
    }

    /// Whether all of it has ended.
    pub(crate) fn is_empty(&self) -> bool {
        match &self.held {
            Held::Scope(group) | Held::Own(group) => group.is_empty(),
            Held::Session(session) => session.is_none_or(Session::is_empty),
        }
    }

    /// The processes of it, as far as they are known.
    pub(crate) fn processes(&self) -> Vec<u32> {
        match &self.held {
            Held::Scope(group) | Held::Own(group) => group.processes(),
            Held::Session(session) => session.map(Session::processes).unwrap_or_default(),
        }
    }

    /// Removes what is left of an empty one.
    pub(crate) fn remove(&self) {
        match &self.held {
            Held::Own(group) => group.remove(),
            // systemd does that by itself.
            Held::Scope(_) | Held::Session(_) => {}
        }
    }

    /// Kills all that is in it now, and does not wait.
    pub(crate) fn kill_now(&self) {
        match &self.held {
            Held::Scope(group) | Held::Own(group) => group.kill(),
            Held::Session(session) => session.iter().for_each(|session| session.kill()),
        }
    }

    fn killed_so_far(&self) -> u64 {
        let counter = match &self.held {
            Held::Scope(group) => group
                .folder()
                .parent()
                .map(|slice| Cgroup::at(slice.to_owned())),
            Held::Own(group) => Some(group.clone()),
            Held::Session(_) => None,
        };
        counter.and_then(|group| group.oom_kills()).unwrap_or(0)
    }
}

async fn kill_session(session: Session) {
    for _ in 0..KILL_LOOKS_MAX {
        // Looking through all processes takes its time on a busy machine.
        let look = tasks::spawn_blocking(move || {
            session.kill();
            session.is_empty()
        });
        if look.await.unwrap_or(true) {
            return;
        }
        tokio::time::sleep(KILL_LOOK).await;
    }
    tracing::warn!("a killed process does not end");
}

/// What became of a process that is known by its number and [`start_ticks`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It runs.
    Runs,
    /// It has ended, and was not reaped yet.
    Ended,
    /// It is gone; its number may be another's.
    Gone,
}

/// What became of a process.
pub(crate) fn fate(pid: u32, start_ticks: u64) -> Fate {
    match process::known(pid) {
        Some(known) if known.start_ticks != start_ticks => Fate::Gone,
        Some(known) if known.has_ended => Fate::Ended,
        Some(_) => Fate::Runs,
        None => Fate::Gone,
    }
}

/// The kernel's count at the start of a process: with its number and the boot, it means one process alone.
pub(crate) fn start_ticks(pid: u32) -> Option<u64> {
    process::known(pid).map(|known| known.start_ticks)
}

/// What tells one run of the machine from another.
pub(crate) fn boot_id() -> Option<String> {
    process::boot_id()
}

impl Controllers {
    fn read(names: &str) -> Self {
        let has = |name: &str| names.split_whitespace().any(|found| found == name);
        Self {
            memory: has("memory"),
            cpu: has("cpu"),
            tasks: has("pids"),
        }
    }

    fn any(self) -> bool {
        self.memory || self.cpu || self.tasks
    }

    fn to_hand_on(self) -> String {
        let named = [
            (self.memory, "+memory"),
            (self.cpu, "+cpu"),
            (self.tasks, "+pids"),
        ];
        let names: Vec<_> = named
            .iter()
            .filter(|(has, _)| *has)
            .map(|(_, name)| *name)
            .collect();
        names.join(" ")
    }
}

const PREFIX: &str = "ondol-";

impl Name {
    /// As it is found in lists of control groups: `ondol-coffee-12-web.1-4711`.
    fn plain(&self) -> String {
        let Self { app, what, pid } = self;
        format!("{PREFIX}{app}-{what}-{pid}")
    }
}

#[cfg(test)]
mod tests;
