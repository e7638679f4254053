//! One release while it is made: what all steps need, and its commands.

use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ondol_base::tasks;
use ondol_model::app::room;
use ondol_model::app::room::Files;
use ondol_model::app::room::Room;
use ondol_model::plan;
use tokio::runtime::Handle;

use super::error::MakeError;
use super::error::disk;
use super::kept::Kept;
use super::work::Owner;
use super::work::off_thread;
use crate::command;
use crate::places::Places;
use crate::progress::Progress;
use crate::release::Release;
use crate::settings::Settings;
use crate::settings::Work;
use crate::spec::Run;
use crate::surroundings::Surroundings;

/// How often the disk is looked at while a command may fill it.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// One release while it is made.
#[derive(Debug)]
pub(super) struct Making<'a> {
    pub(super) surroundings: &'a Surroundings,
    pub(super) app: &'a Arc<plan::App>,
    /// What commands run with as long as the files are not there.
    pub(super) settings: Settings,
    /// Whose the files are until they are sealed; `None` where they are the agent's.
    pub(super) owner: Option<Owner>,
    pub(super) kept: Kept,
    pub(super) number: u64,
    pub(super) folder: PathBuf,
    pub(super) progress: &'a Progress,
}

/// The folder of a release that is not finished. When this is dropped, the folder is removed.
#[derive(Debug)]
pub(super) struct Unfinished {
    kept: Kept,
    number: Option<u64>,
}

impl Making<'_> {
    pub(super) fn places(&self) -> &Places {
        &self.surroundings.places
    }

    /// Where the app's own repository is, if there is one.
    pub(super) fn kept_repository(&self) -> PathBuf {
        self.places().repository(&self.app.name)
    }

    /// Where a version of git lies before it is unpacked.
    pub(super) fn archive(&self) -> PathBuf {
        self.kept.archive(self.number)
    }

    pub(super) fn release(&self) -> Release {
        Release {
            number: Some(self.number),
            folder: self.folder.clone(),
        }
    }

    /// Refuses to begin what the disk has no room for.
    pub(super) async fn check_room(&self, files: Option<Files>) -> Result<(), MakeError> {
        let (kept, path) = (self.kept.clone(), self.folder.clone());
        off_thread(move |_| {
            let before = kept.all().first().map(|(_, bytes)| *bytes);
            let room = room_at(&path).map_err(disk("ask for the room at", &path))?;
            let fits = room.fits(room::expected(files, before));
            fits.map_err(|short| MakeError::Room { path, short })
        })
        .await
    }

    /// Runs a command in the folder of the release as the app would, but that it may write there. It has these
    /// descriptors as 3 and up, and may read these paths besides.
    pub(super) async fn run(
        &self,
        what: &'static str,
        command: &str,
        run: Run,
        descriptors: Vec<OwnedFd>,
        read: &[PathBuf],
        limit: Duration,
    ) -> Result<(), MakeError> {
        self.run_with(&self.settings, what, command, run, descriptors, read, limit)
            .await
    }

    /// Runs the build command.
    pub(super) async fn build(
        &self,
        settings: &Settings,
        command: &str,
        limit: Duration,
    ) -> Result<(), MakeError> {
        let run = Run::Shell(command.to_owned());
        let what = "the build command";
        self.run_with(settings, what, command, run, Vec::new(), &[], limit)
            .await
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "each is another part of the one command"
    )]
    async fn run_with(
        &self,
        settings: &Settings,
        what: &'static str,
        command: &str,
        run: Run,
        descriptors: Vec<OwnedFd>,
        read: &[PathBuf],
        limit: Duration,
    ) -> Result<(), MakeError> {
        let name = format!("{}-build", self.number);
        let release = self.release();
        let mut spec = settings.spec(self.surroundings, &release, &name, run, Work::Build);
        if let Some(reach) = &mut spec.reach {
            reach.read.extend_from_slice(read);
        }
        spec.sockets = vec!["file".to_owned(); descriptors.len()];
        let on_line = |line: &str| self.progress.line(line);
        let run = command::run_with(self.surroundings, spec, descriptors, limit, on_line);
        let ended = tokio::select! {
            ended = run => ended,
            free = self.filled() => {
                let path = self.folder.clone();
                return Err(MakeError::Full { what, path, free: free? });
            }
        };
        judge(what, command, ended)
    }

    /// Returns what is free as soon as what is kept for others is being used up.
    async fn filled(&self) -> Result<u64, MakeError> {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let path = self.folder.clone();
            let room =
                off_thread(move |_| room_at(&path).map_err(disk("ask for the room at", &path)));
            let room = room.await?;
            if room.is_used_up() {
                return Ok(room.free);
            }
        }
    }
}

/// Whether a command did what it should.
pub(super) fn judge(
    what: &'static str,
    command: &str,
    ended: Result<command::CommandEnded, command::CommandError>,
) -> Result<(), MakeError> {
    let command = command.to_owned();
    let ended = match ended {
        Ok(ended) => ended,
        Err(source) => {
            return Err(MakeError::Command {
                what,
                command,
                source,
            });
        }
    };
    match ended.status.success() {
        true => Ok(()),
        false => Err(MakeError::Failed {
            what,
            command,
            status: ended.status,
            last: ended.last,
        }),
    }
}

fn room_at(path: &std::path::Path) -> io::Result<Room> {
    let found = rustix::fs::statvfs(path)?;
    Ok(Room {
        free: found.f_bavail.saturating_mul(found.f_frsize),
        total: found.f_blocks.saturating_mul(found.f_frsize),
    })
}

impl Unfinished {
    pub(super) fn new(kept: Kept, number: u64) -> Self {
        let number = Some(number);
        Self { kept, number }
    }

    /// It is finished, and stays.
    pub(super) fn stays(mut self) {
        self.number = None;
    }

    /// Removes it, and returns when that is done.
    pub(super) async fn remove(mut self) {
        let Some(number) = self.number.take() else {
            return;
        };
        let kept = self.kept.clone();
        let removed = off_thread(move |_| {
            kept.remove(number);
            Ok::<_, io::Error>(())
        });
        if let Err(error) = removed.await {
            tracing::warn!(%error, "what is left of a release was not removed");
        }
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        let Some(number) = self.number else {
            return;
        };
        // Without a runtime, it is removed before the next release is made.
        if Handle::try_current().is_ok() {
            let kept = self.kept.clone();
            drop(tasks::spawn_blocking(move || kept.remove(number)));
        }
    }
}
