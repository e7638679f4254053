//! Runs of cron lines of apps: when they were due, and how they ended.

use ondol_model::app::AppName;
use ondol_model::app::CronOutcome;
use ondol_model::limits;
use rusqlite::Connection;
use rusqlite::Row;

use crate::store::Handle;
use crate::store::StoreError;

/// The number of a recorded run; later ones have larger numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CronRunId(pub i64);

/// A run that begins, or is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCronRun {
    /// The app.
    pub app: AppName,
    /// Which line: when and what, as one text.
    pub line: String,
    /// When it was due, in seconds since the Unix epoch.
    pub due_at: i64,
    /// When it begins; `None` when it is left out.
    pub began_at: Option<i64>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronRunEnd {
    /// How.
    pub outcome: CronOutcome,
    /// How, for people.
    pub message: String,
    /// When, in seconds since the Unix epoch.
    pub at: i64,
}

/// A run as the store has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedCronRun {
    /// Its number.
    pub id: CronRunId,
    /// The run.
    pub run: NewCronRun,
    /// How it ended; `None` while it lasts, or when the agent ended before it did.
    pub ended: Option<CronRunEnd>,
}

impl Handle {
    /// Writes down that a run begins, or is left out; returns when it is on disk. The oldest of more than
    /// [`limits::CRON_RUNS_PER_APP_MAX`] of the app are forgotten, but never the last of a line.
    pub async fn begin_cron_run(&self, run: NewCronRun) -> Result<CronRunId, StoreError> {
        self.write_of_app(move |connection| begin(connection, &run))
            .await
    }

    /// Writes down how a run ended; returns when it is on disk.
    pub async fn end_cron_run(&self, id: CronRunId, end: CronRunEnd) -> Result<(), StoreError> {
        self.write_of_app(move |connection| self::end(connection, id, &end))
            .await
    }

    /// The newest runs of an app, the newest first: at most `limit` of them, and never more than
    /// [`limits::LAUNCHES_PER_ANSWER_MAX`].
    pub async fn cron_runs(
        &self,
        app: AppName,
        limit: u32,
    ) -> Result<Vec<RecordedCronRun>, StoreError> {
        self.read_of_app(move |connection| newest(connection, &app, limit))
            .await
    }

    /// The last run of each line of an app.
    pub async fn last_cron_runs(&self, app: AppName) -> Result<Vec<RecordedCronRun>, StoreError> {
        self.read_of_app(move |connection| last(connection, &app))
            .await
    }
}

fn begin(connection: &mut Connection, run: &NewCronRun) -> rusqlite::Result<CronRunId> {
    let NewCronRun {
        app,
        line,
        due_at,
        began_at,
    } = run;
    let transaction = connection.transaction()?;
    transaction
        .prepare_cached(
            "INSERT INTO cron_runs (app, line, due_at, began_at) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute((app.as_str(), line, due_at, began_at))?;
    let id = transaction.last_insert_rowid();
    transaction
        .prepare_cached(
            "DELETE FROM cron_runs WHERE app = ?1 AND id <= (
                SELECT id FROM cron_runs WHERE app = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2
             ) AND id NOT IN (SELECT max(id) FROM cron_runs WHERE app = ?1 GROUP BY line)",
        )?
        .execute((app.as_str(), limits::CRON_RUNS_PER_APP_MAX))?;
    transaction.commit()?;
    Ok(CronRunId(id))
}

fn end(connection: &Connection, id: CronRunId, end: &CronRunEnd) -> rusqlite::Result<()> {
    let CronRunEnd {
        outcome,
        message,
        at,
    } = end;
    let message = &message[..message.floor_char_boundary(limits::EVENT_TEXT_BYTES_MAX)];
    connection
        .prepare_cached(
            "UPDATE cron_runs SET ended_at = ?2, outcome = ?3, message = ?4 WHERE id = ?1",
        )?
        .execute((id.0, at, outcome.word(), message))?;
    Ok(())
}

const COLUMNS: &str = "id, app, line, due_at, began_at, ended_at, outcome, message";

fn newest(
    connection: &Connection,
    app: &AppName,
    limit: u32,
) -> rusqlite::Result<Vec<RecordedCronRun>> {
    let question =
        format!("SELECT {COLUMNS} FROM cron_runs WHERE app = ?1 ORDER BY id DESC LIMIT ?2");
    let limit = limit.min(limits::LAUNCHES_PER_ANSWER_MAX);
    let mut statement = connection.prepare_cached(&question)?;
    let rows = statement.query_map((app.as_str(), limit), recorded)?;
    rows.filter_map(Result::transpose).collect()
}

fn last(connection: &Connection, app: &AppName) -> rusqlite::Result<Vec<RecordedCronRun>> {
    let question = format!(
        "SELECT {COLUMNS} FROM cron_runs
         WHERE id IN (SELECT max(id) FROM cron_runs WHERE app = ?1 GROUP BY line) ORDER BY id"
    );
    let mut statement = connection.prepare_cached(&question)?;
    let rows = statement.query_map([app.as_str()], recorded)?;
    rows.filter_map(Result::transpose).collect()
}

fn recorded(row: &Row<'_>) -> rusqlite::Result<Option<RecordedCronRun>> {
    let Ok(app) = AppName::parse(&row.get::<_, String>(1)?) else {
        return Ok(None);
    };
    let ended = match row.get::<_, Option<i64>>(5)? {
        None => None,
        Some(at) => {
            let outcome: Option<String> = row.get(6)?;
            let outcome = outcome.as_deref().and_then(CronOutcome::parse);
            Some(CronRunEnd {
                outcome: outcome.unwrap_or(CronOutcome::Interrupted),
                message: row.get::<_, Option<String>>(7)?.unwrap_or_default(),
                at,
            })
        }
    };
    Ok(Some(RecordedCronRun {
        id: CronRunId(row.get(0)?),
        run: NewCronRun {
            app,
            line: row.get(2)?,
            due_at: row.get(3)?,
            began_at: row.get(4)?,
        },
        ended,
    }))
}

#[cfg(test)]
mod tests;
