//! How things are, what is wrong with them, and who is told: the words, and every decision.
//!
//! What is looked at says how it is by an [`Observation`]. [`Watchman`] makes states and incidents of them; [`due`] says
//! whom to tell what and when.

mod absence;
mod alarms;
mod drill;
mod energy;
mod finding;
pub mod fold;
mod hold;
mod incident;
mod notice;
mod observation;
mod pings;
mod power;
pub mod retry;
mod subject;
mod track;
mod tree;
mod watchman;
pub mod words;

pub use absence::AbsenceKind;
pub use absence::Away;
pub use absence::Clean;
pub use absence::Life;
pub use absence::Rebirth;
pub use absence::away;
pub use alarms::Circumstances;
pub use alarms::Told;
pub use alarms::due;
pub use alarms::recovery;
pub use drill::DrillDeed;
pub use drill::Drilled;
pub use drill::drill;
pub use energy::EnergyCounter;
pub use energy::SteadyWatts;
pub use energy::monthly_cost;
/// The name by which the box asks its own sites whether they answer.
pub const CHECK_USER_AGENT: &str = "Ondol-Check/1";

pub use finding::Finding;
pub use finding::What;
pub use hold::Hold;
pub use hold::Sent;
pub use incident::Incident;
pub use notice::Notice;
pub use notice::NoticeKind;
pub use observation::Observation;
pub use observation::Severity;
pub use observation::State;
pub use pings::PingKind;
pub use pings::Reports;
pub use pings::Rhythm;
pub use power::PowerJudge;
pub use power::PowerReading;
pub use power::PowerState;
pub use power::PowerVerdict;
pub use subject::Subject;
pub use track::Track;
pub use track::Turn;
pub use tree::Tree;
pub use watchman::Change;
pub use watchman::Watchman;
