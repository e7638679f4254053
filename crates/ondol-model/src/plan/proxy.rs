//! Other servers that answer: which, and how they are used.

mod failing;
mod health_check;
mod retry;
mod sent;

use crate::balance::Balance;
use crate::upstream::Upstream;

pub use failing::Failing;
pub use health_check::HealthCheck;
pub use health_check::Statuses;
pub use retry::Retry;
pub use sent::SentHost;
pub use sent::SentPath;
pub use sent::Via;

/// Every server counts the same.
const WEIGHT: u8 = 1;

/// Servers to forward to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// At least one, none of them twice; several share the requests.
    pub servers: Vec<Server>,
    /// How they share them.
    pub balance: Balance,
    /// When one of them is left out for a while.
    pub failing: Failing,
    /// How they are asked whether they are well; `None` means they are not.
    pub health: Option<Box<HealthCheck>>,
    /// When a request that one of them failed is sent to another.
    pub retry: Retry,
    /// The path that they get.
    pub path: SentPath,
    /// The host that they get.
    pub host: SentHost,
    /// Whether they are told what a request came through.
    pub via: Via,
}

/// One of the servers of a [`Proxy`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Where it is.
    pub upstream: Upstream,
    /// Its share of the requests beside the others': 1 to 100.
    pub weight: u8,
}

impl Server {
    /// A server with the share that others have.
    pub fn at(upstream: Upstream) -> Self {
        Self {
            upstream,
            weight: WEIGHT,
        }
    }
}

impl Proxy {
    /// These servers, with defaults for the rest.
    pub fn to(upstreams: Vec<Upstream>) -> Self {
        Self {
            servers: upstreams.into_iter().map(Server::at).collect(),
            balance: Balance::default(),
            failing: Failing::default(),
            health: None,
            retry: Retry::default(),
            path: SentPath::default(),
            host: SentHost::default(),
            via: Via::default(),
        }
    }

    /// Where the servers are.
    pub fn upstreams(&self) -> impl Iterator<Item = &Upstream> {
        self.servers.iter().map(|server| &server.upstream)
    }
}
