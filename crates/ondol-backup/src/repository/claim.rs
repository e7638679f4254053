//! Whose a repository is: what its newest claim says.

use std::path::PathBuf;
use std::sync::Arc;

use ondol_base::clock;
use rustic_core::repofile::SnapshotFile;
use serde::Deserialize;
use serde::Serialize;

use crate::failure::Failure;
use crate::failure::FailureKind;
use crate::identity::BoxIdentity;
use crate::repository::Kind;
use crate::repository::Repository;
use crate::repository::ToArchive;
use crate::repository::adapter::read_whole;
use crate::repository::seal::Seal;
use crate::repository::texts::Texts;
use crate::target::Folder;
use crate::target::Object;
use crate::target::Target;
use crate::target::TargetError;
use crate::target::Trouble;
use crate::work::ClaimWork;

/// Where the claim is in its snapshot.
const CLAIM_PATH: &str = "/ondol/claim.json";

/// A claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Claim {
    /// One more than that of the claim before it.
    epoch: u64,
    /// Whose the repository is.
    of: BoxIdentity,
    /// Since when, in seconds since the Unix epoch.
    at: i64,
    /// The run that the box was recovered from, and the box that had taken it.
    recovered_from: Option<(String, BoxIdentity)>,
    /// A copy of the configuration of the repository: without that nothing can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    config: Option<String>,
}

/// The copy of the configuration that a claim has, when there is one that this key opens.
pub(super) fn copy_of_config(
    target: &dyn Target,
    seal: &Seal,
) -> Result<Option<String>, TargetError> {
    for (id, _) in target.list(Folder::Snapshots)? {
        let sealed = match read_whole(target, &Object::In(Folder::Snapshots, id)) {
            Ok(sealed) => sealed,
            Err(error) if matches!(error.trouble, Trouble::Wrong | Trouble::Missing) => continue,
            Err(error) => return Err(error),
        };
        let text = seal.open_file(&sealed);
        let file = text.and_then(|text| serde_json::from_slice::<SnapshotFile>(&text).ok());
        let told = file.filter(|file| file.label == Kind::Claim.word());
        let told = told.and_then(|file| file.description);
        let claim = told.and_then(|text| serde_json::from_str::<Claim>(&text).ok());
        if let Some(config) = claim.and_then(|claim| claim.config) {
            return Ok(Some(config));
        }
    }
    Ok(None)
}

impl Repository {
    /// Fails with `Foreign` when it is another box's. One that nobody has claimed is not.
    pub(crate) fn check_claim(&self, of: &BoxIdentity) -> Result<(), Failure> {
        match self.newest_claim()? {
            Some(claim) if claim.of.id != of.id => Err(self.foreign(&claim)),
            _ => Ok(()),
        }
    }

    /// Makes it this box's.
    pub(crate) fn claim(&self, work: &ClaimWork, of: &BoxIdentity) -> Result<(), Failure> {
        let newest = self.newest_claim()?;
        match &newest {
            Some(claim) if claim.of.id == of.id => return Ok(()),
            Some(claim) if !work.take_over => return Err(self.foreign(claim)),
            _ => {}
        }
        let from = work.recovered_from.as_ref();
        let claim = Claim {
            epoch: newest.map_or(0, |claim| claim.epoch).saturating_add(1),
            of: of.clone(),
            at: clock::unix_seconds(),
            recovered_from: from.map(|manifest| (manifest.run.clone(), manifest.of.clone())),
            config: Some(self.config.clone()),
        };
        self.write_claim(&claim)?;
        // Somebody else may have claimed at the same moment.
        self.check_claim(of)
    }

    fn write_claim(&self, claim: &Claim) -> Result<(), Failure> {
        let text = serde_json::to_string(claim).map_err(|error| {
            let what = format!(
                "The claim on {} could not be written: {error}.",
                self.place()
            );
            Failure::new(FailureKind::Internal, what)
        })?;
        let path = PathBuf::from(CLAIM_PATH);
        let what = ToArchive {
            of: &claim.of,
            run: "",
            kind: Kind::Claim,
            at: claim.at,
            roots: std::slice::from_ref(&path),
            on_bytes: Arc::new(|_| ()),
        };
        let written =
            self.archive_with(&what, Some(text.clone()), Texts(vec![(path.clone(), text)]));
        written.map(|_| ())
    }

    /// The claim that counts; of two that were made at once, all boxes choose the same. A damaged one is passed over:
    /// there is one for every change of hands.
    fn newest_claim(&self) -> Result<Option<Claim>, Failure> {
        let snapshots = self.snapshots()?.good.into_iter();
        let claims = snapshots
            .filter(|snapshot| snapshot.kind == Some(Kind::Claim))
            .filter_map(|snapshot| {
                let text = snapshot.file.description.as_deref()?;
                let claim: Claim = serde_json::from_str(text).ok()?;
                Some(((claim.epoch, claim.at, snapshot.id), claim))
            });
        let newest = claims.max_by(|(one, _), (other, _)| one.cmp(other));
        Ok(newest.map(|(_, claim)| claim))
    }

    fn foreign(&self, claim: &Claim) -> Failure {
        let (place, name) = (self.place(), &claim.of.name);
        let since = clock::rfc3339(claim.at);
        Failure::new(
            FailureKind::Foreign,
            format!(
                "The repository at {place} is that of the box {name} since {since}. Nothing was written. Use another \
                 folder, bucket or prefix for this box; if this box is to go on with it, `ondol recover` takes it over."
            ),
        )
    }
}
