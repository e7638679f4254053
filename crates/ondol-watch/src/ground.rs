//! What every part of the service stands on, and how it tells the desk what it saw.

use std::sync::Arc;

use ondol_model::Plan;
use ondol_model::watch::Observation;
use ondol_model::watch::PowerState;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::sync::watch;

use crate::facts::Facts;
use crate::places::Places;
use crate::status::HeartbeatStatus;
use crate::status::PersonStatus;
use crate::status::PowerStatus;

/// What a part of the service stands on; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Ground {
    pub(crate) places: Arc<Places>,
    pub(crate) store: ondol_store::Handle,
    pub(crate) plan: watch::Receiver<Arc<Plan>>,
    pub(crate) facts: watch::Receiver<Arc<Facts>>,
    /// What the desk knows.
    pub(crate) known: watch::Receiver<Arc<Known>>,
    /// Where to tell the desk what was seen.
    pub(crate) seen: mpsc::Sender<Seen>,
}

/// What the desk knows, for those who act by it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Known {
    /// Whether the internet is there, as far as is known.
    pub(crate) is_online: bool,
    /// Where the power comes from.
    pub(crate) power: PowerState,
    /// The health of the box as one word and sentence, for heartbeats: whether something is wrong, and what.
    pub(crate) is_well: bool,
    pub(crate) headline: String,
}

/// What the desk is told.
#[derive(Debug)]
pub(crate) enum Seen {
    /// How things were found.
    Observations(Vec<Observation>),
    /// How the power is.
    Power(PowerStatus),
    /// How the channels of people are.
    People(Vec<PersonStatus>),
    /// How many messages wait in the outbox, and since when the oldest does.
    Outbox { waiting: u64, since: Option<i64> },
    /// Somebody answered, by a channel: this incident, or, without one, all that they were told of, and the drill.
    Answer {
        person: String,
        incident: Option<i64>,
    },
    /// The outside heard that the box lives.
    Beat { at: i64 },
    /// How others' jobs are.
    Heartbeats(Vec<HeartbeatStatus>),
    /// The box was away, and is back; where to say that people's messages about it are on disk.
    Back(crate::absence::Absence, oneshot::Sender<()>),
    /// How many times it came back without having been shut down, this time among them; told at each start.
    UncleanBoots(u64),
}
