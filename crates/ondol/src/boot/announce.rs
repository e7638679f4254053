//! What a person will want to know of a boot: how this image came to be, and what its configuration warns of.

use ondol_model::event::EventKind;

use super::Ground;
use crate::events::Events;
use crate::handover::Facts;
use crate::handover::Reason;
use crate::reload;
use crate::reload::Served;

/// Says it, and keeps it; a configuration that was accepted is kept too, to go back to.
pub(super) async fn announce(
    ground: &Ground,
    events: &Events,
    past: Option<&Facts>,
    served: &Served,
) {
    record(events, past, served).await;
    for warning in &served.warnings {
        tracing::warn!("{warning}");
    }
    if served.on_last_good.is_none() {
        reload::keep_copy(&ground.folders, served).await;
    }
}

/// Records how this image came to be.
async fn record(events: &Events, past: Option<&Facts>, served: &Served) {
    let version = env!("CARGO_PKG_VERSION");
    let sites = served.plan().sites.len();
    let Some(facts) = past else {
        let pid = std::process::id();
        let plural = if sites == 1 { "" } else { "s" };
        let message = format!("Ondol {version} serves {sites} site{plural} (process {pid})");
        return events.record_durably(EventKind::Started, message).await;
    };
    let before = &facts.from_version;
    let (kind, message) = match &facts.reason {
        Reason::Asked => (
            EventKind::Upgraded,
            format!("Ondol started itself anew in place ({before} → {version})"),
        ),
        Reason::Upgrade => (
            EventKind::Upgraded,
            format!("Ondol {before} became {version} in place"),
        ),
        Reason::GoBack { because } => (
            EventKind::UpgradeRefused,
            format!("the new program could not take over, so Ondol {version} goes on: {because}"),
        ),
    };
    events.record_durably(kind, message).await;
}
