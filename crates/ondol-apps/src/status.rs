//! How the apps are, for those who look.

use ondol_model::app::AppName;
use ondol_model::app::InstanceName;
use ondol_model::app::Launch;
use ondol_model::app::LaunchTraffic;

use crate::cron::CronStatus;
use ondol_model::app::ProcessName;

/// How an app is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppStatus {
    /// Its name.
    pub name: AppName,
    /// How it is.
    pub state: AppState,
    /// Since when, in seconds since the Unix epoch.
    pub since: i64,
    /// The launch that visitors get; `None` when there is none.
    pub launch: Option<Launch>,
    /// Its release; `None` when it runs in its own folder, or there is none.
    pub release: Option<u64>,
    /// A sentence about what is going on, or went wrong last; empty when there is nothing to say.
    pub note: String,
    /// What its processes become, by name, the web process first; empty while there is no launch.
    pub runs: Vec<(ProcessName, String)>,
    /// Its processes.
    pub instances: Vec<InstanceStatus>,
    /// How often one of its processes was started again since the launch.
    pub restarts: u64,
    /// The requests of the launch.
    pub traffic: LaunchTraffic,
    /// Requests that wait for it.
    pub held: u32,
    /// Releases that can be gone back to, the newest first.
    pub releases: Vec<u64>,
    /// What can't be enforced on this machine though the configuration asks for it, in words.
    pub unenforced: Vec<String>,
    /// What it runs at times.
    pub cron: Vec<CronStatus>,
}

/// How an app is, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppState {
    /// It answers.
    Running,
    /// It starts.
    Starting,
    /// A deploy, or another swap, is under way; visitors get what was before, or wait.
    Deploying,
    /// A new launch is watched.
    Watching,
    /// Nobody asked for it for a while; the next request starts it.
    Asleep,
    /// It ended again and again; it is tried every ten minutes.
    Failed,
    /// Its owner stopped it.
    Stopped,
}

impl AppState {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Starting => "starting",
            Self::Deploying => "deploying",
            Self::Watching => "watching",
            Self::Asleep => "asleep",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }
}

/// How a process is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceStatus {
    /// Its name.
    pub name: InstanceName,
    /// The launch that it is of.
    pub launch: Launch,
    /// Its process; `None` while it waits to be started again.
    pub pid: Option<u32>,
    /// Since when it runs, in seconds since the Unix epoch.
    pub since: i64,
    /// Whether it is ready.
    pub is_ready: bool,
    /// What it and its children use; `None` where this machine doesn't tell.
    pub usage: Option<Usage>,
}

/// What a process and its children use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes.
    pub memory: u64,
    /// Microseconds of processors so far.
    pub cpu_us: u64,
    /// Processes and threads.
    pub tasks: u32,
}
