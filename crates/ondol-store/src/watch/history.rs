//! How things were: by day, and how long answers took by hour.

use ondol_base::clock;
use ondol_model::limits;
use rusqlite::Connection;
use rusqlite::Row;

use crate::store::Handle;
use crate::store::StoreError;

const DAY: i64 = 24 * 60 * 60;
const HOUR: i64 = 60 * 60;

/// How something was for a part of a day, or for all of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HistorySlice {
    /// The text of the subject.
    pub subject: String,
    /// Days since the Unix epoch, in the time zone of who asks.
    pub day: i64,
    /// Seconds in which it was well.
    pub pass_s: u32,
    /// Seconds in which it worked and wanted a look.
    pub warn_s: u32,
    /// Seconds in which it did not work.
    pub fail_s: u32,
    /// Seconds in which nobody could know.
    pub unknown_s: u32,
    /// Answers whose time was taken.
    pub answers: u32,
    /// What they took, in all.
    pub sum_ms: u64,
    /// What the slowest took.
    pub max_ms: u32,
}

/// How long answers took in an hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HourSlice {
    /// Hours since the Unix epoch.
    pub hour: i64,
    /// Answers.
    pub answers: u32,
    /// What they took, in all.
    pub sum_ms: u64,
    /// What the slowest took.
    pub max_ms: u32,
}

impl Handle {
    /// Adds to what is known of each day, and of this hour.
    pub async fn add_history(&self, slices: Vec<HistorySlice>) -> Result<(), StoreError> {
        let hour = clock::unix_seconds().div_euclid(HOUR);
        self.write_of_watch(move |connection| add(connection, &slices, hour))
            .await
    }

    /// The newest days of a subject of which something is known: at most so many, the oldest first.
    pub async fn history(&self, subject: &str, days: u32) -> Result<Vec<HistorySlice>, StoreError> {
        let subject = subject.to_owned();
        self.read_of_watch(move |connection| newest_days(connection, &subject, days))
            .await
    }

    /// How long the answers of a subject took, in each hour of the last week in which there was one, the oldest first.
    pub async fn hours(&self, subject: &str) -> Result<Vec<HourSlice>, StoreError> {
        let subject = subject.to_owned();
        self.read_of_watch(move |connection| all_hours(connection, &subject))
            .await
    }

    /// The share of the time since a day that each subject worked, of that in which it was known; 0 to 1. One of which
    /// nothing is known is left out.
    pub async fn uptimes(&self, since_day: i64) -> Result<Vec<(String, f64)>, StoreError> {
        self.read_of_watch(move |connection| uptimes(connection, since_day))
            .await
    }
}

/// Forgets what is too old; and the oldest, when there is too much.
pub(super) fn forget(connection: &Connection, now: i64) -> rusqlite::Result<()> {
    let days = i64::from(limits::WATCH_DAYS_MAX);
    let hours = i64::from(limits::WATCH_HOURS_MAX);
    connection.execute(
        "DELETE FROM watch_days WHERE day <= ?1",
        [now.div_euclid(DAY) - days],
    )?;
    connection.execute(
        "DELETE FROM watch_hours WHERE hour <= ?1",
        [now.div_euclid(HOUR) - hours],
    )?;
    for (table, time) in [("watch_days", "day"), ("watch_hours", "hour")] {
        forget_surplus(connection, table, time)?;
    }
    Ok(())
}

/// Of too many rows, those of the oldest times go.
fn forget_surplus(connection: &Connection, table: &str, time: &str) -> rusqlite::Result<()> {
    let count = format!("SELECT count(*) FROM {table}");
    let rows: u32 = connection.query_row(&count, [], |row| row.get(0))?;
    if rows > limits::WATCH_ROWS_MAX {
        let surplus = format!(
            "DELETE FROM {table} WHERE {time} <= (SELECT {time} FROM {table} ORDER BY {time} DESC LIMIT 1 OFFSET ?1)"
        );
        connection.execute(&surplus, [limits::WATCH_ROWS_MAX])?;
    }
    Ok(())
}

