//! The servers that one request is sent to, one after the other, until one answers.

use std::net::IpAddr;
use std::rc::Rc;

use ondol_base::chain::Chain;
use ondol_base::clock;
use ondol_model::health::Trial;
use tokio::time::Instant;

use super::pool::Pool;
use super::servers::Servers;
use super::servers::Sharing;
use super::servers::Tried;
use super::watched::InFlight;
use crate::failure::Failure;

/// The attempts to have a request answered.
#[derive(Debug)]
pub(super) struct Attempts<'a> {
    servers: &'a Servers,
    current: usize,
    /// `None` where there is one server.
    choice: Option<Choice<'a>>,
}

/// What is to be remembered where there are several.
#[derive(Debug)]
struct Choice<'a> {
    sharing: &'a Sharing,
    client: IpAddr,
    trial: Trial,
    tried: Tried,
    retries_left: u8,
    since: Instant,
    in_flight: Option<InFlight>,
}

impl<'a> Attempts<'a> {
    /// Chooses the first server. `None` when there is none at all.
    pub(super) fn begin(servers: &'a Servers, client: IpAddr, trial: Trial) -> Option<Self> {
        let choice = servers.sharing.as_ref().map(|sharing| Choice {
            sharing,
            client,
            trial,
            tried: Tried::default(),
            retries_left: sharing.retry.times,
            since: clock::now(),
            in_flight: None,
        });
        let mut attempts = Self {
            servers,
            current: 0,
            choice,
        };
        let has_one = match &mut attempts.choice {
            None => !servers.pools.is_empty(),
            Some(_) => attempts.choose(),
        };
        has_one.then_some(attempts)
    }

    /// The server whose turn it is.
    pub(super) fn pool(&self) -> &'a Rc<Pool> {
        &self.servers.pools[self.current]
    }

    /// Notes why there is no answer. Whether it was the server's fault, so that another may do better.
    pub(super) fn failed(&mut self, failure: &Failure) -> bool {
        let in_flight = self.choice.as_mut().and_then(|one| one.in_flight.take());
        if !failure.is_upstreams() {
            return false;
        }
        if let Some(mut in_flight) = in_flight {
            in_flight.failed(|| Chain(failure).to_string());
        }
        true
    }

    /// Lets another server take the place of one that may have seen the request: only for one that may
    /// be sent twice. False when it was another's turn often enough, or there is none, or no time.
    pub(super) fn retry(&mut self) -> bool {
        let Some(choice) = &mut self.choice else {
            return false;
        };
        let Some(left) = choice.retries_left.checked_sub(1) else {
            return false;
        };
        choice.retries_left = left;
        self.choose()
    }

    /// Lets another server take the place of one that has answered with a status that is asked for
    /// again. Only for a request that may be sent twice. False when its answer has to do.
    pub(super) fn refuse(&mut self, status: u16) -> bool {
        let Some(choice) = &mut self.choice else {
            return false;
        };
        if choice.retries_left == 0 || !choice.sharing.retry.statuses.contains(&status) {
            return false;
        }
        choice.retries_left -= 1;
        let refused = choice.in_flight.take();
        if self.choose() {
            self.note(refused, status);
            return true;
        }
        if let Some(choice) = &mut self.choice {
            choice.in_flight = refused;
        }
        false
    }

    /// Notes the status that the server has answered with. It has the request until the answer ends.
    pub(super) fn answered(mut self, status: u16) -> Option<InFlight> {
        let in_flight = self.choice.as_mut()?.in_flight.take();
        self.note(in_flight, status)
    }

    fn note(&self, in_flight: Option<InFlight>, status: u16) -> Option<InFlight> {
        let mut in_flight = in_flight?;
        let choice = self.choice.as_ref()?;
        if choice.sharing.is_failure(status) {
            in_flight.failed(|| format!("it answered with status {status}"));
        } else {
            in_flight.succeeded();
        }
        Some(in_flight)
    }

    /// Lets a server that was not tried take the place of the one before, to which nothing was sent. False
    /// when there is none, or no time.
    pub(super) fn choose(&mut self) -> bool {
        let Some(choice) = &mut self.choice else {
            return false;
        };
        let sharing = choice.sharing;
        let is_late = clock::now().duration_since(choice.since) >= sharing.retry.within;
        if is_late && !choice.tried.is_empty() {
            return false;
        }
        let Some((index, in_flight)) = sharing.choose(choice.client, choice.tried, choice.trial)
        else {
            return false;
        };
        choice.tried.add(index);
        choice.in_flight = Some(in_flight);
        self.current = index;
        true
    }
}
