//! One data plane as its owner holds it: its process, its link, and what it was given.

use std::collections::BTreeMap;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;

use ondol_base::chain::Chain;
use ondol_base::clock;
use ondol_base::process::Child;
use ondol_model::app::Traffic;
use rustix::process::Signal;
use tokio::time::Instant;

use crate::generation::Adopted;
use crate::generation::Fixed;
use crate::generation::MemberStatus;
use crate::generation::Number;
use crate::generation::Phase;
use crate::generation::SiteTotals;
use crate::generation::Wanted;
use crate::generation::convert;
use crate::generation::showing::Showing;
use crate::link;
use crate::link::Counters;
use crate::link::Down;
use crate::link::Link;
use crate::link::LinkError;
use crate::link::Server;
use crate::link::Up;

/// How long the end of a killed process is waited for.
const KILLED: Duration = Duration::from_secs(1);

/// One data plane.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) child: Arc<Child>,
    /// `None` when it broke.
    pub(super) link: Option<Link>,
    pub(super) fixed: Fixed,
    /// What it was given last; `None` of an adopted one.
    pub(super) sent: Option<Desired>,
    /// Which answers for issuers it shows.
    pub(super) showing: Showing,
    /// By which endpoints of apps it acts.
    pub(super) acting: Showing,
    /// What it answers by itself; `None` while that is not known.
    pub(super) own: Option<Arc<link::Own>>,
    /// What visitors of apps do in it.
    pub(super) traffic: Traffic,
    pub(super) version: Option<String>,
    pub(super) since: i64,
    pub(super) counters: Counters,
    /// What it counted of sites.
    pub(super) sites: SiteTotals,
    /// How the servers behind the sites are, as it sees them.
    pub(super) servers: Vec<Server>,
    /// Why it ended or will end.
    pub(super) reason: Option<String>,
}

/// What is to be served.
#[derive(Debug, Clone)]
pub(super) struct Desired {
    pub(super) wanted: Wanted,
    /// The data plane says this number when it serves all of it.
    pub(super) sequence: u64,
}

/// Whether a data plane has yet to say that it serves what it was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// It will say so.
    Something,
    /// It serves all of it already.
    Nothing,
}

impl Member {
    pub(super) fn new(
        child: Arc<Child>,
        link: Option<Link>,
        sent: Option<Desired>,
        (showing, acting): (Showing, Showing),
    ) -> Self {
        let fixed = sent.as_ref().map(|sent| Fixed::of(&sent.wanted));
        Self {
            child,
            link,
            fixed: fixed.unwrap_or_default(),
            sent,
            showing,
            acting,
            own: None,
            traffic: Traffic::default(),
            version: None,
            since: clock::unix_seconds(),
            counters: Counters::default(),
            sites: SiteTotals::new(),
            servers: Vec::new(),
            reason: None,
        }
    }

    /// Queues a value. A link that takes no more breaks; its data plane ends with it.
    pub(super) fn tell(&mut self, value: &Down) {
        let Some(link) = &mut self.link else { return };
        if let Err(error) = link.send(value) {
            tracing::warn!(error = %Chain(&error), "a data plane was not told");
            self.link = None;
        }
    }

    /// Tells it what differs from what it was given last. Each value gets the next number, and what is
    /// desired the last of them.
    pub(super) fn bring_up_to_date(&mut self, desired: &mut Desired, sequence: &mut u64) -> Told {
        let wanted = desired.wanted.clone();
        let (certificates_differ, sources_differ) = match &self.sent {
            None => (true, true),
            Some(Desired { wanted: sent, .. }) => (
                sent.certificates.entries != wanted.certificates.entries
                    || sent.certificates.client_authorities
                        != wanted.certificates.client_authorities
                    || sent.certificates.upstream_files != wanted.certificates.upstream_files,
                sent.sources != wanted.sources,
            ),
        };
        if certificates_differ {
            *sequence += 1;
            self.tell(&Down::Certificates {
                sequence: *sequence,
                entries: convert::certificates_of(&wanted.certificates.entries),
                client_authorities: convert::authorities_of(&wanted.certificates),
                upstream_files: convert::upstream_files_of(&wanted.certificates.upstream_files),
            });
        }
        if sources_differ {
            *sequence += 1;
            self.tell(&Down::Configuration {
                sequence: *sequence,
                texts: convert::texts_of(&wanted.sources),
            });
        }
        let told = if certificates_differ || sources_differ {
            desired.sequence = *sequence;
            Told::Something
        } else {
            Told::Nothing
        };
        self.sent = Some(desired.clone());
        told
    }

    pub(super) fn kill(&self) {
        // One that has ended meanwhile needs no signal.
        let _ = self.child.signal(Signal::KILL);
    }

    /// How it is, for people.
    pub(super) fn status(&self, number: Number, phase: Phase) -> MemberStatus {
        MemberStatus {
            number,
            pid: self.child.pid(),
            phase,
            since: self.since,
            version: self.version.clone(),
            counters: self.counters,
            servers: self.servers.clone(),
        }
    }

    /// Lets go of it without ending it, once it has been told all. One that does not serve, or does not read its
    /// link until the deadline, is killed.
    pub(super) async fn let_go(
        mut self,
        number: Number,
        phase: Option<Phase>,
        deadline: Instant,
    ) -> Option<Adopted> {
        let stays = phase.filter(|phase| matches!(phase, Phase::Serving | Phase::Draining));
        let parts = match stays.zip(self.link.take()) {
            Some((phase, link)) => link_parts(link, deadline).await.map(|parts| (phase, parts)),
            None => None,
        };
        let Some((phase, (link, unread))) = parts else {
            self.kill();
            // After an exec nobody would reap it. Who watches it may be first, which is as good.
            let _ = tokio::time::timeout(KILLED, self.child.ended()).await;
            return None;
        };
        Some(Adopted {
            number,
            pid: self.child.pid(),
            phase,
            link: link.into(),
            unread,
        })
    }
}

/// The next value of any data plane. Writes what waits for them on the way.
pub(super) fn poll_links(
    members: &mut BTreeMap<Number, Member>,
    cx: &mut Context<'_>,
) -> Poll<(Number, Result<Up, LinkError>)> {
    for (number, member) in members {
        let Some(link) = &mut member.link else {
            continue;
        };
        if let Poll::Ready(said) = link.poll_next(cx) {
            return Poll::Ready((*number, said));
        }
    }
    Poll::Pending
}

/// How a process ended, in words.
pub(super) fn ending(status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(signal), _) => format!("killed by signal {signal}"),
        (None, Some(code)) => format!("exit code {code}"),
        (None, None) => "it ended".to_owned(),
    }
}

async fn link_parts(mut link: Link, deadline: Instant) -> Option<(UnixStream, Vec<u8>)> {
    let is_flushed = tokio::time::timeout_at(deadline, link.flush()).await;
    is_flushed.ok()?.ok()?;
    link.into_parts().ok()
}
