//! What is shown of backups: how those who take them say that they are.

use std::sync::Arc;

use ondol_admin::api;
use ondol_admin::api::Time;
use ondol_backup::Amount;
use ondol_backup::BackupStatus;
use ondol_backup::DatabaseAge;
use ondol_backup::LastJob;
use ondol_backup::RunningJob;
use ondol_backup::TargetStatus;
use tokio::sync::watch;

/// Turns what is said of backups into what is shown.
#[derive(Debug)]
pub(crate) struct BackupsShown {
    status: watch::Receiver<Arc<BackupStatus>>,
    shown: watch::Sender<Arc<api::Backups>>,
}

impl BackupsShown {
    /// Both ends of what is shown, with the first value in it.
    pub(super) fn new(
        status: watch::Receiver<Arc<BackupStatus>>,
    ) -> (Self, watch::Receiver<Arc<api::Backups>>) {
        let first = backups(&status.borrow());
        let (shown, reader) = watch::channel(Arc::new(first));
        (Self { status, shown }, reader)
    }

    /// Shows each change until nobody tells of any more.
    pub(crate) async fn run(mut self) {
        while self.status.changed().await.is_ok() {
            let status = Arc::clone(&self.status.borrow_and_update());
            self.shown.send_replace(Arc::new(backups(&status)));
        }
    }
}

fn backups(status: &BackupStatus) -> api::Backups {
    let BackupStatus {
        targets,
        proven_as_of,
        last_good_at,
        databases,
        running,
        next,
        kit_confirmed_at,
        warnings,
    } = status;
    api::Backups {
        proven_as_of: time(*proven_as_of),
        last_good_at: time(*last_good_at),
        targets: targets.iter().map(target).collect(),
        databases: databases.iter().map(database).collect(),
        running: running.as_ref().map(self::running),
        next: next.map(|(at, kind)| api::NextBackupJob {
            kind: kind.word().to_owned(),
            at: Time::from_unix_seconds(at),
        }),
        kit_confirmed_at: time(*kit_confirmed_at),
        warnings: warnings.clone(),
    }
}

fn target(status: &TargetStatus) -> api::BackupTarget {
    let TargetStatus {
        name,
        place,
        last,
        last_good_at,
        proven_as_of,
        failed_proof,
        backups,
        bytes,
    } = status;
    api::BackupTarget {
        name: name.clone(),
        place: place.clone(),
        backups: *backups,
        bytes: *bytes,
        last_good_at: time(*last_good_at),
        proven_as_of: time(*proven_as_of),
        failed_proof: failed_proof.clone(),
        last: last.iter().map(job).collect(),
    }
}

fn job(last: &LastJob) -> api::LastBackupJob {
    let LastJob {
        kind,
        began_at,
        ended_at,
        outcome,
        message,
    } = last;
    api::LastBackupJob {
        kind: kind.word().to_owned(),
        began_at: Time::from_unix_seconds(*began_at),
        ended_at: time(*ended_at),
        outcome: outcome.map(|outcome| outcome.word().to_owned()),
        message: message.clone(),
    }
}

fn database(age: &DatabaseAge) -> api::DatabaseAge {
    let DatabaseAge {
        name,
        as_of,
        proven_as_of,
        target,
    } = age;
    api::DatabaseAge {
        name: name.clone(),
        as_of: time(*as_of),
        proven_as_of: time(*proven_as_of),
        target: target.clone(),
    }
}

fn running(job: &RunningJob) -> api::RunningBackupJob {
    let RunningJob {
        kind,
        target,
        since,
        step,
        done,
        total,
    } = job;
    api::RunningBackupJob {
        kind: kind.word().to_owned(),
        target: target.clone(),
        since: Time::from_unix_seconds(*since),
        step: step.clone(),
        done: amount(*done),
        total: total.map(amount),
    }
}

/// So much, as the API says it.
pub(crate) fn amount(amount: Amount) -> api::BackupAmount {
    let Amount { items, bytes } = amount;
    api::BackupAmount { items, bytes }
}

fn time(seconds: Option<i64>) -> Option<Time> {
    seconds.map(Time::from_unix_seconds)
}
