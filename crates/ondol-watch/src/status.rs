//! How everything is, for those who look. All times are in seconds since the Unix epoch.

use ondol_model::watch::PowerState;
use ondol_model::watch::Severity;
use ondol_model::watch::State;
use ondol_model::watch::Subject;

/// How everything is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WatchStatus {
    /// What is watched, in the order of the subjects.
    pub subjects: Vec<SubjectStatus>,
    /// What is wrong now, the worst and oldest first.
    pub incidents: Vec<IncidentStatus>,
    /// Who is told.
    pub people: Vec<PersonStatus>,
    /// Messages that wait in the outbox.
    pub outbox: u64,
    /// Since when the oldest of them waits.
    pub outbox_since: Option<i64>,
    /// Others' jobs that report here.
    pub heartbeats: Vec<HeartbeatStatus>,
    /// When the outside last heard that the box lives; `None` when it never did, or nobody is told.
    pub heartbeat_at: Option<i64>,
    /// Where the power comes from.
    pub power: PowerStatus,
    /// How many times the box came back without having been shut down, since its database was made.
    pub unclean_boots: u64,
    /// How the box came back last, as a sentence.
    pub last_absence: Option<String>,
    /// Nobody is told of anything until then.
    pub silenced_until: Option<i64>,
    /// What the owner should know, a sentence each.
    pub warnings: Vec<String>,
}

/// How something is.
#[derive(Debug, Clone, PartialEq)]
pub struct SubjectStatus {
    /// What.
    pub subject: Subject,
    /// How it is.
    pub state: State,
    /// Since when.
    pub since: i64,
    /// What was found, as a sentence; empty when it is well.
    pub sentence: String,
    /// When it was looked at last.
    pub seen_at: Option<i64>,
    /// How long the last answer took, in milliseconds.
    pub took_ms: Option<u32>,
    /// The share of the last 30 days that it was well, of those in which that was known; 0 to 1.
    pub uptime: Option<f64>,
    /// Numbers that go with it, by the names that `/metrics` gives them.
    pub values: Vec<(&'static str, f64)>,
    /// Nobody is told of it until then.
    pub silenced_until: Option<i64>,
}

/// Something that is, or was, wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentStatus {
    /// Its number.
    pub id: i64,
    /// The cause, as far as is known.
    pub subject: Subject,
    /// What is not well because of it.
    pub also: Vec<Subject>,
    /// How much it matters.
    pub severity: Severity,
    /// Since when.
    pub began_at: i64,
    /// Until when; `None` while it is open.
    pub ended_at: Option<i64>,
    /// A sentence about it.
    pub sentence: String,
    /// Who looks after it.
    pub acknowledged_by: Option<String>,
    /// Who was told.
    pub told: Vec<String>,
}

/// Somebody who is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonStatus {
    /// The name.
    pub name: String,
    /// Each channel: its word, when a message was last delivered by it, and what is wrong with it now.
    pub channels: Vec<(String, Option<i64>, Option<String>)>,
    /// When the person last answered a drill.
    pub answered_at: Option<i64>,
}

/// Somebody else's job that reports here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeartbeatStatus {
    /// Its name.
    pub name: String,
    /// How it is.
    pub state: State,
    /// When it last reported success.
    pub last_at: Option<i64>,
    /// The first words of its last report.
    pub said: String,
}

/// Where the power comes from, and what it costs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PowerStatus {
    /// As far as it decides what the box does.
    pub state: PowerState,
    /// What tells of it, for people; empty when nothing does.
    pub source: String,
    /// Charge of the battery, 0 to 1.
    pub charge: Option<f64>,
    /// How long it lasts, in seconds.
    pub runtime: Option<u64>,
    /// What the box draws now, in watts; `None` where nothing tells.
    pub watts: Option<f64>,
    /// Energy by what was measured (`package-0`, `ups`), in joules, since the agent's start.
    pub joules: Vec<(String, f64)>,
    /// What a month of it costs, for people (`2,800 KRW a month`).
    pub cost: Option<String>,
}
