//! How the box and its sites are, what is wrong, and who is told.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Serialize;

use super::Time;

mod convert;

/// `GET /watch`: how everything is.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Watch {
    /// What is watched, in the order of the subjects.
    pub subjects: Vec<WatchSubject>,
    /// What is wrong now, the worst and oldest first.
    pub incidents: Vec<Incident>,
    /// Who is told.
    pub people: Vec<WatchPerson>,
    /// Messages that wait in the outbox.
    pub outbox: u64,
    /// Since when the oldest of them waits.
    #[serde(default)]
    pub outbox_since: Option<Time>,
    /// Others' jobs that report here.
    pub heartbeats: Vec<WatchHeartbeat>,
    /// When the outside last heard that the box lives; `None` when it never did, or nobody is told.
    #[serde(default)]
    pub heartbeat_at: Option<Time>,
    /// Where the power comes from, and what it costs.
    pub power: WatchPower,
    /// How many times the box came back without having been shut down, since its database was made.
    pub unclean_boots: u64,
    /// How the box came back last, as a sentence.
    #[serde(default)]
    pub last_absence: Option<String>,
    /// Nobody is told of anything until then.
    #[serde(default)]
    pub silenced_until: Option<Time>,
    /// What the owner should know, a sentence each.
    pub warnings: Vec<String>,
}

/// How something is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WatchSubject {
    /// What: `internet`, `site:blog.example.com`.
    pub subject: String,
    /// The kind of it: `internet`, `site`.
    pub kind: String,
    /// Its name among those of its kind; empty where there is one only.
    pub name: String,
    /// How it is.
    pub state: HealthState,
    /// Since when.
    pub since: Time,
    /// What was found, as a sentence; empty when it is well.
    pub sentence: String,
    /// When it was looked at last.
    #[serde(default)]
    pub seen_at: Option<Time>,
    /// How long the last answer took, in milliseconds.
    #[serde(default)]
    pub took_ms: Option<u32>,
    /// The share of the last 30 days that it was well, of those in which that was known; 0 to 1.
    #[serde(default)]
    pub uptime: Option<f64>,
    /// Numbers that go with it, by the names that `/metrics` gives them without `ondol_`.
    #[serde(default)]
    pub values: BTreeMap<String, f64>,
    /// Nobody is told of it until then.
    #[serde(default)]
    pub silenced_until: Option<Time>,
}

/// How something is, in the words of `application/health+json`; and `unknown`, which is not down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HealthState {
    /// Nobody can know now.
    Unknown,
    /// Well.
    Pass,
    /// Works, and wants a look.
    Warn,
    /// Does not work.
    Fail,
}

impl HealthState {
    /// The word for it, as in the JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// How much something matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlarmSeverity {
    /// Good to know.
    Info,
    /// Wants a look when there is time.
    Warning,
    /// Wants somebody now, at night too.
    Critical,
}

impl AlarmSeverity {
    /// The word for it, as in the JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// Something that is, or was, wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// Its number.
    pub id: i64,
    /// The cause, as far as is known, as in [`WatchSubject::subject`].
    pub subject: String,
    /// What is not well because of it.
    pub also: Vec<String>,
    /// How much it matters.
    pub severity: AlarmSeverity,
    /// Since when.
    pub began_at: Time,
    /// Until when; `None` while it is open.
    #[serde(default)]
    pub ended_at: Option<Time>,
    /// A sentence about it.
    pub sentence: String,
    /// Who looks after it.
    #[serde(default)]
    pub acknowledged_by: Option<String>,
    /// Who was told.
    pub told: Vec<String>,
}

/// Somebody who is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchPerson {
    /// The name.
    pub name: String,
    /// Ways to reach the person.
    pub channels: Vec<WatchChannel>,
    /// When the person last answered a drill.
    #[serde(default)]
    pub answered_at: Option<Time>,
}

/// A way to reach a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchChannel {
    /// Its word: `email`, `ntfy`.
    pub channel: String,
    /// When a message was last delivered by it.
    #[serde(default)]
    pub delivered_at: Option<Time>,
    /// What is wrong with it now.
    #[serde(default)]
    pub trouble: Option<String>,
}

/// Somebody else's job that reports here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchHeartbeat {
    /// Its name.
    pub name: String,
    /// How it is.
    pub state: HealthState,
    /// When it last reported success.
    #[serde(default)]
    pub last_at: Option<Time>,
    /// The first words of its last report.
    pub said: String,
}

