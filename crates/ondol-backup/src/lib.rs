//! Backups: taken, proven, thinned out, restored, in restic's repository format, so that `restic` itself reads them.
//!
//! The agent's half decides when what is due and remembers what came of it; it opens no repository. Each job is a
//! child process of the same program, told everything by one [`JobSpec`], which says how it goes by one line of JSON
//! after another, and may be killed at any moment.

mod access;
mod backups;
mod check;
mod databases;
mod digest;
mod failure;
mod http;
mod identity;
mod job;
pub mod kit;
mod list;
mod manifest;
mod news;
mod parallel;
mod places;
pub mod preview;
mod prove;
mod prune;
pub mod recovery;
mod repair;
mod report;
mod reporter;
mod repository;
mod request;
mod restore;
mod scope;
mod source;
mod status;
mod take;
mod target;
mod trial;
mod words;
mod work;

#[cfg(test)]
mod testing;

pub use access::BandwidthLimit;
pub use access::Credential;
pub use access::DatabaseAccess;
pub use access::DatabasePlace;
pub use access::Hidden;
pub use access::StorageAccess;
pub use access::TargetAccess;
pub use backups::Backups;
pub use backups::OpenedBackups;
pub use failure::Failure;
pub use failure::FailureKind;
pub use identity::BoxIdentity;
pub use job::Job;
pub use job::JobSpec;
pub use job::Placement;
pub use job::begin;
pub use job::run as run_job;
pub use manifest::Manifest;
pub use manifest::ManifestApp;
pub use manifest::ManifestDatabase;
pub use manifest::ManifestPart;
pub use manifest::ManifestSite;
pub use news::News;
pub use places::Places;
pub use report::Amount;
pub use report::Found;
pub use report::Ground;
pub use report::Report;
pub use request::Handle;
pub use request::Request;
pub use request::Started;
pub use scope::Scope;
pub use status::BackupStatus;
pub use status::DatabaseAge;
pub use status::LastJob;
pub use status::RunningJob;
pub use status::TargetStatus;
pub use trial::Trial;
pub use trial::TrialEnd;
pub use work::CheckWork;
pub use work::ClaimWork;
pub use work::Destination;
pub use work::ListWork;
pub use work::PartWork;
pub use work::ProveWork;
pub use work::PruneWork;
pub use work::RepairWork;
pub use work::RestoreWork;
pub use work::TakeWork;
pub use work::What;
pub use work::Work;
