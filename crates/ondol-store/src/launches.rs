//! Launches of apps: written down before they begin, and how they ended; and what else is known of an app.

use ondol_model::app::AppName;
use ondol_model::app::Launch;
use ondol_model::app::LaunchKind;
use ondol_model::app::LaunchOutcome;
use ondol_model::limits;
use rusqlite::Connection;
use rusqlite::OptionalExtension;
use rusqlite::Row;

use crate::store::Handle;
use crate::store::StoreError;

/// A launch that is about to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLaunch {
    /// The app.
    pub app: AppName,
    /// Why it begins.
    pub kind: LaunchKind,
    /// Its release; `None` for the app's own folder, or while there is none yet.
    pub release: Option<u64>,
    /// Where the release comes from, for people; empty where none is made.
    pub source: String,
    /// When, in seconds since the Unix epoch.
    pub at: i64,
}

/// How a launch ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaunchEnd {
    /// How.
    pub outcome: LaunchOutcome,
    /// Why, for people.
    pub reason: String,
    /// When, in seconds since the Unix epoch.
    pub at: i64,
}

/// A launch as the store has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedLaunch {
    /// Its number; later ones have larger numbers, and none is given twice.
    pub launch: Launch,
    /// The app.
    pub app: AppName,
    /// Why it began.
    pub kind: LaunchKind,
    /// Its release; `None` for the app's own folder, or one that never was made.
    pub release: Option<u64>,
    /// Where the release comes from, for people.
    pub source: String,
    /// How far it came: the word of a step.
    pub step: String,
    /// When it began, in seconds since the Unix epoch.
    pub began_at: i64,
    /// Since when visitors got it; `None` when they did not (yet).
    pub live_at: Option<i64>,
    /// How it ended; `None` while it goes on.
    pub ended: Option<LaunchEnd>,
}

impl Handle {
    /// Writes down that a launch begins; returns its number when that is on disk. The oldest of more than
    /// [`limits::LAUNCHES_PER_KIND_MAX`] of its kind are forgotten, but never the one that visitors get.
    pub async fn begin_launch(&self, new: NewLaunch) -> Result<Launch, StoreError> {
        self.write_of_app(move |connection| begin(connection, &new))
            .await
    }

    /// Writes down how far a launch is, and its release once there is one; returns when it is on disk.
    pub async fn note_launch(
        &self,
        launch: Launch,
        step: &str,
        release: Option<u64>,
    ) -> Result<(), StoreError> {
        let step = step.to_owned();
        self.write_of_app(move |connection| note(connection, launch, &step, release))
            .await
    }

    /// Writes down that visitors get a launch from now on; returns when it is on disk.
    pub async fn live_launch(&self, launch: Launch, at: i64) -> Result<(), StoreError> {
        self.write_of_app(move |connection| live(connection, launch, at))
            .await
    }

    /// Writes down how a launch ended; returns when it is on disk.
    pub async fn end_launch(&self, launch: Launch, end: LaunchEnd) -> Result<(), StoreError> {
        self.write_of_app(move |connection| self::end(connection, launch, &end))
            .await
    }

    /// The newest launches, the newest first, of one app or of all: at most `limit` of them, and never more than
    /// [`limits::LAUNCHES_PER_ANSWER_MAX`].
    pub async fn launches(
        &self,
        app: Option<AppName>,
        limit: u32,
    ) -> Result<Vec<RecordedLaunch>, StoreError> {
        self.read_of_app(move |connection| newest(connection, app.as_ref(), limit))
            .await
    }

    /// For each app the launch that visitors get: the last that went live and was neither rolled back nor
    /// interrupted. One whose end is not noted counts too: who boots ends those first.
    pub async fn live_launches(&self) -> Result<Vec<RecordedLaunch>, StoreError> {
        self.read_of_app(|connection| live_ones(connection)).await
    }

