//! What the owner will want to know of an app.

use ondol_model::app::AppName;
use ondol_model::event::EventKind;

/// Something that the box should remember.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// The kind of the event.
    pub kind: EventKind,
    /// The app that it happened to.
    pub app: AppName,
    /// What happened, what Ondol did, what to do next.
    pub message: String,
}
