//! A database of a server as a stream of bytes, which fails at its end when it is not whole.

use std::collections::BTreeMap;
use std::io;
use std::io::Read;

use ondol_base::clock;

use crate::databases::client::Client;
use crate::databases::client::Engine;
use crate::databases::mysql;
use crate::databases::mysql::Script;
use crate::databases::postgres::Session;
use crate::databases::running::Running;
use crate::failure::Failure;

/// A database of a server as a stream of bytes.
#[derive(Debug)]
pub(crate) struct Dump {
    running: Running,
    of: Of,
    as_of: i64,
    end: Option<End>,
    failure: Option<Failure>,
}

#[derive(Debug)]
enum Of {
    /// `None` after its end.
    Postgres(Option<Session>),
    Mysql(Script),
}

/// What is known of a dump at its end.
#[derive(Debug)]
struct End {
    engine: String,
    rows: BTreeMap<String, u64>,
}

impl Dump {
    /// Starts to write a database.
    pub(crate) fn begin(client: &Client) -> Result<Self, Failure> {
        let (running, of, as_of) = match client.engine {
            Engine::Postgres => {
                let session = Session::begin(client)?;
                let as_of = session.as_of;
                (session.dump(client)?, Of::Postgres(Some(session)), as_of)
            }
            Engine::Mysql => {
                let of = Of::Mysql(Script::default());
                (mysql::dump(client)?, of, clock::unix_seconds())
            }
        };
        Ok(Self {
            running,
            of,
            as_of,
            end: None,
            failure: None,
        })
    }

    /// The moment, in seconds since the Unix epoch.
    pub(crate) fn as_of(&self) -> i64 {
        self.as_of
    }

    /// The version of the server, and how many rows each table has; known when all is read.
    pub(crate) fn take_end(&mut self) -> (String, BTreeMap<String, u64>) {
        let end = self.end.take();
        end.map_or_else(Default::default, |end| (end.engine, end.rows))
    }

    /// Why it could not be read to its end.
    pub(crate) fn take_failure(&mut self) -> Option<Failure> {
        self.failure.take()
    }

    /// After the last byte: whether these were all.
    fn end(&mut self) -> Result<End, Failure> {
        self.running.end()?;
        match &mut self.of {
            Of::Postgres(session) => {
                let Some(session) = session.take() else {
                    return Err(self.running.trouble("it ended twice"));
                };
                let engine = session.engine.clone();
                let rows = session.rows()?;
                Ok(End { engine, rows })
            }
            Of::Mysql(script) => {
                if !script.is_whole() {
                    return Err(self.running.trouble("its last line is missing"));
                }
                let script = std::mem::take(script);
                let version = script.version().unwrap_or_default();
                let name = if version.contains("MariaDB") {
                    "MariaDB"
                } else {
                    "MySQL"
                };
                let engine = format!("{name} {version}");
                let rows = script.into_rows();
                Ok(End { engine, rows })
            }
        }
    }
}

impl Read for Dump {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.end.is_some() {
            return Ok(0);
        }
        let count = self.running.read(into)?;
        if let Of::Mysql(script) = &mut self.of {
            script.read(&into[..count]);
        }
        if count == 0 && !into.is_empty() {
            match self.end() {
                Ok(end) => self.end = Some(end),
                Err(failure) => {
                    let error = io::Error::other(failure.sentence.clone());
                    self.failure = Some(failure);
                    return Err(error);
                }
            }
        }
        Ok(count)
    }
}
