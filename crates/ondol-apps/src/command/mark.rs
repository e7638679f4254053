//! What the runtime folder says of commands that run, so that an agent after a SIGKILL ends what has no one to work
//! for any more: a build of a deploy that has not happened, a line of cron.

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use ondol_base::clock;
use ondol_base::process;
use ondol_base::process::Child;
use ondol_base::tasks;
use ondol_model::app::AppName;
use rustix::process::Signal;
use serde::Deserialize;

use crate::grounds;
use crate::group;
use crate::group::Fate;
use crate::group::Group;
use crate::spec::Spec;
use crate::surroundings::Surroundings;

/// Beside the folders of launches, which are numbers.
const FOLDER: &str = "commands";
/// Records that are looked at; an app has a few commands at a time.
const RECORDS_MAX: usize = 1_000;

/// The record of a command. It goes when this is dropped.
#[derive(Debug)]
pub(super) struct Mark(PathBuf);

/// What the shim writes into a record.
#[derive(Debug, Deserialize)]
struct Record {
    pid: u32,
    start_ticks: u64,
    boot_id: String,
}

impl Mark {
    /// Has the shim write a record for this command.
    pub(super) fn make(surroundings: &Surroundings, spec: &mut Spec) -> io::Result<Self> {
        let runtime = &surroundings.places.runtime;
        let folder = runtime.join("apps").join(&spec.app).join(FOLDER);
        // Whoever tidies up there may have taken the folder itself.
        ondol_base::file::create_dir_private(runtime)?;
        grounds::way(runtime, &folder).map_err(io::Error::other)?;
        let path = folder.join(format!("{}-{}.json", spec.what, clock::monotonic_us()));
        let value = serde_json::json!({ "what": spec.what });
        spec.record = Some((path.clone(), value));
        Ok(Self(path))
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        // One that was never written is not there; folders with others in them stay.
        let _ = fs::remove_file(&self.0);
        for above in self.0.ancestors().skip(1).take(2) {
            let _ = fs::remove_dir(above);
        }
    }
}

/// Ends all commands of an app that an agent before this one has left running, and returns when they are gone.
pub(crate) async fn end_left(surroundings: &Surroundings, app: &AppName) {
    let folder = surroundings.places.run(app).join(FOLDER);
    let read = tasks::spawn_blocking(move || records(&folder)).await;
    for (path, record) in read.unwrap_or_default() {
        let mark = Mark(path);
        if let Some(record) = record {
            end(record).await;
        }
        drop(mark);
    }
}

async fn end(record: Record) {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    if boot.trim() != record.boot_id {
        return;
    }
    let Record {
        pid, start_ticks, ..
    } = record;
    if group::fate(pid, start_ticks) != Fate::Runs {
        let _ = process::reap(pid); // Not ours, it is another's to reap.
        // What it started may live on without it.
        if let Some(left) = Group::left_by(pid, start_ticks) {
            left.kill().await;
        }
        return;
    }
    let (child, group) = (Child::adopt(pid), Group::adopt(pid));
    // It may have ended since, and its number be another's.
    if group::fate(pid, start_ticks) == Fate::Runs {
        tracing::info!(pid, "a command that an agent before this one left is ended");
        group.kill().await;
        if let Ok(child) = child {
            let _ = child.signal(Signal::KILL); // Gone, where its group was killed.
            let _ = child.ended().await; // Not ours, it is another's to reap.
        }
        group.remove();
    }
}

/// The records with their paths. Blocks on the disk.
fn records(folder: &Path) -> Vec<(PathBuf, Option<Record>)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path()).take(RECORDS_MAX);
    let read = paths.map(|path| {
        let text = fs::read(&path).unwrap_or_default();
        (path, serde_json::from_slice(&text).ok())
    });
    read.collect()
}
