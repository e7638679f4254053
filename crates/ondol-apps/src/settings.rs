//! What an app's processes are started with: what its owner wrote, what its release says of itself, and its secrets,
//! read once for a launch.

use std::path::PathBuf;
use std::sync::Arc;

use ondol_base::secret::SecretError;
use ondol_model::app::ProcessName;
use ondol_model::plan;
use ondol_model::plan::AppListen;

use crate::identity::IdentityError;
use crate::places::Places;
use crate::release::Release;
use crate::spec::Identity;
use crate::spec::Limits;
use crate::spec::Output;
use crate::spec::Run;
use crate::spec::Spec;
use crate::surroundings::Surroundings;

/// What an app's processes are started with.
#[derive(Debug)]
pub(crate) struct Settings {
    app: Arc<plan::App>,
    /// The main name of the first site that it answers.
    host: Option<String>,
    identity: Option<Identity>,
    processes: Vec<(ProcessName, Run)>,
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
    #[error("nothing says how {folder} is run: name the command as `run`, or in a Procfile as `web: …`", folder = .0.display())]
    NoCommand(PathBuf),
    /// A secret of its environment could not be read.
    #[error("the variable {name} of its environment could not be read")]
    Secret {
        /// The variable.
        name: String,
        /// Why.
        #[source]
        source: SecretError,
    },
    /// Its user is not there, or may not be used.
    #[error("it has no user to run as")]
    Identity(#[source] IdentityError),
}

impl Settings {
    /// Reads all that a launch of this release is started with.
    pub(crate) async fn read(
        app: Arc<plan::App>,
        host: Option<String>,
        release: &Release,
        places: &Places,
    ) -> Result<Self, SettingsError> {
        let _ = (release, places);
        let identity = crate::identity::identity(&app.name, app.user.as_deref())
            .await
            .map_err(SettingsError::Identity)?;
        let Some(run) = app.run.clone() else {
            return Err(SettingsError::NoCommand(release.folder.clone()));
        };
        let web = (ProcessName::web(), Run::Shell(run));
        let others = app.processes.iter();
        let others = others.map(|(name, run)| (name.clone(), Run::Shell(run.clone())));
        Ok(Self {
            processes: std::iter::once(web).chain(others).collect(),
            app,
            host,
            identity,
            fingerprint: String::new(),
        })
    }

    /// The same for what comes before a release can run: its build. Nothing of it need be there yet, so there are
    /// no [`Settings::processes`].
    pub(crate) async fn read_for_build(
        app: Arc<plan::App>,
        release: &Release,
        places: &Places,
    ) -> Result<Self, SettingsError> {
        Self::read(app, None, release, places).await
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
        self.app.listen.unwrap_or(AppListen::Port)
    }

    /// Its processes and what each becomes; the web process is the first.
    pub(crate) fn processes(&self) -> &[(ProcessName, Run)] {
        &self.processes
    }

    /// The command that prepares a release; `None` when there is none to run.
    pub(crate) fn build(&self) -> Option<&str> {
        self.app.build.as_deref()
    }

    /// The command that is run once between build and start.
    pub(crate) fn release_command(&self) -> Option<&str> {
        self.app.release.as_deref()
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
        let _ = (surroundings, work);
        Spec {
            app: self.app.name.to_string(),
            what: what.to_owned(),
            run,
            folder: release.folder.clone(),
            env: std::collections::BTreeMap::new(),
            identity: self.identity.clone(),
            reach: None,
            limits: Limits::default(),
            output: Output::Inherited,
            record: None,
            sockets: Vec::new(),
        }
    }
}
