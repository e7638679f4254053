//! What happened, said twice: to the log at once, and to the store for later.

use std::sync::Arc;

use ondol_model::event::EventKind;
use ondol_store::Event;
use ondol_store::Handle;

/// Where events go. Cheap to clone; never waits.
#[derive(Debug, Clone)]
pub(crate) struct Events {
    store: Arc<Handle>,
}

impl Events {
    /// Events of this store.
    pub(crate) fn new(store: Handle) -> Self {
        Self {
            store: Arc::new(store),
        }
    }

    /// Says what happened. A store that has no room loses it, and counts that.
    pub(crate) fn record(
        &self,
        kind: EventKind,
        subject: impl Into<String>,
        message: impl Into<String>,
    ) {
        let event = Event::new(kind, subject, message);
        log(&event);
        self.store.try_record(event);
    }

    /// Like [`Events::record`], and returns when it is on disk: for the last event before the end.
    pub(crate) async fn record_durably(&self, kind: EventKind, message: impl Into<String>) {
        let event = Event::new(kind, "", message);
        log(&event);
        if let Err(error) = self.store.record(event).await {
            tracing::warn!(error = %ondol_base::chain::Chain(&error), "an event was not recorded");
        }
    }
}

fn log(event: &Event) {
    let Event {
        at_ms: _,
        kind,
        subject: _,
        message,
    } = event;
    match kind {
        EventKind::Started
        | EventKind::Stopped
        | EventKind::Reloaded
        | EventKind::GenerationReady
        | EventKind::Upgraded
        | EventKind::Certificate
        | EventKind::CertificateObtained
        | EventKind::CertificateRenewed
        | EventKind::CertificateRevoked
        | EventKind::AppDeployed
        | EventKind::AppRecovered
        | EventKind::BackupTaken
        | EventKind::BackupProven
        | EventKind::BackupRestored
        | EventKind::IncidentClosed
        | EventKind::Alarm
        | EventKind::App => tracing::info!("{message}"),
        EventKind::Refused
        | EventKind::UpgradeRefused
        | EventKind::CertificateFailed
        | EventKind::AccessLog
        | EventKind::Descriptors
        | EventKind::Listener
        | EventKind::Flood
        | EventKind::Upstream
        | EventKind::AppDeployFailed
        | EventKind::AppRolledBack
        | EventKind::AppRestarted
        | EventKind::AppCron
        | EventKind::Back
        | EventKind::Power
        | EventKind::Backup => tracing::warn!("{message}"),
        EventKind::LastGood
        | EventKind::GenerationLost
        | EventKind::GenerationFailed
        | EventKind::CertificateExpiring
        | EventKind::AppFailed
        | EventKind::BackupFailed
        | EventKind::IncidentOpened
        | EventKind::BackupProofFailed => tracing::error!("{message}"),
    }
}
