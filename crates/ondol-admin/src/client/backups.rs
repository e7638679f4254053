//! What is asked about backups.

use super::Client;
use super::ClientError;
use super::encoded;
use crate::api;

impl Client {
    /// How backups are.
    pub async fn backups(&self) -> Result<api::Backups, ClientError> {
        self.read("/backups").await
    }

    /// What was done about backups, the newest first.
    pub async fn backup_jobs(
        &self,
        query: &api::BackupJobsQuery,
    ) -> Result<api::BackupJobs, ClientError> {
        let api::BackupJobsQuery {
            target,
            kind,
            limit,
        } = query;
        let parts = [
            target
                .as_ref()
                .map(|target| format!("target={}", encoded(target))),
            kind.as_ref().map(|kind| format!("kind={}", encoded(kind))),
            limit.map(|limit| format!("limit={limit}")),
        ];
        let query: Vec<_> = parts.into_iter().flatten().collect();
        self.read(&format!("/backups/jobs?{}", query.join("&")))
            .await
    }

    /// Has a backup taken now; a refusal is an answer too.
    pub async fn back_up(
        &self,
        question: &api::BackupQuestion,
    ) -> Result<api::BackupAnswer, ClientError> {
        self.command("/backups/now", question).await
    }

    /// Has backups read back, restored and compared; a refusal is an answer too.
    pub async fn verify(
        &self,
        question: &api::VerifyQuestion,
    ) -> Result<api::BackupAnswer, ClientError> {
        self.command("/backups/verify", question).await
    }

    /// Has backups restored and compared; a refusal is an answer too.
    pub async fn prove(
        &self,
        question: &api::BackupTargetQuestion,
    ) -> Result<api::BackupAnswer, ClientError> {
        self.command("/backups/prove", question).await
    }

    /// Has the apps started on what was restored; a refusal is an answer too.
    pub async fn drill(
        &self,
        question: &api::BackupTargetQuestion,
    ) -> Result<api::BackupAnswer, ClientError> {
        self.command("/backups/drill", question).await
    }

    /// Has old backups removed; a refusal is an answer too.
    pub async fn prune(
        &self,
        question: &api::PruneQuestion,
    ) -> Result<api::BackupAnswer, ClientError> {
        self.command("/backups/prune", question).await
    }

    /// Has what is damaged taken out of the index; a refusal is an answer too.
    pub async fn repair(
        &self,
        question: &api::PruneQuestion,
    ) -> Result<api::BackupAnswer, ClientError> {
        self.command("/backups/repair", question).await
    }

    /// Has a target asked what is there; a refusal is an answer too.
    pub async fn list_backups(
        &self,
        question: &api::ListQuestion,
    ) -> Result<api::BackupAnswer, ClientError> {
        self.command("/backups/list", question).await
    }

    /// What a restore would mean; a refusal is an answer too.
    pub async fn plan_restore(
        &self,
        question: &api::RestoreQuestion,
    ) -> Result<api::RestoreAnswer, ClientError> {
        self.command("/backups/restore/plan", question).await
    }

    /// Has something put back; a refusal is an answer too.
    pub async fn restore(
        &self,
        question: &api::RestoreQuestion,
    ) -> Result<api::BackupAnswer, ClientError> {
        self.command("/backups/restore", question).await
    }

    /// How a job goes on. Refused with 404 when it is not known (any more).
    pub async fn follow_backup(
        &self,
        query: api::BackupFollowQuery,
    ) -> Result<api::BackupFollowing, ClientError> {
        let api::BackupFollowQuery { job, from, seen } = query;
        let seen = seen.map_or_else(String::new, |seen| format!("&seen={seen}"));
        self.read(&format!("/backups/follow?job={job}&from={from}{seen}"))
            .await
    }

    /// What is needed to have everything back on another machine; a refusal is an answer too.
    pub async fn kit(&self, question: &api::KitQuestion) -> Result<api::KitAnswer, ClientError> {
        self.command("/backups/kit", question).await
    }

    /// Has it written down that the owner has the kit; a refusal is an answer too.
    pub async fn kit_confirmed(&self) -> Result<api::KitConfirmedAnswer, ClientError> {
        self.command("/backups/kit/confirmed", &()).await
    }
}
