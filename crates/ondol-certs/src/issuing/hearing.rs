//! What workers say, and what the owner hears of it.

use ondol_base::clock;
use ondol_base::tasks::Group;
use ondol_model::HostPattern;
use ondol_model::event::EventKind;
use ondol_model::issuing::Environment;
use ondol_model::issuing::Outcome;
use ondol_store::TryEnd;

use super::Heard;
use super::Tools;
use super::attempt::Ended;
use super::desk::Desk;
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
        let under_way = self.entries.get_mut(&name);
        let under_way = under_way.and_then(|entry| entry.under_way.take_if(|it| it.id == id));
        let was_held = under_way.as_ref().is_some_and(|it| it.was_held);
        let told = told(&name, environment, &outcome, was_held);
        let told = told.filter(|_| match &outcome {
            Ok(_) => true,
            Err(failure) => self.ledger.is_news(&issuer, &failure.sentence, now),
        });
        let is_issued = outcome.is_ok();
        let end = TryEnd {
            at: now,
            outcome: match &outcome {
                Ok(_) => Outcome::Issued,
                Err(failure) => Outcome::Failed {
                    kind: failure.kind,
                    retry_at: failure.retry_at,
                },
            },
            message: match outcome {
                Ok(said) => said,
                Err(failure) => failure.sentence,
            },
        };
        self.ledger.end(&name, id, end).await;
        if let Some((kind, message)) = told {
            self.tell(kind, &name, message);
        }
        let Some(entry) = self.entries.get_mut(&name) else {
            return;
        };
        entry.seen_at = None;
        let is_outdated = under_way.is_none_or(|it| it.is_outdated);
        if is_issued && environment == Environment::Production && !is_outdated {
            entry.asked_at = None;
            entry.changed_at = None;
            entry.ask_again_at = 0;
            entry.warned = None;
            if let Some(revocation) = entry.revocation.take() {
                requests::revoke(revocation, tools, &self.news, workers);
            }
        }
        if !entry.is_wanted {
            self.entries.remove(&name);
        }
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
    environment: Environment,
    outcome: &Result<String, Failure>,
    was_held: bool,
) -> Option<(EventKind, String)> {
    let (kind, message) = match outcome {
        Ok(_) if environment == Environment::Staging => return None,
        Ok(said) if was_held => (
            EventKind::CertificateRenewed,
            format!("The certificate of {name} was renewed: {said}."),
        ),
        Ok(said) => (
            EventKind::CertificateObtained,
            format!("There is a certificate for {name}: {said}."),
        ),
        Err(Failure { sentence, .. }) => {
            let (what, meanwhile) = match was_held {
                true => ("no new", "The one in use stays in use"),
                false => ("no", "Visitors get one of Ondol's own CA for now"),
            };
            let message = format!(
                "There is {what} certificate for {name}: {sentence}. {meanwhile}; `ondol certs` shows when it is tried again."
            );
            (EventKind::CertificateFailed, message)
        }
    };
    Some((kind, message))
}
