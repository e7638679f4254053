//! `databases`: what is backed up as a database, at one moment and whole.

use std::path::Path;
use std::path::PathBuf;

use ondol_model::AppName;
use ondol_model::backup::DatabaseName;
use ondol_model::plan::DatabaseSource;

use super::names;
use super::url;
use crate::file;
use crate::file::apps;
use crate::file::tls::secret;
use crate::file::tls::secret::secret;
use crate::nearest::repeated;
use crate::report::Report;
use crate::section::Either;
use crate::section::Section;
use crate::section::Word;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;
use crate::shape::Table;
use crate::text::Place;

mod server;

/// Each is opened once an hour.
const DATABASES_MAX: usize = 256;
/// The kinds of databases, each by its key.
const KINDS: [&str; 3] = ["sqlite", "postgres", "mysql"];
const ACCEPTED: &str = "accepted: the absolute path of a file of SQLite, \"postgresql:///coffee\", \"mysql:///coffee\", or a table with one of sqlite, postgres and mysql";

pub(super) const DATABASES: Key = Key {
    name: "databases",
    doc: "Databases, which are backed up as of one moment while they are in use, also every hour (`databases_at`). A text alone is the file of a SQLite database, or the address of another. SQLite databases that are found elsewhere in a backup are saved as of one moment too, but not every hour.",
    shape: Shape::OneOrMore(&Shape::TextOrTable(
        Form {
            what: "a database",
            example: "postgresql:///coffee",
        },
        &DATABASE,
    )),
    absent: Absent::Default("[]"),
};

static DATABASE: Table = Table {
    title: "`[[backup.databases]]`",
    doc: "A database: one of `sqlite`, `postgres` and `mysql`.",
    keys: &[
        Key {
            name: "name",
            doc: "What it is called in tables and commands. Without it, it is called by its file or by what its server calls it.",
            shape: Shape::Text(Form {
                what: "a name",
                example: "coffee",
            }),
            absent: Absent::Means,
        },
        Key {
            name: "sqlite",
            doc: "The file of a SQLite database. Relative to this file.",
            shape: Shape::Text(Form {
                what: "the path of a file",
                example: "/srv/coffee/storage/production.sqlite3",
            }),
            absent: Absent::Means,
        },
        Key {
            name: "postgres",
            doc: "The address of a PostgreSQL database: `postgresql:///coffee` by its socket, `postgresql://user@host:port/coffee`. `pg_dump` reads it, as the user that it names, else as Ondol's.",
            shape: Shape::Text(Form {
                what: "an address",
                example: "postgresql:///coffee",
            }),
            absent: Absent::Means,
        },
        Key {
            name: "mysql",
            doc: "The address of a MariaDB or MySQL database: `mysql:///coffee` by its socket, which `?socket=/path` names where it is not the usual one, or `mysql://user@host:port/coffee`. `mariadb-dump` or `mysqldump` reads it.",
            shape: Shape::Text(Form {
                what: "an address",
                example: "mysql:///coffee",
            }),
            absent: Absent::Means,
        },
        Key {
            name: "app",
            doc: "The app that uses it, which is stopped while it is put back. Without it, the app in whose folders the file is.",
            shape: Shape::Text(apps::NAME),
            absent: Absent::Means,
        },
        Key {
            name: "password",
            doc: "The password of `postgres` or `mysql`, where one is needed.",
            shape: secret::SHAPE,
            absent: Absent::Means,
        },
    ],
    later: &["stream"],
};

/// A database whose name and app may not be known yet.
#[derive(Debug)]
pub(in crate::file) struct Placed {
    pub(in crate::file) name: Option<DatabaseName>,
    pub(in crate::file) source: DatabaseSource,
    pub(in crate::file) app: Option<(AppName, Place)>,
    /// Where it stands.
    pub(in crate::file) at: Place,
    /// Where its name stands, if it has one.
    pub(in crate::file) name_at: Place,
}

impl Placed {
    /// What it is called that has no name.
    pub(in crate::file) fn usual_name(&self) -> String {
        match &self.source {
            DatabaseSource::Sqlite(path) => {
                let stem = path.file_stem().and_then(|stem| stem.to_str());
                names::usable(stem.unwrap_or_default(), "sqlite")
            }
            DatabaseSource::Postgres { url, .. } | DatabaseSource::Mysql { url, .. } => {
                let name = server::database(url).unwrap_or_default();
                names::usable(&name, self.source.word())
            }
        }
    }
}

/// The databases; those that are wrong are reported and left out.
pub(super) fn databases(section: Section<'_>, folder: &Path, report: &mut Report) -> Vec<Placed> {
    let entries = section.eithers(DATABASES.name).unwrap_or_default();
    let mut databases: Vec<Placed> = Vec::new();
    for (index, entry) in entries.into_iter().enumerate() {
        let database = match entry {
            Either::Short(word) => short(word, report),
            Either::Long(table) => long(table, folder, report),
        };
        let Some(database) = database else { continue };
        if index == DATABASES_MAX {
            let problem =
                format!("this is one database more than the {DATABASES_MAX} that a box can have");
            report.add(database.at, problem);
        }
        let is_same = |other: &&Placed| is_same(&other.source, &database.source);
        if let Some(first) = databases.iter().find(is_same) {
            report
                .add(database.at, "this database stands twice")
                .help("keep one of them")
                .related(first.at, "it is here first");
        }
        databases.push(database);
    }
    databases
}

