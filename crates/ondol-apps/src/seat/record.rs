//! What the folder of a process says of it, for an agent after this one: written by the shim before it becomes the app.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use ondol_model::app::InstanceName;
use ondol_model::app::Launch;
use ondol_model::plan::AppListen;
use serde::Deserialize;
use serde::Serialize;

use crate::group;
use crate::group::Fate;
use crate::instance::Manners;
use crate::release::Release;

/// A record has a few paths.
const BYTES_MAX: u64 = 64 * 1024;

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) launch: Launch,
    /// As [`InstanceName`] is written.
    pub(super) instance: String,
    /// The number of the release; `None` for the app's own folder.
    pub(super) release: Option<u64>,
    pub(super) folder: PathBuf,
    pub(super) fingerprint: String,
    /// How a web process gets its socket; `None` for others.
    pub(super) listen: Option<String>,
    /// Its port, where it has one.
    pub(super) port: Option<u16>,
    /// When it was started, in seconds since the Unix epoch.
    pub(super) since: i64,
    /// How it is ended, and what it may have.
    pub(super) manners: Manners,
    /// These three are the shim's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) pid: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) start_ticks: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) boot_id: Option<String>,
}

impl Record {
    /// The record in a file; `None` when there is none that can be read.
    pub(super) fn read(path: &Path) -> Option<Self> {
        let is_short = fs::metadata(path).ok()?.len() <= BYTES_MAX;
        let text = is_short.then(|| fs::read(path).ok()).flatten()?;
        serde_json::from_slice(&text).ok()
    }

    /// The process, if it is the one that wrote this and still runs.
    pub(super) fn living(&self) -> Option<u32> {
        self.fate().filter(|(_, fate)| *fate == Fate::Runs)?;
        self.pid
    }

    /// What became of the process, with the count at its start; `None` when it is of another run of the machine.
    pub(super) fn fate(&self) -> Option<(u64, Fate)> {
        let (pid, ticks) = (self.pid?, self.start_ticks?);
        (group::boot_id() == self.boot_id).then(|| (ticks, group::fate(pid, ticks)))
    }

    pub(super) fn name(&self) -> Option<InstanceName> {
        InstanceName::parse(&self.instance)
    }

    pub(super) fn release(&self) -> Release {
        Release {
            number: self.release,
            folder: self.folder.clone(),
        }
    }

    pub(super) fn listen(&self) -> Option<AppListen> {
        let word = self.listen.as_deref()?;
        let kinds = [AppListen::Fd, AppListen::Unix, AppListen::Port];
        kinds.into_iter().find(|kind| kind.word() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        Record {
            launch: 12,
            instance: "web.1".to_owned(),
            release: Some(3),
            folder: "/srv/coffee".into(),
            fingerprint: "abc".to_owned(),
            listen: Some("fd".to_owned()),
            port: None,
            since: 1,
            manners: Manners::default(),
            pid: Some(std::process::id()),
            start_ticks: group::start_ticks(std::process::id()),
            boot_id: group::boot_id(),
        }
    }

    #[test]
    fn only_the_process_that_is_meant_is_found() {
        assert_eq!(record().living(), Some(std::process::id()));
        let others = [
            Record {
                pid: None,
                ..record()
            },
            Record {
                start_ticks: Some(1),
                ..record()
            },
            Record {
                start_ticks: None,
                ..record()
            },
            Record {
                boot_id: Some("x".to_owned()),
                ..record()
            },
            Record {
                pid: Some(4_194_305),
                start_ticks: None,
                ..record()
            },
        ];
        for other in others {
            assert_eq!(other.living(), None, "{other:?}");
        }
    }

    #[test]
    fn a_record_is_read_as_it_was_written_and_a_broken_one_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("record.json");
        assert_eq!(Record::read(&path), None);
        let bytes = serde_json::to_vec(&record()).unwrap();
        ondol_base::file::replace(&path, &bytes, 0o600).unwrap();
        assert_eq!(Record::read(&path), Some(record()));
        assert_eq!(record().listen(), Some(AppListen::Fd));
        ondol_base::file::replace(&path, b"{", 0o600).unwrap();
        assert_eq!(Record::read(&path), None);
    }
}
