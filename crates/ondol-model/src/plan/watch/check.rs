//! How a site is looked at: `check`.

use std::time::Duration;

use crate::plan::Statuses;

/// How a site is looked at by itself, through the box's own listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteCheck {
    /// What is asked for, by GET: a path, which may have a query.
    pub path: String,
    /// The answers that are good.
    pub status: Vec<Statuses>,
    /// What the body must contain.
    pub contains: Option<String>,
    /// A good answer that takes longer is worth a word.
    pub max: Option<Duration>,
    /// Values in a body of JSON: dotted paths, and the text of the value (`db.state` is `up`).
    pub json: Vec<(String, String)>,
    /// How long an answer may take.
    pub timeout: Duration,
}

impl SiteCheck {
    /// Whether an answer with this status is a good one.
    pub fn is_good(&self, status: u16) -> bool {
        self.status.iter().any(|good| good.cover(status))
    }
}

impl Default for SiteCheck {
    /// Whether the site answers at all. Who must log in first gets 401, and many a site of an API has nothing at `/`
    /// (404): both come from an app that lives. What the box itself says of one that doesn't is 502, 503 or 504.
    fn default() -> Self {
        Self {
            path: "/".to_owned(),
            status: [2, 3, 4].map(Statuses::Class).to_vec(),
            contains: None,
            max: None,
            json: Vec::new(),
            timeout: Duration::from_secs(10),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_that_asks_who_it_is_or_has_no_front_page_lives() {
        let check = SiteCheck::default();
        for status in [200, 204, 301, 401, 403, 404, 418] {
            assert!(check.is_good(status), "{status}");
        }
        for status in [100, 500, 502, 503, 504, 599, 600] {
            assert!(!check.is_good(status), "{status}");
        }
    }
}