fn add(connection: &mut Connection, slices: &[HistorySlice], hour: i64) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    for slice in slices {
        add_day(&transaction, slice)?;
        if slice.answers > 0 {
            add_hour(&transaction, slice, hour)?;
        }
    }
    transaction.commit()
}

fn add_day(connection: &Connection, slice: &HistorySlice) -> rusqlite::Result<()> {
    let HistorySlice {
        subject,
        day,
        pass_s,
        warn_s,
        fail_s,
        unknown_s,
        answers,
        sum_ms,
        max_ms,
    } = slice;
    connection
        .prepare_cached(
            "INSERT INTO watch_days (subject, day, pass_s, warn_s, fail_s, unknown_s, answers, sum_ms, max_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT (subject, day) DO UPDATE SET
                pass_s = pass_s + excluded.pass_s, warn_s = warn_s + excluded.warn_s,
                fail_s = fail_s + excluded.fail_s, unknown_s = unknown_s + excluded.unknown_s,
                answers = answers + excluded.answers, sum_ms = sum_ms + excluded.sum_ms,
                max_ms = max(max_ms, excluded.max_ms)",
        )?
        .execute((
            subject, day, pass_s, warn_s, fail_s, unknown_s, answers, *sum_ms as i64, max_ms,
        ))?;
    Ok(())
}

fn add_hour(connection: &Connection, slice: &HistorySlice, hour: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO watch_hours (subject, hour, answers, sum_ms, max_ms) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (subject, hour) DO UPDATE SET
                answers = answers + excluded.answers, sum_ms = sum_ms + excluded.sum_ms,
                max_ms = max(max_ms, excluded.max_ms)",
        )?
        .execute((
            &slice.subject,
            hour,
            slice.answers,
            slice.sum_ms as i64,
            slice.max_ms,
        ))?;
    Ok(())
}

fn newest_days(
    connection: &Connection,
    subject: &str,
    days: u32,
) -> rusqlite::Result<Vec<HistorySlice>> {
    let mut slices: Vec<_> = connection
        .prepare_cached(
            "SELECT subject, day, pass_s, warn_s, fail_s, unknown_s, answers, sum_ms, max_ms FROM watch_days
             WHERE subject = ?1 ORDER BY day DESC LIMIT ?2",
        )?
        .query_map((subject, days), day)?
        .collect::<rusqlite::Result<_>>()?;
    slices.reverse();
    Ok(slices)
}

fn day(row: &Row<'_>) -> rusqlite::Result<HistorySlice> {
    Ok(HistorySlice {
        subject: row.get(0)?,
        day: row.get(1)?,
        pass_s: row.get(2)?,
        warn_s: row.get(3)?,
        fail_s: row.get(4)?,
        unknown_s: row.get(5)?,
        answers: row.get(6)?,
        sum_ms: row.get::<_, i64>(7)?.unsigned_abs(),
        max_ms: row.get(8)?,
    })
}

fn all_hours(connection: &Connection, subject: &str) -> rusqlite::Result<Vec<HourSlice>> {
    connection
        .prepare_cached(
            "SELECT hour, answers, sum_ms, max_ms FROM watch_hours WHERE subject = ?1 ORDER BY hour",
        )?
        .query_map([subject], |row| {
            Ok(HourSlice {
                hour: row.get(0)?,
                answers: row.get(1)?,
                sum_ms: row.get::<_, i64>(2)?.unsigned_abs(),
                max_ms: row.get(3)?,
            })
        })?
        .collect()
}

fn uptimes(connection: &Connection, since_day: i64) -> rusqlite::Result<Vec<(String, f64)>> {
    connection
        .prepare_cached(
            "SELECT subject, CAST(sum(pass_s + warn_s) AS REAL) / sum(pass_s + warn_s + fail_s) FROM watch_days
             WHERE day >= ?1 GROUP BY subject HAVING sum(pass_s + warn_s + fail_s) > 0",
        )?
        .query_map([since_day], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}
