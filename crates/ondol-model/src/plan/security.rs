//! What browsers are told about the safety of a site.

use std::time::Duration;

/// The header fields about safety.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Security {
    /// Whether what breaks no common app is said, where the app says nothing itself.
    pub has_usual_headers: bool,
    /// `Strict-Transport-Security`; `None` leaves that to the app.
    pub hsts: Option<Hsts>,
}

/// That a site is to be visited by HTTPS alone (RFC 6797).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hsts {
    /// How long a browser remembers it.
    pub max_age: Duration,
    /// Whether it holds for all names below this one.
    pub has_subdomains: bool,
    /// Whether browsers may have it built in.
    pub may_be_preloaded: bool,
}

/// What the list of browsers asks for at least.
const PRELOAD_MAX_AGE_MIN: Duration = Duration::from_secs(365 * 24 * 3600);

impl Default for Hsts {
    /// A year, of this name alone: what can be taken back name by name.
    fn default() -> Self {
        Self {
            max_age: PRELOAD_MAX_AGE_MIN,
            has_subdomains: false,
            may_be_preloaded: false,
        }
    }
}

impl Hsts {
    /// The value of the header field.
    pub fn value(&self) -> String {
        let mut value = format!("max-age={}", self.max_age.as_secs());
        if self.has_subdomains {
            value.push_str("; includeSubDomains");
        }
        if self.may_be_preloaded {
            value.push_str("; preload");
        }
        value
    }

    /// Why the list of browsers would not take it, where it asks to be taken.
    pub fn preload_lacks(&self) -> Option<&'static str> {
        match self {
            Self {
                may_be_preloaded: false,
                ..
            } => None,
            Self {
                has_subdomains: false,
                ..
            } => Some("`subdomains = true`"),
            Self { max_age, .. } if *max_age < PRELOAD_MAX_AGE_MIN => {
                Some("a `max_age` of at least a year")
            }
            Self { .. } => None,
        }
    }
}
