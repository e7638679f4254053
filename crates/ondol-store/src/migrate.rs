//! Brings a database to the schema of this version: one step, one transaction each. Steps are never
//! changed once released, only added.

use ondol_base::clock;
use rusqlite::Connection;

/// "Ondo" in ASCII: tells `file` and other programs whose database it is.
pub(crate) const APPLICATION_ID: i32 = 0x4f6e_646f;

const STEPS: [&str; 5] = [
    include_str!("../migrations/0001.sql"),
    include_str!("../migrations/0002.sql"),
    include_str!("../migrations/0003.sql"),
    include_str!("../migrations/0004.sql"),
    include_str!("../migrations/0005.sql"),
];

/// The schema that this version knows.
pub(crate) const KNOWN_VERSION: u32 = STEPS.len() as u32;

/// The schema of a database; 0 for an empty one.
pub(crate) fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Which version of the program made the present schema; `None` when that is not written.
pub(crate) fn program(connection: &Connection) -> Option<String> {
    let newest = "SELECT program FROM migrations ORDER BY version DESC LIMIT 1";
    connection.query_row(newest, [], |row| row.get(0)).ok()
}

/// Takes the steps that are missing. A failure, or a power cut, leaves the steps before it.
pub(crate) fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    let done = version(connection)?;
    for (version, step) in (1_u32..).zip(STEPS) {
        if version <= done {
            continue;
        }
        let transaction = connection.transaction()?;
        transaction.execute_batch(step)?;
        transaction.execute(
            "INSERT INTO migrations (version, program, at_ms) VALUES (?1, ?2, ?3)",
            (
                version,
                env!("CARGO_PKG_VERSION"),
                clock::unix_milliseconds(),
            ),
        )?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", version)?;
        transaction.commit()?;
    }
    Ok(())
}
