//! What the store remembers of a target, as decisions need it.

use std::collections::BTreeMap;

use ondol_base::clock;
use ondol_model::backup::GateFacts;
use ondol_model::backup::JobKind;
use ondol_model::backup::JobOutcome;
use ondol_model::backup::Last;
use ondol_model::backup::Proof;
use ondol_model::backup::Proven;
use ondol_model::backup::Size;
use ondol_model::backup::has_shrunk;
use ondol_model::backup::proven;
use ondol_model::plan::BackupTarget;
use ondol_store::BackupJobsQuestion;
use ondol_store::CatalogueEntry;
use ondol_store::RecordedBackupJob;
use ondol_store::StoreError;

use crate::manifest::Manifest;

/// So many jobs of each kind are looked at: as many as may fail in a row before it makes no difference any more.
const JOBS_OF_A_KIND: u32 = 10;

/// What is remembered of a target.
#[derive(Debug, Clone, Default)]
pub(crate) struct Memory {
    /// The newest jobs of each kind, the newest first.
    pub(crate) jobs: BTreeMap<JobKind, Vec<RecordedBackupJob>>,
    /// Which backups there are, the newest first.
    pub(crate) catalogue: Vec<CatalogueEntry>,
    /// What the repository is known by.
    pub(crate) repository: Option<String>,
    /// The file system of a local one.
    pub(crate) file_system: Option<String>,
    /// The share of the packs that was read back last.
    pub(crate) share: u16,
    /// Packs that a check has found to be damaged or missing, by their ids.
    pub(crate) damaged: Vec<String>,
}

/// The name of a fact about a target: one that was moved elsewhere is another.
pub(crate) fn fact(what: &str, target: &BackupTarget) -> String {
    format!("{what}:{}@{}", target.name, place(target))
}

/// Where a target is, for people and for [`fact`].
pub(crate) fn place(target: &BackupTarget) -> String {
    use ondol_model::plan::Storage;
    match &target.storage {
        Storage::Local(path) => path.display().to_string(),
        Storage::S3(s3) if s3.prefix.is_empty() => format!("{}/{}", s3.endpoint, s3.bucket),
        Storage::S3(s3) => format!("{}/{}/{}", s3.endpoint, s3.bucket, s3.prefix),
        Storage::Rest(rest) => rest.url.clone(),
        Storage::Sftp(sftp) => {
            let user = sftp.user.as_ref().map(|user| format!("{user}@"));
            format!("{}{}:{}", user.unwrap_or_default(), sftp.host, sftp.path)
        }
    }
}

impl Memory {
    /// Reads what is remembered.
    pub(crate) async fn read(
        store: &ondol_store::Handle,
        target: &BackupTarget,
    ) -> Result<Self, StoreError> {
        let mut jobs = BTreeMap::new();
        for kind in JobKind::ALL {
            let question = BackupJobsQuestion {
                target: Some(target.name.as_str().to_owned()),
                kind: Some(kind),
                limit: JOBS_OF_A_KIND,
            };
            jobs.insert(kind, store.backup_jobs(question).await?);
        }
        let mut catalogue = store.catalogue(target.name.as_str()).await?;
        catalogue.sort_by(|one, other| other.run.cmp(&one.run));
        let share = store.backup_fact(&fact("share", target)).await?;
        let damaged = store.backup_fact(&fact("damaged", target)).await?;
        Ok(Self {
            jobs,
            catalogue,
            repository: store.backup_fact(&fact("repository", target)).await?,
            // One that is empty is not known: a box that was recovered has other disks.
            file_system: store
                .backup_fact(&fact("file-system", target))
                .await?
                .filter(|file_system| !file_system.is_empty()),
            share: share.and_then(|share| share.parse().ok()).unwrap_or(0),
            damaged: damaged
                .unwrap_or_default()
                .split_whitespace()
                .map(str::to_owned)
                .collect(),
        })
    }

    /// The last job of a kind, as far as it decides when the next is due. Of the databases, one that was saved with
    /// everything counts too.
    pub(crate) fn last(&self, kind: JobKind) -> Option<Last> {
        let own = self.last_of(kind);
        if kind != JobKind::Databases {
            return own;
        }
        let both = [own, self.last_of(JobKind::Full)].into_iter().flatten();
        both.max_by_key(|last| last.began_at)
    }

    fn last_of(&self, kind: JobKind) -> Option<Last> {
        let jobs = self.jobs.get(&kind)?;
        let newest = jobs.first()?;
        let outcome = |job: &RecordedBackupJob| job.ended.as_ref().map(|end| end.outcome);
        let failures = jobs
            .iter()
            .take_while(|job| outcome(job) == Some(JobOutcome::Failed))
            .count();
        Some(Last {
            began_at: newest.began_at,
            ended_at: newest.ended.as_ref().map(|end| end.at),
            outcome: outcome(newest),
            failures: u32::try_from(failures).unwrap_or(u32::MAX),
        })
    }

    /// Whether the last check has found damages.
    pub(crate) fn has_failed_check(&self) -> bool {
        let last = self.last_of(JobKind::Check);
        last.is_some_and(|last| last.outcome == Some(JobOutcome::Failed))
    }

