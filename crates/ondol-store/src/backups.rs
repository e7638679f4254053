//! Jobs of backups: written down before they begin, and how they ended.

mod catalogue;
mod facts;

use ondol_model::backup::JobKind;
use ondol_model::backup::JobOutcome;
use ondol_model::limits;
use rusqlite::Connection;
use rusqlite::Row;

pub use catalogue::CatalogueEntry;

use crate::store::Handle;
use crate::store::StoreError;

/// The number of a recorded job; later ones have larger numbers, and none is given twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BackupJobId(pub i64);

/// A job that is about to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewBackupJob {
    /// What it does.
    pub kind: JobKind,
    /// At which target, by its name.
    pub target: String,
    /// The backup that it takes; `None` for other kinds.
    pub run: Option<String>,
    /// When, in seconds since the Unix epoch.
    pub at: i64,
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupJobEnd {
    /// How.
    pub outcome: JobOutcome,
    /// How, for people.
    pub message: String,
    /// When, in seconds since the Unix epoch.
    pub at: i64,
    /// What the backup holds that it took, as JSON.
    pub manifest: Option<String>,
    /// The backup that it has shown to be restorable.
    pub proven_run: Option<String>,
}

/// A job as the store has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedBackupJob {
    /// Its number.
    pub id: BackupJobId,
    /// What it does.
    pub kind: JobKind,
    /// At which target.
    pub target: String,
    /// The backup that it takes.
    pub run: Option<String>,
    /// When it began, in seconds since the Unix epoch.
    pub began_at: i64,
    /// How it ended; `None` while it lasts.
    pub ended: Option<BackupJobEnd>,
}

/// Which jobs are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BackupJobsQuestion {
    /// Those at this target; `None` for all.
    pub target: Option<String>,
    /// Those of this kind; `None` for all.
    pub kind: Option<JobKind>,
    /// At most so many, and never more than [`limits::BACKUP_JOBS_PER_ANSWER_MAX`].
    pub limit: u32,
}

impl Handle {
    /// Writes down that a job begins; returns its number when that is on disk. The oldest of more than
    /// [`limits::BACKUP_JOBS_PER_KIND_MAX`] of its kind at its target are forgotten, but never the last good one.
    pub async fn begin_backup_job(&self, new: NewBackupJob) -> Result<BackupJobId, StoreError> {
        self.write_of_backups(move |connection| begin(connection, &new))
            .await
    }

    /// Writes down how a job ended; returns when it is on disk.
    pub async fn end_backup_job(
        &self,
        id: BackupJobId,
        end: BackupJobEnd,
    ) -> Result<(), StoreError> {
        self.write_of_backups(move |connection| self::end(connection, id, &end))
            .await
    }

    /// Writes down that jobs without an end were interrupted, and returns them, the oldest first; for a boot, when
    /// none can be under way.
    pub async fn interrupt_backup_jobs(
        &self,
        at: i64,
    ) -> Result<Vec<RecordedBackupJob>, StoreError> {
        self.write_of_backups(move |connection| interrupt(connection, at))
            .await
    }

    /// The newest jobs, the newest first.
    pub async fn backup_jobs(
        &self,
        question: BackupJobsQuestion,
    ) -> Result<Vec<RecordedBackupJob>, StoreError> {
        self.read_of_backups(move |connection| newest(connection, &question))
            .await
    }

    /// The newest job of each kind at each target, and the newest good one where that is another: the oldest first.
    pub async fn last_backup_jobs(&self) -> Result<Vec<RecordedBackupJob>, StoreError> {
        self.read_of_backups(|connection| last(connection)).await
    }
}

/// How a job ended whose end nobody saw.
const INTERRUPTED: &str = "Ondol or the machine ended before it did.";

const COLUMNS: &str =
    "id, kind, target, run, began_at, ended_at, outcome, message, manifest, proven_run";

