//! What the owner will want to know of backups.

use ondol_model::event::EventKind;

/// Something that the box should remember.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// The kind of the event.
    pub kind: EventKind,
    /// The target, or the database, that it is about.
    pub subject: String,
    /// What happened, what is safe, what to do next.
    pub message: String,
}
