//! Which commands an app has: those that its owner names, else those of its Procfile, else what its files suggest.

use std::path::Path;

use ondol_model::app::ProcessName;
use ondol_model::app::detect;
use ondol_model::app::procfile;
use ondol_model::plan;
use ondol_model::plan::AppListen;

use crate::listing;

use super::SettingsError;

/// What an app runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Commands {
    /// Its web process, for `sh`; `None` when nothing says it.
    pub(super) web: Option<String>,
    /// How that gets its socket.
    pub(super) listen: AppListen,
    /// The others, by name.
    pub(super) others: Vec<(ProcessName, String)>,
    /// What prepares a release.
    pub(super) build: Option<String>,
    /// What is run once between build and start.
    pub(super) release: Option<String>,
}

/// What an app runs, of what is in this folder. Blocks on the disk.
pub(super) fn of(app: &plan::App, folder: &Path) -> Result<Commands, SettingsError> {
    let others = app.processes.iter();
    let mut commands = Commands {
        web: app.run.clone(),
        listen: app.listen.unwrap_or(AppListen::Port),
        others: others
            .map(|(name, run)| (name.clone(), run.clone()))
            .collect(),
        build: app.build.clone(),
        release: app.release.clone(),
    };
    if app.php.is_some() {
        commands.listen = app.listen.unwrap_or(AppListen::Fd);
        return Ok(commands);
    }
    if app.run.is_some() {
        return Ok(commands);
    }
    let listing = listing::read(folder).map_err(|source| SettingsError::Folder {
        folder: folder.to_owned(),
        source,
    })?;
    if let Some(text) = listing.text("Procfile") {
        commands.add(procfile::parse(text));
    }
    commands.build = commands.build.or_else(|| detect::build(&listing));
    if commands.web.is_none()
        && let Some(detected) = detect::detect_for(&listing, app.listen)
    {
        commands.web = Some(detected.run);
        commands.listen = detected.listen;
    }
    Ok(commands)
}

impl Commands {
    /// What the owner names counts more than a Procfile.
    fn add(&mut self, lines: Vec<(ProcessName, String)>) {
        for (name, run) in lines {
            if name.is_web() {
                self.web = Some(run);
            } else if name.as_str() == procfile::RELEASE {
                self.release.get_or_insert(run);
            } else if !self.others.iter().any(|(other, _)| *other == name) {
                self.others.push((name, run));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ondol_model::app::AppName;

    use super::*;

    fn app() -> plan::App {
        plan::App::named(AppName::parse("coffee").unwrap())
    }

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            ondol_base::file::replace(&folder.path().join(name), text.as_bytes(), 0o644).unwrap();
        }
        folder
    }

    fn names(commands: &Commands) -> Vec<String> {
        let others = commands.others.iter();
        others.map(|(name, run)| format!("{name}: {run}")).collect()
    }

    #[test]
    fn the_owners_word_counts_more_than_a_procfile_and_that_more_than_files() {
        let files = [
            (
                "Procfile",
                "web: from-procfile\nworker: b\nmailer: c\nrelease: migrate",
            ),
            (
                "package.json",
                r#"{"scripts": {"start": "node .", "build": "x"}}"#,
            ),
        ];
        let both = folder(&files);
        let mut app = app();
        app.processes
            .insert(ProcessName::parse("worker").unwrap(), "a".to_owned());
        let commands = of(&app, both.path()).unwrap();
        assert_eq!(commands.web.as_deref(), Some("from-procfile"));
        assert_eq!(names(&commands), ["worker: a", "mailer: c"]);
        assert_eq!(commands.release.as_deref(), Some("migrate"));
        assert_eq!(commands.build.as_deref(), Some("npm run build"));
        app.run = Some("own".to_owned());
        app.release = Some("own-release".to_owned());
        let commands = of(&app, both.path()).unwrap();
        assert_eq!(commands.web.as_deref(), Some("own"));
        assert_eq!(names(&commands), ["worker: a"]);
        assert_eq!(commands.release.as_deref(), Some("own-release"));
    }

    #[test]
    fn a_folder_that_says_nothing_has_no_web_command() {
        let empty = folder(&[("notes.txt", "")]);
        assert_eq!(of(&app(), empty.path()).unwrap().web, None);
        let missing = empty.path().join("missing");
        assert!(of(&app(), &missing).is_err());
    }
}
