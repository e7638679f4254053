//! Where this box keeps its things. It knows paths and their defaults, not what is in the files.

use std::fs;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context;

use crate::cli::Environment;
use crate::cli::FolderFlags;

/// The permission bit for those who are neither the owner nor in the group to write.
const OTHERS_WRITE: u32 = 0o002;

/// The places of one box. All are absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Folders {
    /// The configuration file.
    pub(crate) config: PathBuf,
    /// What must survive: database, certificates, the last good configuration.
    pub(crate) state: PathBuf,
    /// What lives as long as the agent: its socket.
    pub(crate) runtime: PathBuf,
    /// The access log.
    pub(crate) logs: PathBuf,
}

/// How it was with a folder that had to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// It was missing, and is this box's own now.
    Made,
    /// It was there, whoever else uses it.
    There,
}

/// Who runs the program; decides the usual places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Person {
    /// The whole machine is the box.
    Root,
    /// A box in a person's own folders.
    Ordinary,
}

impl Person {
    /// Who runs this process.
    pub(crate) fn current() -> Self {
        if rustix::process::geteuid().is_root() {
            Self::Root
        } else {
            Self::Ordinary
        }
    }
}

impl Folders {
    /// The places that were given, and the usual ones for the rest. An ordinary person without a home
    /// folder must give them.
    pub(crate) fn resolve(
        given: &FolderFlags,
        person: Person,
        environment: &Environment,
    ) -> anyhow::Result<Self> {
        let FolderFlags {
            config,
            state,
            runtime,
            logs,
        } = given;
        let usual = match person {
            Person::Root => Usual::of_the_machine(),
            Person::Ordinary => Usual::of_a_person(environment),
        };
        let state = place(state.as_deref(), usual.state, "--state")?;
        let usual_runtime = usual.runtime.unwrap_or_else(|| state.join("run"));
        let usual_logs = usual.logs.unwrap_or_else(|| state.join("logs"));
        Ok(Self {
            config: place(config.as_deref(), usual.config, "--config")?,
            runtime: place(runtime.as_deref(), Some(usual_runtime), "--runtime")?,
            logs: place(logs.as_deref(), Some(usual_logs), "--logs")?,
            state,
        })
    }

    /// Makes the folders that are missing: state and runtime private to their owner. Those that are there
    /// may be others' too, so they are left as they are. Tells how it was with the folder of logs.
    pub(crate) fn prepare(&self) -> anyhow::Result<Found> {
        for folder in [&self.state, &self.runtime] {
            make(folder, 0o700)
                .with_context(|| format!("could not make the folder {}", folder.display()))?;
        }
        make(&self.logs, 0o750)
            .with_context(|| format!("could not make the folder {}", self.logs.display()))
    }

    /// What to say when others could put keys, certificates and a configuration of their own into the place
    /// of this box's: a folder that was there is left as it is.
    pub(crate) fn danger(&self) -> Option<String> {
        let state = fs::metadata(&self.state).ok()?;
        let path = self.state.display();
        (state.permissions().mode() & OTHERS_WRITE != 0).then(|| {
            format!(
                "Every user of this machine can put keys, certificates and a configuration of their own into \
                 {path}: `chmod o-w {path}` ends that."
            )
        })
    }

    /// The socket of the admin API.
    pub(crate) fn admin_socket(&self) -> PathBuf {
        self.runtime.join("admin.sock")
    }

    /// Held by the agent as long as it lives.
    pub(crate) fn lock(&self) -> PathBuf {
        self.state.join("ondol.lock")
    }

    /// The database.
    pub(crate) fn database(&self) -> PathBuf {
        self.state.join("ondol.db")
    }

    /// The configuration that was taken up last.
    pub(crate) fn last_good(&self) -> PathBuf {
        self.state.join("last-good")
    }

    /// One line per request.
    pub(crate) fn access_log(&self) -> PathBuf {
        self.logs.join("access.log")
    }
}

struct Usual {
    config: Option<PathBuf>,
    state: Option<PathBuf>,
    runtime: Option<PathBuf>,
    logs: Option<PathBuf>,
}

impl Usual {
    fn of_the_machine() -> Self {
        Self {
            config: Some("/etc/ondol/ondol.toml".into()),
            state: Some("/var/lib/ondol".into()),
            runtime: Some("/run/ondol".into()),
            logs: Some("/var/log/ondol".into()),
        }
    }

