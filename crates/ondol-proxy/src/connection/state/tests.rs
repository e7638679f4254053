//! When a connection is over one of its time limits, and what its visitor owes.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::task::Wake;

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(200);

fn connection(speaks: Speaks) -> (ConnectionState, Rc<Ledger>) {
    let ledger = Rc::new(Ledger::new(ondol_base::clock::now()));
    let state = ConnectionState::new(Rc::clone(&ledger));
    state.handshake_done(speaks);
    (state, ledger)
}

/// Looks after it at each tick for so long; what it is told first, if anything.
fn told_within(
    time: Duration,
    (state, ledger): (&ConnectionState, &Ledger),
    mut at_tick: impl FnMut(),
) -> Option<Order> {
    let end = ledger.now() + time;
    while ledger.now() < end {
        at_tick();
        ledger.set_now(ledger.now() + TICK);
        let order = state.look_after(ledger.now());
        if order.is_some() {
            return order;
        }
    }
    None
}

#[test]
fn a_tunnel_may_rest_for_longer_than_a_visitor() {
    let (state, ledger) = connection(Speaks::Http1);
    let both = (&state, &*ledger);
    state.request_begins();
    state.enter(Phase::Tunnel);
    for _ in 0..2 {
        assert_eq!(told_within(limits::TUNNEL_IDLE, both, || {}), None);
        state.received(); // What is said in it begins its time anew.
    }
    assert_eq!(told_within(limits::TUNNEL_IDLE, both, || {}), None);
    assert_eq!(told_within(SECOND, both, || {}), Some(Order::Close));
}

#[test]
fn each_phase_has_its_time() {
    let (state, ledger) = connection(Speaks::Http1);
    let both = (&state, &*ledger);
    state.received();
    assert_eq!(told_within(limits::HEAD, both, || {}), None);
    assert_eq!(told_within(SECOND, both, || {}), Some(Order::Close));
    let request = state.request_begins();
    assert_eq!(told_within(2 * limits::TUNNEL_IDLE, both, || {}), None);
    state.write_blocked();
    assert_eq!(told_within(limits::STALL - SECOND, both, || {}), None);
    assert_eq!(told_within(2 * SECOND, both, || {}), Some(Order::Close));
    state.sent(1_000_000);
    state.request_ends(request, Answer::Whole);
    assert_eq!(told_within(limits::IDLE, both, || {}), None);
    assert_eq!(told_within(SECOND, both, || {}), Some(Order::Finish));
}

#[test]
fn who_has_ended_its_side_and_takes_its_answer_is_there() {
    let (state, ledger) = connection(Speaks::Http1);
    let both = (&state, &*ledger);
    state.asked();
    let request = state.request_begins();
    assert!(state.holds_end());
    let mut tick = 0;
    let takes = || {
        tick += 1;
        if tick % 10 == 0 {
            state.gave(request, 1000);
            state.sent(1000);
        }
    };
    assert_eq!(told_within(10 * limits::HALF_CLOSED, both, takes), None);
    let nothing = || state.sent(0);
    assert_eq!(
        told_within(limits::HALF_CLOSED + SECOND, both, nothing),
        Some(Order::Close)
    );
}

#[test]
fn what_is_passed_on_may_pause_as_long_as_a_tunnel() {
    let (state, ledger) = connection(Speaks::Http1);
    let both = (&state, &*ledger);
    state.is_passed_on();
    state.write_blocked();
    let most = limits::TUNNEL_IDLE - SECOND;
    assert_eq!(told_within(most, both, || {}), None);
    assert_eq!(told_within(2 * SECOND, both, || {}), Some(Order::Close));
}

#[test]
fn an_answer_by_http2_that_nobody_takes_is_cut_alone() {
    let (state, ledger) = connection(Speaks::Http2);
    let (slow, other) = (state.request_begins(), state.request_begins());
    state.gave(slow, 1000);
    assert_eq!(ledger.lent(), 1000);
    let both = (&state, &*ledger);
    assert_eq!(told_within(limits::STALL - SECOND, both, || {}), None);
    assert!(!state.is_cut(slow));
    assert_eq!(told_within(2 * SECOND, both, || {}), None);
    assert!(state.is_cut(slow) && !state.is_cut(other));
    state.request_ends(slow, Answer::Unfinished);
    assert_eq!(ledger.lent(), 0);
}

