//! How much room there is on the disks that the box needs: for its own state and logs, its sites and apps, and the
//! backups that it keeps on disks of its own.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use ondol_base::clock;
use ondol_base::tasks;
use ondol_model::Plan;
use ondol_model::plan::Storage;
use ondol_model::watch::Finding;
use ondol_model::watch::Observation;
use ondol_model::watch::Subject;
use ondol_model::watch::What;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::machine::Machine;
use crate::places::Places;

mod forecast;
mod mounts;
mod room;

use mounts::Mount;
use room::Room;
use room::RoomWatch;

/// A disk that is just spinning up, or a folder of another machine, answers within this time.
const LIMIT: Duration = Duration::from_secs(10);
/// Disks that are looked at.
const DISKS_MAX: usize = 64;
/// Folders that every box needs, whatever else is on them.
const ALWAYS: [&str; 2] = ["/", "/var"];

/// Looks at disks, and remembers how each was.
#[derive(Debug, Default)]
pub(super) struct DisksWatch {
    disks: BTreeMap<String, Disk>,
}

#[derive(Debug, Default)]
struct Disk {
    room: RoomWatch,
    /// A question that was not answered in time, and is not asked again before.
    hanging: Option<JoinHandle<rustix::io::Result<Room>>>,
}

/// A folder that the box needs.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Needed {
    folder: PathBuf,
    /// Whether it is of no use when nothing can be written there.
    is_written: bool,
}

impl DisksWatch {
    /// Looks once.
    pub(super) async fn look(
        &mut self,
        machine: &Machine,
        places: &Places,
        plan: &Plan,
    ) -> Vec<Observation> {
        let mounts = machine.read(mounts::mounts).await.unwrap_or_default();
        let mut disks: BTreeMap<String, (&Mount, bool)> = BTreeMap::new();
        for Needed { folder, is_written } in needed(places, plan) {
            if let Some(mount) = mounts::mount_of(&mounts, &folder) {
                let (_, is_one_written) =
                    disks.entry(mount.folder.clone()).or_insert((mount, false));
                *is_one_written |= is_written;
            }
        }
        self.disks.retain(|name, _| disks.contains_key(name));
        let mut seen = Vec::new();
        for (name, (mount, is_written)) in disks.into_iter().take(DISKS_MAX) {
            let disk = self.disks.entry(name.clone()).or_default();
            let folder = machine.path(&mount.folder);
            seen.push(
                disk.look(name, folder, mount.is_read_only && is_written, plan)
                    .await,
            );
        }
        seen
    }
}

impl Disk {
    async fn look(
        &mut self,
        name: String,
        folder: PathBuf,
        is_shut: bool,
        plan: &Plan,
    ) -> Observation {
        let subject = Subject::Disk(name);
        let broken = |detail: String| {
            let broken = Finding::saying(What::DiskReadOnly, detail);
            Observation::fail(subject.clone(), broken)
        };
        if is_shut {
            return broken("it is mounted read-only".to_owned()).certain();
        }
        match self.measure(folder).await {
            Ok(room) => {
                let now = clock::now();
                self.room
                    .judge(subject, room, &plan.care.watch, now, clock::unix_seconds())
            }
            Err(detail) => broken(detail),
        }
    }

