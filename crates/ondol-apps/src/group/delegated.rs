//! Control groups that Ondol makes itself, below its own: in a container, or on a machine without systemd.

use std::fs;
use std::io;
use std::path::Path;

use crate::spec::Limits;

use super::Controllers;
use super::Name;
use super::cgroup::Cgroup;

/// The group of the agent itself: a group that limits others in it can have no processes of its own.
const AGENT: &str = "ondol.agent";
/// The group that holds those of apps.
const APPS: &str = "ondol.apps";
const SYSTEMD: &str = "/run/systemd/system";
/// How systemd marks a group that it leaves to others.
const DELEGATED: [&str; 2] = ["trusted.delegate", "user.delegate"];
/// How long a processor is looked at when its share is limited, in microseconds.
const PERIOD_US: u64 = 100_000;
/// The agent's share of scarce processors, beside 100 of all apps: their visitors come through it and its data plane.
const AGENT_WEIGHT: &str = "1000";

/// Where groups of apps are made.
#[derive(Debug, Clone)]
pub(super) struct Delegated {
    apps: Cgroup,
    controllers: Controllers,
}

/// What there is for Ondol to make groups in, without making any.
pub(super) fn look() -> Option<Controllers> {
    let base = base()?;
    is_ours(&base).then(|| controllers_of(&base))
}

/// Makes ready what there is; the agent moves into a group of its own where that is needed.
pub(super) fn claim() -> Option<Delegated> {
    let base = base().filter(is_ours)?;
    let apps = Cgroup::at(base.folder().join(APPS));
    make(apps.folder()).ok()?;
    let wanted = controllers_of(&base);
    let enabled = wanted.any() && enable(&base, wanted).is_ok() && hand_on(&apps, wanted).is_ok();
    for left in apps.inner().into_iter().filter(Cgroup::is_empty) {
        left.remove();
    }
    let controllers = if enabled {
        wanted
    } else {
        Controllers::default()
    };
    Some(Delegated { apps, controllers })
}

impl Delegated {
    pub(super) fn controllers(&self) -> Controllers {
        self.controllers
    }

    /// Makes a group with these limits, and puts a process into it.
    pub(super) fn join(&self, name: &Name, limits: &Limits, pid: u32) -> io::Result<Cgroup> {
        let group = Cgroup::at(self.apps.folder().join(name.plain()));
        make(group.folder())?;
        let joined = self.limit(&group, limits).and_then(|()| group.take(pid));
        if joined.is_err() {
            group.remove();
        }
        joined.map(|()| group)
    }

    fn limit(&self, group: &Cgroup, limits: &Limits) -> io::Result<()> {
        let Controllers { memory, cpu, tasks } = self.controllers;
        if let Some(bytes) = limits.memory.filter(|_| memory) {
            group.write("memory.max", &bytes.to_string())?;
            // A machine without swap has no such file.
            let _ = group.write("memory.swap.max", "0");
        }
        if let Some(thousandths) = limits.cpu_thousandths.filter(|_| cpu) {
            let quota = u64::from(thousandths) * PERIOD_US / 1000;
            group.write("cpu.max", &format!("{quota} {PERIOD_US}"))?;
        }
        if let Some(count) = limits.tasks.filter(|_| tasks) {
            group.write("pids.max", &count.to_string())?;
        }
        Ok(())
    }
}

/// Whether a group is one of ours, by its path.
pub(super) fn is_of_app(path: &Path) -> bool {
    path.parent().is_some_and(|above| above.ends_with(APPS))
}

/// The group that the agent was started in.
fn base() -> Option<Cgroup> {
    let own = Cgroup::of(std::process::id())?;
    let folder = own.folder();
    let base = if own.name() == AGENT {
        folder.parent()?
    } else {
        folder
    };
    Some(Cgroup::at(base.to_owned()))
}

fn is_ours(base: &Cgroup) -> bool {
    let folder = base.folder();
    let may_write = rustix::fs::access(folder, rustix::fs::Access::WRITE_OK).is_ok();
    let is_marked = |name: &str| {
        let mut value = [0; 1];
        let read = rustix::fs::getxattr(folder, name, &mut value);
        read.is_ok() && value == *b"1"
    };
    may_write && (!Path::new(SYSTEMD).exists() || DELEGATED.into_iter().any(is_marked))
}

fn controllers_of(base: &Cgroup) -> Controllers {
    Controllers::read(&base.read("cgroup.controllers").unwrap_or_default())
}

fn enable(base: &Cgroup, wanted: Controllers) -> io::Result<()> {
    if hand_on(base, wanted).is_ok() {
        return Ok(());
    }
    let agent = Cgroup::at(base.folder().join(AGENT));
    make(agent.folder())?;
    // Whoever else is there (a shell, a container's init) must go too.
    for pid in base.own_processes() {
        let _ = agent.take(pid);
    }
    hand_on(base, wanted)?;
    // Only a kernel that shares processors out by groups has such a file.
    let _ = agent.write("cpu.weight", AGENT_WEIGHT);
    Ok(())
}

fn hand_on(group: &Cgroup, wanted: Controllers) -> io::Result<()> {
    group.write("cgroup.subtree_control", &wanted.to_hand_on())
}

fn make(folder: &Path) -> io::Result<()> {
    match fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}
