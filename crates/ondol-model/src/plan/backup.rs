//! Backups as their owner describes them: `[backup]`.

use std::path::PathBuf;
use std::time::Duration;

use crate::app::AppName;
use crate::backup::DatabaseName;
use crate::backup::TargetName;
use crate::plan::Secret;

/// What is backed up, when, where to, and how it is proven. Without a target nothing is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// Where backups go; each has all of them.
    pub to: Vec<BackupTarget>,
    /// When everything is backed up, as a line of cron or `HH:MM`; already found to be readable.
    pub at: String,
    /// When the databases alone are backed up besides, in the same way; `None` for never.
    pub databases_at: Option<String>,
    /// IANA time zone of both; `None` means the box's.
    pub timezone: Option<String>,
    /// What is kept.
    pub keep: Keep,
    /// How backups are proven.
    pub verify: Verify,
    /// How much of the line a backup may use; the first window that holds the time of day counts.
    pub bandwidth: Vec<BandwidthWindow>,
    /// The password of the repositories; `None` means one that Ondol makes and keeps with its state.
    pub password: Option<Secret>,
    /// Files and folders to back up besides what belongs to sites and apps.
    pub include: Vec<PathBuf>,
    /// What is left out: absolute paths, or names with `*` and `?`.
    pub exclude: Vec<String>,
    /// Databases.
    pub databases: Vec<Database>,
    /// A command that is run before the data is read, for `sh`; when it fails, the backup is not begun.
    pub before: Option<String>,
    /// A command that is run afterwards, whatever came of it.
    pub after: Option<String>,
    /// How long each of the two may take.
    pub hook_timeout: Duration,
}

impl Default for Backup {
    fn default() -> Self {
        Self {
            to: Vec::new(),
            at: "03:30".to_owned(),
            databases_at: Some("5 * * * *".to_owned()),
            timezone: None,
            keep: Keep::default(),
            verify: Verify::default(),
            bandwidth: Vec::new(),
            password: None,
            include: Vec::new(),
            exclude: Vec::new(),
            databases: Vec::new(),
            before: None,
            after: None,
            hook_timeout: Duration::from_secs(10 * 60),
        }
    }
}

/// How many backups are kept: the newest of each hour, day, week, month and year, so many of each. Backups of the
/// databases alone are counted apart from those of everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// The newest, whenever they were taken.
    pub last: u32,
    /// Hours.
    pub hourly: u32,
    /// Days.
    pub daily: u32,
    /// Weeks; they begin on Monday.
    pub weekly: u32,
    /// Months.
    pub monthly: u32,
    /// Years.
    pub yearly: u32,
}

impl Default for Keep {
    fn default() -> Self {
        Self {
            last: 3,
            hourly: 24,
            daily: 7,
            weekly: 5,
            monthly: 12,
            yearly: 0,
        }
    }
}

/// How backups are proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verify {
    /// In how many days everything that is stored is read back once; 0 for never.
    pub read_days: u16,
    /// How often files and all databases of the newest backup are restored and compared.
    pub restore: Often,
    /// How often the apps are started on what was restored, and asked whether they are well.
    pub drill: Often,
}

impl Default for Verify {
    fn default() -> Self {
        Self {
            read_days: 30,
            restore: Often::Weekly,
            drill: Often::Monthly,
        }
    }
}

/// How often something is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Often {
    /// Never by itself.
    Never,
    /// Every day.
    Daily,
    /// Every 7 days.
    Weekly,
    /// Every 30 days.
    Monthly,
}

impl Often {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Never, Self::Daily, Self::Weekly, Self::Monthly];

    /// The word for it in the configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
        }
    }

    /// The time between two; `None` for never.
    pub fn interval(self) -> Option<Duration> {
        const DAY: u64 = 24 * 60 * 60;
        match self {
            Self::Never => None,
            Self::Daily => Some(Duration::from_secs(DAY)),
            Self::Weekly => Some(Duration::from_secs(7 * DAY)),
            Self::Monthly => Some(Duration::from_secs(30 * DAY)),
        }
    }
}

/// A part of the day with a rate of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BandwidthWindow {
    /// Its first minute of the day.
    pub from: u16,
    /// The minute of the day when it is over; at or before `from` it is over on the next day.
    pub to: u16,
    /// Bytes a second, upwards and downwards each; `None` for no limit.
    pub rate: Option<u64>,
}

/// Where backups go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupTarget {
    /// What it is called in tables and commands; unique.
    pub name: TargetName,
    /// Where it is.
    pub storage: Storage,
    /// Whether what is there can't be removed with the credential that the box has; then the box does not thin it out.
    pub append_only: bool,
}

/// A place for a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Storage {
    /// A folder of this machine, by its absolute path; often on a disk of its own.
    Local(PathBuf),
    /// A bucket.
    S3(S3),
    /// A restic REST server.
    Rest(Rest),
    /// A folder of another machine, by `ssh`.
    Sftp(Sftp),
}

impl Storage {
    /// The key of this kind in the configuration.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Local(_) => "local",
            Self::S3(_) => "s3",
            Self::Rest(_) => "rest",
            Self::Sftp(_) => "sftp",
        }
    }
}

/// A bucket of an S3 service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3 {
    /// `https://…`, or `http://…` on this machine and in the house.
    pub endpoint: String,
    /// The region that requests are signed for.
    pub region: String,
    /// The bucket.
    pub bucket: String,
    /// What names of objects begin with; empty, or without a slash at either end.
    pub prefix: String,
    /// The id of the access key.
    pub key: Secret,
    /// The secret of the access key.
    pub secret: Secret,
    /// A key that can only read, for the recovery kit.
    pub read_only: Option<S3Key>,
}

/// An access key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Key {
    /// Its id.
    pub key: Secret,
    /// Its secret.
    pub secret: Secret,
}

/// A restic REST server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rest {
    /// `https://…` or `http://…`, with the path of the repository and without user and password.
    pub url: String,
    /// Who asks.
    pub user: Option<String>,
    /// With which password.
    pub password: Option<Secret>,
}

/// A folder of another machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sftp {
    /// The user there; `None` means what ssh's own configuration says.
    pub user: Option<String>,
    /// The machine.
    pub host: String,
    /// Its port; `None` means what ssh's own configuration says.
    pub port: Option<u16>,
    /// The folder; relative to the user's own where it does not begin with a slash.
    pub path: String,
    /// The private key; `None` means what ssh finds by itself.
    pub identity: Option<PathBuf>,
}

/// A database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    /// What it is called in tables and commands; unique.
    pub name: DatabaseName,
    /// Which.
    pub source: DatabaseSource,
    /// The app that uses it, which is stopped while the database is put back.
    pub app: Option<AppName>,
}

/// Where a database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseSource {
    /// A file of SQLite, by its absolute path.
    Sqlite(PathBuf),
    /// `postgresql://…`, without a password in it.
    Postgres {
        /// The address, as libpq understands it.
        url: String,
        /// The password, where one is needed.
        password: Option<Secret>,
    },
    /// `mysql://…` or `mariadb://…`, without a password in it.
    Mysql {
        /// The address: user, host or socket, database.
        url: String,
        /// The password, where one is needed.
        password: Option<Secret>,
    },
}

impl DatabaseSource {
    /// The key of this kind in the configuration.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "sqlite",
            Self::Postgres { .. } => "postgres",
            Self::Mysql { .. } => "mysql",
        }
    }
}
