//! The environment of an app's processes. Nothing is in it but what stands here and what its owner declares.
//!
//! | variable | value |
//! |---|---|
//! | `PATH` | the usual folders of programs; of an agent that is not root, its own |
//! | `HOME` | the app's data folder |
//! | `USER`, `LOGNAME` | whom it runs as |
//! | `SHELL`, `LANG` | `/bin/sh`, `C.UTF-8` |
//! | `TMPDIR` | a folder for this app alone |
//! | `TZ` | the time zone of the box, where the configuration names one |
//! | `PIDFILE` | where Rails and puma write their number: a file in `TMPDIR` for each process that stays |
//! | `ONDOL_APP` | its name |
//! | `ONDOL_DATA` | the folder that it may write and that outlives releases |
//! | `ONDOL_RELEASE` | the number of the release; not there in the app's own folder |
//! | `ONDOL_LAUNCH`, `ONDOL_INSTANCE` | which launch, which process of it (`web.1`); for processes that stay |
//! | `PORT` | the port of 127.0.0.1 to listen on (`listen = "port"`) |
//! | `ONDOL_SOCKET` | the path of the Unix socket to listen on (`listen = "unix"`) |
//! | `ONDOL_BIND` | where it listens, as a URL: `tcp://127.0.0.1:PORT` or `unix:///path` |
//! | `LISTEN_FDS`, `LISTEN_PID`, `LISTEN_FDNAMES` | a socket is open as descriptor 3 (`listen = "fd"`) |
//! | `NOTIFY_SOCKET` | where to say `READY=1` (`ready = "notify"`) |
//!
//! The owner's values take the place of the first seven rows, and not of those below.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use ondol_base::secret;
use ondol_base::secret::SecretError;
use ondol_model::plan;
use ondol_model::plan::EnvValue;
use ondol_model::plan::Secret;

use crate::places::Places;
use crate::release::Release;

use super::Settings;
use super::SettingsError;
use super::env_file;

/// Where programs are that everybody uses.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What every process of an app has.
pub(super) fn of(
    settings: &Settings,
    places: &Places,
    release: &Release,
) -> BTreeMap<String, String> {
    let data = places.data(&settings.app.name).display().to_string();
    let tmp = places.tmp(&settings.app.name).display().to_string();
    let mut environment = BTreeMap::from([
        ("PATH".to_owned(), path(settings)),
        ("HOME".to_owned(), data.clone()),
        ("SHELL".to_owned(), "/bin/sh".to_owned()),
        ("LANG".to_owned(), "C.UTF-8".to_owned()),
        ("TMPDIR".to_owned(), tmp),
    ]);
    if let Some(user) = user(settings) {
        environment.insert("LOGNAME".to_owned(), user.clone());
        environment.insert("USER".to_owned(), user);
    }
    environment.extend(settings.declared.clone());
    let app = settings.app.name.to_string();
    environment.insert("ONDOL_APP".to_owned(), app);
    environment.insert("ONDOL_DATA".to_owned(), data);
    if let Some(number) = release.number {
        environment.insert("ONDOL_RELEASE".to_owned(), number.to_string());
    }
    environment
}

/// What the owner declares: the files in their order, then what the configuration says. Blocks on the disk.
pub(super) fn declared(app: &plan::App) -> Result<BTreeMap<String, String>, SettingsError> {
    let zone = app.timezone.iter();
    let mut declared: BTreeMap<_, _> = zone.map(|zone| ("TZ".to_owned(), zone.clone())).collect();
    for path in &app.env_files {
        declared.extend(file(path)?);
    }
    for (name, value) in &app.env {
        let value = match value {
            EnvValue::Text(text) => text.clone(),
            EnvValue::Secret(place) => of_secret(name, place)?,
        };
        declared.insert(name.clone(), value);
    }
    Ok(declared)
}

fn file(path: &Path) -> Result<Vec<(String, String)>, SettingsError> {
    let text = match secret::from_file(path) {
        Ok(text) => text,
        Err(SecretError::Empty { path: _ }) => return Ok(Vec::new()),
        Err(error) => return Err(SettingsError::EnvFile(error)),
    };
    env_file::parse(text.as_str()).map_err(|bad| SettingsError::EnvLine {
        path: path.to_owned(),
        line: bad.line,
        reason: bad.reason,
    })
}

fn of_secret(name: &str, place: &Secret) -> Result<String, SettingsError> {
    let read = match place {
        Secret::Environment(variable) => secret::from_environment(variable),
        Secret::File(path) => secret::from_file(path),
    };
    let failed = |source| SettingsError::Secret {
        name: name.to_owned(),
        source,
    };
    read.map(|text| text.as_str().to_owned()).map_err(failed)
}

/// Folders of programs that only this person has (rbenv, nvm, pyenv …), with what these programs need: of an agent
/// that is not root, what its `PATH` names in its home.
pub(super) fn toolchains(settings: &Settings) -> Vec<PathBuf> {
    if settings.identity.is_some() {
        return Vec::new();
    }
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let Some(home) = home.filter(|home| home.is_absolute() && home.parent().is_some()) else {
        return Vec::new();
    };
    toolchains_in(&home, &path(settings))
}

fn toolchains_in(home: &Path, path: &str) -> Vec<PathBuf> {
    let own = std::env::split_paths(path).filter(|folder| folder.starts_with(home));
    let mut folders: Vec<_> = own
        .map(|folder| match folder.parent() {
            Some(above) if above != home && above.starts_with(home) => above.to_owned(),
            Some(_) | None => folder,
        })
        .filter(|folder| folder != home)
        .collect();
    folders.sort();
    folders.dedup();
    folders
}

fn path(settings: &Settings) -> String {
    if let Some(declared) = settings.declared.get("PATH") {
        return declared.clone();
    }
    usual_path(is_ordinary(settings))
}

/// Where programs are looked for when the owner declares nothing: for an ordinary person, where that person does.
pub(crate) fn usual_path(is_ordinary: bool) -> String {
    let own = std::env::var_os("PATH").and_then(|path| path.into_string().ok());
    own.filter(|_| is_ordinary)
        .unwrap_or_else(|| PATH.to_owned())
}

/// Whether the agent is an ordinary person, who has programs of their own.
fn is_ordinary(settings: &Settings) -> bool {
    settings.identity.is_none() && !rustix::process::geteuid().is_root()
}

fn user(settings: &Settings) -> Option<String> {
    match &settings.identity {
        Some(identity) => Some(identity.name.clone()),
        None => std::env::var_os("USER")?.into_string().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_of_a_home_are_readable_and_the_home_is_not() {
        let path = "/usr/bin:/home/me/.nvm/versions/node/v22/bin:/home/me/bin:/home/me/.local/bin:/home/me:/home/mel/x/y";
        let folders = toolchains_in(Path::new("/home/me"), path);
        let folders: Vec<_> = folders.iter().filter_map(|it| it.to_str()).collect();
        assert_eq!(
            folders,
            [
                "/home/me/.local",
                "/home/me/.nvm/versions/node/v22",
                "/home/me/bin"
            ]
        );
    }
}
