//! A moment, as RFC 3339 in UTC (`2026-03-01T04:05:06Z`).

use ondol_base::clock;
use serde::Deserialize;
use serde::Serialize;

/// A moment, to the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Time(i64);

/// A text that is no moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no time as RFC 3339 has it (2026-03-01T04:05:06Z)")]
pub struct TimeError(String);

impl Time {
    /// The moment so many seconds after the Unix epoch.
    pub const fn from_unix_seconds(seconds: i64) -> Self {
        Self(seconds)
    }

    /// The present moment.
    pub fn now() -> Self {
        Self(clock::unix_seconds())
    }

    /// Seconds since the Unix epoch.
    pub fn unix_seconds(self) -> i64 {
        self.0
    }
}

impl From<Time> for String {
    fn from(time: Time) -> Self {
        clock::rfc3339(time.0)
    }
}

impl TryFrom<String> for Time {
    type Error = TimeError;

    fn try_from(text: String) -> Result<Self, TimeError> {
        match clock::parse_rfc3339(&text) {
            Some(seconds) => Ok(Self(seconds)),
            None => Err(TimeError(text)),
        }
    }
}
