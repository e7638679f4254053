//! Databases of PostgreSQL: `pg_dump` writes what one session saw, and the same session counts the rows.

use std::collections::BTreeMap;
use std::process::Stdio;

use crate::databases::client::Client;
use crate::databases::program::Program;
use crate::databases::running::Running;
use crate::failure::Failure;

/// Answers as lines of columns, and nothing of its user's own settings.
pub(super) const PLAIN: &[&str] = &[
    "--no-psqlrc",
    "--quiet",
    "--tuples-only",
    "--no-align",
    "--field-separator=\t",
    "--set=ON_ERROR_STOP=1",
];
/// A moment that others can read too. A server that ends idle sessions is asked to wait for this one.
const BEGIN: &str = "SET idle_in_transaction_session_timeout = 0;
SET statement_timeout = 0;
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SET LOCAL row_security = off;
SELECT pg_export_snapshot(), current_setting('server_version'), extract(epoch FROM now())::bigint;
";
/// Tables as `pg_dump` writes their rows: not those of extensions, which bring their own.
const COUNT: &str =
    "SELECT format('SELECT %L, count(*) FROM ONLY %I.%I', n.nspname || '.' || c.relname, n.nspname, c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY 1
\\gexec
";
/// Longer locks of others are not waited for, in milliseconds.
const LOCK_WAIT: &str = "--lock-wait-timeout=120000";

/// A session that keeps one moment of a database.
#[derive(Debug)]
pub(super) struct Session {
    running: Running,
    snapshot: String,
    /// The version of the server.
    pub(super) engine: String,
    /// The moment, in seconds since the Unix epoch.
    pub(super) as_of: i64,
}

impl Session {
    /// Begins one.
    pub(super) fn begin(client: &Client) -> Result<Self, Failure> {
        let mut command = client.command(Program::Psql)?;
        command.args(PLAIN).stdin(Stdio::piped());
        let mut running = Running::start(command, Program::Psql.word())?;
        running.tell(BEGIN.as_bytes())?;
        let Some(line) = running.line()? else {
            running.end()?;
            return Err(running.trouble("it gave no answer"));
        };
        let mut columns = line.split('\t').map(str::to_owned);
        let (Some(snapshot), Some(version), Some(as_of)) =
            (columns.next(), columns.next(), columns.next())
        else {
            return Err(running.trouble("its answer is not to be understood"));
        };
        Ok(Self {
            running,
            snapshot,
            engine: format!("PostgreSQL {version}"),
            as_of: as_of.parse().unwrap_or_default(),
        })
    }

    /// Starts to write what it sees.
    pub(super) fn dump(&self, client: &Client) -> Result<Running, Failure> {
        let mut command = client.command(Program::PgDump)?;
        // It is compressed where it is stored, after what was stored before has been found in it.
        command
            .args(["--format=custom", "--compress=0", LOCK_WAIT])
            .arg(format!("--snapshot={}", self.snapshot));
        Running::start(command, Program::PgDump.word())
    }

    /// How many rows it sees in each table.
    pub(super) fn rows(mut self) -> Result<BTreeMap<String, u64>, Failure> {
        self.running.tell(COUNT.as_bytes())?;
        Ok(numbers(&self.running.answer()?))
    }
}

/// How many rows each table has now.
pub(super) fn rows(client: &Client) -> Result<BTreeMap<String, u64>, Failure> {
    let mut command = client.command(Program::Psql)?;
    command.args(PLAIN).stdin(Stdio::piped());
    let mut running = Running::start(command, Program::Psql.word())?;
    running.tell(b"SET row_security = off;\n")?;
    running.tell(COUNT.as_bytes())?;
    Ok(numbers(&running.answer()?))
}

fn numbers(answer: &str) -> BTreeMap<String, u64> {
    let number = |line: &str| {
        let (name, count) = line.rsplit_once('\t')?;
        Some((name.to_owned(), count.parse().ok()?))
    };
    answer.lines().filter_map(number).collect()
}