    async fn measure(&mut self, folder: PathBuf) -> Result<Room, String> {
        let mut question = match self.hanging.take() {
            Some(hanging) => hanging,
            None => tasks::spawn_blocking(move || rustix::fs::statvfs(&folder).map(Room::from)),
        };
        match timeout(LIMIT, &mut question).await {
            Ok(Ok(Ok(room))) => Ok(room),
            Ok(Ok(Err(error))) => Err(error.to_string()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => {
                self.hanging = Some(question);
                Err(format!("it did not answer within {} s", LIMIT.as_secs()))
            }
        }
    }
}

/// The folders that the box needs, by the plan.
fn needed(places: &Places, plan: &Plan) -> Vec<Needed> {
    let written = |folder: &Path| Needed {
        folder: folder.to_owned(),
        is_written: true,
    };
    let read = |folder: &Path| Needed {
        folder: folder.to_owned(),
        is_written: false,
    };
    let mut needed: Vec<_> = ALWAYS.map(Path::new).into_iter().map(read).collect();
    needed.extend([&places.state, &places.logs].map(|folder| written(folder)));
    for site in &plan.sites {
        needed.extend(site.folders().map(read));
    }
    for app in &plan.apps {
        needed.extend(app.dir.as_deref().map(read));
        needed.extend(app.write.iter().map(|folder| written(folder)));
    }
    for target in &plan.backup.to {
        if let Storage::Local(folder) = &target.storage {
            needed.push(written(folder));
        }
    }
    needed
}

#[cfg(test)]
mod tests {
    use ondol_model::watch::State;

    use super::super::machine::tests::machine;
    use super::super::sample;
    use super::*;

    fn places(folder: &str) -> Places {
        Places {
            configuration: "/etc/ondol/ondol.toml".into(),
            state: folder.into(),
            runtime: "/run/ondol".into(),
            logs: folder.into(),
        }
    }

    #[tokio::test]
    async fn each_disk_is_looked_at_once_and_a_read_only_one_is_told_where_ondol_writes() {
        let mounts = "\
            22 1 8:1 / / ro,relatime - ext4 /dev/sda1 ro\n\
            23 22 8:2 / /srv rw,relatime - ext4 /dev/sdb1 ro,errors=remount-ro\n";
        let (_folder, machine) = machine(&[("/proc/self/mountinfo", mounts), ("/srv/ondol/x", "")]);
        let plan = sample::plan(Vec::new());
        let mut watch = DisksWatch::default();
        let mut look = async || {
            let seen = watch.look(&machine, &places("/srv/ondol"), &plan).await;
            let of = |seen: Observation| {
                let what = seen.finding.map(|finding| finding.what);
                (seen.subject, what == Some(What::DiskReadOnly))
            };
            seen.into_iter().map(of).collect::<Vec<_>>()
        };
        let disk = |name: &str| Subject::Disk(name.to_owned());
        let expected = [(disk("/"), false), (disk("/srv"), true)];
        assert_eq!(look().await, expected);
    }

    #[tokio::test]
    async fn a_disk_that_hangs_is_asked_once_and_well_when_it_is_back() {
        let folder = tempfile::tempdir().unwrap();
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let there = folder.path().to_owned();
        let hanging = tasks::spawn_blocking(move || {
            let _ = wait.recv();
            rustix::fs::statvfs(&there).map(Room::from)
        });
        let mut disk = Disk {
            hanging: Some(hanging),
            ..Disk::default()
        };
        let nowhere = PathBuf::from("/nowhere");
        tokio::time::pause();
        // The clock stands still by itself while something blocks.
        let (measured, ()) = tokio::join!(
            disk.measure(nowhere.clone()),
            tokio::time::advance(LIMIT + Duration::from_secs(1))
        );
        assert_eq!(measured.unwrap_err(), "it did not answer within 10 s");
        tokio::time::resume();
        go.send(()).unwrap();
        assert!(disk.measure(nowhere.clone()).await.is_ok());
        assert!(disk.measure(nowhere).await.is_err());
    }

    #[tokio::test]
    async fn a_disk_has_room_by_its_numbers() {
        let folder = tempfile::tempdir().unwrap();
        let mut disk = Disk::default();
        let plan = sample::plan(Vec::new());
        let name = "/srv".to_owned();
        let there = folder.path().to_owned();
        let seen = disk.look(name, there, false, &plan).await;
        assert_ne!(seen.state, State::Unknown);
        let names: Vec<_> = seen.values.iter().map(|(name, _)| *name).collect();
        assert!(names.starts_with(&["disk_size_bytes", "disk_free_bytes"]));
    }
}
