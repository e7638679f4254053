//! The releases of an app: made, prepared, kept, removed. Which one runs is decided elsewhere.
//!
//! A release is made where it will run, since many tools write that path into what they make (Python's environments,
//! for one). It counts from the moment that its record is on disk, the last of all; what an accident leaves has none,
//! and is removed.

use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ondol_base::clock;
use ondol_model::app::AppName;
use ondol_model::plan;

use crate::command;
use crate::identity::identity;
use crate::progress::Progress;
use crate::progress::Step;
use crate::release::Release;
use crate::settings::Settings;
use crate::settings::SettingsError;
use crate::settings::Work;
use crate::source::Source;
use crate::spec::Run;
use crate::surroundings::Surroundings;

mod archive;
mod assets;
mod copy;
mod error;
mod fetch;
mod gate;
mod git;
mod inside;
mod kept;
mod links;
mod making;
mod scratch;
mod seal;
mod work;

pub(crate) use error::MakeError;
use error::disk;
use kept::Kept;
use kept::Record;
use making::Making;
use making::Unfinished;
use work::Owner;
use work::off_thread;

/// A build compiles a whole program on a small box at most; a release command changes a database.
const COMMAND_MAX: Duration = Duration::from_secs(30 * 60);

/// The releases of one app. Cheap to make anew.
#[derive(Debug, Clone)]
pub(crate) struct Releases {
    surroundings: Surroundings,
    app: AppName,
}

/// A release that was made whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Made {
    /// Its number.
    pub(crate) number: u64,
    /// Its folder; its real path.
    pub(crate) folder: PathBuf,
    /// When, in seconds since the Unix epoch.
    pub(crate) at: i64,
    /// What it was made of, in words.
    pub(crate) of: String,
}

impl Releases {
    /// The releases of this app.
    pub(crate) fn new(surroundings: Surroundings, app: AppName) -> Self {
        Self { surroundings, app }
    }

    /// Makes a release: fetches its files, runs the build command, and has all of it on disk. On an error, and when
    /// the future is dropped, nothing of it stays. One at a time for an app.
    pub(crate) async fn make(
        &self,
        app: &Arc<plan::App>,
        source: Source,
        number: u64,
        progress: &Progress,
    ) -> Result<Release, MakeError> {
        let kept = self.kept();
        let folder = kept.folder(number);
        let identity = identity(&self.app, app.user.as_deref()).await;
        let identity =
            identity.map_err(|error| MakeError::Settings(SettingsError::Identity(error)))?;
        let owner = identity.as_ref().map(Owner::of);
        self.begin(&kept, folder.clone(), owner).await?;
        // Not before: were there a release of this number, it would be removed.
        let unfinished = Unfinished::new(kept.clone(), number);
        let folder = folder.canonicalize().unwrap_or(folder);
        let settings = self.settings_for_build(app, number, folder.clone()).await?;
        let making = Making {
            surroundings: &self.surroundings,
            app,
            settings,
            owner,
            kept,
            number,
            folder,
            progress,
        };
        match self.make_in(&making, source).await {
            Ok(()) => {
                unfinished.stays();
                Ok(making.release())
            }
            Err(error) => {
                unfinished.remove().await;
                Err(error)
            }
        }
    }

    /// Makes the empty folder of a release, and removes what accidents left of others.
    async fn begin(
        &self,
        kept: &Kept,
        folder: PathBuf,
        owner: Option<Owner>,
    ) -> Result<(), MakeError> {
        let places = Arc::clone(&self.surroundings.places);
        let (app, kept) = (self.app.clone(), kept.clone());
        off_thread(move |_| {
            let prepared = gate::prepare(&places, &app, owner);
            prepared.map_err(disk("make the folder for releases", places.app(&app)))?;
            kept.clear();
            make_folder(&folder, owner).map_err(disk("make the folder", &folder))
        })
        .await
    }

    async fn make_in(&self, making: &Making<'_>, source: Source) -> Result<(), MakeError> {
        let of = fetch::fetch(making, source).await?;
        let number = making.number;
        let folder = making.folder.clone();
        let settings = self.settings_for_build(making.app, number, folder.clone());
        let settings = settings.await?;
        if let Some(command) = settings.build() {
            making.progress.step(Step::Building);
            making.progress.line(format!("$ {command}"));
            making.build(&settings, command, COMMAND_MAX).await?;
        }
        let (kept, owner, at) = (making.kept.clone(), making.owner, clock::unix_seconds());
        let finished = off_thread(move |cancelled| {
            let prepared = scratch::prepare(&folder, owner).map_err(io::Error::from);
            prepared.map_err(disk("make folders in", &folder))?;
            let sealed = seal::seal(&folder, owner, cancelled);
            let bytes = sealed.map_err(disk("take over", &folder))?;
            carry(&kept, number);
            let record = Record { at, of, bytes };
            let written = kept.keep(number, &record);
            written.map_err(disk("have all of it on the disk of", &folder))
        });
        finished.await
    }

