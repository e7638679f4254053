//! What is asked of a database within the moment that is read.

use std::collections::BTreeMap;

use rusqlite::Connection;

/// Tables with rows of their own; virtual ones have theirs in others.
const TABLES: &str = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'shadow') \
                      AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";

/// How many rows each table has.
pub(super) fn count(connection: &Connection) -> rusqlite::Result<BTreeMap<String, u64>> {
    let mut tables = connection.prepare(TABLES)?;
    let names: Vec<String> = tables
        .query_map((), |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let mut rows = BTreeMap::new();
    for name in names {
        let question = format!(
            "SELECT count(*) FROM main.\"{}\"",
            name.replace('"', "\"\"")
        );
        let number: i64 = connection.query_row(&question, (), |row| row.get(0))?;
        rows.insert(name, u64::try_from(number).unwrap_or(0));
    }
    Ok(rows)
}

/// The first thing that one of SQLite's checks (`quick_check`, `integrity_check`) finds; `None` when all is well.
pub(super) fn check(connection: &Connection, which: &str) -> rusqlite::Result<Option<String>> {
    let question = format!("PRAGMA {which}(1)");
    let answer: String = connection.query_row(&question, (), |row| row.get(0))?;
    Ok(Some(answer).filter(|answer| answer != "ok"))
}
