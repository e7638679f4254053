//! The way back, step by step. Each step that is done is noted; what fails for a reason that its owner can remove is told
//! at the end, and done when the command is run again.

use std::collections::BTreeMap;
use std::fs;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use ondol_admin::api::AppState;
use ondol_admin::client::Client;
use ondol_backup::ClaimWork;
use ondol_backup::DatabaseAccess;
use ondol_backup::Destination;
use ondol_backup::FailureKind;
use ondol_backup::Found;
use ondol_backup::RestoreWork;
use ondol_backup::What;
use ondol_backup::Work;
use ondol_backup::kit::Kit;
use ondol_backup::recovery;
use ondol_base::clock;
use ondol_base::file;
use ondol_base::secret;
use ondol_base::tasks;
use ondol_model::Plan;
use ondol_model::backup::Part;
use tokio::time::Instant;

use super::agent;
use super::choice::Choice;
use super::environment;
use super::ground::Ground;
use super::jobs::Jobs;
use super::journal::Journal;
use crate::configuration::Configuration;
use crate::configuration::ConfigurationError;
use crate::folders::Folders;

/// The way back.
#[derive(Debug)]
pub(super) struct Course {
    pub(super) folders: Folders,
    pub(super) ground: Ground,
    pub(super) choice: Choice,
    pub(super) journal: Journal,
    /// Whether Ondol is started when that is possible.
    pub(super) start_agent: bool,
    /// Who talks to visitors; `None` for the usual one.
    pub(super) user: Option<String>,
    /// Whether the backups are elsewhere than the configuration says.
    pub(super) elsewhere: bool,
    /// What its owner has to do something about, a sentence each.
    pub(super) problems: Vec<String>,
    /// How Ondol was started, and when the sites answered.
    pub(super) started: Option<(agent::Started, Instant)>,
    kit: Kit,
    jobs: Jobs,
    variables: BTreeMap<String, String>,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Everything is back.
    Whole,
    /// Something is not.
    Partial,
}

impl Course {
    pub(super) fn new(
        folders: &Folders,
        ground: Ground,
        choice: Choice,
        kit: Kit,
        jobs: Jobs,
        journal: Option<Journal>,
    ) -> anyhow::Result<Self> {
        let now = clock::unix_seconds();
        let journal = journal.unwrap_or_else(|| {
            Journal::begin(&folders.state, &choice.manifest.run, choice.at, now)
        });
        if journal.run != choice.manifest.run {
            anyhow::bail!(
                "the backup {} that was begun with is not there any more; remove {} to begin anew with another",
                journal.run,
                journal.path().display()
            );
        }
        Ok(Self {
            folders: folders.clone(),
            ground,
            choice,
            kit,
            jobs,
            journal,
            start_agent: true,
            user: None,
            elsewhere: false,
            problems: Vec::new(),
            started: None,
            variables: BTreeMap::new(),
        })
    }

    /// Brings everything back that is not yet.
    pub(super) async fn run(&mut self) -> anyhow::Result<Outcome> {
        self.the_box().await?;
        let plan = self.plan().await?;
        self.become_itself(&plan).await?;
        self.claim(&plan).await?;
        self.make_users(&plan).await;
        self.databases(&plan).await?;
        self.part(Part::Apps).await?;
        self.ground.make_folders(&self.choice.manifest);
        self.start().await?;
        self.part(Part::Files).await?;
        self.wake().await;
        if !self.problems.is_empty() {
            return Ok(Outcome::Partial);
        }
        self.journal
            .remove()
            .context("everything is back, but the note about it could not be removed")?;
        Ok(Outcome::Whole)
    }

    /// Configuration, certificates, keys and Ondol's own database.
    async fn the_box(&mut self) -> anyhow::Result<()> {
        const DONE: &str = "box";
        if self.journal.has(DONE) {
            return Ok(());
        }
        if self.journal.kept.is_empty() && !self.journal.path().exists() {
            let stamp = clock::rfc3339(clock::unix_seconds()).replace([':', '-'], "");
            let kept = self.ground.clear(&stamp);
            self.journal.kept = kept.context("what is here could not be moved aside")?;
        }
        self.journal.write()?;
        let faults = self.restore_part(Part::Box).await?;
        self.problems.extend(faults);
        let environment = self.ground.environment();
        if environment.exists() {
            fs::set_permissions(&environment, Permissions::from_mode(0o600))?;
        }
        self.rewrite()?;
        self.journal.note(DONE)
    }

