//! Brings what the box answers on sites by itself to the data planes, and the reports that come in by it to who judges
//! them.

use std::sync::Arc;

use ondol_model::watch::PingKind;
use ondol_watch::Ping;
use ondol_watch::Request;
use tokio::sync::mpsc;
use tokio::sync::watch;

use crate::generation::owner::Owner;
use crate::link;
use crate::link::Down;
use crate::link::Link;

/// The owner's end to those who know what the box answers by itself.
#[derive(Debug)]
pub(crate) struct OwnReader {
    /// What is answered.
    pub(crate) own: watch::Receiver<Arc<link::Own>>,
    /// Where reports go, among what else is asked of who watches.
    pub(crate) requests: mpsc::Sender<Request>,
}

impl OwnReader {
    /// Waits for another value; forever when nobody can tell any more.
    pub(super) async fn changed(&mut self) {
        if self.own.changed().await.is_err() {
            std::future::pending().await
        }
    }

    /// What is answered now.
    pub(super) fn newest(&self) -> Arc<link::Own> {
        Arc::clone(&self.own.borrow())
    }

    /// Passes a report on. A kind of a later version says at least that somebody lives.
    pub(super) fn heard(&self, ping: link::Ping) {
        let link::Ping { name, says, said } = ping;
        let kind = PingKind::parse(&says).unwrap_or(PingKind::Log);
        let report = Request::Ping(Ping {
            name: name.clone(),
            kind,
            body: said,
        });
        if self.requests.try_send(report).is_err() {
            tracing::warn!(heartbeat = %name, "a report was lost, because too many wait");
        }
    }
}

impl Owner {
    /// Tells every data plane that reads what it does not answer yet: those that drain too, because others' jobs may
    /// keep a connection. One that does not read gets the newest when it does.
    pub(super) fn tell_own(&mut self) {
        let newest = self.own.newest();
        for member in self.members.values_mut() {
            let is_behind = member.link.as_ref().is_none_or(Link::is_behind);
            if !is_behind && member.own.as_ref() != Some(&newest) {
                member.tell(&Down::Own((*newest).clone()));
                member.own = Some(Arc::clone(&newest));
            }
        }
    }
}
