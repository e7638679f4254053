//! How a job reaches repositories and databases: what the plan says, with the secrets themselves. Only the pipe to a
//! job ever holds these values; they are never written.

use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;
use serde::Serialize;

/// A secret. It is not shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hidden(pub String);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// A repository, and how to get at it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetAccess {
    /// What it is called.
    pub name: String,
    /// Where it is.
    pub storage: StorageAccess,
    /// Whether what is there can't be removed.
    pub append_only: bool,
}

/// Where a repository is, and with what it is opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StorageAccess {
    /// A folder.
    Local {
        /// Its absolute path.
        path: PathBuf,
        /// The file system that it was on when it was first used; `None` before that. Another one means that the
        /// disk is not there.
        file_system: Option<String>,
    },
    /// A bucket.
    S3 {
        /// `https://…` or `http://…`.
        endpoint: String,
        /// What requests are signed for.
        region: String,
        /// The bucket.
        bucket: String,
        /// What names begin with; may be empty.
        prefix: String,
        /// The id of the access key.
        key: String,
        /// Its secret.
        secret: Hidden,
    },
    /// A restic REST server.
    Rest {
        /// With the path of the repository.
        url: String,
        /// Who asks.
        user: Option<String>,
        /// With which password.
        password: Option<Hidden>,
    },
    /// A folder of another machine.
    Sftp {
        /// The user there.
        user: Option<String>,
        /// The machine.
        host: String,
        /// Its port.
        port: Option<u16>,
        /// The folder.
        path: String,
        /// The private key.
        identity: Option<PathBuf>,
    },
}

/// Another credential for a target than the box's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Credential {
    /// An access key of a bucket.
    Key {
        /// Its id.
        key: String,
        /// Its secret.
        secret: Hidden,
    },
    /// A user of a REST server.
    User {
        /// The name.
        user: String,
        /// The password.
        password: Hidden,
    },
    /// A private key for `ssh`.
    Identity {
        /// Its file.
        path: PathBuf,
    },
}

impl TargetAccess {
    /// The same target, opened with another credential, by which what is there can be removed.
    ///
    /// # Errors
    ///
    /// What kind of credential the target takes.
    pub fn with(mut self, credential: Credential) -> Result<Self, String> {
        match (&mut self.storage, credential) {
            (StorageAccess::S3 { key, secret, .. }, Credential::Key { key: k, secret: s }) => {
                (*key, *secret) = (k, s);
            }
            (
                StorageAccess::Rest { user, password, .. },
                Credential::User {
                    user: name,
                    password: word,
                },
            ) => (*user, *password) = (Some(name), Some(word)),
            (StorageAccess::Sftp { identity, .. }, Credential::Identity { path }) => {
                *identity = Some(path);
            }
            (storage, _) => return Err(storage.wanted_credential(&self.name)),
        }
        self.append_only = false;
        Ok(self)
    }
}

impl StorageAccess {
    fn wanted_credential(&self, name: &str) -> String {
        match self {
            Self::Local { .. } => {
                format!("{name} is a folder of this machine, which takes no credential")
            }
            Self::S3 { .. } => format!("{name} is a bucket: its credential has `key` and `secret`"),
            Self::Rest { .. } => {
                format!("{name} is a REST server: its credential has `user` and `password`")
            }
            Self::Sftp { .. } => {
                format!(
                    "{name} is reached by ssh: its credential is `identity`, the file of a private key"
                )
            }
        }
    }
}

/// How fast a job may be at some part of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BandwidthLimit {
    /// Its first minute of the day.
    pub from: u16,
    /// The minute when it is over; at or before `from` that is on the next day.
    pub to: u16,
    /// Bytes a second; `None` for no limit.
    pub rate: Option<u64>,
}

/// A database, and how to get at it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseAccess {
    /// What it is called.
    pub name: String,
    /// Which.
    pub place: DatabasePlace,
    /// The app that uses it.
    pub app: Option<String>,
}

/// Where a database is, and with what it is opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DatabasePlace {
    /// A file.
    Sqlite {
        /// Its absolute path.
        path: PathBuf,
    },
    /// A database of PostgreSQL.
    Postgres {
        /// As libpq understands it.
        url: String,
        /// Its password.
        password: Option<Hidden>,
    },
    /// A database of MariaDB or MySQL.
    Mysql {
        /// User, host or socket, database.
        url: String,
        /// Its password.
        password: Option<Hidden>,
    },
}
