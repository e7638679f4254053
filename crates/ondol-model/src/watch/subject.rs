//! What is watched.

use std::fmt;

/// One thing that can be well or not.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// The power of the house, as a UPS or battery tells.
    Power,
    /// The cable, or the radio, to the router.
    Link,
    /// The router.
    Router,
    /// The internet behind it.
    Internet,
    /// Whether names can be looked up.
    Dns,
    /// The clock of the box.
    Clock,
    /// Memory, and the pressure on it.
    Memory,
    /// How hot the box is.
    Temperature,
    /// A file system, by the folder where it is mounted.
    Disk(String),
    /// A drive, by its name (`nvme0`).
    Drive(String),
    /// A part of Ondol, by its name.
    Service(String),
    /// Ondol's database.
    Store,
    /// The process that serves visitors.
    DataPlane,
    /// An app, by its name.
    App(String),
    /// A site, by its main name.
    Site(String),
    /// A certificate, by the first of its names.
    Certificate(String),
    /// A registered domain.
    Domain(String),
    /// Backups at a target, by its name.
    Backup(String),
    /// Somebody else's job that reports here, by its name.
    Heartbeat(String),
    /// A way to reach a person: `person/channel`.
    Channel(String),
    /// The box as a whole: it came back, it will rest.
    Box,
}

impl Subject {
    /// The way by which the outside is told that the box lives. No person has a channel of this kind.
    pub fn outside() -> Self {
        Self::Channel("outside/heartbeat".to_owned())
    }

    /// The word of its kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Power => "power",
            Self::Link => "link",
            Self::Router => "router",
            Self::Internet => "internet",
            Self::Dns => "dns",
            Self::Clock => "clock",
            Self::Memory => "memory",
            Self::Temperature => "temperature",
            Self::Disk(_) => "disk",
            Self::Drive(_) => "drive",
            Self::Service(_) => "service",
            Self::Store => "store",
            Self::DataPlane => "data-plane",
            Self::App(_) => "app",
            Self::Site(_) => "site",
            Self::Certificate(_) => "certificate",
            Self::Domain(_) => "domain",
            Self::Backup(_) => "backup",
            Self::Heartbeat(_) => "heartbeat",
            Self::Channel(_) => "channel",
            Self::Box => "box",
        }
    }

    /// Its name among those of its kind; empty where there is one only.
    pub fn name(&self) -> &str {
        match self {
            Self::Disk(name)
            | Self::Drive(name)
            | Self::Service(name)
            | Self::App(name)
            | Self::Site(name)
            | Self::Certificate(name)
            | Self::Domain(name)
            | Self::Backup(name)
            | Self::Heartbeat(name)
            | Self::Channel(name) => name,
            Self::Power
            | Self::Link
            | Self::Router
            | Self::Internet
            | Self::Dns
            | Self::Clock
            | Self::Memory
            | Self::Temperature
            | Self::Store
            | Self::DataPlane
            | Self::Box => "",
        }
    }

    /// The subject of a text that [`fmt::Display`] wrote; `None` for one of a later version.
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, name) = text.split_once(':').unwrap_or((text, ""));
        let named =
            |subject: fn(String) -> Self| (!name.is_empty()).then(|| subject(name.to_owned()));
        match kind {
            "disk" => named(Self::Disk),
            "drive" => named(Self::Drive),
            "service" => named(Self::Service),
            "app" => named(Self::App),
            "site" => named(Self::Site),
            "certificate" => named(Self::Certificate),
            "domain" => named(Self::Domain),
            "backup" => named(Self::Backup),
            "heartbeat" => named(Self::Heartbeat),
            "channel" => named(Self::Channel),
            _ => [
                Self::Power,
                Self::Link,
                Self::Router,
                Self::Internet,
                Self::Dns,
                Self::Clock,
                Self::Memory,
                Self::Temperature,
                Self::Store,
                Self::DataPlane,
                Self::Box,
            ]
            .into_iter()
            .find(|subject| name.is_empty() && subject.kind() == kind),
        }
    }
}

/// `internet`, `site:blog.example.com`: in the store, the API, logs and commands.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            "" => f.write_str(self.kind()),
            name => write!(f, "{}:{name}", self.kind()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_subject_is_found_again_by_its_text() {
        for text in [
            "power",
            "link",
            "router",
            "internet",
            "dns",
            "clock",
            "memory",
            "temperature",
            "disk:/srv",
            "drive:nvme0",
            "service:backups",
            "store",
            "data-plane",
            "app:coffee",
            "site:blog.example.com",
            "certificate:*.example.com",
            "domain:example.com",
            "backup:disk",
            "heartbeat:parents",
            "channel:me/email",
            "box",
        ] {
            assert_eq!(Subject::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "site", "site:", "power:x", "moon"] {
            assert_eq!(Subject::parse(text), None, "{text}");
        }
    }
}
