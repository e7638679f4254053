//! The memory of the box: one SQLite file with one owner thread.
//!
//! [`open`] makes, migrates or rescues the file; a [`Handle`] asks the thread; [`Store::close`] ends
//! it. This crate knows nothing of HTTP and processes.
//!
//! What was acknowledged is on disk (WAL, `synchronous = FULL`). The state in here is worth keeping,
//! but never worth a box that does not serve: a broken file is put aside and a new one begun.

mod backups;
mod cron_runs;
mod database;
mod event;
mod launches;
mod migrate;
mod quick_check;
mod store;
mod tries;
mod watch;

pub use backups::BackupJobEnd;
pub use backups::BackupJobId;
pub use backups::BackupJobsQuestion;
pub use backups::CatalogueEntry;
pub use backups::NewBackupJob;
pub use backups::RecordedBackupJob;
pub use cron_runs::CronRunEnd;
pub use cron_runs::CronRunId;
pub use cron_runs::NewCronRun;
pub use cron_runs::RecordedCronRun;
pub use database::OpenError;
pub use event::Event;
pub use event::EventId;
pub use event::EventsQuestion;
pub use event::Recorded;
pub use launches::LaunchEnd;
pub use launches::NewLaunch;
pub use launches::RecordedLaunch;
pub use quick_check::QuickCheck;
pub use quick_check::quick_check;
pub use store::Handle;
pub use store::Opened;
pub use store::Store;
pub use store::StoreError;
pub use store::open;
pub use store::open_in_memory;
pub use tries::RecordedTry;
pub use tries::TryEnd;
pub use tries::TryId;
pub use watch::Beat;
pub use watch::HistorySlice;
pub use watch::HourSlice;
pub use watch::Message;
pub use watch::MessageOutcome;
pub use watch::NewMessage;
pub use watch::RecordedIncident;
pub use watch::RecordedState;
pub use watch::WatchChange;
pub use watch::WatchMemory;
