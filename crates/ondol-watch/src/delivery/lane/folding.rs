//! Folding what waits for a channel, before anything is sent.

use std::collections::BTreeSet;

use ondol_model::watch::NoticeKind;
use ondol_model::watch::fold;
use ondol_model::watch::fold::Fold;
use ondol_model::watch::fold::Part;
use ondol_model::watch::fold::Times;
use ondol_model::watch::fold::Waiting;
use ondol_model::watch::fold::Way;
use ondol_model::watch::words::Words;
use ondol_store::Message;
use ondol_store::NewMessage;

use super::CROWD;
use super::Lane;
use crate::delivery::parts;

impl Lane {
    /// Folds what waits; returns what waits then.
    pub(super) async fn fold(&self, waiting: Vec<Message>, now: i64) -> Vec<Message> {
        let way = if self.reach.has_failed() || waiting.len() > CROWD {
            Way::Blocked
        } else {
            Way::Free
        };
        let known: Vec<_> = waiting
            .iter()
            .map(|message| self.known(message, now))
            .collect();
        let mut folds = fold::fold(&known, &Times::new(), now, way);
        if folds.is_empty() {
            return waiting;
        }
        if folds
            .iter()
            .any(|fold| matches!(fold, Fold::Summary { .. }))
        {
            let times = self.shared.ledger.times().await;
            folds = fold::fold(&known, &times, now, way);
        }
        for fold in folds {
            self.carry_out(fold, &waiting, now).await;
        }
        self.waiting().await
    }

    async fn carry_out(&self, fold: Fold, waiting: &[Message], now: i64) {
        let ledger = &self.shared.ledger;
        match fold {
            Fold::Into { ids, into } => ledger.fold_into(&ids, into, now).await,
            Fold::Summary {
                ids,
                severity,
                parts,
            } => {
                let plan = self.ground.plan.borrow().clone();
                let Some((person, _)) = self.name.find(&plan) else {
                    return;
                };
                let Words { title, text } = parts::summary(&plan, person, &parts, now);
                let gone: BTreeSet<_> = ids.iter().copied().collect();
                let expires = waiting
                    .iter()
                    .filter(|message| gone.contains(&message.id))
                    .map(|message| message.new.expires_at);
                let summary = NewMessage {
                    incident: None,
                    person: self.name.person.clone(),
                    channel: self.name.channel.clone(),
                    kind: NoticeKind::Summary,
                    severity,
                    subject: String::new(),
                    title,
                    text,
                    queued_at: now,
                    not_before: now,
                    expires_at: expires.max().unwrap_or(now),
                    wants_answer: parts.iter().any(wants_answer),
                };
                ledger.fold(&ids, summary, parts::text(&parts)).await;
            }
        }
    }

    fn known(&self, message: &Message, now: i64) -> Waiting {
        let attempt = self.attempts.get(&message.id);
        let tries = attempt.map_or(0, |attempt| attempt.tries);
        let may_have_arrived = attempt.map_or(message.is_begun, |attempt| attempt.may_have_arrived);
        parts::waiting(message, now, message.tries.max(tries), may_have_arrived)
    }
}

/// Something that is told of lasts, and wants an answer.
fn wants_answer(part: &Part) -> bool {
    part.wants_answer && part.ended_at.is_none()
}
