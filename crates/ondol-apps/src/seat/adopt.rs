//! What an agent before this one has left running: found by the records in the runtime folder.

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ondol_base::process;
use ondol_base::process::Child;
use ondol_base::tasks;
use ondol_model::app::AppName;
use ondol_model::app::InstanceName;
use ondol_model::app::Launch;

use crate::command;
use crate::group::Fate;
use crate::group::Group;
use crate::instance::Before;
use crate::instance::Instance;
use crate::instance::Running;
use crate::instance::Started;
use crate::instance::Stopped;
use crate::log::Attached;
use crate::release::Release;
use crate::settings::Settings;
use crate::surroundings::Surroundings;

use super::Ground;
use super::Seat;
use super::attach;
use super::record::Record;
use super::socket::Socket;

/// Folders that are looked at: launches of an app, and processes of each.
const FOLDERS_MAX: usize = 1_000;

/// A process that an agent before this one has started, and that still runs. What it says goes into the log from now
/// on.
#[derive(Debug)]
pub(crate) struct Adopted {
    /// Its name.
    pub(crate) name: InstanceName,
    /// Its launch.
    pub(crate) launch: Launch,
    /// Its release.
    pub(crate) release: Release,
    /// [`Settings::fingerprint`] of what it was started with.
    pub(crate) fingerprint: String,
    surroundings: Surroundings,
    record: Record,
    folder: PathBuf,
    running: Running,
    attached: Option<Attached>,
}

impl Adopted {
    /// Goes on with it, with these settings from its next start on.
    pub(crate) fn take_up(self, settings: Arc<Settings>) -> (Seat, Instance) {
        let ground = Ground {
            folder: self.folder,
            identity: settings.identity().cloned(),
            visitors_group: self.surroundings.places.visitors_group,
        };
        let (listen, port) = (self.record.listen(), self.record.port);
        let socket = Socket::of_running(listen, port, self.running.pid(), &ground);
        let mut seat = Seat {
            surroundings: self.surroundings,
            launch: self.launch,
            release: self.release,
            name: self.name.clone(),
            ground,
            socket,
            attached: self.attached,
            last: None,
            settings: Arc::clone(&settings),
        };
        let ear = match seat.ready_mark().exists() {
            true => None,
            // Without its word it is asked as others are.
            false => seat.ear(Before::Counts).unwrap_or_default(),
        };
        let instance = Instance::new(Started {
            ear,
            ready_mark: seat.ready_mark(),
            address: seat.address(),
            visitors_group: seat.ground.visitors_group,
            since: self.record.since,
            name: self.name,
            running: self.running,
            settings,
            listen,
        });
        seat.last = Some(instance.clone());
        (seat, instance)
    }

    /// Stops it, and gives its place up: nobody needs it any more.
    pub(crate) async fn stop(self, patience: Duration) -> Stopped {
        let stopped = self.running.stop(patience).await;
        if let Some(attached) = self.attached {
            attached.finish().await;
        }
        clear(self.folder).await;
        stopped
    }
}

/// The processes of an app that an agent before this one has started and that still run. Records of others, and what
/// they left, are removed; commands that were to end some day are ended.
pub(crate) async fn adopt(surroundings: &Surroundings, app: &AppName) -> Vec<Adopted> {
    command::end_left(surroundings, app).await;
    let run = surroundings.places.run(app);
    let found = tasks::spawn_blocking(move || found_in(&run)).await;
    let found = found.unwrap_or_default().into_iter();
    let adopted = found.filter_map(|(folder, record)| adopted(surroundings, folder, record));
    adopted.collect()
}

fn adopted(surroundings: &Surroundings, folder: PathBuf, record: Record) -> Option<Adopted> {
    let (pid, name) = (record.living()?, record.name()?);
    // It may have ended since.
    let child = Child::adopt(pid).ok()?;
    record.living()?;
    let ground = Ground {
        folder: folder.clone(),
        identity: None,
        visitors_group: None,
    };
    let attached = attach(surroundings, &ground, &name, record.launch);
    let attached = attached.inspect_err(|error| {
        tracing::warn!(%error, process = %name, "what a process of an app says is not read");
    });
    Some(Adopted {
        name,
        launch: record.launch,
        release: record.release(),
        fingerprint: record.fingerprint.clone(),
        surroundings: surroundings.clone(),
        running: Running::new(child, Group::adopt(pid), record.manners),
        record,
        folder,
        attached: attached.ok(),
    })
}

/// The records of living processes, with their folders. Clears those of others. Blocks on the disk.
fn found_in(run: &Path) -> Vec<(PathBuf, Record)> {
    let launches = folders(run);
    let all = launches.iter().flat_map(|launch| folders(launch));
    let mut found = Vec::new();
    for folder in all.collect::<Vec<_>>() {
        let record = Record::read(&folder.join("record.json"));
        match record {
            Some(record) if record.living().is_some() && record.name().is_some() => {
                found.push((folder, record));
            }
            Some(record) => {
                sweep(&record);
                report(&folder, remove(&folder));
            }
            None => report(&folder, remove(&folder)),
        }
    }
    for launch in launches {
        let _ = fs::remove_dir(launch); // One with processes in it stays.
    }
    found
}

fn folders(above: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(above).into_iter().flatten().flatten();
    let paths = entries
        .map(|entry| entry.path())
        .filter(|path| path.is_dir());
    paths.take(FOLDERS_MAX).collect()
}

/// Ends what a process has left that has ended while nobody looked.
fn sweep(record: &Record) {
    let (Some(pid), Some((ticks, fate))) = (record.pid, record.fate()) else {
        return;
    };
    if fate == Fate::Ended {
        let _ = process::reap(pid); // Not ours, it is another's to reap.
    }
    if let Some(left) = Group::left_by(pid, ticks) {
        left.kill_now();
    }
}

/// Removes the folder of a process, and what is empty above it.
pub(super) async fn clear(folder: PathBuf) {
    // A panic in there has been logged.
    let _ = tasks::spawn_blocking(move || report(&folder, remove(&folder))).await;
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let launch = folder.parent();
    let app = launch.and_then(Path::parent);
    for above in launch.into_iter().chain(app) {
        let _ = fs::remove_dir(above); // One with others in it stays.
    }
    Ok(())
}

fn report(folder: &Path, removed: io::Result<()>) {
    if let Err(error) = removed {
        let folder = folder.display();
        tracing::warn!(%error, %folder, "a folder of an app's process could not be removed");
    }
}
