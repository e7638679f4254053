//! Databases of MariaDB and MySQL, which can't be renamed: their tables are, all at once, and what else they have is
//! written and read again.

use std::process::Stdio;

use rustic_core::repofile::Node;

use super::feed;
use super::here;
use crate::databases::Client;
use crate::databases::Program;
use crate::databases::Running;
use crate::failure::Failure;
use crate::repository::Repository;

/// Of no database: from where others are made.
const NONE: &str = "";

/// What apps do with a database. What else there is has names that differ from server to server.
const RIGHTS: &str = "'SELECT', 'INSERT', 'UPDATE', 'DELETE', 'CREATE', 'DROP', 'REFERENCES', 'INDEX', 'ALTER', \
     'CREATE TEMPORARY TABLES', 'LOCK TABLES', 'EXECUTE', 'CREATE VIEW', 'SHOW VIEW', 'CREATE ROUTINE', 'ALTER ROUTINE', \
     'EVENT', 'TRIGGER'";

/// Loads a database under another name; gives back the digest of its file.
pub(super) fn load(
    repository: &Repository,
    client: &Client,
    name: &str,
    node: &Node,
) -> Result<(String, Vec<String>), Failure> {
    discard(client, name)?;
    create_like(client, name)?;
    let loaded = client.with_database(name);
    let mut command = loaded.command(Program::Mysql)?;
    command.stdin(Stdio::piped());
    let running = Running::start(command, Program::Mysql.word())?;
    let (digest, fed) = feed(repository, node, running)?;
    fed.map(|()| (digest, Vec::new()))
}

fn create_like(client: &Client, name: &str) -> Result<(), Failure> {
    let server = client.with_database(NONE);
    let question = format!(
        "SELECT default_character_set_name, default_collation_name FROM information_schema.schemata WHERE schema_name = {};",
        literal(client.database())
    );
    let how = match server.ask(&question)?.first().map(Vec::as_slice) {
        Some([set, collation]) => format!(" CHARACTER SET {set} COLLATE {collation}"),
        _ => String::new(),
    };
    server
        .ask(&format!("CREATE DATABASE {}{how};", quoted(name)))
        .map(drop)
}

/// Drops a database, when it is there.
pub(super) fn discard(client: &Client, name: &str) -> Result<(), Failure> {
    let server = client.with_database(NONE);
    let revoked = keep_out(&server, name);
    let dropping = format!("DROP DATABASE IF EXISTS {};", quoted(name));
    server.ask(&dropping).and(revoked)
}

/// All databases.
pub(super) fn names(client: &Client) -> Result<Vec<String>, Failure> {
    let answer = client
        .with_database(NONE)
        .ask("SELECT schema_name FROM information_schema.schemata;")?;
    Ok(answer.into_iter().flatten().collect())
}

/// Lets those into a loaded database who may use the one in use. What they may do belongs to the name, and stays when
/// the database is dropped: see `keep_out`.
pub(super) fn let_in(client: &Client, name: &str) -> Result<(), Failure> {
    let server = client.with_database(NONE);
    let grants = server.ask(&format!(
        "SELECT CONCAT('GRANT ', GROUP_CONCAT(DISTINCT privilege_type), ' ON ', {}, '.* TO ', grantee, ';') \
         FROM information_schema.schema_privileges \
         WHERE {} LIKE table_schema AND NOT {} LIKE table_schema AND privilege_type IN ({RIGHTS}) GROUP BY grantee;",
        literal(&pattern(name)),
        literal(client.database()),
        literal(name)
    ))?;
    statements(&server, grants)
}

/// Takes back what `let_in` gave.
fn keep_out(server: &Client, name: &str) -> Result<(), Failure> {
    let pattern = pattern(name);
    let revokes = server.ask(&format!(
        "SELECT DISTINCT CONCAT('REVOKE ALL PRIVILEGES ON ', {}, '.* FROM ', grantee, ';') \
         FROM information_schema.schema_privileges WHERE table_schema = {};",
        literal(&pattern),
        literal(pattern.trim_matches('`'))
    ))?;
    statements(server, revokes)
}

/// Has statements done that the server has put together.
fn statements(server: &Client, lines: Vec<Vec<String>>) -> Result<(), Failure> {
    let all: String = lines.into_iter().flatten().collect();
    // It writes a backslash as two, where it answers.
    let all = all.replace("\\\\", "\\");
    if all.is_empty() {
        return Ok(());
    }
    server.ask(&all).map(drop)
}

/// A name as a right has it, where `_` and `%` would stand for others.
fn pattern(name: &str) -> String {
    quoted(&name.replace('_', "\\_").replace('%', "\\%"))
}

