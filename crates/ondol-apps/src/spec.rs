//! What the shim is told: all of it is decided by the agent, none of it by the app.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use serde::Serialize;

/// Everything about one process that is to be started.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// For whom, for messages and for the name of its group of processes: the app.
    pub app: String,
    /// What it is of the app: `12-web.1`, `build`, `cron`, `exec`.
    pub what: String,
    /// What it becomes.
    pub run: Run,
    /// The folder that it starts in.
    pub folder: PathBuf,
    /// Its environment; nothing else is in it.
    pub env: BTreeMap<String, String>,
    /// Whom it runs as; `None` stays who the agent is.
    pub identity: Option<Identity>,
    /// What it may touch of the disk; `None` for all that its user may.
    pub reach: Option<Reach>,
    /// What takes the place of what on the disk, for this process and all that it starts.
    pub stand_ins: Vec<StandIn>,
    /// What it may use of the machine.
    pub limits: Limits,
    /// Where its standard output and error go.
    pub output: Output,
    /// A file that says who it is, written before it becomes the app; see the shim for what is added.
    pub record: Option<(PathBuf, serde_json::Value)>,
    /// The names of the sockets that it gets as descriptors 3 and up (`LISTEN_FDNAMES`).
    pub sockets: Vec<String>,
}

/// What a shim becomes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Run {
    /// A line for `sh`, which gives way to its command where that is a single one.
    Shell(String),
    /// A program with its arguments; found by `PATH` of the environment.
    Program(Vec<String>),
}

/// Whom a process runs as.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The name, for `USER` and for messages.
    pub name: String,
    /// The user.
    pub uid: u32,
    /// The user's group.
    pub gid: u32,
    /// Further groups.
    pub groups: Vec<u32>,
    /// The home that the system has for the user; may be missing on disk.
    pub home: PathBuf,
}

/// What a process may touch of the disk, besides what every program needs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    /// Read and execute.
    pub read: Vec<PathBuf>,
    /// Read, write, make and remove.
    pub write: Vec<PathBuf>,
    /// What nothing may be read of although it lies in a folder that everybody may read: Ondol's own folders, and
    /// those of other apps. What `read` and `write` name is allowed even there.
    pub hidden: Vec<PathBuf>,
    /// A folder that is `/tmp` for it where the machine can do that; it is `TMPDIR` in any case.
    pub tmp: Option<PathBuf>,
}

/// A file or folder in the place of another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandIn {
    /// The place; its real path.
    pub path: PathBuf,
    /// What lies there instead.
    pub by: PathBuf,
}

/// What a process may use of the machine. Each `None` is no limit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes of memory.
    pub memory: Option<u64>,
    /// Thousandths of a processor.
    pub cpu_thousandths: Option<u32>,
    /// Processes and threads.
    pub tasks: Option<u32>,
    /// Open descriptors.
    pub descriptors: Option<u64>,
}

/// Where standard output and error go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Output {
    /// To this named pipe, which is opened for reading too, so that it never breaks.
    Pipe(PathBuf),
    /// Where those of the shim go.
    Inherited,
}

impl std::fmt::Debug for Spec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Values of the environment are secrets.
        let names: Vec<_> = self.env.keys().collect();
        f.debug_struct("Spec")
            .field("app", &self.app)
            .field("what", &self.what)
            .field("run", &self.run)
            .field("env", &names)
            .finish_non_exhaustive()
    }
}