    /// Has the configuration name the folders that its owner wants elsewhere.
    fn rewrite(&self) -> anyhow::Result<()> {
        if self.ground.named.is_empty() {
            return Ok(());
        }
        let config = &self.folders.config;
        let sources = ondol_config::Sources::read(config);
        let files = sources.map_or_else(
            |_| vec![config.clone()],
            |sources| sources.files.iter().map(|file| file.path.clone()).collect(),
        );
        for path in files {
            let text = fs::read_to_string(&path)?;
            let new = moved_in(&text, &self.ground.named);
            if new != text {
                let mode = fs::metadata(&path)?.permissions().mode() & 0o7777;
                file::replace(&path, new.as_bytes(), mode)?;
            }
        }
        Ok(())
    }

    /// What the configuration says, with the values of its variables.
    async fn plan(&mut self) -> anyhow::Result<Arc<Plan>> {
        let path = self.ground.environment();
        if let Ok(text) = fs::read_to_string(path) {
            self.variables = environment::parse(&text);
            secret::tell(self.variables.clone());
        }
        let config = self.folders.config.clone();
        let read = tasks::spawn_blocking(move || Configuration::read(&config)).await?;
        let configuration = read.map_err(|error| match error {
            ConfigurationError::Mistaken(_) | ConfigurationError::Unreadable(_) => {
                anyhow::anyhow!(
                    "the configuration came back and can't be used: {error}\nCorrect {}, and run the same command again",
                    self.folders.config.display()
                )
            }
        })?;
        let plan = configuration.plan;
        self.bring_along(&plan)
            .context("a file that the configuration names could not be put beside it")?;
        Ok(plan)
    }

    /// A file that the configuration names by where itself is, is beside it also when that is elsewhere now.
    fn bring_along(&self, plan: &Plan) -> std::io::Result<()> {
        let old = self.choice.manifest.configuration.parent();
        let (Some(old), Some(new)) = (old, self.folders.config.parent()) else {
            return Ok(());
        };
        for file in plan.files_named() {
            let Ok(below) = file.strip_prefix(new) else {
                continue;
            };
            let before = old.join(below);
            if file.exists() || !before.is_file() {
                continue;
            }
            if let Some(folder) = file.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::copy(before, file)?;
        }
        Ok(())
    }

    /// The box gets an identity of its own.
    async fn become_itself(&mut self, plan: &Plan) -> anyhow::Result<()> {
        let path = self.folders.database();
        let opened = tasks::spawn_blocking(move || ondol_store::open(&path)).await?;
        let store = opened
            .context("the database of Ondol came back and can't be opened")?
            .store;
        let identity = recovery::begin_anew(&store.handle(), plan, &self.journal.run).await;
        store.close().await;
        self.jobs.of = identity?;
        Ok(())
    }

    /// The repositories are this box's from now on, and the one before writes no more.
    async fn claim(&mut self, plan: &Arc<Plan>) -> anyhow::Result<()> {
        let plan = Arc::clone(plan);
        let targets = tasks::spawn_blocking(move || recovery::targets(&plan)).await?;
        let is_configured = targets
            .iter()
            .any(|(name, _)| *name == self.kit.target.name);
        let mut claims = targets;
        if !is_configured {
            claims.push((self.kit.target.name.clone(), Ok(self.jobs.target().clone())));
        }
        for (name, access) in claims {
            let done = format!("claim of {name}");
            if self.journal.has(&done) {
                continue;
            }
            let access = match access {
                _ if self.elsewhere && name == self.kit.target.name => {
                    Ok(self.jobs.target().clone())
                }
                access => access,
            };
            let work = Work::Claim(ClaimWork {
                take_over: true,
                recovered_from: Some(Box::new(self.choice.manifest.clone())),
            });
            let claimed = match access {
                Ok(access) => self.jobs.run_at(access, work).await,
                Err(why) => {
                    self.problems.push(not_claimed(&name, &format!("{why}.")));
                    continue;
                }
            };
            match claimed {
                Ok(_) => self.journal.note(&done)?,
                // Nothing was ever saved there.
                Err(failure) if failure.kind == FailureKind::NoRepository => {
                    self.journal.note(&done)?;
                }
                Err(failure) => self.problems.push(not_claimed(&name, &failure.sentence)),
            }
        }
        Ok(())
    }

