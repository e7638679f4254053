//! What the box should remember.

use ondol_model::event::EventKind;

/// Something that the box should remember.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// The kind of the event.
    pub kind: EventKind,
    /// What it is about.
    pub subject: String,
    /// A sentence for the owner.
    pub message: String,
}
