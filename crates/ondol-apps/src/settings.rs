//! What an app's processes are started with: what its owner wrote, what its release says of itself, and its secrets,
//! read once for a launch.

mod commands;
pub(crate) mod env_file;
mod environment;
mod fingerprint;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use ondol_base::secret::SecretError;
use ondol_base::tasks;
use ondol_model::app::ProcessName;
use ondol_model::plan;
use ondol_model::plan::AppListen;
use tokio::task::JoinError;

use crate::grounds;
use crate::grounds::GroundsError;
use crate::identity::IdentityError;
use crate::identity::identity;
use crate::php;
use crate::php::NoProgram;
use crate::places::Places;
use crate::release::Release;
use crate::scratch;
use crate::spec::Identity;
use crate::spec::Limits;
use crate::spec::Output;
use crate::spec::Reach;
use crate::spec::Run;
use crate::spec::Spec;
use crate::spec::StandIn;
use crate::surroundings::Surroundings;

pub(crate) use environment::usual_path;

use commands::Commands;
use fingerprint::Fingerprint;

/// Open descriptors of each process: enough for every connection that a box gets, and not all that the machine has.
const DESCRIPTORS_MAX: u64 = 65_536;

/// What an app's processes are started with.
pub(crate) struct Settings {
    app: Arc<plan::App>,
    /// The main name of the first site that it answers.
    host: Option<String>,
    identity: Option<Identity>,
    commands: Commands,
    /// The php-fpm that is its web process.
    php: Option<PathBuf>,
    processes: Vec<(ProcessName, Run)>,
    /// What its owner declared, secrets too.
    declared: BTreeMap<String, String>,
    /// What it may write of its release.
    scratch: Vec<PathBuf>,
    /// What takes the place of what, when the app is tried on other data.
    stand_ins: Vec<StandIn>,
    fingerprint: String,
}

/// What a process of an app is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// It runs the release, which it may not change.
    Serve,
    /// It makes the release.
    Build,
}