    /// Before files come back that are theirs.
    async fn make_users(&mut self, plan: &Plan) {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        for app in &plan.apps {
            if let Err(why) = ondol_apps::make_user(&app.name, app.user.as_deref()).await {
                self.problems.push(format!("The app {}: {why}.", app.name));
            }
        }
    }

    async fn databases(&mut self, plan: &Arc<Plan>) -> anyhow::Result<()> {
        let plan = Arc::clone(plan);
        let access = tasks::spawn_blocking(move || recovery::databases(&plan)).await?;
        let (files, servers): (Vec<_>, Vec<_>) = self
            .choice
            .databases
            .iter()
            .partition(|database| database.kind == "sqlite");
        let name = |database: &&ondol_backup::ManifestDatabase| database.name.clone();
        let files: Vec<_> = files.iter().map(name).collect();
        let servers: Vec<_> = servers.iter().map(name).collect();
        // A server that is not there yet keeps no file waiting.
        for names in std::iter::once(files).chain(servers.into_iter().map(|name| vec![name])) {
            self.some_databases(names, &access).await?;
        }
        let lost =
            self.choice.lost.iter().map(|(name, why)| {
                format!("The database {name} is in no backup of that time: {why}")
            });
        self.problems.extend(lost);
        Ok(())
    }

    async fn some_databases(
        &mut self,
        names: Vec<String>,
        access: &[DatabaseAccess],
    ) -> anyhow::Result<()> {
        let done = format!("databases {}", names.join(", "));
        if names.is_empty() || self.journal.has(&done) {
            return Ok(());
        }
        let work = |to| {
            Work::Restore(RestoreWork {
                at: Some(self.choice.at),
                what: What::Databases(names.clone()),
                to,
                moved: self.ground.moved.clone(),
                databases: access.to_vec(),
            })
        };
        let (beside, before) = (work(Destination::Beside), self.problems.len());
        let restored = self.jobs.run(beside).await;
        let staged = match restored {
            Ok(Found::Restored { faults, staged, .. }) => {
                self.problems.extend(faults);
                staged
            }
            Ok(_) => Vec::new(),
            Err(failure) => {
                let names = names.join(", ");
                self.problems
                    .push(format!("The database {names}: {}", failure.sentence));
                return Ok(());
            }
        };
        if !staged.is_empty() {
            let place = Work::Restore(RestoreWork {
                at: Some(self.choice.at),
                what: What::Databases(names.clone()),
                to: Destination::Place { staged },
                moved: self.ground.moved.clone(),
                databases: access.to_vec(),
            });
            match self.jobs.run(place).await {
                Ok(Found::Restored { faults, .. }) => self.problems.extend(faults),
                Ok(_) => {}
                Err(failure) => self.problems.push(failure.sentence),
            }
        }
        if self.problems.len() == before {
            self.journal.note(&done)?;
        }
        Ok(())
    }

    /// A part that is files, each at its place.
    async fn part(&mut self, part: Part) -> anyhow::Result<()> {
        if self.journal.has(part.word()) {
            return Ok(());
        }
        let faults = self.restore_part(part).await?;
        let is_whole = faults.is_empty();
        self.problems.extend(faults);
        if is_whole {
            self.journal.note(part.word())?;
        }
        Ok(())
    }

