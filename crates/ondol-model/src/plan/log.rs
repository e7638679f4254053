//! What the access log keeps of a request, in which file, and for how long.

mod name;
mod redact;
mod share;

use std::time::Duration;

use crate::limits;

pub use name::BOX_LOG;
pub use name::LogName;
pub use redact::SECRETS;
pub use redact::SecretName;
pub use share::Share;

/// The access log of a box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessLog {
    /// How its lines look.
    pub format: AccessLogFormat,
    /// When a file makes room for a new one; `None` when another program sees to that.
    pub rotation: Option<Rotation>,
    /// The parameters of addresses whose values are left out.
    pub redact: Vec<SecretName>,
    /// How many of the requests that went well have a line.
    pub sample: Share,
}

impl Default for AccessLog {
    /// Of a box that asks for nothing.
    fn default() -> Self {
        Self {
            format: AccessLogFormat::Combined,
            rotation: Some(Rotation::default()),
            redact: SECRETS.into_iter().filter_map(SecretName::parse).collect(),
            sample: Share::ALL,
        }
    }
}

/// The shape of a line in the access log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessLogFormat {
    /// Apache's combined log format, preceded by nothing and followed by nothing.
    Combined,
    /// One JSON object a line.
    Json,
}

/// When a log file makes room for a new one, and what becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    /// A file that has grown to this is rotated.
    pub size_bytes: u64,
    /// So is one that is this old and not empty; `None` for no matter how old.
    pub age: Option<Duration>,
    /// Rotated files that are kept of each log; the oldest go first.
    pub keep: usize,
    /// How rotated files are kept.
    pub compression: LogCompression,
}

impl Default for Rotation {
    fn default() -> Self {
        Self {
            size_bytes: limits::ACCESS_LOG_FILE_BYTES,
            age: Some(limits::ACCESS_LOG_FILE_AGE),
            keep: limits::ACCESS_LOG_FILES_KEPT,
            compression: LogCompression::Gzip,
        }
    }
}

/// How rotated log files are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogCompression {
    /// As `.gz`, which every log tool reads.
    Gzip,
    /// As `.zst`: smaller and quicker.
    Zstd,
    /// As they are.
    None,
}

/// Where the requests of a site or route are logged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SiteLog {
    /// In which file.
    pub to: LogTo,
    /// How many of those that went well; `None` as the box says.
    pub sample: Option<Share>,
}

impl SiteLog {
    /// As the box says.
    pub const BOX: Self = Self {
        to: LogTo::Box,
        sample: None,
    };
}

/// The log file of a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum LogTo {
    /// The box's own.
    #[default]
    Box,
    /// One of its own in the folder of logs.
    File(LogName),
    /// None.
    Nowhere,
}
