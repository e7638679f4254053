//! What snapshots there are, and what they are of.

use std::sync::PoisonError;

use ondol_model::backup::Part;
use rustic_core::Id;
use rustic_core::repofile::SnapshotFile;

use crate::failure::Failure;
use crate::parallel;
use crate::repository::Repository;
use crate::repository::adapter::read_whole;
use crate::repository::trouble::of_target;
use crate::target::Folder;
use crate::target::Object;
use crate::target::TargetError;
use crate::target::Trouble;

/// How many are read at once: each waits for the line most of the time.
const AT_ONCE: usize = 8;

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
        let failed = |error: TargetError| of_target(&self.place(), &error);
        let listed = self.target.list(Folder::Snapshots).map_err(failed)?;
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let new: Vec<_> = listed
            .iter()
            .filter(|(id, _)| !read.contains_key(id))
            .map(|(id, _)| id.clone())
            .collect();
        let mut damaged = Vec::new();
        let files = parallel::each(&new, AT_ONCE, |id| self.read_snapshot(id));
        for (id, file) in new.into_iter().zip(files) {
            match file.map_err(failed)? {
                Ok(file) => drop(read.insert(id, file)),
                Err(why) => damaged.push((id, why)),
            }
        }
        let there = listed.iter().filter_map(|(id, _)| read.get(id));
        let mut good: Vec<_> = there.cloned().map(Snapshot::of).collect();
        good.sort_by(|one, other| (one.at(), &one.id).cmp(&(other.at(), &other.id)));
        Ok(Snapshots { good, damaged })
    }

    /// What a snapshot says, or why it can't be read.
    fn read_snapshot(&self, id: &str) -> Result<Result<SnapshotFile, String>, TargetError> {
        let object = Object::In(Folder::Snapshots, id.to_owned());
        let sealed = match read_whole(&*self.target, &object) {
            Ok(sealed) => sealed,
            Err(error) if matches!(error.trouble, Trouble::Wrong | Trouble::Missing) => {
                return Ok(Err(error.what));
            }
            Err(error) => return Err(error),
        };
        let text = self.seal.open_file(&sealed);
        let file = text.and_then(|text| serde_json::from_slice::<SnapshotFile>(&text).ok());
        let named = file.zip(id.parse().ok()).map(|(mut file, id): (_, Id)| {
            file.id = id.into();
            file
        });
        Ok(named.ok_or_else(|| format!("`{}` is damaged", object.path())))
    }
}
