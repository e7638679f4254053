//! What visitors get of each app now: the one value that the app host tells the data planes.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::app::AppName;
use crate::upstream::Address;

/// The number of a launch: the processes of one release with one set of settings, started together. Each
/// launch of an app has a greater one than those before it.
pub type Launch = u64;

/// All apps, as one value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Endpoints {
    /// Each value has a greater one.
    pub sequence: u64,
    /// What is known of each app; one that is missing here is not known to the app host (yet): its visitors
    /// wait as if it were starting.
    pub apps: BTreeMap<AppName, Endpoint>,
}

/// One app, as its visitors meet it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// What its visitors get.
    pub state: EndpointState,
    /// Whose requests are under way or may begin, other than the one of [`EndpointState::Ready`]: they are counted
    /// and reported on, and get nothing new.
    pub retiring: Vec<Launch>,
    /// Those of `retiring` whose time is over: requests and tunnels that they still have are cut now.
    pub cut: Vec<Launch>,
}

impl Endpoint {
    /// Whether a launch is the one that answers, or is not done with what it has.
    pub fn names(&self, launch: Launch) -> bool {
        let Self {
            state,
            retiring,
            cut,
        } = self;
        let is_current = match state {
            EndpointState::Ready {
                launch: current,
                servers: _,
            } => *current == launch,
            EndpointState::Held { .. }
            | EndpointState::Asleep { .. }
            | EndpointState::Failed
            | EndpointState::Stopped => false,
        };
        is_current || retiring.contains(&launch) || cut.contains(&launch)
    }
}

/// What the visitors of an app get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndpointState {
    /// Answers of these servers, which are the instances of one launch; never empty.
    Ready {
        /// The launch.
        launch: Launch,
        /// Where its instances listen.
        servers: Vec<Address>,
    },
    /// They wait: it starts, or changes its release. Who waits longer than this, or finds too many waiting, is
    /// told to come back (503 with Retry-After).
    Held {
        /// The longest wait.
        wait: Duration,
    },
    /// They wait as in [`EndpointState::Held`]; the first one wakes it (the data plane asks for that).
    Asleep {
        /// The longest wait.
        wait: Duration,
    },
    /// A page that says that it does not run, because it failed again and again.
    Failed,
    /// A page that says that its owner has stopped it.
    Stopped,
}
