//! How the box and its sites are, what is wrong, and that people are told of it, though the internet is away, the power
//! went or somebody sleeps.
//!
//! It knows nothing of how anything is served: what other parts of the agent know comes in as [`Facts`].

mod absence;
mod answers;
mod channel;
mod checks;
mod delivery;
mod desk;
mod facts;
mod ground;
mod heartbeat;
mod lent;
mod news;
mod pings;
mod places;
#[cfg(test)]
mod planted;
mod power;
mod request;
#[cfg(test)]
mod standin;
mod status;
mod value;
mod watch;

pub use facts::AppCondition;
pub use facts::AppFact;
pub use facts::BackupFact;
pub use facts::CertificateFact;
pub use facts::Facts;
pub use facts::ServiceFact;
pub use news::News;
pub use places::Places;
pub use request::Handle;
pub use request::Ping;
pub use request::Request;
pub use status::HeartbeatStatus;
pub use status::IncidentStatus;
pub use status::PersonStatus;
pub use status::PowerStatus;
pub use status::SubjectStatus;
pub use status::WatchStatus;
pub use watch::OpenedWatch;
pub use watch::Watch;
