//! What is looked at, how often, and by whom.

use std::fmt;
use std::hash::DefaultHasher;
use std::hash::Hash;
use std::hash::Hasher;
use std::time::Duration;

use ondol_model::Plan;
use ondol_model::watch::Observation;

use super::Bench;
use super::disks::DisksWatch;
use super::dns::DnsWatch;
use super::domains::DomainsWatch;
use super::drives::DrivesWatch;
use super::internet::InternetWatch;
use super::link::LinkWatch;
use super::memory;
use super::router::RouterWatch;
use super::site;
use super::store;
use super::temperature::Thermometer;
use super::timekeeping::ClockWatch;

/// No look takes longer, whatever it waits for; each has shorter limits of its own.
const LIMIT: Duration = Duration::from_secs(90);

/// Drives: smartd's pace, for their numbers change slowly.
const DRIVES: Duration = Duration::from_secs(30 * 60);
/// Domains: most of the time to see that nobody has to be asked yet.
const DOMAINS: Duration = Duration::from_secs(60 * 60);
/// What asks many, one after another.
const LONG_LIMIT: Duration = Duration::from_secs(15 * 60);

/// Something that is looked at by itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Look {
    Clock,
    Disks,
    Dns,
    Domains,
    Drives,
    Internet,
    Link,
    Memory,
    Router,
    Store,
    Temperature,
    /// By its main name.
    Site(String),
}

/// One who looks, with what it must remember from one look to the next.
#[derive(Debug)]
pub(super) enum Looker {
    Clock(ClockWatch),
    Disks(DisksWatch),
    Dns(DnsWatch),
    Domains(DomainsWatch),
    Drives(DrivesWatch),
    Internet(InternetWatch),
    Link(LinkWatch),
    Memory,
    Router(RouterWatch),
    Store,
    Temperature(Thermometer),
    Site(String),
}

impl Look {
    /// All that a plan wants looked at.
    pub(super) fn wanted(plan: &Plan) -> Vec<Self> {
        let checked = plan.sites.iter().filter(|site| site.check.is_some());
        let sites = checked.map(|site| Self::Site(site.name.to_string()));
        let machine = [
            Self::Clock,
            Self::Disks,
            Self::Dns,
            Self::Domains,
            Self::Drives,
            Self::Internet,
            Self::Link,
            Self::Memory,
            Self::Router,
            Self::Store,
            Self::Temperature,
        ];
        machine.into_iter().chain(sites).collect()
    }

    /// From one look to the next; `None` when it is not wanted any more.
    pub(super) fn pace(&self, plan: &Plan) -> Option<Duration> {
        let interval = plan.care.watch.interval;
        match self {
            Self::Site(name) => site::find(plan, name).map(|_| interval),
            Self::Domains => Some(DOMAINS),
            Self::Drives => Some(DRIVES),
            Self::Clock
            | Self::Disks
            | Self::Dns
            | Self::Internet
            | Self::Link
            | Self::Memory
            | Self::Router
            | Self::Store
            | Self::Temperature => Some(interval),
        }
    }

    /// How long it may take.
    pub(super) fn limit(&self) -> Duration {
        match self {
            Self::Domains | Self::Drives => LONG_LIMIT,
            Self::Clock
            | Self::Disks
            | Self::Dns
            | Self::Internet
            | Self::Link
            | Self::Memory
            | Self::Router
            | Self::Site(_)
            | Self::Store
            | Self::Temperature => LIMIT,
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
            Self::Clock => f.write_str("clock"),
            Self::Disks => f.write_str("disks"),
            Self::Dns => f.write_str("dns"),
            Self::Domains => f.write_str("domains"),
            Self::Drives => f.write_str("drives"),
            Self::Internet => f.write_str("internet"),
            Self::Link => f.write_str("link"),
            Self::Memory => f.write_str("memory"),
            Self::Router => f.write_str("router"),
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
            Look::Clock => Self::Clock(ClockWatch::default()),
            Look::Domains => Self::Domains(DomainsWatch::default()),
            Look::Drives => Self::Drives(DrivesWatch::default()),
            Look::Disks => Self::Disks(DisksWatch::default()),
            Look::Dns => Self::Dns(DnsWatch::default()),
            Look::Internet => Self::Internet(InternetWatch::default()),
            Look::Link => Self::Link(LinkWatch::default()),
            Look::Memory => Self::Memory,
            Look::Router => Self::Router(RouterWatch::default()),
            Look::Store => Self::Store,
            Look::Temperature => Self::Temperature(Thermometer::default()),
            Look::Site(name) => Self::Site(name.clone()),
        }
    }

    /// Looks once.
    pub(super) async fn look(&mut self, bench: &Bench, plan: &Plan) -> Vec<Observation> {
        // Who wants nobody asked whether the internet is there wants nobody out there asked at all.
        let may_ask = !plan.care.watch.internet.is_empty();
        match self {
            Self::Clock(watch) => watch.look(may_ask).await,
            Self::Domains(watch) => {
                let is_online = may_ask && bench.ground.known.borrow().is_online;
                watch.look(&bench.ground.store, plan, is_online).await
            }
            Self::Drives(watch) => watch.look(&bench.ground.store).await,
            Self::Disks(watch) => {
                let places = &bench.ground.places;
                watch.look(&bench.machine, places, plan).await
            }
            Self::Dns(watch) => watch.look(plan).await,
            Self::Internet(watch) => watch.look(&plan.care.watch.internet).await,
            Self::Link(watch) => watch.look(&bench.machine).await,
            Self::Memory => memory::look(&bench.machine).await,
            Self::Router(watch) => watch.look(&bench.machine).await,
            Self::Store => store::look(&bench.ground.store).await,
            Self::Temperature(thermometer) => thermometer.look(&bench.machine).await,
            Self::Site(name) => site::look(bench, plan, name).await.into_iter().collect(),
        }
    }
}
