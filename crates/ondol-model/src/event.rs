//! What is worth remembering about the box: the kinds of its events.

use std::fmt;

/// What an event is about. The text of each is the same in the store, the API and on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// The agent came up.
    Started,
    /// The agent was told to stop and did.
    Stopped,
    /// A configuration was accepted.
    Reloaded,
    /// A configuration was refused; the previous one stays.
    Refused,
    /// The box came up on the last good configuration because the file is broken.
    LastGood,
    /// A data plane became ready.
    GenerationReady,
    /// A data plane ended without being told to.
    GenerationLost,
    /// A data plane never became ready; the previous one stays.
    GenerationFailed,
    /// The agent became another binary in place.
    Upgraded,
    /// An upgrade was refused; the running binary stays.
    UpgradeRefused,
    /// A certificate was made, taken up or could not be.
    Certificate,
    /// An issuer gave the first certificate for names.
    CertificateObtained,
    /// An issuer gave a certificate in the place of another.
    CertificateRenewed,
    /// A certificate could not be got; it is tried again.
    CertificateFailed,
    /// A certificate comes to its end, and no other could take its place yet.
    CertificateExpiring,
    /// A certificate was revoked, because the owner asked for it.
    CertificateRevoked,
    /// The access log could not be written; serving goes on.
    AccessLog,
    /// No file descriptors were left; idle connections were shed.
    Descriptors,
    /// An address could not be listened on when the box came up, or can be now.
    Listener,
    /// A server behind a site does not answer as it should, or does again.
    Upstream,
    /// Many visitors do what no honest one does; their connections are closed.
    Flood,
    /// A release of an app took the place of another.
    AppDeployed,
    /// A release of an app could not take the place of the one before, which goes on.
    AppDeployFailed,
    /// An app went back to its release before, by itself or because it was asked to.
    AppRolledBack,
    /// An app ends again and again; it is tried again at a slow pace.
    AppFailed,
    /// An app that failed is well again.
    AppRecovered,
    /// A process of an app ended, or stood still, and was started again.
    AppRestarted,
    /// A command that an app runs at times failed, or was left out.
    AppCron,
    /// Something else about an app.
    App,
    /// A backup was taken.
    BackupTaken,
    /// A backup could not be taken, or not all of it.
    BackupFailed,
    /// Backups were read back, restored or started, and are right.
    BackupProven,
    /// Backups were read back, restored or started, and are not right.
    BackupProofFailed,
    /// Something was put back from a backup.
    BackupRestored,
    /// Something else about backups.
    Backup,
    /// Something is wrong; people are told.
    IncidentOpened,
    /// What was wrong is well again.
    IncidentClosed,
    /// Somebody has answered an alarm, or silenced it.
    Alarm,
    /// The box came back after it was off.
    Back,
    /// The mains went, came, or the battery is low.
    Power,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 40] = [
        Self::Started,
        Self::Stopped,
        Self::Reloaded,
        Self::Refused,
        Self::LastGood,
        Self::GenerationReady,
        Self::GenerationLost,
        Self::GenerationFailed,
        Self::Upgraded,
        Self::UpgradeRefused,
        Self::Certificate,
        Self::CertificateObtained,
        Self::CertificateRenewed,
        Self::CertificateFailed,
        Self::CertificateExpiring,
        Self::CertificateRevoked,
        Self::AccessLog,
        Self::Descriptors,
        Self::Listener,
        Self::Upstream,
        Self::Flood,
        Self::AppDeployed,
        Self::AppDeployFailed,
        Self::AppRolledBack,
        Self::AppFailed,
        Self::AppRecovered,
        Self::AppRestarted,
        Self::AppCron,
        Self::App,
        Self::BackupTaken,
        Self::BackupFailed,
        Self::BackupProven,
        Self::BackupProofFailed,
        Self::BackupRestored,
        Self::Backup,
        Self::IncidentOpened,
        Self::IncidentClosed,
        Self::Alarm,
        Self::Back,
        Self::Power,
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Stopped => "stopped",
            Self::Reloaded => "reloaded",
            Self::Refused => "refused",
            Self::LastGood => "last-good",
            Self::GenerationReady => "generation-ready",
            Self::GenerationLost => "generation-lost",
            Self::GenerationFailed => "generation-failed",
            Self::Upgraded => "upgraded",
            Self::UpgradeRefused => "upgrade-refused",
            Self::Certificate => "certificate",
            Self::CertificateObtained => "certificate-obtained",
            Self::CertificateRenewed => "certificate-renewed",
            Self::CertificateFailed => "certificate-failed",
            Self::CertificateExpiring => "certificate-expiring",
            Self::CertificateRevoked => "certificate-revoked",
            Self::AccessLog => "access-log",
            Self::Descriptors => "descriptors",
            Self::Listener => "listener",
            Self::Upstream => "upstream",
            Self::Flood => "flood",
            Self::AppDeployed => "app-deployed",
            Self::AppDeployFailed => "app-deploy-failed",
            Self::AppRolledBack => "app-rolled-back",
            Self::AppFailed => "app-failed",
            Self::AppRecovered => "app-recovered",
            Self::AppRestarted => "app-restarted",
            Self::AppCron => "app-cron",
            Self::App => "app",
            Self::BackupTaken => "backup-taken",
            Self::BackupFailed => "backup-failed",
            Self::BackupProven => "backup-proven",
            Self::BackupProofFailed => "backup-proof-failed",
            Self::BackupRestored => "backup-restored",
            Self::Backup => "backup",
            Self::IncidentOpened => "incident-opened",
            Self::IncidentClosed => "incident-closed",
            Self::Alarm => "alarm",
            Self::Back => "back",
            Self::Power => "power",
        }
    }

    /// The kind of a word; `None` for a word of a later version.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_kind_has_a_word_of_its_own_that_leads_back_to_it() {
        let words: HashSet<_> = EventKind::ALL.into_iter().map(EventKind::word).collect();
        assert_eq!(words.len(), EventKind::ALL.len());
        for kind in EventKind::ALL {
            assert_eq!(EventKind::parse(kind.word()), Some(kind));
        }
        assert_eq!(EventKind::parse("certificate-burnt"), None);
    }
}