    /// Returns what could not be restored of it.
    async fn restore_part(&mut self, part: Part) -> anyhow::Result<Vec<String>> {
        let mut parts = self.choice.manifest.parts.iter();
        if !parts.any(|saved| saved.part == part.word()) {
            return Ok(Vec::new());
        }
        let work = Work::Restore(RestoreWork {
            at: Some(self.choice.at),
            what: What::Parts(vec![part.word().to_owned()]),
            to: Destination::Into(PathBuf::from("/")),
            moved: self.ground.moved.clone(),
            databases: Vec::new(),
        });
        match self.jobs.run(work).await {
            Ok(Found::Restored { faults, .. }) => Ok(faults),
            Ok(_) => Ok(Vec::new()),
            Err(failure) => Err(anyhow::anyhow!(
                "{} What came back until now stays; run the same command again, and it goes on",
                failure.sentence
            )),
        }
    }

    async fn start(&mut self) -> anyhow::Result<()> {
        if !self.start_agent {
            return Ok(());
        }
        self.jobs.say("Starting Ondol …");
        match agent::start(&self.folders, &self.variables, self.user.as_deref()).await {
            Ok(started) => {
                self.jobs.say(&started.sentence());
                self.started = Some((started, clock::now()));
            }
            Err(error) => self
                .problems
                .push(format!("Ondol did not start: {error:#}")),
        }
        Ok(())
    }

    /// Apps that gave up while their files were missing are started again.
    async fn wake(&mut self) {
        if self.started.is_none() {
            return;
        }
        let client = Client::new(self.folders.admin_socket());
        let Ok(apps) = client.apps().await else {
            return;
        };
        for app in apps.apps {
            if matches!(app.state, AppState::Failed) {
                // How it goes on is for `ondol apps` to tell.
                let _ = client.start(&app.name).await;
                self.jobs.say(&format!("{} is started again", app.name));
            }
        }
    }
}

fn not_claimed(name: &str, why: &str) -> String {
    format!(
        "The backups at {name} could not be taken over: {why} Until they are, the box that is gone could still write \
         there, and this one does not; run the same command again when that is mended."
    )
}

/// A text with other paths in it: where one that moved is a whole value, or the beginning of one.
fn moved_in(text: &str, moved: &[(PathBuf, PathBuf)]) -> String {
    let mut moved: Vec<(&Path, &Path)> = moved
        .iter()
        .map(|(from, to)| (from.as_path(), to.as_path()))
        .collect();
    // The longest first, so that the more exact one counts.
    moved.sort_by_key(|(from, _)| std::cmp::Reverse(from.as_os_str().len()));
    let mut new = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let is_start =
            !new.ends_with(|before: char| before.is_alphanumeric() || "._-/~".contains(before));
        let found = moved.iter().find_map(|(from, to)| {
            let behind = rest.strip_prefix(from.to_str()?)?;
            let ends =
                !behind.starts_with(|next: char| next.is_alphanumeric() || "._-".contains(next));
            (is_start && ends).then_some((*to, behind))
        });
        match found {
            Some((to, behind)) => {
                new.push_str(&to.to_string_lossy());
                rest = behind;
            }
            None => {
                new.push(character);
                rest = &rest[character.len_utf8()..];
            }
        }
    }
    new
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_in_a_configuration_follow_their_folders() {
        let moved = [("/srv", "/data/srv"), ("/srv/photos", "/photos")];
        let moved = moved.map(|(from, to)| (PathBuf::from(from), PathBuf::from(to)));
        for (text, expected) in [
            ("files = \"/srv/a\"", "files = \"/data/srv/a\""),
            ("files = '/srv'", "files = '/data/srv'"),
            (
                "[\"/srv/photos/b\", \"/srv\"]",
                "[\"/photos/b\", \"/data/srv\"]",
            ),
            ("run = \"cat /srv/a\"", "run = \"cat /data/srv/a\""),
            (
                "\"/srvice\" \"/etc/srv\" \"/srv-old\"",
                "\"/srvice\" \"/etc/srv\" \"/srv-old\"",
            ),
            ("온돌 /srv/온돌", "온돌 /data/srv/온돌"),
        ] {
            assert_eq!(moved_in(text, &moved), expected);
        }
    }
}
