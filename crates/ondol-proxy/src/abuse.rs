//! Visitors who do what no honest one does: told of once each, and together when they are many.
//!
//! The lines are made for `fail2ban` and its like: `abuse by 203.0.113.7: …`, whatever follows.

use std::cell::Cell;
use std::cell::RefCell;
use std::collections::HashMap;
use std::error::Error as _;
use std::fmt;
use std::net::IpAddr;

use tokio::time::Duration;
use tokio::time::Instant;

/// Clients that are remembered; a flood from more of them is told of as a whole.
const CLIENTS_MAX: usize = 1_024;
/// A client that did nothing of the kind for this long is told of again.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(600);
/// So many times within [`FLOOD_WINDOW`], on one core, are a flood.
const FLOOD: u32 = 100;
const FLOOD_WINDOW: Duration = Duration::from_secs(60);

/// What a visitor did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Abuse {
    /// It sent HTTP/2 frames that ask for nothing, or took back what it had asked for.
    Frames,
    /// It opened more connections than one address may have.
    Connections,
}

impl fmt::Display for Abuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Frames => {
                "its HTTP/2 connection was closed, it sent too much that asks for nothing"
            }
            Self::Connections => {
                "a connection was refused, it has more open than one address may have"
            }
        })
    }
}

/// What is worth to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct News {
    /// This client is not known yet.
    pub(crate) of_client: bool,
    /// There are so many that the owner should know.
    pub(crate) of_flood: bool,
}

/// Who was told of.
#[derive(Debug)]
pub(crate) struct Abusers {
    told: RefCell<HashMap<IpAddr, Instant>>,
    window: Cell<(Instant, u32)>,
}

impl Abusers {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            told: RefCell::default(),
            window: Cell::new((now, 0)),
        }
    }

    /// Notes an abuse by a client.
    pub(crate) fn note(&self, client: IpAddr, now: Instant) -> News {
        let (began, count) = self.window.get();
        let (began, count) = if now.duration_since(began) > FLOOD_WINDOW {
            (now, 1)
        } else {
            (began, count.saturating_add(1))
        };
        self.window.set((began, count));
        News {
            of_client: self.is_new(client, now),
            of_flood: count >= FLOOD,
        }
    }

    fn is_new(&self, client: IpAddr, now: Instant) -> bool {
        let mut told = self.told.borrow_mut();
        let is_recent = |at: &Instant| now.duration_since(*at) < FORGOTTEN_AFTER;
        if let Some(at) = told.get_mut(&client) {
            let is_known = is_recent(at);
            *at = now;
            return !is_known;
        }
        if told.len() >= CLIENTS_MAX {
            told.retain(|_, at| is_recent(at));
        }
        if told.len() >= CLIENTS_MAX {
            return false;
        }
        told.insert(client, now);
        true
    }
}

/// Whether hyper's h2 ended a connection because of a flood (`ENHANCE_YOUR_CALM`).
pub(crate) fn is_by_http2(error: &hyper::Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref());
    cause.is_some_and(|cause: &h2::Error| {
        !cause.is_remote() && cause.reason() == Some(h2::Reason::ENHANCE_YOUR_CALM)
    })
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn client(number: u32) -> IpAddr {
        IpAddr::from(Ipv4Addr::from_bits(number))
    }

    #[test]
    fn a_client_is_news_once_until_it_is_forgotten() {
        let begin = ondol_base::clock::now();
        let abusers = Abusers::new(begin);
        assert!(abusers.note(client(1), begin).of_client);
        assert!(!abusers.note(client(1), begin).of_client);
        assert!(abusers.note(client(2), begin).of_client);
        let later = begin + FORGOTTEN_AFTER;
        assert!(abusers.note(client(1), later).of_client);
    }

    #[test]
    fn no_more_clients_are_remembered_than_there_may_be() {
        let begin = ondol_base::clock::now();
        let abusers = Abusers::new(begin);
        let news = (0..10_000).filter(|number| abusers.note(client(*number), begin).of_client);
        assert_eq!(news.count(), CLIENTS_MAX);
        assert_eq!(abusers.told.borrow().len(), CLIENTS_MAX);
        let later = begin + FORGOTTEN_AFTER;
        assert!(abusers.note(client(20_000), later).of_client);
        assert_eq!(abusers.told.borrow().len(), 1);
    }

    #[test]
    fn many_in_a_minute_are_a_flood() {
        let begin = ondol_base::clock::now();
        let abusers = Abusers::new(begin);
        assert!((1..FLOOD).all(|_| !abusers.note(client(1), begin).of_flood));
        assert!(abusers.note(client(1), begin).of_flood);
        let later = begin + 2 * FLOOD_WINDOW;
        assert!(!abusers.note(client(1), later).of_flood);
    }
}
