//! The JSON about apps: how they are, what the owner asks of them, and how that goes on.

use serde::Deserialize;
use serde::Serialize;

use super::Time;

/// `GET /apps`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Apps {
    /// The apps, in the order of their names.
    pub apps: Vec<App>,
}

/// An app.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct App {
    /// Its name.
    pub name: String,
    /// How it is.
    pub state: AppState,
    /// Since when.
    pub since: Time,
    /// What is going on, or went wrong last, as a sentence; empty when there is nothing to say.
    #[serde(default)]
    pub note: String,
    /// The launch that visitors get; `None` when there is none.
    pub launch: Option<u64>,
    /// Its release; `None` when it runs in its own folder, or there is none.
    pub release: Option<u64>,
    /// The sites that it answers, by their main names.
    #[serde(default)]
    pub sites: Vec<String>,
    /// What its processes run, the web process first; empty while there is no launch.
    #[serde(default)]
    pub runs: Vec<AppRun>,
    /// Whether that was found in its files, because the configuration does not name it.
    #[serde(default)]
    pub runs_found: bool,
    /// Its lines of cron.
    #[serde(default)]
    pub cron: Vec<AppCron>,
    /// Its processes.
    pub instances: Vec<AppInstance>,
    /// How often one of its processes was started again since the launch.
    pub restarts: u64,
    /// Requests of the launch so far.
    pub requests: u64,
    /// Those of them that failed by its fault: answered with 5xx, or not at all.
    pub failed: u64,
    /// Requests that it has now.
    pub in_flight: u64,
    /// Tunnels (WebSockets) that it has now.
    pub tunnels: u64,
    /// Requests that wait for it.
    pub held: u64,
    /// The memory of its processes, in bytes; `None` where this machine doesn't tell.
    pub memory: Option<u64>,
    /// What its processes use of processors now, in hundredths of one; `None` where this is not known (yet).
    pub cpu_percent: Option<f64>,
    /// For how many seconds a new release of it is watched; 0 for not at all.
    #[serde(default)]
    pub watch_seconds: u64,
    /// Releases that can be gone back to, the newest first.
    #[serde(default)]
    pub releases: Vec<u64>,
    /// What can't be enforced on this machine though the configuration asks for it.
    #[serde(default)]
    pub unenforced: Vec<String>,
}

/// What a process of an app runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppRun {
    /// Which process: `web`.
    pub process: String,
    /// The command.
    pub command: String,
}

/// A line of cron of an app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppCron {
    /// Which: when and what.
    pub line: String,
    /// When it is due next; `None` for never.
    pub next: Option<Time>,
}

/// How an app is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AppState {
    /// It answers.
    Running,
    /// It starts.
    Starting,
    /// A deploy, or another change of launches, is under way.
    Deploying,
    /// A new launch is watched.
    Watching,
    /// Nobody asked for it for a while; the next request starts it.
    Asleep,
    /// It ended again and again.
    Failed,
    /// Its owner stopped it.
    Stopped,
}

/// A process of an app.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AppInstance {
    /// Its name: `web.1`.
    pub name: String,
    /// The launch that it is of.
    pub launch: u64,
    /// Its process; `None` while it waits to be started again.
    pub pid: Option<u32>,
    /// Since when it runs.
    pub since: Time,
    /// Whether it is ready.
    pub ready: bool,
    /// What it and its children have of memory, in bytes.
    pub memory: Option<u64>,
    /// What they use of processors now, in hundredths of one.
    pub cpu_percent: Option<f64>,
    /// Their processes and threads.
    pub tasks: Option<u32>,
}

/// `GET /apps/NAME`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AppDetail {
    /// The app.
    #[serde(flatten)]
    pub app: App,
    /// Its newest launches, the newest first.
    pub launches: Vec<AppLaunch>,
    /// The last run of each of its cron lines.
    #[serde(default)]
    pub last_cron_runs: Vec<AppCronRun>,
    /// The newest runs of all of them, the newest first.
    #[serde(default)]
    pub cron_runs: Vec<AppCronRun>,
}

