//! Where things of backups lie on this machine. It knows paths, not what is in them.

use std::path::PathBuf;

/// The folders of the box, as far as backups have a part in them. All are absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// The configuration file.
    pub configuration: PathBuf,
    /// What must survive.
    pub state: PathBuf,
    /// What ends with the machine's run.
    pub runtime: PathBuf,
    /// Logs, which are not backed up.
    pub logs: PathBuf,
    /// This program, for jobs.
    pub program: PathBuf,
}

impl Places {
    /// What backups keep for themselves.
    pub fn own(&self) -> PathBuf {
        self.state.join("backup")
    }

    /// The password of the repositories, where the owner gives none.
    pub fn password(&self) -> PathBuf {
        self.own().join("password")
    }

    /// Packs that are needed several times; may be removed between jobs.
    pub fn cache(&self) -> PathBuf {
        self.own().join("cache")
    }

    /// What is restored to be compared; removed afterwards.
    pub fn scratch(&self) -> PathBuf {
        self.own().join("scratch")
    }

    /// The database of Ondol.
    pub fn database(&self) -> PathBuf {
        self.state.join("ondol.db")
    }
}
