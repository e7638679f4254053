//! What workers say, and what the owner hears of it.

use ondol_base::clock;
use ondol_base::tasks::Group;
use ondol_model::HostPattern;
use ondol_model::event::EventKind;
use ondol_model::issuing::Environment;
use ondol_model::issuing::FailureKind;
use ondol_model::issuing::Outcome;
use ondol_store::TryEnd;

use super::Heard;
use super::Tools;
use super::attempt::Ended;
use super::desk::Desk;
use super::desk::worker_name;
use super::renewal;
use super::requests;
use crate::failure::Failure;

/// The pause after a question about a renewal that was asked in vain.
const ASK_AGAIN: i64 = 6 * 3600;

impl Desk {
    /// Takes up what a worker says.
    pub(super) async fn hear(&mut self, heard: Heard, tools: &Tools, workers: &mut Group) {
        match heard {
            Heard::Step(name, step) => {
                let entry = self.entries.get_mut(&name);
                if let Some(under_way) = entry.and_then(|entry| entry.under_way.as_mut()) {
                    under_way.step = step;
                }
            }
            Heard::Ordered(name, id, replaces) => self.ledger.ordered(&name, id, replaces),
            Heard::Ended(ended) => self.ended(*ended, tools, workers).await,
            Heard::Renewal(answered) => self.heard_of_renewal(answered),
        }
    }

    async fn ended(&mut self, ended: Ended, tools: &Tools, workers: &mut Group) {
        let Ended {
            id,
            name,
            issuer,
            environment,
            outcome,
        } = ended;
        let now = clock::unix_seconds();
        let under_way = self.entries.get(&name).and_then(|it| it.under_way.as_ref());
        let was_held = under_way.is_some_and(|it| it.was_held);
        let is_issued = outcome.is_ok();
        let (kind, message) = told(&name, &issuer, environment, &outcome, was_held);
        let end = TryEnd {
            at: now,
            outcome: match &outcome {
                Ok(_) => Outcome::Issued,
                Err(failure) => Outcome::Failed {
                    kind: failure.kind,
                    retry_at: failure.retry_at,
                },
            },
            message: match &outcome {
                Ok(said) => said.clone(),
                Err(failure) => failure.sentence.clone(),
            },
        };
        self.ledger.end(&name, id, end).await;
        if let Some(kind) = kind {
            self.tell(kind, &name, message);
        }
        let Some(entry) = self.entries.get_mut(&name) else {
            return;
        };
        entry.under_way = None;
        if is_issued && environment == Environment::Production {
            entry.asked_at = None;
            entry.changed_at = None;
            entry.ask_again_at = 0;
            entry.warned = None;
            if let Some(revocation) = entry.revocation.take() {
                requests::revoke(revocation, tools, &self.news, workers);
            }
        }
    }

    /// A worker ended; one that did not say how its try ended has failed by a mistake of Ondol's.
    pub(super) async fn worker_ended(&mut self, worker: &str) {
        let mut entries = self.entries.iter_mut();
        let entry =
            entries.find(|(name, entry)| entry.under_way.is_some() && worker_name(name) == worker);
        let lost = entry.and_then(|(name, entry)| Some((name.clone(), entry.under_way.take()?.id)));
        let Some((name, id)) = lost else {
            return;
        };
        let failure = Failure::new(
            FailureKind::Machine,
            "Ondol made a mistake, which is in its log: please report it",
        );
        let end = TryEnd {
            at: clock::unix_seconds(),
            outcome: Outcome::Failed {
                kind: failure.kind,
                retry_at: None,
            },
            message: failure.sentence,
        };
        self.ledger.end(&name, id, end).await;
    }

    fn heard_of_renewal(&mut self, answered: renewal::Answered) {
        let renewal::Answered { name, moved, retry } = answered;
        if let Some(message) = moved {
            self.tell(EventKind::Certificate, &name, message);
        }
        if let Some(entry) = self.entries.get_mut(&name) {
            entry.is_asked_about = false;
            if retry {
                entry.ask_again_at = clock::unix_seconds() + ASK_AGAIN;
            }
        }
    }
}

/// What the owner hears of the end of a try; nothing of one that only tried out.
fn told(
    name: &HostPattern,
    issuer: &str,
    environment: Environment,
    outcome: &Result<String, Failure>,
    was_held: bool,
) -> (Option<EventKind>, String) {
    match (outcome, environment) {
        (Ok(_), Environment::Staging) => (None, String::new()),
        (Ok(said), Environment::Production) if was_held => {
            let message = format!("The certificate of {name} was renewed: {said}.");
            (Some(EventKind::CertificateRenewed), message)
        }
        (Ok(said), Environment::Production) => {
            let message = format!("There is a certificate for {name}: {said}.");
            (Some(EventKind::CertificateObtained), message)
        }
        (Err(failure), _) => {
            let place = match environment {
                Environment::Production => issuer.to_owned(),
                Environment::Staging => format!("the staging of {issuer}"),
            };
            let message = format!(
                "{place} gave no certificate for {name}: {}. The one before it, or a stand-in, is in use; \
                 `ondol certs` shows when it is tried again.",
                failure.sentence
            );
            (Some(EventKind::CertificateFailed), message)
        }
    }
}