/// A launch: the processes of one release with one set of settings, started together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppLaunch {
    /// Its number.
    pub launch: u64,
    /// Why it began: `start`, `deploy`, `rollback`, `restart` or `settings`.
    pub kind: String,
    /// Its release; `None` for the app's own folder, or one that never was made.
    pub release: Option<u64>,
    /// Where the release comes from; empty where none was made.
    pub source: String,
    /// How far it came.
    pub step: String,
    /// When it began.
    pub began_at: Time,
    /// Since when visitors got it; `None` when they did not (yet).
    pub live_at: Option<Time>,
    /// When it was over; `None` while it goes on.
    pub ended_at: Option<Time>,
    /// `done`, `failed`, `rolled-back` or `interrupted`; `None` while it goes on.
    pub outcome: Option<String>,
    /// Why; empty where there is nothing to say.
    pub reason: String,
}

/// A run of a cron line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppCronRun {
    /// Which line: when and what.
    pub line: String,
    /// When it was due.
    pub due_at: Time,
    /// When it began; `None` when it was left out.
    pub began_at: Option<Time>,
    /// When it ended; `None` while it lasts.
    pub ended_at: Option<Time>,
    /// `done`, `failed`, `timed-out`, `skipped`, `missed` or `interrupted`; `None` while it lasts.
    pub outcome: Option<String>,
    /// How it ended.
    pub message: String,
}

/// The body of `POST /apps/NAME/deploy`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeployQuestion {
    /// Where the files come from.
    #[serde(default)]
    pub from: DeployFrom,
    /// Whether to wait while another change of its launches is under way; otherwise it is refused.
    #[serde(default)]
    pub wait: bool,
}

/// Where the files of a release come from. Paths are absolute, as the agent sees them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeployFrom {
    /// Where the configuration says.
    #[default]
    Configured,
    /// A folder.
    Folder(String),
    /// A tar archive, plain or compressed.
    Archive(String),
    /// A commit, branch or tag.
    Git(String),
}

/// The body of `POST /apps/NAME/rollback`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RollbackQuestion {
    /// The release; `None` for the one before that was good.
    #[serde(default)]
    pub to: Option<u64>,
}

/// The answer to `POST /apps/NAME/deploy`, `rollback`, `restart`, `stop` and `start`: status 200 when accepted, 422
/// when not.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AppAnswer {
    /// Whether what was asked for happens.
    pub accepted: bool,
    /// What happens now, or why not, as a sentence.
    pub message: String,
    /// The launch that has begun, to be followed; `None` when it is done already.
    #[serde(default)]
    pub launch: Option<u64>,
    /// Whether that launch is one that visitors have, which is taken back: then it has ended badly when all is done.
    #[serde(default)]
    pub taken_back: bool,
}

/// The body of `POST /apps/NAME/exec`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExecQuestion {
    /// The command and its arguments.
    pub command: Vec<String>,
    /// The process that will become it.
    pub pid: u32,
}

/// The answer to `POST /apps/NAME/exec`: status 200 when accepted, 422 when not.
#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ExecAnswer {
    /// Whether the command may be run.
    pub accepted: bool,
    /// Why not; empty when it may.
    pub message: String,
    /// Everything about the process to be, for the same version of Ondol alone. It has secrets in it.
    #[serde(default)]
    pub spec: Option<serde_json::Value>,
}

impl std::fmt::Debug for ExecAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExecAnswer")
            .field("accepted", &self.accepted)
            .field("message", &self.message)
            .finish_non_exhaustive()
    }
}

/// The query of `GET /apps/NAME/follow`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FollowQuery {
    /// Which launch; `None` means the newest.
    pub launch: Option<u64>,
    /// The number of the first line that is wanted.
    #[serde(default)]
    pub from: u64,
    /// What the answer before said as [`Following::seen`]: then this one waits, some seconds at most, until there is
    /// something else to see.
    pub seen: Option<u64>,
}

/// `GET /apps/NAME/follow`: how a launch goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Following {
    /// Which launch.
    pub launch: u64,
    /// Where it is.
    pub step: String,
    /// Lines from the one that was asked for on; not always all that there are.
    pub lines: Vec<FollowingLine>,
    /// The number of the next line.
    pub next: u64,
    /// For the next question.
    pub seen: u64,
    /// Whether visitors get it.
    pub live: bool,
    /// How it ended; `None` while it goes on.
    pub outcome: Option<FollowingEnd>,
}

/// A line about a launch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowingLine {
    /// When.
    pub at: Time,
    /// At which step.
    pub step: String,
    /// What a command wrote, or a sentence of Ondol's.
    pub text: String,
}

/// How a launch ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowingEnd {
    /// Whether visitors have it for good.
    pub good: bool,
    /// What happened, and where it failed why and what to do.
    pub message: String,
}

impl AppState {
    /// The word for it, as in the JSON.
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
