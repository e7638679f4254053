//! Where things of apps lie. It knows paths, not what is in them.

use std::path::Path;
use std::path::PathBuf;

use ondol_model::app::AppName;
use ondol_model::app::InstanceName;
use ondol_model::app::Launch;

use crate::log::Logs;

/// The bare repository of an app, for who knows only where the state is.
pub fn repository_in(state: &Path, app: &AppName) -> PathBuf {
    app_in(state, app).join("repository.git")
}

pub(crate) fn app_in(state: &Path, app: &AppName) -> PathBuf {
    state.join("apps").join(app.as_str())
}

/// The folders of the box, as far as apps have a part in them. All are absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// What must survive: releases and data.
    pub state: PathBuf,
    /// What ends with the machine's run: sockets, and which processes there are.
    pub runtime: PathBuf,
    /// Logs.
    pub logs: PathBuf,
    /// The folder of the configuration, which no app may read.
    pub configuration: PathBuf,
    /// The group whose processes talk to visitors, and so to apps' sockets; `None` when that is the agent's own user.
    pub visitors_group: Option<u32>,
    /// This program, for the shim.
    pub program: PathBuf,
}

impl Places {
    /// All that is kept of an app: its releases, its data, its repository.
    pub fn app(&self, app: &AppName) -> PathBuf {
        app_in(&self.state, app)
    }

    /// Its releases, a folder each.
    pub fn releases(&self, app: &AppName) -> PathBuf {
        self.app(app).join("releases")
    }

    /// The folder of a release.
    pub fn release(&self, app: &AppName, number: u64) -> PathBuf {
        self.releases(app).join(number.to_string())
    }

    /// A symbolic link to the release that visitors get, for routes that serve files of it.
    pub fn current(&self, app: &AppName) -> PathBuf {
        self.app(app).join("current")
    }

    /// What the app may write; it outlives every release. Also its home.
    pub fn data(&self, app: &AppName) -> PathBuf {
        self.app(app).join("data")
    }

    /// The `/tmp` of an app.
    pub fn tmp(&self, app: &AppName) -> PathBuf {
        self.app(app).join("tmp")
    }

    /// The bare repository that releases are pushed to.
    pub fn repository(&self, app: &AppName) -> PathBuf {
        repository_in(&self.state, app)
    }

    /// What runs of an app: a folder for each launch.
    pub fn run(&self, app: &AppName) -> PathBuf {
        self.runtime.join("apps").join(app.as_str())
    }

    /// The folder of one process: its record, its socket, the pipe that it logs to.
    pub fn instance(&self, app: &AppName, launch: Launch, instance: &InstanceName) -> PathBuf {
        self.run(app)
            .join(launch.to_string())
            .join(instance.to_string())
    }

    /// What an app wrote to its standard output and error.
    pub fn log(&self, app: &AppName) -> PathBuf {
        Logs::new(self.logs.clone()).path(app)
    }

    /// Whether a path is of Ondol itself, and so nothing for an app.
    pub fn is_ours(&self, path: &Path) -> bool {
        let ours = [&self.state, &self.runtime, &self.logs, &self.configuration];
        ours.iter().any(|folder| path.starts_with(folder))
    }
}
