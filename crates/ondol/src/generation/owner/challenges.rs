//! Brings what issuers are to be shown to the data planes, and tells the board when it is shown.

use std::sync::Arc;

use ondol_certs::BoardReader;

use crate::generation::convert;
use crate::generation::owner::Owner;
use crate::link::Down;

impl Owner {
    /// Tells every data plane what it does not show yet: those that drain too, because an issuer may have kept
    /// a connection. Says what the one shows that accepts visitors; while there is none, nothing more is shown.
    pub(super) fn show_challenges(&mut self) {
        let newest = Arc::clone(&self.board.posted.borrow_and_update());
        for member in self.members.values_mut() {
            if member.link.is_some() && member.showing.is_due(newest.sequence) {
                member.tell(&Down::Challenges(convert::challenges_of(&newest)));
                member.showing.told(newest.sequence);
            }
        }
        let serving = self.roster.serving();
        let serving = serving.and_then(|number| self.members.get(&number));
        if let Some(sequence) = serving.and_then(|member| member.showing.shown()) {
            self.board.shown.send_if_modified(|shown| {
                let differs = *shown != sequence;
                *shown = sequence;
                differs
            });
        }
    }
}

/// Waits for another value; forever when nobody can post any more.
pub(super) async fn posted(board: &mut BoardReader) {
    if board.posted.changed().await.is_err() {
        std::future::pending().await
    }
}
