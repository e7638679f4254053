//! What travels over the link about what the box answers on sites by itself.

use serde::Deserialize;
use serde::Serialize;

/// What the box answers on sites by itself; all of it, each time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Own {
    /// The word for how the box is (`pass`).
    pub(crate) state: String,
    /// The main names of sites, and the path of each where it says so.
    pub(crate) health: Vec<(String, String)>,
    /// Who takes reports of others' jobs.
    pub(crate) pings: Vec<TakesPings>,
}

/// A site that takes reports of one job.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TakesPings {
    /// Its main name.
    pub(crate) site: String,
    /// What the path has after `/ping/`.
    pub(crate) token: String,
    /// The name of the job's heartbeat.
    pub(crate) name: String,
}

impl std::fmt::Debug for TakesPings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            site,
            token: _, // Whoever knows it can say that all is well.
            name,
        } = self;
        f.debug_struct("TakesPings")
            .field("site", site)
            .field("name", name)
            .finish_non_exhaustive()
    }
}

/// A report of somebody else's job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ping {
    /// The name of its heartbeat.
    pub(crate) name: String,
    /// What it says, by the words of the protocol.
    pub(crate) says: String,
    /// The beginning of what came with it.
    pub(crate) said: String,
}