/// Why an app can't be started. Each is a sentence for the owner.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    /// Nothing says what is to be run.
    #[error(
        "nothing says how {} is run: name the command as `run`, or in a Procfile as `web: …`",
        .0.display()
    )]
    NoCommand(PathBuf),
    /// The folder of the release can't be read.
    #[error("cannot read {}", folder.display())]
    Folder {
        /// Which.
        folder: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A secret of its environment could not be read.
    #[error("the variable {name} of its environment has no value")]
    Secret {
        /// The variable.
        name: String,
        /// Why.
        #[source]
        source: SecretError,
    },
    /// A file of its environment could not be read.
    #[error("a file of `env_files` can't be used")]
    EnvFile(#[source] SecretError),
    /// A line of it is none.
    #[error("{}, line {line}: {reason}", path.display())]
    EnvLine {
        /// Which file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Its user is not there, or may not be used.
    #[error("it has no user to run as")]
    Identity(#[source] IdentityError),
    /// Its folders could not be made.
    #[error(transparent)]
    Grounds(#[from] GroundsError),
    /// It is a php-fpm pool, and there is none.
    #[error(transparent)]
    Php(#[from] NoProgram),
    /// Reading did not finish.
    #[error("it could not be read")]
    Unfinished(#[source] JoinError),
}

/// What is read of the disk for settings.
struct Found {
    commands: Commands,
    php: Option<PathBuf>,
    declared: BTreeMap<String, String>,
    scratch: Vec<PathBuf>,
}

impl Settings {
    /// Reads all that a launch of this release is started with. Makes the app's folders where they are missing.
    pub(crate) async fn read(
        app: Arc<plan::App>,
        host: Option<String>,
        release: &Release,
        places: &Places,
    ) -> Result<Self, SettingsError> {
        let settings = Self::gather(app, host, release, places).await?;
        if settings.processes.first().is_none_or(|it| !it.0.is_web()) {
            return Err(SettingsError::NoCommand(release.folder.clone()));
        }
        Ok(settings)
    }

    /// The same for what comes before a release can run: its build. What it will run need not be there yet.
    pub(crate) async fn read_for_build(
        app: Arc<plan::App>,
        release: &Release,
        places: &Places,
    ) -> Result<Self, SettingsError> {
        Self::gather(app, None, release, places).await
    }

    async fn gather(
        app: Arc<plan::App>,
        host: Option<String>,
        release: &Release,
        places: &Places,
    ) -> Result<Self, SettingsError> {
        let identity = identity(&app.name, app.user.as_deref()).await;
        let identity = identity.map_err(SettingsError::Identity)?;
        let blocking = {
            let (app, places, identity) = (Arc::clone(&app), places.clone(), identity.clone());
            let folder = release.folder.clone();
            move || {
                grounds::prepare(&places, &app.name, identity.as_ref())?;
                Found::of(&app, &folder)
            }
        };
        let found = tasks::spawn_blocking(blocking).await;
        let found = found.map_err(SettingsError::Unfinished)??;
        Ok(Self::new(app, host, identity, found))
    }

    fn new(
        app: Arc<plan::App>,
        host: Option<String>,
        identity: Option<Identity>,
        found: Found,
    ) -> Self {
        let Found {
            commands,
            php,
            declared,
            scratch,
        } = found;
        // The file of its settings is only made where it starts; see `Seat`.
        let pool = php
            .iter()
            .map(|program| Run::Program(vec![program.display().to_string()]));
        let web = commands.web.iter().map(|run| Run::Shell(run.clone()));
        let web = pool.chain(web).take(1).map(|run| (ProcessName::web(), run));
        let others = commands.others.iter();
        let others = others.map(|(name, run)| (name.clone(), Run::Shell(run.clone())));
        let mut settings = Self {
            processes: web.chain(others).collect(),
            fingerprint: String::new(),
            app,
            host,
            identity,
            commands,
            php,
            declared,
            scratch,
            stand_ins: Vec::new(),
        };
        settings.fingerprint = settings.fingerprint_of_all();
        settings
    }

    /// The same for processes that see other files in the place of theirs, which lie below `root`, and that get other
    /// values.
    pub(crate) fn on_other_data<E>(
        mut self,
        stand_ins: Vec<StandIn>,
        root: &Path,
        change: impl FnOnce(&mut BTreeMap<String, String>) -> Result<(), E>,
    ) -> Result<Self, E> {
        change(&mut self.declared)?;
        for path in &mut self.scratch {
            if let Ok(below) = path.strip_prefix(root) {
                *path = Path::new("/").join(below);
            }
        }
        self.stand_ins = stand_ins;
        Ok(self)
    }

    /// The app, as its owner describes it.
    pub(crate) fn app(&self) -> &plan::App {
        &self.app
    }

    /// The main name of the first site that it answers.
    pub(crate) fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// Whom its processes run as; `None` is who the agent is.
    pub(crate) fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// How its web process gets its socket.
    pub(crate) fn listen(&self) -> AppListen {
        self.commands.listen
    }

    /// The php-fpm that is its web process; `None` for other apps.
    pub(crate) fn php(&self) -> Option<&Path> {
        self.php.as_deref()
    }

    /// Its processes and what each becomes; the web process is the first.
    pub(crate) fn processes(&self) -> Vec<(ProcessName, Run)> {
        self.processes.clone()
    }

    /// What a process becomes; `None` when there is none of this name.
    pub(crate) fn run(&self, process: &ProcessName) -> Option<&Run> {
        let mut processes = self.processes.iter();
        processes.find(|it| it.0 == *process).map(|it| &it.1)
    }

    /// The command that prepares a release; `None` when there is none to run.
    pub(crate) fn build(&self) -> Option<&str> {
        self.commands.build.as_deref()
    }

    /// The command that is run once between build and start.
    pub(crate) fn release_command(&self) -> Option<&str> {
        self.commands.release.as_deref()
    }

    /// Changes when anything changes that a process is started with, other than its release.
    pub(crate) fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// What the shim is told about a process of this app. `what` says which: `12-web.1`, `build`, `cron`, `exec`. It
    /// writes to its own standard output, has no record and no sockets.
    pub(crate) fn spec(
        &self,
        surroundings: &Surroundings,
        release: &Release,
        what: &str,
        run: Run,
        work: Work,
    ) -> Spec {
        Spec {
            app: self.app.name.to_string(),
            what: what.to_owned(),
            run,
            folder: release.folder.clone(),
            env: environment::of(self, &surroundings.places, release),
            identity: self.identity.clone(),
            reach: Some(self.reach(surroundings, release, work)),
            stand_ins: self.stand_ins.clone(),
            limits: Limits {
                memory: self.app.memory,
                cpu_thousandths: self.app.cpu_thousandths,
                tasks: self.app.tasks,
                descriptors: Some(DESCRIPTORS_MAX),
            },
            output: Output::Inherited,
            record: None,
            sockets: Vec::new(),
        }
    }

    fn reach(&self, surroundings: &Surroundings, release: &Release, work: Work) -> Reach {
        let places = &surroundings.places;
        let mut reach = Reach {
            read: environment::toolchains(self),
            write: vec![places.data(&self.app.name)],
            hidden: surroundings.hidden.to_vec(),
            tmp: Some(places.tmp(&self.app.name)),
        };
        reach.write.extend(self.app.write.iter().cloned());
        // A folder that the owner works in is no release: what its permissions allow stays allowed.
        match (work, release.number) {
            (Work::Serve, Some(_)) => {
                reach.read.push(release.folder.clone());
                let scratch = self.scratch.iter();
                let own = scratch.filter(|path| path.starts_with(&release.folder));
                reach.write.extend(own.cloned());
            }
            (Work::Serve, None) | (Work::Build, _) => reach.write.push(release.folder.clone()),
        }
        reach
    }

    fn fingerprint_of_all(&self) -> String {
        let mut fingerprint = Fingerprint::default();
        for (name, run) in &self.processes {
            match run {
                Run::Shell(line) => fingerprint.add(name.as_str(), line),
                Run::Program(words) => fingerprint.add(name.as_str(), words.join("\0")),
            }
        }
        for (name, value) in &self.declared {
            fingerprint.add("env", format!("{name}={value}"));
        }
        if let Some(Identity { uid, gid, .. }) = &self.identity {
            fingerprint.add("user", format!("{uid}:{gid}"));
        }
        let app = &self.app;
        fingerprint.add("listen", self.commands.listen.word());
        fingerprint.add_number("memory", app.memory);
        fingerprint.add_number("cpu", app.cpu_thousandths);
        fingerprint.add_number("tasks", app.tasks);
        for path in &app.write {
            fingerprint.add("write", path.as_os_str().as_encoded_bytes());
        }
        if matches!(app.ready, plan::Ready::Notify) {
            fingerprint.add("ready", "notify"); // It brings a variable.
        }
        if let Some(pool) = &app.php {
            fingerprint.add_number("children", Some(pool.children));
            for (name, value) in &pool.ini {
                fingerprint.add("ini", format!("{name}={value}"));
            }
        }
        fingerprint.text()
    }
}

impl Found {
    /// Blocks on the disk.
    fn of(app: &plan::App, folder: &Path) -> Result<Self, SettingsError> {
        let pool = app.php.as_ref();
        Ok(Self {
            commands: commands::of(app, folder)?,
            php: pool
                .map(|pool| php::program(pool.program.as_deref()))
                .transpose()?,
            declared: environment::declared(app)?,
            scratch: scratch::of(folder),
        })
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // What it declares are secrets.
        f.debug_struct("Settings")
            .field("app", &self.app.name)
            .field("processes", &self.processes)
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
