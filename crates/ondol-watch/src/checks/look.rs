//! What is looked at, how often, and by whom.

use std::fmt;
use std::hash::DefaultHasher;
use std::hash::Hash;
use std::hash::Hasher;
use std::time::Duration;

use ondol_model::Plan;
use ondol_model::watch::Observation;

use super::Bench;
use super::memory;
use super::site;
use super::store;
use super::temperature::Thermometer;

/// No look takes longer, whatever it waits for; each has shorter limits of its own.
const LIMIT: Duration = Duration::from_secs(90);

/// Something that is looked at by itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Look {
    Memory,
    Store,
    Temperature,
    /// By its main name.
    Site(String),
}

/// One who looks, with what it must remember from one look to the next.
#[derive(Debug)]
pub(super) enum Looker {
    Memory,
    Store,
    Temperature(Thermometer),
    Site(String),
}

impl Look {
    /// All that a plan wants looked at.
    pub(super) fn wanted(plan: &Plan) -> Vec<Self> {
        let checked = plan.sites.iter().filter(|site| site.check.is_some());
        let sites = checked.map(|site| Self::Site(site.name.to_string()));
        let machine = [Self::Memory, Self::Store, Self::Temperature];
        machine.into_iter().chain(sites).collect()
    }

    /// From one look to the next; `None` when it is not wanted any more.
    pub(super) fn pace(&self, plan: &Plan) -> Option<Duration> {
        let interval = plan.care.watch.interval;
        match self {
            Self::Memory | Self::Store | Self::Temperature => Some(interval),
            Self::Site(name) => site::find(plan, name).map(|_| interval),
        }
    }

    /// How long it may take.
    pub(super) fn limit(&self) -> Duration {
        match self {
            Self::Memory | Self::Store | Self::Temperature | Self::Site(_) => LIMIT,
        }
    }

    /// Its own moment of a time that all share; always the same.
    pub(super) fn moment(&self, within: Duration) -> Duration {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        let share = hasher.finish() % 1000;
        within * u32::try_from(share).unwrap_or(0) / 1000
    }
}

impl fmt::Display for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory"),
            Self::Store => f.write_str("store"),
            Self::Temperature => f.write_str("temperature"),
            Self::Site(name) => write!(f, "site:{name}"),
        }
    }
}

impl Looker {
    /// One that has not looked yet.
    pub(super) fn of(look: &Look) -> Self {
        match look {
            Look::Memory => Self::Memory,
            Look::Store => Self::Store,
            Look::Temperature => Self::Temperature(Thermometer::default()),
            Look::Site(name) => Self::Site(name.clone()),
        }
    }

    /// Looks once.
    pub(super) async fn look(&mut self, bench: &Bench, plan: &Plan) -> Vec<Observation> {
        match self {
            Self::Memory => memory::look(&bench.machine).await,
            Self::Store => store::look(&bench.ground.store).await,
            Self::Temperature(thermometer) => thermometer.look(&bench.machine).await,
            Self::Site(name) => site::look(bench, plan, name).await.into_iter().collect(),
        }
    }
}