fn begin(connection: &mut Connection, new: &NewBackupJob) -> rusqlite::Result<BackupJobId> {
    let NewBackupJob {
        kind,
        target,
        run,
        at,
    } = new;
    let transaction = connection.transaction()?;
    transaction
        .prepare_cached(
            "INSERT INTO backup_jobs (kind, target, run, began_at) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute((kind.word(), target, run, at))?;
    let id = transaction.last_insert_rowid();
    transaction
        .prepare_cached(
            "DELETE FROM backup_jobs WHERE target = ?1 AND kind = ?2 AND id <= (
                SELECT id FROM backup_jobs WHERE target = ?1 AND kind = ?2 ORDER BY id DESC LIMIT 1 OFFSET ?3
             ) AND id IS NOT (
                SELECT max(id) FROM backup_jobs WHERE target = ?1 AND kind = ?2 AND outcome = 'good'
             )",
        )?
        .execute((target, kind.word(), limits::BACKUP_JOBS_PER_KIND_MAX))?;
    transaction.commit()?;
    Ok(BackupJobId(id))
}

fn end(connection: &Connection, id: BackupJobId, end: &BackupJobEnd) -> rusqlite::Result<()> {
    let BackupJobEnd {
        outcome,
        message,
        at,
        manifest,
        proven_run,
    } = end;
    let message = &message[..message.floor_char_boundary(limits::EVENT_TEXT_BYTES_MAX)];
    connection
        .prepare_cached(
            "UPDATE backup_jobs
             SET ended_at = ?2, outcome = ?3, message = ?4, manifest = ?5, proven_run = ?6 WHERE id = ?1",
        )?
        .execute((id.0, at, outcome.word(), message, manifest, proven_run))?;
    Ok(())
}

fn interrupt(connection: &Connection, at: i64) -> rusqlite::Result<Vec<RecordedBackupJob>> {
    let question = format!(
        "UPDATE backup_jobs SET ended_at = ?1, outcome = ?2, message = ?3
         WHERE ended_at IS NULL RETURNING {COLUMNS}"
    );
    let word = JobOutcome::Interrupted.word();
    let mut statement = connection.prepare_cached(&question)?;
    let rows = statement.query_map((at, word, INTERRUPTED), recorded)?;
    let mut jobs = known(rows)?;
    jobs.sort_by_key(|job| job.id);
    Ok(jobs)
}

fn newest(
    connection: &Connection,
    question: &BackupJobsQuestion,
) -> rusqlite::Result<Vec<RecordedBackupJob>> {
    let BackupJobsQuestion {
        target,
        kind,
        limit,
    } = question;
    let question = format!(
        "SELECT {COLUMNS} FROM backup_jobs
         WHERE target = coalesce(?1, target) AND kind = coalesce(?2, kind) ORDER BY id DESC LIMIT ?3"
    );
    let limit = (*limit).min(limits::BACKUP_JOBS_PER_ANSWER_MAX);
    let mut statement = connection.prepare_cached(&question)?;
    known(statement.query_map((target, kind.map(JobKind::word), limit), recorded)?)
}

fn last(connection: &Connection) -> rusqlite::Result<Vec<RecordedBackupJob>> {
    let question = format!(
        "SELECT {COLUMNS} FROM backup_jobs WHERE id IN (
            SELECT max(id) FROM backup_jobs GROUP BY target, kind
            UNION SELECT max(id) FROM backup_jobs WHERE outcome = 'good' GROUP BY target, kind
         ) ORDER BY id"
    );
    let mut statement = connection.prepare_cached(&question)?;
    known(statement.query_map((), recorded)?)
}

/// What a later version wrote and this one has no word for is left out.
fn known<T>(rows: impl Iterator<Item = rusqlite::Result<Option<T>>>) -> rusqlite::Result<Vec<T>> {
    rows.filter_map(Result::transpose).collect()
}

fn recorded(row: &Row<'_>) -> rusqlite::Result<Option<RecordedBackupJob>> {
    let Some(kind) = JobKind::parse(&row.get::<_, String>(1)?) else {
        return Ok(None);
    };
    let ended = match row.get::<_, Option<i64>>(5)? {
        None => None,
        Some(at) => {
            let outcome: Option<String> = row.get(6)?;
            let outcome = outcome.as_deref().and_then(JobOutcome::parse);
            Some(BackupJobEnd {
                outcome: outcome.unwrap_or(JobOutcome::Interrupted),
                message: row.get::<_, Option<String>>(7)?.unwrap_or_default(),
                at,
                manifest: row.get(8)?,
                proven_run: row.get(9)?,
            })
        }
    };
    Ok(Some(RecordedBackupJob {
        id: BackupJobId(row.get(0)?),
        kind,
        target: row.get(2)?,
        run: row.get(3)?,
        began_at: row.get(4)?,
        ended,
    }))
}

#[cfg(test)]
mod tests;
