//! What the owner does with an order to serve something: tells or replaces a data plane, answers, or has
//! what was before served on.

use std::time::Duration;

use ondol_base::clock;
use tokio::sync::oneshot;

use crate::generation::Fixed;
use crate::generation::Number;
use crate::generation::TakeUpError;
use crate::generation::Wanted;
use crate::generation::Way;
use crate::generation::member::Desired;
use crate::generation::member::Told;
use crate::generation::owner::Owner;
use crate::generation::pending::Pending;
use crate::generation::roster::Input;

/// A data plane that has not taken up a value by then is stuck.
const APPLY: Duration = Duration::from_secs(5);

impl Owner {
    pub(super) fn take_up(
        &mut self,
        wanted: Wanted,
        reply: oneshot::Sender<Result<(), TakeUpError>>,
    ) {
        self.answer(Err(TakeUpError::Superseded));
        let fixed = Fixed::of(&wanted);
        self.sequence += 1;
        let sequence = self.sequence;
        let previous = std::mem::replace(&mut self.desired, Desired { wanted, sequence });
        let serving = self.roster.serving();
        let member = serving.and_then(|number| self.members.get(&number));
        let way = member.map_or(Way::Replace, |member| member.fixed.way_to(&fixed));
        let deadline = (way == Way::Send).then(|| clock::now() + APPLY);
        self.pending = Some(Pending {
            sequence,
            previous,
            deadline,
            reply,
        });
        match (way, serving) {
            (Way::Send, Some(number)) => self.bring_up_to_date(number),
            (Way::Send, None) | (Way::Replace, _) => self.act(Input::Replace),
        }
    }

    /// Sends a data plane what differs from what it was given last.
    pub(super) fn bring_up_to_date(&mut self, number: Number) {
        let Some(member) = self.members.get_mut(&number) else {
            return;
        };
        let told = member.bring_up_to_date(&mut self.desired, &mut self.sequence);
        if let Some(pending) = &mut self.pending {
            pending.sequence = self.desired.sequence;
        }
        match told {
            Told::Something => {}
            Told::Nothing => self.answer(Ok(())),
        }
    }

    pub(super) fn answer(&mut self, answer: Result<(), TakeUpError>) {
        if let Some(pending) = self.pending.take() {
            pending.answer(answer);
        }
    }

    /// Has what was wanted before served again, since what is wanted now could not be.
    pub(super) fn give_up(&mut self, number: Number, reason: String) {
        let Some(pending) = self.pending.take() else {
            return;
        };
        self.desired.clone_from(&pending.previous);
        pending.answer(Err(TakeUpError::NotReady { number, reason }));
        // One that was told, and was replaced because it did not answer, must not stay with what failed.
        if let Some(serving) = self.roster.serving() {
            self.take_back(serving);
        }
    }

    fn take_back(&mut self, serving: Number) {
        let member = self.members.get(&serving);
        let sent = member.and_then(|member| member.sent.as_ref());
        if sent.is_some_and(|sent| sent.sequence != self.desired.sequence) {
            self.bring_up_to_date(serving);
        }
    }
}
