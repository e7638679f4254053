//! An app as its owner describes it: `[apps.NAME]`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::app::AppName;
use crate::app::ProcessName;
use crate::plan::Secret;

/// An app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    /// Its key in the configuration.
    pub name: AppName,
    /// Its folder: what runs until the first deploy, and what is deployed when nothing else is named. `None` for an
    /// app that is only ever deployed by git or by path.
    pub dir: Option<PathBuf>,
    /// The repository that it is deployed from, as git names it: a URL, `user@host:path`, or a path. An app has this
    /// or `dir`, not both.
    pub git: Option<String>,
    /// The command of its web process, for `sh`; `None` means what its Procfile, or its files, say.
    pub run: Option<String>,
    /// How its web process gets its socket; `None` means what was found with its command where the file names none,
    /// else [`AppListen::Port`].
    pub listen: Option<AppListen>,
    /// How many web processes there are; at least 1.
    pub instances: u16,
    /// When a web process counts as ready to answer.
    pub ready: Ready,
    /// How it is asked whether it is well.
    pub health: AppHealth,
    /// How one launch takes the place of another.
    pub swap: SwapKind,
    /// How long a new release is watched after its switch; zero for not at all.
    pub watch: Duration,
    /// The command that prepares a release, run in its folder.
    pub build: Option<String>,
    /// The command that is run once between build and start (migrations).
    pub release: Option<String>,
    /// Its processes besides the web process, by name.
    pub processes: BTreeMap<ProcessName, String>,
    /// What it runs at times.
    pub cron: Vec<CronLine>,
    /// Its environment.
    pub env: BTreeMap<String, EnvValue>,
    /// Files with more of it, `NAME=value` a line; what `env` says counts more.
    pub env_files: Vec<PathBuf>,
    /// The time zone of the box, by its IANA name: its `TZ`, unless its environment has one.
    pub timezone: Option<String>,
    /// The user that it runs as; `None` means `ondol-NAME` when the agent is root, else the agent's own.
    pub user: Option<String>,
    /// The most memory that each of its processes may have, in bytes.
    pub memory: Option<u64>,
    /// The most of processors that each of its processes may use, in thousandths of one.
    pub cpu_thousandths: Option<u32>,
    /// The most processes and threads that each of its processes may have.
    pub tasks: Option<u32>,
    /// When nobody asks it for so long, it is stopped until the next request.
    pub idle_stop: Option<Duration>,
    /// What it may write besides its data folder.
    pub write: Vec<PathBuf>,
    /// What a backup of it must hold.
    pub data: Vec<PathBuf>,
    /// Apps that start before it.
    pub after: Vec<AppName>,
    /// How long it may take until it is ready.
    pub start_timeout: Duration,
    /// How long it may take to end after it was asked to.
    pub stop_timeout: Duration,
    /// How long requests of a replaced launch may last.
    pub drain_timeout: Duration,
    /// How many releases are kept; at least 2.
    pub releases: u16,
    /// The php-fpm pool that is its web process in place of a command.
    pub php: Option<PhpPool>,
}

impl App {
    /// An app of which only the name is given.
    pub fn named(name: AppName) -> Self {
        Self {
            name,
            dir: None,
            git: None,
            run: None,
            listen: None,
            instances: 1,
            ready: Ready::Http,
            health: AppHealth::default(),
            swap: SwapKind::Overlap,
            watch: Duration::from_secs(2 * 60),
            build: None,
            release: None,
            processes: BTreeMap::new(),
            cron: Vec::new(),
            env: BTreeMap::new(),
            env_files: Vec::new(),
            timezone: None,
            user: None,
            memory: None,
            cpu_thousandths: None,
            tasks: None,
            idle_stop: None,
            write: Vec::new(),
            data: Vec::new(),
            after: Vec::new(),
            start_timeout: Duration::from_secs(60),
            stop_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(30),
            releases: 5,
            php: None,
        }
    }
}

/// How a web process gets its socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppListen {
    /// Ondol listens, and hands the socket on as descriptor 3 (`LISTEN_FDS`): connections wait while it restarts.
    Fd,
    /// It listens on a Unix socket at `$ONDOL_SOCKET`.
    Unix,
    /// It listens on the port `$PORT` of 127.0.0.1.
    Port,
}

impl AppListen {
    /// The word for it in the configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Fd => "fd",
            Self::Unix => "unix",
            Self::Port => "port",
        }
    }
}

/// When a web process counts as ready. Other processes are ready when they have run for a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ready {
    /// It answers a request to the health path with 2xx or 3xx; without one, any request with anything.
    Http,
    /// It takes connections.
    Connect,
    /// It says `READY=1` (sd_notify).
    Notify,
    /// It writes a line with this text.
    Log(String),
}

/// How a web process is asked whether it is well, while it is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppHealth {
    /// The path; `None` means that it is not asked after it is ready.
    pub path: Option<String>,
    /// `Host` of the request; `None` means the main name of the first site that it answers.
    pub host: Option<String>,
    /// How often.
    pub interval: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
}

impl Default for AppHealth {
    fn default() -> Self {
        Self {
            path: None,
            host: None,
            interval: Duration::from_secs(10),
            timeout: Duration::from_secs(5),
        }
    }
}

/// How one launch takes the place of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SwapKind {
    /// The new one starts beside the old one.
    Overlap,
    /// Requests wait while the old one is stopped and the new one started: for what must not run twice.
    Hold,
    /// The old one is stopped, then the new one started; requests wait too, since that is better than an error, but
    /// those under way are not waited for longer than the drain.
    Restart,
}

impl SwapKind {
    /// The word for it in the configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Overlap => "overlap",
            Self::Hold => "hold",
            Self::Restart => "restart",
        }
    }
}

/// A command that is run at times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronLine {
    /// When, as five fields of cron or `HH:MM`; already found to be readable.
    pub at: String,
    /// The command, for `sh`.
    pub run: String,
    /// IANA time zone; `None` means the box's.
    pub timezone: Option<String>,
    /// What happens while the run before still lasts.
    pub overlap: CronOverlap,
    /// What becomes of runs that were missed while the box was off.
    pub missed: CronMissed,
    /// How long a run may last.
    pub timeout: Duration,
}

/// What happens while the run before still lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CronOverlap {
    /// The new one is left out, and that is noted.
    Skip,
    /// Both run.
    Allow,
}

/// What becomes of runs that were missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CronMissed {
    /// The last of them is made up for soon after the start.
    Once,
    /// They are left out.
    Skip,
}

/// The value of a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnvValue {
    /// As it stands in the configuration.
    Text(String),
    /// Kept elsewhere.
    Secret(Secret),
}

/// A php-fpm pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhpPool {
    /// The program; `None` means the newest php-fpm that is found.
    pub program: Option<String>,
    /// The most workers that answer at a time.
    pub children: u16,
    /// Settings of php.ini for it.
    pub ini: BTreeMap<String, String>,
}

impl Default for PhpPool {
    /// Eight workers: what a small box has memory for, at some 50 MB each.
    fn default() -> Self {
        Self {
            program: None,
            children: 8,
            ini: BTreeMap::new(),
        }
    }
}
