//! Databases of PostgreSQL.

use rustic_core::repofile::Node;

use super::feed;
use super::here;
use crate::databases::Client;
use crate::databases::Program;
use crate::databases::Running;
use crate::failure::Failure;
use crate::repository::Repository;
use std::process::Stdio;

/// A database that every server has, from where others are made and renamed.
const MAINTENANCE: &str = "postgres";

/// Loads a database under another name; gives back the digest of its file, and what the owner should know.
pub(super) fn load(
    repository: &Repository,
    client: &Client,
    name: &str,
    node: &Node,
) -> Result<(String, Vec<String>), Failure> {
    let server = client.with_database(MAINTENANCE);
    discard(client, name)?;
    server.ask(&creation(&server, client.database(), name)?)?;
    let loaded = client.with_database(name);
    let mut command = loaded.command(Program::PgRestore)?;
    command.arg("--format=custom").stdin(Stdio::piped());
    let running = Running::start(command, Program::PgRestore.word())?;
    let (digest, fed) = feed(repository, node, running)?;
    match fed {
        Ok(()) => Ok((digest, Vec::new())),
        Err(failure) => missing_roles(&failure.sentence)
            .map(|roles| {
                let all = roles.join(", ");
                let note = format!(
                    "The database {} was loaded without the roles {all}, which this server does not have: what they owned belongs to \
                     the user that loaded it, and what they were allowed to do, they are not. Make them and restore again to have \
                     that back.",
                    client.database()
                );
                (digest, vec![note])
            })
            .ok_or(failure),
    }
}

/// How a database is made that is like another one, where there is that.
fn creation(server: &Client, like: &str, name: &str) -> Result<String, Failure> {
    let question = format!(
        "SELECT pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datcollate, datctype FROM pg_database WHERE datname = {};",
        literal(like)
    );
    let name = quoted(name);
    let answer = server.ask(&question)?;
    Ok(match answer.first().map(Vec::as_slice) {
        Some([owner, encoding, collate, ctype]) => format!(
            "CREATE DATABASE {name} TEMPLATE template0 OWNER {} ENCODING {} LC_COLLATE {} LC_CTYPE {};",
            quoted(owner),
            literal(encoding),
            literal(collate),
            literal(ctype)
        ),
        _ => format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8';"),
    })
}

/// The roles that were missing, when nothing else went wrong.
fn missing_roles(complaint: &str) -> Option<Vec<String>> {
    const ERROR: &str = "error: could not execute query: ERROR:";
    let mut roles: Vec<String> = Vec::new();
    for line in complaint.lines().filter(|line| line.contains("ERROR:")) {
        let (_, rest) = line.split_once(ERROR)?;
        let (role, rest) = rest.trim().strip_prefix("role \"")?.split_once('"')?;
        rest.contains("does not exist").then_some(())?;
        if !roles.iter().any(|known| known == role) {
            roles.push(role.to_owned());
        }
    }
    (!roles.is_empty()).then_some(roles)
}

/// Drops a database, when it is there.
pub(super) fn discard(client: &Client, name: &str) -> Result<(), Failure> {
    let server = client.with_database(MAINTENANCE);
    let dropping = format!("DROP DATABASE IF EXISTS {};", quoted(name));
    let dropped = server.ask(&dropping).or_else(|_| {
        // Somebody uses it still, as an app that was tried.
        server.ask(&format!(
            "ALTER DATABASE {} ALLOW_CONNECTIONS false;\n\
             SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {};",
            quoted(name),
            literal(name)
        ))?;
        server.ask(&dropping)
    });
    dropped.map(drop)
}

/// All databases.
pub(super) fn names(client: &Client) -> Result<Vec<String>, Failure> {
    let answer = client
        .with_database(MAINTENANCE)
        .ask("SELECT datname FROM pg_database;")?;
    Ok(answer.into_iter().flatten().collect())
}

/// Lets those into a loaded database who may use the one in use, with its settings.
pub(super) fn let_in(client: &Client, name: &str) -> Result<(), Failure> {
    let server = client.with_database(MAINTENANCE);
    let settings = settings(&server, client.database(), name)?;
    server.ask(&settings).map(drop)
}

/// Renames the database in use, and the loaded one to its name, both or neither. Whether there was one in use.
pub(super) fn exchange(client: &Client, loaded: &str, kept: &str) -> Result<bool, Failure> {
    let server = client.with_database(MAINTENANCE);
    let has = |name: &str| {
        let question = format!(
            "SELECT 1 FROM pg_database WHERE datname = {};",
            literal(name)
        );
        server.ask(&question).map(|answer| !answer.is_empty())
    };
    let name = client.database();
    if !has(loaded)? {
        return Err(here(
            "what was loaded is not there any more: restore it again.",
        ));
    }
    if !has(name)? {
        server.ask(&format!(
            "ALTER DATABASE {} RENAME TO {};",
            quoted(loaded),
            quoted(name)
        ))?;
        return Ok(false);
    }
    let settings = settings(&server, name, loaded)?;
    let (name, loaded, kept_quoted) = (quoted(name), quoted(loaded), quoted(kept));
    server.ask(&format!(
        "{settings}ALTER DATABASE {name} ALLOW_CONNECTIONS false;"
    ))?;
    let renamed = server.ask(&format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {} AND pid <> pg_backend_pid();\n\
         BEGIN; ALTER DATABASE {name} RENAME TO {kept_quoted}; ALTER DATABASE {loaded} RENAME TO {name}; COMMIT;",
        literal(client.database())
    ));
    // Whichever of the two has it now: nobody is kept out for good.
    let still = if renamed.is_ok() { &kept_quoted } else { &name };
    let opened = server.ask(&format!("ALTER DATABASE {still} ALLOW_CONNECTIONS true;"));
    renamed.and(opened).map(|_| true)
}

/// What belongs to a database and is in no backup of it: settings, and who may connect.
fn settings(server: &Client, from: &str, to: &str) -> Result<String, Failure> {
    let (from, to) = (literal(from), literal(&quoted(to)));
    let question = format!(
        "SELECT 'ALTER DATABASE ' || {to} || ' SET ' || split_part(setting, '=', 1) || ' TO ' \
           || CASE WHEN split_part(setting, '=', 1) IN ('search_path', 'session_preload_libraries', 'local_preload_libraries') \
              THEN substr(setting, strpos(setting, '=') + 1) \
              ELSE quote_literal(substr(setting, strpos(setting, '=') + 1)) END || ';' \
         FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase, unnest(s.setconfig) AS setting \
         WHERE d.datname = {from} AND s.setrole = 0 \
         UNION ALL \
         SELECT 'REVOKE ALL ON DATABASE ' || {to} || ' FROM PUBLIC;' FROM pg_database WHERE datname = {from} AND datacl IS NOT NULL \
         UNION ALL \
         SELECT 'GRANT ' || a.privilege_type || ' ON DATABASE ' || {to} || ' TO ' \
           || CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END || ';' \
         FROM pg_database d, aclexplode(d.datacl) a WHERE d.datname = {from};"
    );
    let answer = server.ask(&question)?;
    Ok(answer
        .into_iter()
        .map(|line| line.join("\t") + "\n")
        .collect())
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
