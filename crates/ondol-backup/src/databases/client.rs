//! The programs that speak with database servers: where they are, and how they are told whom to ask.

use std::collections::BTreeMap;
use std::env;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use nix::unistd::User;

use crate::access::DatabasePlace;
use crate::access::Hidden;
use crate::databases::address::Address;
use crate::databases::mysql;
use crate::databases::postgres;
use crate::databases::program::Program;
use crate::databases::running::Running;
use crate::failure::Failure;
use crate::failure::FailureKind;

/// Who may read every database of a PostgreSQL as packages install it.
const POSTGRES: &str = "postgres";
/// A server that does not even take a connection within this time, in seconds, is not there.
const CONNECT_SECONDS: &str = "30";

/// How a database of a server is reached.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(super) engine: Engine,
    pub(super) address: Address,
    password: Option<Hidden>,
}

/// The kind of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Engine {
    Postgres,
    Mysql,
}

impl Client {
    /// The client of a database of a server.
    pub(crate) fn of(place: &DatabasePlace) -> Result<Self, Failure> {
        let (engine, url, password) = match place {
            DatabasePlace::Postgres { url, password } => (Engine::Postgres, url, password),
            DatabasePlace::Mysql { url, password } => (Engine::Mysql, url, password),
            DatabasePlace::Sqlite { path } => {
                let sentence = format!("{} is a file: no server has it.", path.display());
                return Err(Failure::new(FailureKind::Internal, sentence));
            }
        };
        Ok(Self {
            engine,
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

    /// A program that is told whom to ask, and as whom, with an empty input; its own arguments come after, and the
    /// name of the database is already among them. The password is in its environment, which its user and root alone
    /// can read.
    pub(crate) fn command(&self, program: Program) -> Result<Command, Failure> {
        let path = program.find().ok_or_else(|| program.missing())?;
        let mut command = Command::new(path);
        command.env("LC_ALL", "C.UTF-8").stdin(Stdio::null());
        match self.engine {
            Engine::Postgres => self.tell_postgres(&mut command),
            Engine::Mysql => self.tell_mysql(&mut command),
        }
        if let Some(user) = self.peer() {
            command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
            command.env("HOME", user.dir);
        }
        Ok(command)
    }

    /// What the server answers to a question in SQL: its lines, each in columns. It may be several statements.
    pub(crate) fn ask(&self, question: &str) -> Result<Vec<Vec<String>>, Failure> {
        let (program, arguments) = match self.engine {
            Engine::Postgres => (Program::Psql, postgres::PLAIN),
            Engine::Mysql => (Program::Mysql, mysql::PLAIN),
        };
        let mut command = self.command(program)?;
        command.args(arguments).stdin(Stdio::piped());
        let mut running = Running::start(command, program.word())?;
        running.tell(question.as_bytes())?;
        let answer = running.answer()?;
        Ok(answer.lines().map(columns).collect())
    }

    /// How many rows each table has, as they are counted for a manifest: `schema.table` for PostgreSQL.
    pub(crate) fn rows(&self) -> Result<BTreeMap<String, u64>, Failure> {
        match self.engine {
            Engine::Postgres => postgres::rows(self),
            Engine::Mysql => mysql::rows(self),
        }
    }

    fn tell_postgres(&self, command: &mut Command) {
        command
            .env("PGAPPNAME", "ondol")
            .env("PGCONNECT_TIMEOUT", CONNECT_SECONDS)
            .envs(self.password.as_ref().map(|it| ("PGPASSWORD", &it.0)))
            .arg("--no-password")
            .arg(format!("--dbname={}", self.address.postgres_url()));
    }

    fn tell_mysql(&self, command: &mut Command) {
        let Address {
            user,
            host,
            port,
            database: _,
            socket,
            rest: _,
        } = &self.address;
        command
            .envs(self.password.as_ref().map(|it| ("MYSQL_PWD", &it.0)))
            .args(user.as_ref().map(|it| format!("--user={it}")))
            .args(host.as_ref().map(|it| format!("--host={it}")))
            .args(port.map(|it| format!("--port={it}")));
        if let Some(socket) = socket {
            command.arg("--socket").arg(socket);
        }
        command.args(Some(self.database()).filter(|it| !it.is_empty()));
    }

    /// Servers let users of this machine in by their name: then the program runs as the one that the address names,
    /// where the job is root, and nobody has written down a password.
    fn peer(&self) -> Option<User> {
        let asks_as_itself = self.password.is_some()
            || !self.address.is_here()
            || !rustix::process::geteuid().is_root();
        if asks_as_itself {
            return None;
        }
        let (fallback, passwords) = match self.engine {
            Engine::Postgres => (POSTGRES, ".pgpass"),
            Engine::Mysql => ("root", ".my.cnf"),
        };
        let name = self.address.user.as_deref().unwrap_or(fallback);
        let home = env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
        if name == "root" || home.join(passwords).exists() {
            return None;
        }
        User::from_name(name).ok().flatten()
    }
}

fn columns(line: &str) -> Vec<String> {
    line.split('\t').map(str::to_owned).collect()
}
