//! Backups: their words, and every decision about them.

mod due;
mod gate;
mod keep;
mod name;
mod owner;
mod proven;
mod shrunk;
mod words;

pub use due::Due;
pub use due::Last;
pub use due::Times;
pub use due::due;
pub use gate::GateFacts;
pub use gate::may_prune;
pub use keep::Kept;
pub use keep::KeptRun;
pub use keep::kept;
pub use name::BackupNameError;
pub use name::DatabaseName;
pub use name::TargetName;
pub use owner::owner;
pub use proven::Proof;
pub use proven::Proven;
pub use proven::proven;
pub use shrunk::Size;
pub use shrunk::has_shrunk;
pub use words::JobKind;
pub use words::JobOutcome;
pub use words::Part;