/// Where the power comes from, and what it costs.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct WatchPower {
    /// As far as it decides what the box does.
    pub state: PowerSource,
    /// What tells of it, for people; empty when nothing does.
    pub source: String,
    /// Charge of the battery, 0 to 1.
    #[serde(default)]
    pub charge: Option<f64>,
    /// How long it lasts, in seconds.
    #[serde(default)]
    pub runtime_seconds: Option<u64>,
    /// What the box draws now, in watts; `None` where nothing tells.
    #[serde(default)]
    pub watts: Option<f64>,
    /// Energy by what was measured (`package-0`, `ups`), in joules, since the agent's start.
    #[serde(default)]
    pub joules: BTreeMap<String, f64>,
    /// What a month of it costs, for people (`2,800 KRW a month`).
    #[serde(default)]
    pub cost: Option<String>,
}

/// Where the power comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PowerSource {
    /// The mains, or nobody tells.
    #[default]
    Mains,
    /// A battery: what can wait, waits.
    Battery,
    /// A battery that is nearly empty: everything comes to rest.
    Low,
}

impl PowerSource {
    /// The word for it, as in the JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Mains => "mains",
            Self::Battery => "battery",
            Self::Low => "low",
        }
    }
}

/// The query of `GET /alarms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlarmsQuery {
    /// Whether incidents that are over and messages that have arrived are wanted too.
    #[serde(default)]
    pub all: bool,
    /// How many of each at most; `None` means 50, and never more than 1,000 come.
    pub limit: Option<u32>,
}

/// `GET /alarms`: what is wrong, and what becomes of the messages about it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Alarms {
    /// The incidents: those that are open, the worst first; then those that are over, the newest first.
    pub incidents: Vec<Incident>,
    /// The messages, the newest first.
    pub messages: Vec<AlarmMessage>,
}

/// A message to one person, by one channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmMessage {
    /// Its number in the outbox.
    pub id: i64,
    /// The incident that it is about; `None` for tests, drills and digests.
    #[serde(default)]
    pub incident: Option<i64>,
    /// To whom.
    pub person: String,
    /// By which channel.
    pub channel: String,
    /// Why it is sent: `problem`, `reminder`, `recovery`, `summary`, `digest`, `news`, `test` or `drill`.
    pub kind: String,
    /// How much it matters.
    pub severity: AlarmSeverity,
    /// Its first line.
    pub title: String,
    /// All of it.
    pub text: String,
    /// Since when it is in the outbox.
    pub queued_at: Time,
    /// How often it was tried to send it.
    pub tries: u32,
    /// When it is tried next; `None` when it is done with.
    #[serde(default)]
    pub next_at: Option<Time>,
    /// What became of it: `delivered`, `folded` (into another), `given-up` or `dropped`; `None` while it waits.
    #[serde(default)]
    pub outcome: Option<String>,
    /// When.
    #[serde(default)]
    pub ended_at: Option<Time>,
    /// Why it could not be sent, when it could not.
    #[serde(default)]
    pub error: Option<String>,
}

/// The body of `POST /alarms/test`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlarmTestQuestion {
    /// To whom; `None` means everybody.
    #[serde(default)]
    pub person: Option<String>,
}

/// The answer to `POST /alarms/test`: status 200 when accepted, 422 when not.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AlarmTestAnswer {
    /// Whether messages are sent.
    pub accepted: bool,
    /// Why not, as a sentence; empty when they are.
    pub message: String,
    /// Their numbers, to be followed by `GET /alarms?all=true`. Those that could not be written down have none.
    #[serde(default)]
    pub messages: Vec<i64>,
}

/// The body of `POST /alarms/ack`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlarmAckQuestion {
    /// Which incident; `None` means all that are open.
    #[serde(default)]
    pub incident: Option<i64>,
    /// Who looks after it; `None` means the owner at the box.
    #[serde(default)]
    pub by: Option<String>,
}

/// The body of `POST /alarms/silence`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlarmSilenceQuestion {
    /// Of what nobody is told, as in [`WatchSubject::subject`]; `None` means everything.
    #[serde(default)]
    pub subject: Option<String>,
    /// For how long; 0 ends a silence.
    pub seconds: u64,
}

/// The answer to `POST /alarms/ack` and `silence`: status 200 when accepted, 422 when not.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AlarmAnswer {
    /// Whether it was done.
    pub accepted: bool,
    /// What was done, or why not, as a sentence.
    pub message: String,
}
