//! States and incidents as they come from what is observed.

use super::*;
use crate::watch::Severity;

fn subject(text: &str) -> Subject {
    Subject::parse(text).unwrap()
}

fn broken(text: &str) -> Observation {
    Observation::fail(subject(text), Finding::of(What::NoAnswer)).certain()
}

fn fine(text: &str) -> Observation {
    Observation::pass(subject(text)).certain()
}

#[test]
fn one_cause_is_one_incident_whatever_is_noticed_first() {
    for order in [
        ["router", "internet", "dns"],
        ["dns", "internet", "router"],
        ["dns", "router", "internet"],
    ] {
        let mut watchman = Watchman::default();
        for (at, text) in (100..).zip(order) {
            watchman.observe(at, &broken(text));
        }
        let open: Vec<_> = watchman.open().collect();
        assert_eq!(open.len(), 1, "{order:?}");
        assert_eq!(open[0].subject, subject("router"), "{order:?}");
        assert_eq!(open[0].members.len(), 3);
        assert_eq!(open[0].began_at, 100, "{order:?}");
        assert_eq!(open[0].severity, Severity::Critical);
    }
}

#[test]
fn an_incident_is_over_when_all_of_it_is_well_and_never_before() {
    let mut watchman = Watchman::default();
    watchman.observe(1, &broken("router"));
    watchman.observe(2, &broken("internet"));
    let changes = watchman.observe(3, &fine("router"));
    assert!(changes.contains(&Change::Grew(0)), "{changes:?}");
    assert_eq!(watchman.incident(0).unwrap().subject, subject("internet"));
    let changes = watchman.observe(4, &fine("internet"));
    let closed = changes.into_iter().find_map(|change| match change {
        Change::Closed(incident) => Some(incident),
        _ => None,
    });
    let closed = closed.expect("closed");
    assert_eq!((closed.began_at, closed.ended_at), (1, Some(4)));
    assert_eq!(closed.members.len(), 2);
    assert_eq!(watchman.open().count(), 0);
}

#[test]
fn strangers_have_incidents_of_their_own() {
    let mut watchman = Watchman::default();
    watchman.observe(1, &broken("site:a.test"));
    watchman.observe(1, &broken("site:b.test"));
    assert_eq!(watchman.open().count(), 2);
    let changes = watchman.observe(2, &broken("data-plane"));
    assert!(
        changes
            .iter()
            .any(|one| matches!(one, Change::Merged { .. }))
    );
    let open: Vec<_> = watchman.open().collect();
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].subject, subject("data-plane"));
}

#[test]
fn a_disk_that_wants_a_look_is_no_cause() {
    let disk = |state: fn(Subject, Finding) -> Observation| {
        let finding = Finding::of(What::DiskRoom(8, 100, None));
        state(subject("disk:/"), finding).certain()
    };
    let mut watchman = Watchman::default();
    watchman.observe(1, &disk(Observation::warn));
    watchman.observe(2, &broken("site:a.test"));
    watchman.observe(3, &broken("site:b.test"));
    assert_eq!(watchman.open().count(), 3, "a site that goes down is told");
    watchman.observe(4, &disk(Observation::fail));
    let open: Vec<_> = watchman.open().collect();
    assert_eq!((open.len(), &open[0].subject), (1, &subject("disk:/")));
}

#[test]
fn what_is_unknown_neither_opens_nor_closes_anything() {
    let mut watchman = Watchman::default();
    let unknown = Observation::unknown(subject("domain:a.test"));
    assert_eq!(watchman.observe(1, &unknown), []);
    watchman.observe(2, &broken("domain:a.test"));
    watchman.observe(3, &unknown);
    assert_eq!(watchman.open().count(), 1);
    assert_eq!(watchman.state(&subject("domain:a.test")), State::Unknown);
    assert!(watchman.tick(3 + UNKNOWN_MAX).is_empty());
    let changes = watchman.tick(4 + UNKNOWN_MAX);
    assert!(matches!(changes[..], [Change::Closed(_)]));
}

#[test]
fn what_is_not_watched_any_more_keeps_no_incident_open() {
    let mut watchman = Watchman::default();
    watchman.observe(1, &broken("site:a.test"));
    let changes = watchman.take_plan(Tree::default(), 5, |_| false);
    assert!(matches!(changes[..], [Change::Closed(_)]));
    assert_eq!(watchman.tracks().count(), 0);
}

#[test]
fn what_goes_back_and_forth_is_one_incident_until_it_is_steady() {
    let mut watchman = Watchman::default();
    let site = subject("site:a.test");
    let bad = Observation::fail(site.clone(), Finding::of(What::Status(502)));
    let good = Observation::pass(site.clone());
    let mut opened = 0;
    for at in 0..200 {
        let observation = if at % 2 == 0 { &bad } else { &good };
        let changes = watchman.observe(at * 60, observation);
        opened += changes
            .iter()
            .filter(|one| matches!(one, Change::Opened(_)))
            .count();
    }
    assert_eq!((opened, watchman.open().count()), (1, 1));
    let severity = watchman.open().next().unwrap().severity;
    assert_eq!(severity, Severity::Warning);
    for at in 200..240 {
        watchman.observe(at * 60, &good);
    }
    assert_eq!(watchman.open().count(), 0);
}

#[test]
fn a_restart_goes_on_with_what_was_open() {
    let mut watchman = Watchman::default();
    watchman.observe(1, &broken("site:a.test"));
    let states = watchman
        .tracks()
        .map(|(subject, track)| (subject.clone(), track.state(), track.since()));
    let incidents = watchman.open().cloned().collect::<Vec<_>>();
    let mut after = Watchman::restored(states.collect::<Vec<_>>(), incidents, 0);
    assert_eq!(
        after.observe(9, &broken("site:a.test")),
        [],
        "it is known already"
    );
    after.observe(10, &broken("app:tea"));
    assert_eq!(after.open().map(|one| one.id).collect::<Vec<_>>(), [0, 1]);
    let closed = after.observe(11, &fine("site:a.test"));
    assert!(closed.iter().any(|one| matches!(one, Change::Closed(_))));
}
