//! How the box watches itself, and who is told: `[health]`, `[watch]`, `[people]`, `[alarms]`, `[heartbeats]`,
//! `[power]`, and the `check` of a site.

use std::net::SocketAddr;
use std::time::Duration;

use crate::host::HostPattern;
use crate::plan::Secret;

mod alarms;
mod check;
mod people;

pub use alarms::Alarms;
pub use alarms::Escalation;
pub use alarms::Quiet;
pub use alarms::Smtp;
pub use alarms::SmtpSecurity;
pub use alarms::To;
pub use check::SiteCheck;
pub use people::Channel;
pub use people::Hook;
pub use people::Language;
pub use people::Person;
pub use people::PersonName;
pub use people::Role;
pub use people::Topic;
pub use people::Value;

/// How the box watches itself, and who is told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Care {
    /// Where machines may ask how it is.
    pub health: Health,
    /// What is watched.
    pub watch: Watch,
    /// Who is told, in the order of their names.
    pub people: Vec<Person>,
    /// How they are told.
    pub alarms: Alarms,
    /// Others' jobs that report to this box, in the order of their names.
    pub heartbeats: Vec<Heartbeat>,
    /// Where the power comes from.
    pub power: Power,
}

/// Where machines may ask how the box is: `[health]`. It is asked on the admin socket in any case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// Addresses of a listener of its own, on this machine or in the local network.
    pub listen: Vec<SocketAddr>,
    /// What peers that are not on this machine show to see more than the status; `None` means that they see no more.
    pub token: Option<Secret>,
}

/// What is watched, and how often: `[watch]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watch {
    /// Between two looks at the same thing.
    pub interval: Duration,
    /// Machines far away, as `host:port`, that show whether the internet is there: one that can be connected to is
    /// enough. Empty: nobody is asked, and the internet is taken to be there.
    pub internet: Vec<String>,
    /// A disk with less room than this share is worth a word, in percent.
    pub disk_warn: u8,
    /// A disk with less room than this share is worth waking somebody, in percent.
    pub disk_fail: u8,
    /// Whether registries are asked when the domains of the sites expire.
    pub domains: bool,
}

impl Default for Watch {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(60),
            internet: ["1.1.1.1:443", "8.8.8.8:443", "9.9.9.9:443"]
                .map(str::to_owned)
                .to_vec(),
            disk_warn: 10,
            disk_fail: 3,
            domains: true,
        }
    }
}

/// Somebody else's job that reports to this box: `[heartbeats.NAME]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heartbeat {
    /// Its name.
    pub name: String,
    /// How often it reports.
    pub period: Duration,
    /// How much later it may be.
    pub grace: Duration,
    /// The site that takes its reports.
    pub site: HostPattern,
    /// The last part of the path (`/ping/TOKEN`), which nobody can guess.
    pub token: Value,
}

/// Where the power comes from, and what it costs: `[power]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Power {
    /// What tells of power cuts; `None` means a battery of this machine where it has one.
    pub ups: Option<Ups>,
    /// The box comes to rest when the battery lasts for less than this; `None` means that the UPS's own word for "low"
    /// counts alone, which counts in any case.
    pub rest_below: Option<Duration>,
    /// What the machine draws besides its processor, in milliwatts.
    pub baseline_milliwatts: u32,
    /// The price of a kilowatt-hour, in thousandths of the currency.
    pub price_per_kwh: Option<u64>,
    /// The currency, for people.
    pub currency: String,
}

impl Default for Power {
    fn default() -> Self {
        Self {
            ups: None,
            rest_below: Some(Duration::from_secs(5 * 60)),
            baseline_milliwatts: 0,
            price_per_kwh: None,
            currency: String::new(),
        }
    }
}

/// What tells of power cuts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ups {
    /// A UPS of a NUT server.
    Nut {
        /// The server, as `host:port`.
        server: String,
        /// The name of the UPS there.
        name: String,
    },
    /// The battery of this machine.
    Battery,
    /// Nothing.
    None,
}
