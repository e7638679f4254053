//! When a connection is over one of its time limits.

use super::*;

fn connection() -> (ConnectionState, Rc<Cell<Instant>>) {
    let clock = Rc::new(Cell::new(ondol_base::clock::now()));
    (ConnectionState::new(Rc::clone(&clock)), clock)
}

#[test]
fn a_part_of_an_answer_that_nobody_takes_makes_it_overdue() {
    let (state, clock) = connection();
    state.handshake_done(Speaks::Http2);
    state.request_begins();
    let given = state.gave();
    let later = clock.get() + limits::STALL + Duration::from_secs(1);
    assert!(!state.is_overdue(clock.get() + limits::STALL));
    assert!(state.is_overdue(later));
    state.asked_for_more(given);
    assert!(!state.is_overdue(later));
}

#[test]
fn each_phase_has_its_time() {
    let (state, clock) = connection();
    let after = |limit: Duration| clock.get() + limit + Duration::from_secs(1);
    assert!(state.is_overdue(after(limits::HANDSHAKE)));
    state.received();
    assert!(!state.is_overdue(after(limits::HANDSHAKE)) && state.is_overdue(after(limits::HEAD)));
    state.request_begins();
    assert!(!state.is_overdue(after(limits::TUNNEL_IDLE)));
    state.write_blocked();
    assert!(state.is_overdue(after(limits::STALL)));
    state.sent();
    state.request_ends();
    assert!(!state.is_overdue(after(limits::HEAD)) && state.is_overdue(after(limits::IDLE)));
}
