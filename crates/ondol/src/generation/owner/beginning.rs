//! How data planes come to their owner: it starts them, or an earlier image of the agent has left them.

use std::os::unix::net::UnixStream;
use std::sync::Arc;

use ondol_base::chain::Chain;
use ondol_base::clock;
use ondol_base::process::Child;

use crate::generation::Adopted;
use crate::generation::Number;
use crate::generation::member::Desired;
use crate::generation::member::Member;
use crate::generation::owner::Owner;
use crate::generation::process;
use crate::generation::showing::Showing;
use crate::link::Link;

impl Owner {
    pub(super) fn start(&mut self, number: Number) -> Result<(), String> {
        let desired = self.desired.clone();
        let shown = Arc::clone(&self.board.posted.borrow());
        let (endpoints, acting) = self.apps.at_start();
        let own = self.own.newest();
        let started = process::start(
            number,
            &desired.wanted,
            &shown,
            endpoints,
            &own,
            &self.surroundings,
        );
        let (child, link) = started.map_err(|error| Chain(&error).to_string())?;
        tracing::info!(generation = number, pid = child.pid(), "data plane started");
        let showing = Showing::from_start(shown.sequence);
        self.admit(number, child, Some(link), Some(desired), (showing, acting));
        if let Some(member) = self.members.get_mut(&number) {
            member.own = Some(own);
        }
        Ok(())
    }

    pub(super) fn adopt(&mut self, adopted: Adopted) {
        let Adopted {
            number,
            pid,
            phase,
            link,
            unread,
        } = adopted;
        let child = match Child::adopt(pid) {
            Ok(child) => child,
            Err(error) => {
                tracing::warn!(generation = number, pid, %error, "data plane is gone");
                return;
            }
        };
        let link = Link::new(UnixStream::from(link), &unread).ok();
        self.roster.adopt(number, phase, clock::now());
        self.admit(number, child, link, None, Default::default());
    }

    fn admit(
        &mut self,
        number: Number,
        child: Child,
        link: Option<Link>,
        sent: Option<Desired>,
        (showing, acting): (Showing, Showing),
    ) {
        let child = Arc::new(child);
        let watched = Arc::clone(&child);
        let sender = self.end_sender.clone();
        self.watchers
            .spawn(format!("end of data plane {number}"), async move {
                let how = watched.ended().await;
                let _ = sender.send((number, how)).await; // The owner may be gone.
            });
        let member = Member::new(child, link, sent, (showing, acting));
        self.members.insert(number, member);
    }
}