/// Exchanges the tables of the database in use with the loaded ones, all at once. Whether there was one in use.
pub(super) fn exchange(client: &Client, loaded: &str, kept: &str) -> Result<bool, Failure> {
    let server = client.with_database(NONE);
    let name = client.database();
    if !has(&server, loaded)? {
        return Err(here(
            "what was loaded is not there any more: restore it again.",
        ));
    }
    let had = has(&server, name)?;
    if !had {
        server.ask(&format!("CREATE DATABASE {};", quoted(name)))?;
    }
    let old = Contents::of(&server, name)?;
    let new = Contents::of(&server, loaded)?;
    let has_any = had && !(old.tables.is_empty() && old.code.trim().is_empty());
    if has_any {
        create_like(client, kept)?;
    }
    server.ask(&(old.dropping(name) + &new.dropping(loaded)))?;
    let moves = old.moves(name, kept).chain(new.moves(loaded, name));
    let moves: Vec<String> = moves.collect();
    if !moves.is_empty() {
        let renamed = server.ask(&format!("RENAME TABLE {};", moves.join(", ")));
        if let Err(failure) = renamed {
            // The tables are where they were; what reads them is put back.
            read(client, name, &old.code)?;
            return Err(failure);
        }
    }
    if has_any {
        read(client, kept, &old.code)?;
    }
    read(client, name, &new.code)?;
    discard(client, loaded)?;
    Ok(has_any)
}

fn has(server: &Client, name: &str) -> Result<bool, Failure> {
    let question = format!(
        "SELECT 1 FROM information_schema.schemata WHERE schema_name = {};",
        literal(name)
    );
    server.ask(&question).map(|answer| !answer.is_empty())
}

/// What a database has.
#[derive(Debug)]
struct Contents {
    tables: Vec<String>,
    /// What drops the rest: views, triggers, routines, events.
    drops: Vec<String>,
    /// What makes the rest.
    code: String,
}

impl Contents {
    fn of(server: &Client, name: &str) -> Result<Self, Failure> {
        let of = literal(name);
        let column = |question: String| -> Result<Vec<String>, Failure> {
            let answer = server.ask(&question)?;
            Ok(answer
                .into_iter()
                .filter_map(|line| line.into_iter().next())
                .collect())
        };
        let tables = |kind: &str| {
            column(format!(
                "SELECT table_name FROM information_schema.tables WHERE table_schema = {of} AND table_type IN ({kind});"
            ))
        };
        let mut views = tables("'VIEW'")?;
        // One that reads what is not there any more can't be written, and is of no use.
        let its = server.with_database(name);
        views.retain(|view| {
            its.ask(&format!("SHOW COLUMNS FROM {};", quoted(view)))
                .is_ok()
        });
        let schema = quoted(name);
        let drops = column(format!(
            "SELECT CONCAT('TRIGGER {schema}.`', trigger_name, '`') FROM information_schema.triggers WHERE trigger_schema = {of} \
             UNION ALL SELECT CONCAT(routine_type, ' {schema}.`', routine_name, '`') FROM information_schema.routines \
               WHERE routine_schema = {of} AND routine_type IN ('PROCEDURE', 'FUNCTION') \
             UNION ALL SELECT CONCAT('EVENT {schema}.`', event_name, '`') FROM information_schema.events WHERE event_schema = {of} \
             UNION ALL SELECT CONCAT('VIEW {schema}.`', table_name, '`') FROM information_schema.views WHERE table_schema = {of};"
        ))?;
        Ok(Self {
            tables: tables("'BASE TABLE', 'SYSTEM VERSIONED'")?,
            drops,
            code: code(server, name, &views)?,
        })
    }

    fn dropping(&self, name: &str) -> String {
        let lines = self.drops.iter().map(|what| format!("DROP {what};\n"));
        format!("USE {};\n{}", quoted(name), lines.collect::<String>())
    }

    fn moves(&self, from: &str, to: &str) -> impl Iterator<Item = String> {
        let (from, to) = (quoted(from), quoted(to));
        self.tables.iter().map(move |table| {
            let table = quoted(table);
            format!("{from}.{table} TO {to}.{table}")
        })
    }
}

/// Triggers, routines, events and views of a database, as SQL.
fn code(server: &Client, name: &str, views: &[String]) -> Result<String, Failure> {
    let its = server.with_database(name);
    let mut command = its.command(Program::MysqlDump)?;
    command.args([
        "--skip-lock-tables",
        "--no-create-info",
        "--no-data",
        "--routines",
        "--events",
        "--triggers",
    ]);
    let mut code = Running::start(command, Program::MysqlDump.word())?.answer()?;
    if !views.is_empty() {
        let mut command = its.command(Program::MysqlDump)?;
        command
            .args(["--skip-lock-tables", "--no-data", "--skip-triggers"])
            .args(views);
        code += &Running::start(command, Program::MysqlDump.word())?.answer()?;
    }
    Ok(code)
}

fn read(client: &Client, name: &str, code: &str) -> Result<(), Failure> {
    if code.trim().is_empty() {
        return Ok(());
    }
    let mut command = client.with_database(name).command(Program::Mysql)?;
    command.stdin(Stdio::piped());
    let mut running = Running::start(command, Program::Mysql.word())?;
    running.tell(code.as_bytes())?;
    running.answer().map(drop)
}

fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}
