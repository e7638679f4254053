//! Backups: their words, and every decision about them.

mod name;
mod words;

pub use name::BackupNameError;
pub use name::DatabaseName;
pub use name::TargetName;
pub use words::JobKind;
pub use words::JobOutcome;
pub use words::Part;
