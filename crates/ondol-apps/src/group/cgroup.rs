//! A control group of the kernel (version 2): a folder that knows its processes, what they use, and how to end them.

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use rustix::process::Signal;

use crate::status::Usage;

use super::process;

const MOUNTS: &str = "/proc/self/mountinfo";
/// A process that waits for a disk does not end before that answers.
const END_MAX: Duration = Duration::from_secs(10);
const END_LOOK: Duration = Duration::from_millis(2);

/// A control group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cgroup {
    folder: PathBuf,
}

/// The place where the control groups of this machine are; `None` when it has none of version 2.
pub(super) fn mounted() -> Option<PathBuf> {
    let mounts = fs::read_to_string(MOUNTS).ok()?;
    mounts.lines().find_map(mount_point)
}

fn mount_point(line: &str) -> Option<PathBuf> {
    let (place, kind) = line.split_once(" - ")?;
    let is_ours = kind.starts_with("cgroup2 ");
    // Where only a part of the tree is mounted, paths of /proc/PID/cgroup do not begin at the mount point.
    let mut fields = place.split(' ').skip(3);
    let root = fields.next()?;
    let point = fields.next()?;
    (is_ours && root == "/").then(|| PathBuf::from(point))
}

/// The path of a process's control group within its tree: `/ondol.slice/x.scope`.
pub(super) fn path_of(pid: u32) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    let path = text.lines().find_map(|line| line.strip_prefix("0::"))?;
    Some(path.to_owned())
}

impl Cgroup {
    pub(super) fn at(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The one of a process.
    pub(super) fn of(pid: u32) -> Option<Self> {
        let path = path_of(pid)?;
        Some(Self::at(mounted()?.join(path.trim_start_matches('/'))))
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn name(&self) -> &str {
        let name = self.folder.file_name();
        name.and_then(|name| name.to_str()).unwrap_or_default()
    }

    /// Takes a process in.
    pub(super) fn take(&self, pid: u32) -> io::Result<()> {
        self.write("cgroup.procs", &pid.to_string())
    }

    /// Its processes, and those of groups in it.
    pub(super) fn processes(&self) -> Vec<u32> {
        let inner = self.inner();
        let own = self.own_processes().into_iter();
        own.chain(inner.iter().flat_map(Self::processes)).collect()
    }

    /// Its processes alone.
    pub(super) fn own_processes(&self) -> Vec<u32> {
        let own = self.read("cgroup.procs").unwrap_or_default();
        own.lines().filter_map(|line| line.parse().ok()).collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        // One that is gone has no processes.
        let events = self.read("cgroup.events");
        events.is_none_or(|events| value(&events, "populated") == Some(0))
    }

    /// Kills all processes, also those that are just being started.
    pub(super) fn kill(&self) {
        if self.write("cgroup.kill", "1").is_err() {
            // Before Linux 5.14. Who is started meanwhile is found by the next look.
            for pid in self.processes() {
                let _ = ondol_base::process::signal(pid, Signal::KILL);
            }
        }
    }

    /// Kills all processes, and returns when they have ended; or a while after, when one does not.
    pub(super) async fn kill_and_wait(&self) {
        let end = async {
            while !self.is_empty() {
                self.kill();
                tokio::time::sleep(END_LOOK).await;
            }
        };
        if tokio::time::timeout(END_MAX, end).await.is_err() {
            tracing::warn!(group = self.name(), "a killed process does not end");
        }
    }

    pub(super) fn usage(&self) -> Option<Usage> {
        let cpu_us = value(&self.read("cpu.stat")?, "usage_usec")?;
        let processes = || self.processes();
        let memory = self
            .memory()
            .unwrap_or_else(|| process::memory(&processes()));
        let tasks = self
            .read("pids.current")
            .and_then(|text| text.trim().parse().ok());
        let tasks = tasks.unwrap_or_else(|| process::threads(&processes()));
        Some(Usage {
            memory,
            cpu_us,
            tasks,
        })
    }

    /// What it can't give back: files that were read and may be forgotten any time do not count.
    fn memory(&self) -> Option<u64> {
        let current: u64 = self.read("memory.current")?.trim().parse().ok()?;
        let forgettable = self
            .read("memory.stat")
            .and_then(|text| value(&text, "inactive_file"));
        Some(current.saturating_sub(forgettable.unwrap_or(0)))
    }

    /// How often the kernel has killed a process of it, or of groups in it, for its memory.
    pub(super) fn oom_kills(&self) -> Option<u64> {
        value(&self.read("memory.events")?, "oom_kill")
    }

    /// Removes it, and what is in it, when it is empty.
    pub(super) fn remove(&self) {
        for inner in self.inner() {
            inner.remove();
        }
        // One that still has processes stays, and is removed at another time.
        let _ = fs::remove_dir(&self.folder);
    }

    pub(super) fn inner(&self) -> Vec<Self> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        folders.map(|entry| Self::at(entry.path())).collect()
    }

    pub(super) fn read(&self, file: &str) -> Option<String> {
        fs::read_to_string(self.folder.join(file)).ok()
    }

    pub(super) fn write(&self, file: &str, text: &str) -> io::Result<()> {
        let mut options = fs::File::options();
        let mut file = options.write(true).open(self.folder.join(file))?;
        io::Write::write_all(&mut file, text.as_bytes())
    }
}

/// The number that stands behind a name, of the lines `name number`.
fn value(text: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().filter_map(|line| line.split_once(' '));
    lines
        .find(|(found, _)| *found == name)?
        .1
        .trim()
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_of_version_2_is_found_beside_others() {
        let v1 = "35 25 0:30 / /sys/fs/cgroup/memory rw,nosuid - cgroup cgroup rw,memory";
        let v2 = "34 25 0:29 / /sys/fs/cgroup/unified rw,nosuid shared:9 - cgroup2 cgroup2 rw";
        let part = "34 25 0:29 /docker/1 /sys/fs/cgroup rw - cgroup2 cgroup2 rw";
        assert_eq!(mount_point(v1), None);
        assert_eq!(mount_point(part), None);
        assert_eq!(mount_point(v2), Some("/sys/fs/cgroup/unified".into()));
    }

    #[test]
    fn numbers_are_found_by_their_whole_name() {
        let text = "oom 3\noom_kill 2\n";
        assert_eq!(
            (value(text, "oom_kill"), value(text, "kill")),
            (Some(2), None)
        );
    }
}
