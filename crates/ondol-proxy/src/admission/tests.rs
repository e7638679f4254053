//! Who loses what it does not take, when all have too much of it.

use ondol_base::clock;

use super::*;
use crate::connection::Speaks;

const PART: usize = 128 * 1024;
const MANY: usize = limits::LENT_BYTES_MAX / PART;

/// A worker's connections, each with one request that was given a part of its answer.
struct Crowd {
    ledger: Rc<Ledger>,
    connections: Connections,
    visitors: Vec<(Rc<ConnectionState>, usize)>,
}

impl Crowd {
    fn new() -> Self {
        Self {
            ledger: Rc::new(Ledger::new(clock::now())),
            connections: Connections::new(usize::MAX, usize::MAX),
            visitors: Vec::new(),
        }
    }

    fn comes(&mut self, count: usize) {
        for _ in 0..count {
            let state = Rc::new(ConnectionState::new(Rc::clone(&self.ledger)));
            state.handshake_done(Speaks::Http2);
            self.connections.admit(None, &state).expect("room");
            let request = state.request_begins();
            state.gave(request, PART);
            self.visitors.push((state, request));
        }
    }

    fn passes(&self, time: Duration) {
        self.ledger.set_now(self.ledger.now() + time);
    }

    /// Which are cut, when loans are called in.
    fn cut(&self) -> Vec<usize> {
        self.connections.call_in(&self.ledger);
        let cut =
            |(_, (state, request)): &(usize, &(Rc<ConnectionState>, usize))| state.is_cut(*request);
        self.visitors
            .iter()
            .enumerate()
            .filter(cut)
            .map(|(at, _)| at)
            .collect()
    }
}

/// Those that were told to end do so when their tasks run next, after all who came at once were let in.
#[test]
fn a_burst_of_visitors_closes_no_more_than_makes_room_for_it() {
    const MAX: usize = 16 * SHED_SHARE;
    let ledger = Rc::new(Ledger::new(clock::now()));
    let connections = Connections::new(MAX, usize::MAX);
    let comes = || {
        let state = Rc::new(ConnectionState::new(Rc::clone(&ledger)));
        connections.admit(None, &state).expect("room");
        state
    };
    let waiting: Vec<_> = (0..MAX).map(|_| comes()).collect();
    let closed = || waiting.iter().filter(|state| state.is_to_close()).count();
    let mut came = Vec::new();
    for burst in 1..=4 * SHED_SHARE {
        if connections.is_full() {
            assert!(connections.shed() > 0);
        }
        came.push(comes());
        assert!((burst..burst + 16).contains(&closed()), "{burst}");
    }
}

#[test]
fn those_who_have_had_theirs_for_longest_lose_it() {
    let mut crowd = Crowd::new();
    crowd.comes(MANY / 2);
    crowd.passes(Duration::from_secs(10));
    crowd.comes(MANY);
    let cut = crowd.cut();
    assert_eq!(cut, (0..MANY / 2).collect::<Vec<_>>(), "only the old ones");
}

#[test]
fn no_more_are_cut_than_makes_room() {
    let mut crowd = Crowd::new();
    crowd.comes(MANY + 1);
    crowd.passes(Duration::from_secs(10));
    assert_eq!(crowd.cut().len(), MANY / 4 + 1);
}

#[test]
fn what_is_just_on_its_way_is_spared_up_to_twice_as_much() {
    let mut crowd = Crowd::new();
    crowd.comes(2 * MANY);
    assert!(crowd.cut().is_empty());
    crowd.comes(MANY / 2);
    assert!(!crowd.cut().is_empty());
}

#[test]
fn what_was_cut_is_no_longer_lent() {
    let mut crowd = Crowd::new();
    crowd.comes(MANY + 1);
    crowd.passes(Duration::from_secs(10));
    for at in crowd.cut() {
        let (state, request) = &crowd.visitors[at];
        state.request_ends(*request, crate::connection::Answer::Unfinished);
    }
    assert!(crowd.ledger.lent() <= limits::LENT_BYTES_MAX / 4 * 3);
}