    /// Launches that are not over, the oldest first; at a boot those that the agent did not see to their end.
    pub async fn unended_launches(&self) -> Result<Vec<RecordedLaunch>, StoreError> {
        self.read_of_app(|connection| unended(connection)).await
    }

    /// Writes down whether the owner has stopped an app; returns when it is on disk.
    pub async fn set_stopped(&self, app: AppName, stopped: bool) -> Result<(), StoreError> {
        self.write_of_app(move |connection| stop(connection, &app, stopped))
            .await
    }

    /// The apps that their owner has stopped.
    pub async fn stopped_apps(&self) -> Result<Vec<AppName>, StoreError> {
        self.read_of_app(|connection| stopped(connection)).await
    }

    /// A number for a new release of an app: 1, 2, 3 …; none is given twice. It is above `taken`, the highest that is
    /// on disk: a database that was lost has forgotten those.
    pub async fn next_release(&self, app: AppName, taken: u64) -> Result<u64, StoreError> {
        self.write_of_app(move |connection| next_release(connection, &app, taken))
            .await
    }
}

fn begin(connection: &mut Connection, new: &NewLaunch) -> rusqlite::Result<Launch> {
    let NewLaunch {
        app,
        kind,
        release,
        source,
        at,
    } = new;
    let live = live_of(connection, app)?.unwrap_or(0);
    let transaction = connection.transaction()?;
    transaction
        .prepare_cached(
            "INSERT INTO launches (app, kind, release, source, step, began_at)
             VALUES (?1, ?2, ?3, ?4, '', ?5)",
        )?
        .execute((
            app.as_str(),
            kind.word(),
            release.map(signed),
            cut(source),
            at,
        ))?;
    let id = transaction.last_insert_rowid();
    transaction
        .prepare_cached(
            "DELETE FROM launches WHERE app = ?1 AND kind = ?2 AND id <> ?3 AND id <= (
                SELECT id FROM launches WHERE app = ?1 AND kind = ?2 ORDER BY id DESC LIMIT 1 OFFSET ?4
             )",
        )?
        .execute((
            app.as_str(),
            kind.word(),
            live,
            limits::LAUNCHES_PER_KIND_MAX,
        ))?;
    transaction.commit()?;
    Ok(id.unsigned_abs())
}

fn note(
    connection: &Connection,
    launch: Launch,
    step: &str,
    release: Option<u64>,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE launches SET step = ?2, release = coalesce(?3, release) WHERE id = ?1",
        )?
        .execute((signed(launch), cut(step), release.map(signed)))?;
    Ok(())
}

fn live(connection: &Connection, launch: Launch, at: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE launches SET live_at = ?2 WHERE id = ?1")?
        .execute((signed(launch), at))?;
    Ok(())
}

fn end(connection: &Connection, launch: Launch, end: &LaunchEnd) -> rusqlite::Result<()> {
    let LaunchEnd {
        outcome,
        reason,
        at,
    } = end;
    connection
        .prepare_cached(
            "UPDATE launches SET ended_at = ?2, outcome = ?3, reason = ?4 WHERE id = ?1",
        )?
        .execute((signed(launch), at, outcome.word(), cut(reason)))?;
    Ok(())
}

/// What visitors get, among the launches of an app.
const IS_LIVE: &str =
    "live_at IS NOT NULL AND coalesce(outcome, '') NOT IN ('rolled-back', 'interrupted')";

const COLUMNS: &str =
    "id, app, kind, release, source, step, began_at, live_at, ended_at, outcome, reason";

fn live_of(connection: &Connection, app: &AppName) -> rusqlite::Result<Option<i64>> {
    let question =
        format!("SELECT id FROM launches WHERE app = ?1 AND {IS_LIVE} ORDER BY id DESC LIMIT 1");
    connection
        .prepare_cached(&question)?
        .query_row([app.as_str()], |row| row.get(0))
        .optional()
}

