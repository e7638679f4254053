//! The JSON about what apps write.

use serde::Deserialize;
use serde::Serialize;

use super::Time;

/// The query of `GET /apps/NAME/logs`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogsQuery {
    /// Only lines of this process (`web`), or of one of its instances (`web.1`).
    pub process: Option<String>,
    /// Only lines from this moment on.
    pub since: Option<Time>,
    /// Only so many, the newest; `None` means all from `since` on, or all that is kept.
    pub lines: Option<u32>,
    /// Only lines after this place, which an answer before had as `next`; `lines` does not count then.
    pub after: Option<String>,
}

/// `GET /apps/NAME/logs`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Logs {
    /// The lines, the newest last; at most 5,000.
    pub lines: Vec<LogLine>,
    /// The place after them.
    pub next: String,
    /// Whether there are more after them now.
    pub more: bool,
}

/// A line that an app wrote, or that Ondol wrote about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// When it was read: RFC 3339 in UTC, to the millisecond.
    pub at: String,
    /// Who wrote it: `web.1`, `cron.2`, or `ondol`.
    pub process: String,
    /// What it says. Control characters are shown by their numbers; only colors for a terminal are left.
    pub text: String,
}