fn is_same(one: &DatabaseSource, other: &DatabaseSource) -> bool {
    match (one, other) {
        (DatabaseSource::Sqlite(one), DatabaseSource::Sqlite(other)) => one == other,
        (
            DatabaseSource::Postgres { url: one, .. },
            DatabaseSource::Postgres { url: other, .. },
        )
        | (DatabaseSource::Mysql { url: one, .. }, DatabaseSource::Mysql { url: other, .. }) => {
            one == other
        }
        (
            DatabaseSource::Sqlite(_)
            | DatabaseSource::Postgres { .. }
            | DatabaseSource::Mysql { .. },
            _,
        ) => false,
    }
}

fn short(word: Word<'_>, report: &mut Report) -> Option<Placed> {
    let scheme = word.text.split_once("://").map(|(scheme, _)| scheme);
    let source = match scheme {
        None if word.text.starts_with('/') => sqlite(word, Path::new("/"), report)?,
        Some("postgresql" | "postgres") => DatabaseSource::Postgres {
            url: server::postgres(word, report)?,
            password: None,
        },
        Some("mysql" | "mariadb") => DatabaseSource::Mysql {
            url: server::mysql(word, report)?,
            password: None,
        },
        Some(_) | None => {
            // Where there may be a password, nothing is shown.
            let note = match word.text.contains('@') {
                true => report.add(word.at, "this is not a database").hide_line(),
                false => {
                    let problem = format!("\"{}\" is not a database", repeated(word.text));
                    report.add(word.at, problem)
                }
            };
            note.help(ACCEPTED);
            return None;
        }
    };
    Some(Placed {
        name: None,
        source,
        app: None,
        at: word.at,
        name_at: word.at,
    })
}

fn long(table: Section<'_>, folder: &Path, report: &mut Report) -> Option<Placed> {
    one_kind(table, report);
    let password = secret(table, "password", folder, report);
    let name = table.text("name").and_then(|word| name(word, report));
    let app = table.text("app");
    let app = app.and_then(|word| Some((apps::name(word, report)?, word.at)));
    let file = table.text("sqlite");
    let file = file.and_then(|word| sqlite(word, folder, report));
    let postgres = table.text("postgres");
    let postgres = postgres.and_then(|word| server::postgres(word, report));
    let postgres = postgres.map(|url| DatabaseSource::Postgres {
        url,
        password: password.clone(),
    });
    let mysql = table.text("mysql");
    let mysql = mysql.and_then(|word| server::mysql(word, report));
    let mysql = mysql.map(|url| DatabaseSource::Mysql { url, password });
    if file.is_some() && table.has("password") {
        report
            .add(table.key_at("password"), "`password` is not for SQLite")
            .help("remove it: who can read the file can read the database");
    }
    Some(Placed {
        name,
        source: file.or(postgres).or(mysql)?,
        app,
        at: table.at(),
        name_at: table.text("name").map_or(table.at(), |word| word.at),
    })
}

fn one_kind(table: Section<'_>, report: &mut Report) {
    let mut present: Vec<_> = KINDS
        .into_iter()
        .filter(|kind| table.has(kind))
        .map(|kind| (table.key_at(kind), kind))
        .collect();
    present.sort();
    match present[..] {
        [] if table.is_known(&DATABASE) => {
            report
                .lack(table.at(), "this database is nowhere")
                .help("it needs one of sqlite, postgres and mysql: sqlite = \"/srv/coffee/storage/production.sqlite3\"");
        }
        [(first_at, first), (at, second), ..] => {
            report
                .add(at, format!("`{second}` stands beside `{first}`"))
                .help("give each database a [[backup.databases]] of its own")
                .related(first_at, format!("`{first}` is here"));
        }
        _ => {}
    }
}

fn name(word: Word<'_>, report: &mut Report) -> Option<DatabaseName> {
    match DatabaseName::parse(word.text) {
        Ok(name) => Some(name),
        Err(error) => {
            let problem = format!("a database cannot be called \"{}\"", repeated(word.text));
            report.add(word.at, problem).help(error.to_string());
            None
        }
    }
}

fn sqlite(word: Word<'_>, folder: &Path, report: &mut Report) -> Option<DatabaseSource> {
    let text = word.text;
    let beside = ["-wal", "-shm", "-journal"].iter();
    let beside = beside.filter_map(|end| text.strip_suffix(end)).next();
    let help = match beside {
        _ if text.contains("://") => {
            report
                .add(word.at, "`sqlite` is not the path of a file")
                .help("accepted: such as \"/srv/coffee/storage/production.sqlite3\"; `postgres` and `mysql` take addresses")
                .hide_line(); // There may be a password in it.
            return None;
        }
        Some(database) => {
            let database = repeated(database);
            format!("that belongs to the database \"{database}\": name that")
        }
        None if text.ends_with('/') => "accepted: the path of its file".to_owned(),
        None => {
            let path: PathBuf = file::path(word, folder, report)?.components().collect();
            return Some(DatabaseSource::Sqlite(path));
        }
    };
    let problem = format!("\"{}\" is not the file of a database", repeated(text));
    report.add(word.at, problem).help(help);
    None
}