fn live_ones(connection: &Connection) -> rusqlite::Result<Vec<RecordedLaunch>> {
    let question = format!(
        "SELECT {COLUMNS} FROM launches
         WHERE id IN (SELECT max(id) FROM launches WHERE {IS_LIVE} GROUP BY app) ORDER BY app"
    );
    let mut statement = connection.prepare_cached(&question)?;
    let rows = statement.query_map((), recorded)?;
    rows.filter_map(Result::transpose).collect()
}

fn unended(connection: &Connection) -> rusqlite::Result<Vec<RecordedLaunch>> {
    let question = format!("SELECT {COLUMNS} FROM launches WHERE ended_at IS NULL ORDER BY id");
    let mut statement = connection.prepare_cached(&question)?;
    let rows = statement.query_map((), recorded)?;
    rows.filter_map(Result::transpose).collect()
}

fn newest(
    connection: &Connection,
    app: Option<&AppName>,
    limit: u32,
) -> rusqlite::Result<Vec<RecordedLaunch>> {
    let question = format!(
        "SELECT {COLUMNS} FROM launches WHERE app = coalesce(?1, app) ORDER BY id DESC LIMIT ?2"
    );
    let limit = limit.min(limits::LAUNCHES_PER_ANSWER_MAX);
    let mut statement = connection.prepare_cached(&question)?;
    let rows = statement.query_map((app.map(AppName::as_str), limit), recorded)?;
    // What a later version wrote and this one has no word for is left out.
    rows.filter_map(Result::transpose).collect()
}

fn stop(connection: &Connection, app: &AppName, stopped: bool) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO apps (name, stopped) VALUES (?1, ?2)
             ON CONFLICT (name) DO UPDATE SET stopped = excluded.stopped",
        )?
        .execute((app.as_str(), stopped))?;
    Ok(())
}

fn stopped(connection: &Connection) -> rusqlite::Result<Vec<AppName>> {
    let mut statement =
        connection.prepare_cached("SELECT name FROM apps WHERE stopped = 1 ORDER BY name")?;
    let names = statement.query_map((), |row| row.get::<_, String>(0))?;
    let names = names.map(|name| Ok(AppName::parse(&name?).ok()));
    names.filter_map(Result::transpose).collect()
}

fn next_release(connection: &Connection, app: &AppName, taken: u64) -> rusqlite::Result<u64> {
    let taken = i64::try_from(taken).unwrap_or(i64::MAX - 1);
    let number = connection
        .prepare_cached(
            "INSERT INTO apps (name, releases) VALUES (?1, ?2 + 1)
             ON CONFLICT (name) DO UPDATE SET releases = max(releases, ?2) + 1 RETURNING releases",
        )?
        .query_row((app.as_str(), taken), |row| row.get(0));
    number.map(i64::unsigned_abs)
}

fn recorded(row: &Row<'_>) -> rusqlite::Result<Option<RecordedLaunch>> {
    let (app, kind): (String, String) = (row.get(1)?, row.get(2)?);
    let (Ok(app), Some(kind)) = (AppName::parse(&app), LaunchKind::parse(&kind)) else {
        return Ok(None);
    };
    let ended = match row.get::<_, Option<i64>>(8)? {
        None => None,
        Some(at) => {
            let outcome: Option<String> = row.get(9)?;
            let outcome = outcome.as_deref().and_then(LaunchOutcome::parse);
            Some(LaunchEnd {
                outcome: outcome.unwrap_or(LaunchOutcome::Interrupted),
                reason: row.get::<_, Option<String>>(10)?.unwrap_or_default(),
                at,
            })
        }
    };
    Ok(Some(RecordedLaunch {
        launch: row.get(0).map(i64::unsigned_abs)?,
        app,
        kind,
        release: row.get::<_, Option<i64>>(3)?.map(i64::unsigned_abs),
        source: row.get(4)?,
        step: row.get(5)?,
        began_at: row.get(6)?,
        live_at: row.get(7)?,
        ended,
    }))
}

/// SQLite knows no others; these numbers grow one by one.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(limits::EVENT_TEXT_BYTES_MAX)]
}

#[cfg(test)]
mod tests;
