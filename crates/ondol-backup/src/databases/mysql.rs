//! Databases of MariaDB and MySQL: their own dump, in one transaction; its rows are counted as it passes by.

mod script;

use std::collections::BTreeMap;

pub(super) use script::Script;

use crate::databases::client::Client;
use crate::databases::program::Program;
use crate::databases::running::Running;
use crate::failure::Failure;

/// Answers as lines of columns.
pub(super) const PLAIN: &[&str] = &["--batch", "--skip-column-names"];
/// Everything that belongs to the database, as one moment saw it. Bytes are written as digits, so that no character
/// set changes them; no right is needed that only the server's own tables take.
const DUMP: &[&str] = &[
    "--single-transaction",
    "--quick",
    "--routines",
    "--events",
    "--triggers",
    "--hex-blob",
    "--no-tablespaces",
    "--default-character-set=utf8mb4",
    // What somebody's own settings may have changed, and reading along relies on.
    "--comments",
    "--skip-insert-ignore",
    "--skip-replace",
];
/// All tables with rows of their own.
const TABLES: &str = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() \
                      AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED') ORDER BY 1;\n";

/// Starts to write the database.
pub(super) fn dump(client: &Client) -> Result<Running, Failure> {
    let mut command = client.command(Program::MysqlDump)?;
    command.args(DUMP);
    Running::start(command, Program::MysqlDump.word())
}

/// How many rows each table has now.
pub(super) fn rows(client: &Client) -> Result<BTreeMap<String, u64>, Failure> {
    let tables = client.ask(TABLES)?;
    let tables: Vec<&String> = tables.iter().filter_map(|line| line.first()).collect();
    let mut question = String::new();
    for table in &tables {
        let name = table.replace('`', "``");
        question.push_str("SELECT count(*) FROM `");
        question.push_str(&name);
        question.push_str("`;\n");
    }
    let answers = client.ask(&question)?;
    let counts = answers.iter().filter_map(|line| line.first()?.parse().ok());
    Ok(tables.into_iter().cloned().zip(counts).collect())
}