#[test]
fn an_answer_by_http2_that_is_taken_a_byte_at_a_time_is_cut() {
    for (bytes, is_cut) in [(1, true), (100, false)] {
        let (state, ledger) = connection(Speaks::Http2);
        let request = state.request_begins();
        let give = || {
            state.asked_for_more(request);
            state.gave(request, bytes);
        };
        give();
        let told = told_within(2 * limits::STALL, (&state, &ledger), give);
        assert_eq!(told, None);
        assert_eq!(state.is_cut(request), is_cut, "{bytes} bytes a tick");
    }
}

#[test]
fn answers_that_wait_for_each_other_on_a_slow_line_are_not_cut() {
    let (state, ledger) = connection(Speaks::Http2);
    let request = state.request_begins();
    state.gave(request, 1000);
    let take = || {
        state.sent(100); // Of another answer.
        state.write_blocked();
    };
    let told = told_within(2 * limits::STALL, (&state, &ledger), take);
    assert_eq!(told, None);
    assert!(!state.is_cut(request));
}

#[test]
fn a_visitor_who_takes_a_byte_at_a_time_is_cut_off() {
    for (bytes, told) in [(1, Some(Order::Close)), (100, None)] {
        let (state, ledger) = connection(Speaks::Http1);
        state.request_begins();
        let take = || {
            state.sent(bytes);
            state.write_blocked();
        };
        take();
        let seen = told_within(2 * limits::STALL, (&state, &ledger), take);
        assert_eq!(seen, told, "{bytes} bytes a tick");
    }
}

#[test]
fn a_site_may_have_more_patience() {
    let (state, ledger) = connection(Speaks::Http1);
    let request = state.request_begins();
    let patience = Patience {
        send: 10 * limits::STALL,
        bytes_per_second_min: 0,
        ..Patience::default()
    };
    state.has_patience(request, patience);
    state.write_blocked();
    let both = (&state, &*ledger);
    assert_eq!(told_within(9 * limits::STALL, both, || {}), None);
    assert_eq!(
        told_within(2 * limits::STALL, both, || {}),
        Some(Order::Close)
    );
}

#[test]
fn a_connection_that_keeps_an_ended_answer_from_ending_is_closed() {
    let (state, ledger) = connection(Speaks::Http2);
    let both = (&state, &*ledger);
    let told = told_within(2 * limits::IDLE, both, || {});
    assert_eq!(told, Some(Order::Finish));
    state.tell(Order::Finish);
    assert_eq!(told_within(limits::STALL - SECOND, both, || {}), None);
    assert_eq!(told_within(2 * SECOND, both, || {}), Some(Order::Close));
}

#[test]
fn what_http1_has_not_written_yet_is_owed_until_it_is() {
    let (state, ledger) = connection(Speaks::Http1);
    let request = state.request_begins();
    state.gave(request, 1000);
    state.write_blocked();
    state.asked_for_more(request);
    state.request_ends(request, Answer::Whole);
    assert_eq!(ledger.lent(), 1000);
    state.sent(300);
    state.write_blocked();
    assert_eq!(state.loans(), [(ledger.now(), 700)]);
    state.flushed();
    assert_eq!(ledger.lent(), 0);
    let request = state.request_begins();
    state.gave(request, 1000);
    state.request_ends(request, Answer::Unfinished);
    drop(state);
    assert_eq!(ledger.lent(), 0);
}

/// Whether it was woken.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn a_stream_that_is_cut_ends_when_it_is_polled_next() {
    let (state, ledger) = connection(Speaks::Http2);
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let cx = &mut Context::from_waker(&waker);
    let mut number = None;
    let polled = state.poll_stream(cx, &mut number, |_| {
        let request = state.request_begins();
        state.gave(request, 1);
        Poll::Pending
    });
    assert!(polled.is_pending() && !woken.0.load(Ordering::SeqCst));
    state.call_in(ledger.now(), &mut 1);
    assert!(woken.0.load(Ordering::SeqCst));
    let polled = state.poll_stream(cx, &mut number, |_| unreachable!("it was polled"));
    assert!(polled.is_ready());
}