    fn of_a_person(environment: &Environment) -> Self {
        let home = |below: &str| environment.home.as_ref().map(|home| home.join(below));
        let config = environment.xdg_config.clone().or_else(|| home(".config"));
        let state = environment
            .xdg_state
            .clone()
            .or_else(|| home(".local/state"));
        Self {
            config: config.map(|folder| folder.join("ondol/ondol.toml")),
            state: state.map(|folder| folder.join("ondol")),
            runtime: environment
                .xdg_runtime
                .as_ref()
                .map(|folder| folder.join("ondol")),
            logs: None,
        }
    }
}

fn place(given: Option<&Path>, usual: Option<PathBuf>, flag: &str) -> anyhow::Result<PathBuf> {
    let path = given.map(Path::to_path_buf).or(usual).with_context(|| {
        format!("no home folder is known, so the usual place is not either: give {flag}")
    })?;
    std::path::absolute(&path).with_context(|| format!("{flag} {} is no path", path.display()))
}

fn make(folder: &Path, mode: u32) -> io::Result<Found> {
    if fs::metadata(folder).is_ok_and(|found| found.is_dir()) {
        return Ok(Found::There);
    }
    DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(folder)?;
    Ok(Found::Made)
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use super::*;

    fn nothing_given() -> FolderFlags {
        FolderFlags {
            config: None,
            state: None,
            runtime: None,
            logs: None,
        }
    }

    #[test]
    fn root_gets_the_folders_of_the_machine() {
        let folders =
            Folders::resolve(&nothing_given(), Person::Root, &Environment::default()).unwrap();
        assert_eq!(folders.admin_socket(), Path::new("/run/ondol/admin.sock"));
        assert_eq!(folders.access_log(), Path::new("/var/log/ondol/access.log"));
    }

    #[test]
    fn a_person_gets_the_xdg_folders() {
        let mut environment = Environment {
            home: Some("/home/a".into()),
            ..Environment::default()
        };
        let folders = Folders::resolve(&nothing_given(), Person::Ordinary, &environment).unwrap();
        assert_eq!(
            folders.config,
            Path::new("/home/a/.config/ondol/ondol.toml")
        );
        assert_eq!(folders.logs, Path::new("/home/a/.local/state/ondol/logs"));
        assert_eq!(folders.runtime, Path::new("/home/a/.local/state/ondol/run"));
        environment.xdg_runtime = Some("/run/user/1000".into());
        environment.xdg_state = Some("/s".into());
        let folders = Folders::resolve(&nothing_given(), Person::Ordinary, &environment).unwrap();
        assert_eq!(folders.runtime, Path::new("/run/user/1000/ondol"));
        assert_eq!(folders.state, Path::new("/s/ondol"));
    }

    #[test]
    fn without_a_home_the_folders_must_be_given() {
        let error = Folders::resolve(&nothing_given(), Person::Ordinary, &Environment::default())
            .unwrap_err();
        assert!(error.to_string().contains("give --state"), "{error}");
    }

    fn mode(folder: &Path) -> u32 {
        fs::metadata(folder).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn what_is_made_is_private_and_what_is_there_keeps_its_mode() {
        let temporary = tempfile::tempdir().unwrap();
        let state = temporary.path().join("deep/state");
        assert_eq!(make(&state, 0o700).unwrap(), Found::Made);
        assert_eq!(mode(&state), 0o700);
        for shared in [0o755, 0o1777, 0o2775] {
            fs::set_permissions(&state, Permissions::from_mode(shared)).unwrap();
            assert_eq!(make(&state, 0o700).unwrap(), Found::There);
            assert_eq!(mode(&state), shared);
        }
    }
    #[test]
    fn a_state_folder_that_everyone_can_change_is_said() {
        let temporary = tempfile::tempdir().unwrap();
        let given = FolderFlags {
            state: Some(temporary.path().join("state")),
            ..nothing_given()
        };
        let folders = Folders::resolve(&given, Person::Root, &Environment::default()).unwrap();
        assert_eq!(folders.danger(), None);
        make(&folders.state, 0o700).unwrap();
        for (mode, is_said) in [
            (0o700, false),
            (0o775, false),
            (0o777, true),
            (0o1777, true),
        ] {
            fs::set_permissions(&folders.state, Permissions::from_mode(mode)).unwrap();
            assert_eq!(folders.danger().is_some(), is_said, "{mode:o}");
        }
    }
}