    /// Runs the release command, where there is one: once, before the release starts.
    pub(crate) async fn run_release_command(
        &self,
        app: &Arc<plan::App>,
        release: &Release,
        progress: &Progress,
    ) -> Result<(), MakeError> {
        let places = &self.surroundings.places;
        let settings = Settings::read_for_build(Arc::clone(app), release, places).await;
        let settings = settings.map_err(MakeError::Settings)?;
        let Some(command) = settings.release_command() else {
            return Ok(());
        };
        progress.line(format!("$ {command}"));
        let name = release
            .number
            .map_or("release".to_owned(), |number| format!("{number}-release"));
        let run = Run::Shell(command.to_owned());
        let spec = settings.spec(&self.surroundings, release, &name, run, Work::Serve);
        let on_line = |line: &str| progress.line(line);
        let ended = command::run(&self.surroundings, spec, COMMAND_MAX, on_line).await;
        making::judge("the release command", command, ended)
    }

    /// Removes the oldest releases until at most so many are left. Those of `keep` stay, the one that `current` leads
    /// to, and those that a live process runs in.
    pub(crate) async fn thin_out(&self, keep: &[u64], at_most: u16) {
        let (kept, keep) = (self.kept(), keep.to_owned());
        let thinned = off_thread(move |_| {
            kept.thin_out(&keep, usize::from(at_most));
            Ok::<_, io::Error>(())
        });
        self.log(thinned.await, "old releases were not removed");
    }

    /// Lets the link `current` lead to this release, in one step. What visitors may still ask for of the one that it
    /// led to before stays readable in the new one for a day.
    /// Tells whether it led elsewhere before.
    pub(crate) async fn point_current(&self, release: &Release) -> bool {
        let (kept, release) = (self.kept(), release.clone());
        let pointed = off_thread(move |_| {
            if let Some(number) = release.number {
                carry(&kept, number);
                return kept.point(&Path::new("releases").join(number.to_string()));
            }
            kept.point(&release.folder)
        });
        let pointed = pointed.await;
        let has_moved = matches!(pointed, Ok(true));
        self.log(
            pointed.map(|_| ()),
            "the link `current` does not lead to the release that runs",
        );
        has_moved
    }

    /// All that were made whole and are there, the newest first.
    pub(crate) async fn list(&self) -> Vec<Made> {
        let kept = self.kept();
        let all = off_thread(move |_| Ok::<_, io::Error>(kept.all())).await;
        let all = all.unwrap_or_default().into_iter();
        all.map(|(made, _)| made).collect()
    }

    /// The highest number on disk, also of one that does not count; 0 for none.
    pub(crate) async fn highest(&self) -> u64 {
        let kept = self.kept();
        let highest = off_thread(move |_| Ok::<_, io::Error>(kept.highest())).await;
        highest.unwrap_or_default()
    }

    /// Removes what an accident left of a release. Nothing may be making one.
    pub(crate) async fn clear(&self) {
        let kept = self.kept();
        let cleared = off_thread(move |_| {
            kept.clear();
            Ok::<_, io::Error>(())
        });
        self.log(cleared.await, "half a release was not removed");
    }

    /// The release that the link `current` leads to; `None` when that is none of those that count.
    pub(crate) async fn current(&self) -> Option<Release> {
        let kept = self.kept();
        let current = off_thread(move |_| Ok::<_, io::Error>(kept.current())).await;
        let current = current.ok().flatten()?;
        let made = self.list().await;
        let made = made.into_iter().find(|made| made.number == current)?;
        Some(Release {
            number: Some(made.number),
            folder: made.folder,
        })
    }

    async fn settings_for_build(
        &self,
        app: &Arc<plan::App>,
        number: u64,
        folder: PathBuf,
    ) -> Result<Settings, MakeError> {
        let release = Release {
            number: Some(number),
            folder,
        };
        let places = &self.surroundings.places;
        let settings = Settings::read_for_build(Arc::clone(app), &release, places).await;
        settings.map_err(MakeError::Settings)
    }

    fn kept(&self) -> Kept {
        let places = &self.surroundings.places;
        Kept::new(places.releases(&self.app), places.current(&self.app))
    }

    fn log(&self, outcome: io::Result<()>, failure: &'static str) {
        if let Err(error) = outcome {
            let app = self.app.as_str();
            tracing::warn!(app, %error, "{failure}");
        }
    }
}

/// The empty folder of a release. Whatever the umask is, nobody else gets in while it is made.
fn make_folder(folder: &Path, owner: Option<Owner>) -> io::Result<()> {
    std::fs::create_dir(folder)?;
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o750);
    std::fs::set_permissions(folder, mode)?;
    match owner {
        None => Ok(()),
        Some(owner) => std::os::unix::fs::chown(folder, Some(owner.uid), Some(owner.gid)),
    }
}

/// What visitors may still ask for of the release that `current` leads to comes along. A release without it is better
/// than none.
fn carry(kept: &Kept, number: u64) {
    let Some(current) = kept.current() else {
        return;
    };
    let (old, new) = (kept.shown(current), kept.shown(number));
    if let Err(error) = assets::carry(&old, &new, clock::unix_seconds()) {
        let folder = new.folder.display();
        tracing::warn!(%folder, %error, "files of the release before are not readable any more");
    }
}

#[cfg(test)]
mod tests;
