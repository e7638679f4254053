//! The programs that speak with database servers: where they are, and how they are told whom to ask.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use crate::access::DatabasePlace;
use crate::access::Hidden;
use crate::databases::address::Address;
use crate::failure::Failure;
use crate::failure::FailureKind;

/// A program that comes with a database server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Program {
    /// Writes a database of PostgreSQL.
    PgDump,
    /// Reads it back.
    PgRestore,
    /// Asks PostgreSQL.
    Psql,
    /// Writes a database of MariaDB or MySQL.
    MysqlDump,
    /// Asks MariaDB or MySQL, and reads a database back.
    Mysql,
}

/// How a database of a server is reached.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    kind: Kind,
    url: String,
    address: Address,
    password: Option<Hidden>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Postgres,
    Mysql,
}

impl Client {
    /// The client of a database of a server.
    pub(crate) fn of(place: &DatabasePlace) -> Result<Self, Failure> {
        let (kind, url, password) = match place {
            DatabasePlace::Postgres { url, password } => (Kind::Postgres, url, password),
            DatabasePlace::Mysql { url, password } => (Kind::Mysql, url, password),
            DatabasePlace::Sqlite { path } => {
                let sentence = format!("{} is a file: no server has it.", path.display());
                return Err(Failure::new(FailureKind::Internal, sentence));
            }
        };
        Ok(Self {
            kind,
            url: url.clone(),
            address: Address::parse(url)?,
            password: password.clone(),
        })
    }

    /// The database that it speaks of.
    pub(crate) fn database(&self) -> &str {
        &self.address.database
    }

    /// The same server, another database.
    pub(crate) fn with_database(&self, name: &str) -> Self {
        let mut other = self.clone();
        name.clone_into(&mut other.address.database);
        other
    }

    /// A program that is told whom to ask, and as whom; its own arguments come after. The password is in its
    /// environment, which its user and root alone can read.
    pub(crate) fn command(&self, _program: Program) -> Result<Command, Failure> {
        let _ = (self.kind, &self.url, &self.password);
        Err(Failure::new(FailureKind::Internal, "This is not yet done."))
    }

    /// What the server answers to a question in SQL: its lines, each in columns.
    pub(crate) fn ask(&self, _question: &str) -> Result<Vec<Vec<String>>, Failure> {
        Err(Failure::new(FailureKind::Internal, "This is not yet done."))
    }

    /// How many rows each table has, as they are counted for a manifest: `schema.table` for PostgreSQL.
    pub(crate) fn rows(&self) -> Result<BTreeMap<String, u64>, Failure> {
        Err(Failure::new(FailureKind::Internal, "This is not yet done."))
    }
}

impl Program {
    /// Where it is on this machine; the newest, where there are several.
    pub(crate) fn find(self) -> Option<PathBuf> {
        None
    }
}