    /// The last job of a kind that began at this moment or later.
    pub(crate) fn last_since(&self, kind: JobKind, moment: i64) -> Option<Last> {
        self.last_of(kind).filter(|last| last.began_at >= moment)
    }

    /// What a failed check asks for: one repair, then a backup that saves anew what is missing, then another check;
    /// each since when. A check that fails after all that asks for nothing.
    pub(crate) fn cure(&self) -> Option<(JobKind, i64)> {
        let newest = |kind, wanted: &[JobOutcome]| {
            let mut ended = self.jobs.get(&kind)?.iter().filter_map(|job| {
                let end = job.ended.as_ref()?;
                wanted
                    .contains(&end.outcome)
                    .then_some((job.began_at, end.at))
            });
            ended.next()
        };
        let failed = newest(JobKind::Check, &[JobOutcome::Failed])?;
        let good = newest(JobKind::Check, &[JobOutcome::Good]).map_or(0, |(_, ended_at)| ended_at);
        if good > failed.1 {
            return None;
        }
        let repaired = newest(JobKind::Repair, &[JobOutcome::Good]);
        let Some((_, repaired)) = repaired.filter(|(began_at, _)| *began_at >= good) else {
            return Some((JobKind::Repair, good));
        };
        let taken = newest(JobKind::Full, &[JobOutcome::Good, JobOutcome::Partial]);
        let Some((_, taken)) = taken.filter(|(began_at, _)| *began_at >= repaired) else {
            return Some((JobKind::Full, repaired));
        };
        (failed.0 < taken).then_some((JobKind::Check, taken))
    }

    /// The newest good backup of a kind.
    pub(crate) fn newest_good(&self, kind: JobKind) -> Option<&CatalogueEntry> {
        let mut good = self
            .catalogue
            .iter()
            .filter(|entry| entry.is_good && entry.kind == kind);
        good.next()
    }

    /// What is proven.
    pub(crate) fn proven(&self) -> Proven {
        let jobs = self.jobs.iter().filter(|(kind, _)| kind.proves());
        let jobs = jobs.flat_map(|(_, jobs)| jobs);
        let proofs = jobs.filter_map(|job| {
            let end = job.ended.as_ref()?;
            Some(Proof {
                kind: job.kind,
                outcome: end.outcome,
                at: end.at,
                as_of: end.proven_run.as_deref().and_then(moment_of),
                message: end.message.clone(),
            })
        });
        proven(&proofs.collect::<Vec<_>>())
    }

    /// The newest run that was shown to be restorable.
    pub(crate) fn proven_run(&self) -> Option<&str> {
        let jobs = self.jobs.values().flatten();
        jobs.filter_map(|job| job.ended.as_ref()?.proven_run.as_deref())
            .max()
    }

    /// What decides whether anything may be removed.
    pub(crate) fn gate(&self, target: &BackupTarget) -> GateFacts {
        let outcome = |kind| Some(self.last_of(kind)?.outcome);
        GateFacts {
            is_append_only: target.append_only,
            has_failed_proof: self.proven().failed.is_some(),
            is_checked: outcome(JobKind::Check) == Some(Some(JobOutcome::Good)),
            has_shrunk: self.has_shrunk(),
        }
    }

    /// Whether the newest backup of everything holds so much less than the one before that something may be missing.
    pub(crate) fn has_shrunk(&self) -> bool {
        let full = self
            .catalogue
            .iter()
            .filter(|entry| entry.kind == JobKind::Full);
        let mut sizes = full.filter_map(|entry| manifest(entry).map(|manifest| size(&manifest)));
        match (sizes.next(), sizes.next()) {
            (Some(now), Some(before)) => has_shrunk(before, now),
            _ => false,
        }
    }
}

/// The manifest of a backup, as the catalogue has it.
pub(crate) fn manifest(entry: &CatalogueEntry) -> Option<Manifest> {
    serde_json::from_str(&entry.manifest).ok()
}

/// How much is in a backup.
pub(crate) fn size(manifest: &Manifest) -> Size {
    let parts = manifest.parts.iter();
    Size {
        items: parts.clone().map(|part| part.files).sum(),
        bytes: parts.map(|part| part.bytes).sum(),
    }
}

/// The name of a run that begins now.
pub(crate) fn name_run(unix_seconds: i64, random: u32) -> String {
    let digits = clock::rfc3339(unix_seconds).replace(['-', ':'], "");
    format!("{digits}-{:06x}", random & 0xff_ffff)
}

/// When a run began, by its name.
pub(crate) fn moment_of(run: &str) -> Option<i64> {
    let digits = run.split('-').next()?;
    let piece = |from: usize, to: usize| digits.get(from..to);
    let text = format!(
        "{}-{}-{}T{}:{}:{}Z",
        piece(0, 4)?,
        piece(4, 6)?,
        piece(6, 8)?,
        piece(9, 11)?,
        piece(11, 13)?,
        piece(13, 15)?
    );
    clock::parse_rfc3339(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_run_tells_when_it_began_and_sorts_so() {
        let (early, late) = (
            name_run(1_795_000_000, 0x1234_5678),
            name_run(1_795_000_001, 0),
        );
        assert_eq!(early, "20261118T110640Z-345678");
        assert!(early < late);
        assert_eq!(moment_of(&early), Some(1_795_000_000));
        assert_eq!(moment_of("yesterday"), None);
    }
}
