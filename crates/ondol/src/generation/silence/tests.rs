//! Who stands still, and who only seems to.

use super::*;

/// Looks whenever it is time, until this time; returns the times at which somebody stood still.
fn look_until(silence: &mut Silence, end: Instant) -> Vec<Instant> {
    let mut found = Vec::new();
    while let Some(now) = silence.wake_at().filter(|at| *at <= end) {
        found.extend(silence.look(now).map(|_| now));
    }
    found
}

#[test]
fn one_that_says_nothing_stands_still_and_one_that_speaks_does_not() {
    let begin = ondol_base::clock::now();
    let mut silence = Silence::default();
    assert_eq!(silence.wake_at(), None, "there is none");
    silence.listen(Some(1), begin);
    for second in 1..100 {
        let now = begin + Duration::from_secs(second);
        silence.heard(1);
        silence.listen(Some(1), now);
        assert_eq!(look_until(&mut silence, now), []);
    }
    let last = begin + Duration::from_secs(99);
    silence.heard(2);
    let found = look_until(&mut silence, last + STILL);
    assert!(
        found.len() == 1 && found[0] > last + STILL - PERIOD,
        "{found:?}"
    );
}

#[test]
fn an_agent_that_stood_still_itself_blames_nobody() {
    let begin = ondol_base::clock::now();
    let mut silence = Silence::default();
    silence.listen(Some(1), begin);
    let later = begin + Duration::from_secs(3_600);
    assert_eq!(silence.look(later), None);
    silence.heard(1);
    assert_eq!(look_until(&mut silence, later + STILL - PERIOD), []);
}

#[test]
fn another_that_serves_begins_anew() {
    let begin = ondol_base::clock::now();
    let mut silence = Silence::default();
    silence.listen(Some(1), begin);
    let late = begin + STILL - PERIOD;
    assert_eq!(look_until(&mut silence, late), []);
    silence.listen(Some(2), late);
    assert_eq!(look_until(&mut silence, begin + STILL), []);
    silence.listen(None, late);
    assert_eq!(silence.wake_at(), None);
}
