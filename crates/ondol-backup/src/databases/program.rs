//! The programs that come with database servers.

use std::cmp::Reverse;
use std::env;
use std::path::Path;
use std::path::PathBuf;

use rustix::fs::Access;

use crate::failure::Failure;
use crate::failure::FailureKind;

/// Where packages of PostgreSQL put theirs, in a folder for each version.
const POSTGRES_VERSIONS: &str = "/usr/lib/postgresql";
/// Where programs are besides `PATH`.
const BESIDES: [&str; 3] = ["/usr/local/bin", "/usr/bin", "/bin"];

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

impl Program {
    /// What it is called.
    pub(crate) fn word(self) -> &'static str {
        self.names()[0]
    }

    /// Where it is on this machine; the newest of PostgreSQL's, for an older one refuses a newer server.
    pub(crate) fn find(self) -> Option<PathBuf> {
        let path = env::var_os("PATH").unwrap_or_default();
        let folders: Vec<PathBuf> = env::split_paths(&path)
            .chain(BESIDES.map(PathBuf::from))
            .collect();
        let versions = if self.is_postgres() {
            postgres_folders()
        } else {
            Vec::new()
        };
        let in_folders = |name: &&str| {
            let mut paths = versions
                .iter()
                .chain(&folders)
                .map(|folder| folder.join(name));
            paths.find(|path| is_program(path))
        };
        self.names().iter().find_map(in_folders)
    }

    /// That it is not on this machine.
    pub(crate) fn missing(self) -> Failure {
        let package = match self {
            Self::PgDump | Self::PgRestore | Self::Psql => "postgresql-client",
            Self::MysqlDump | Self::Mysql => "mariadb-client",
        };
        let sentence = format!(
            "`{}` is not on this machine: install it (on Debian: `apt install {package}`).",
            self.word()
        );
        Failure::new(FailureKind::Here, sentence)
    }

    fn is_postgres(self) -> bool {
        matches!(self, Self::PgDump | Self::PgRestore | Self::Psql)
    }

    /// The one of MariaDB speaks with MySQL too.
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::PgDump => &["pg_dump"],
            Self::PgRestore => &["pg_restore"],
            Self::Psql => &["psql"],
            Self::MysqlDump => &["mariadb-dump", "mysqldump"],
            Self::Mysql => &["mariadb", "mysql"],
        }
    }
}

/// The newest version first.
fn postgres_folders() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(POSTGRES_VERSIONS).into_iter().flatten();
    let mut versions: Vec<(u32, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    versions.sort_by_key(|(version, _)| Reverse(*version));
    versions.into_iter().map(|(_, folder)| folder).collect()
}

fn is_program(path: &Path) -> bool {
    path.is_file() && rustix::fs::access(path, Access::EXEC_OK).is_ok()
}
