//! What waits is folded: what is over is told once, and many things are told together.

use proptest::prelude::*;

use super::*;

/// A message of the time 1000 about an incident.
fn about(id: i64, incident: i64, kind: NoticeKind) -> Waiting {
    Waiting {
        id,
        incident: Some(incident),
        kind,
        severity: Severity::Warning,
        title: format!("{} {incident}", kind.word()),
        since: 1_000,
        queued_at: 1_000 + id,
        is_due: true,
        was_tried: false,
        may_have_arrived: false,
        wants_answer: kind == NoticeKind::Problem,
        parts: Vec::new(),
    }
}

fn problem(id: i64, incident: i64) -> Waiting {
    about(id, incident, NoticeKind::Problem)
}

fn recovery(id: i64, incident: i64) -> Waiting {
    about(id, incident, NoticeKind::Recovery)
}

fn folded(waiting: &[Waiting], now: i64) -> Vec<Fold> {
    fold(waiting, &Times::new(), now, Way::Free)
}

fn into(ids: &[i64], into: i64) -> Fold {
    Fold::Into {
        ids: ids.to_vec(),
        into,
    }
}

#[test]
fn what_goes_at_once_goes_as_it_is() {
    let waiting = [
        problem(1, 1),
        problem(2, 2),
        problem(3, 3),
        problem(4, 4),
        recovery(5, 1),
    ];
    assert_eq!(folded(&waiting, 1_059), []);
    assert_eq!(folded(&waiting[..3], 1_060), [], "each is one message");
    assert_eq!(folded(&[], 1_060), []);
}

#[test]
fn of_what_waited_the_last_message_of_an_incident_stays() {
    let waiting = [
        problem(1, 1),
        problem(2, 2),
        about(3, 1, NoticeKind::Reminder),
        recovery(4, 1),
    ];
    assert_eq!(folded(&waiting, 1_060), [into(&[1, 3], 4)]);
    let tried = Waiting {
        was_tried: true,
        ..problem(1, 1)
    };
    let fresh = recovery(2, 1);
    assert_eq!(folded(&[tried, fresh], 1_001), [into(&[1], 2)]);
}

#[test]
fn what_is_held_back_gives_way_to_the_word_that_it_is_over_and_else_waits() {
    let held = Waiting {
        is_due: false,
        ..problem(1, 1)
    };
    assert_eq!(
        folded(&[held.clone(), recovery(2, 1)], 1_001),
        [into(&[1], 2)]
    );
    let mut waiting: Vec<_> = (2..=9).map(|id| problem(id, id)).collect();
    waiting.insert(0, held);
    let folds = folded(&waiting, 1_060);
    assert!(matches!(&folds[..], [Fold::Summary { ids, .. }] if !ids.contains(&1)));
}

#[test]
fn what_may_have_arrived_and_what_stands_for_itself_is_not_folded() {
    let begun = Waiting {
        may_have_arrived: true,
        ..problem(1, 1)
    };
    assert_eq!(folded(&[begun, recovery(2, 1)], 5_000), []);
    let tests: Vec<_> = (1..=9)
        .map(|id| Waiting {
            incident: None,
            ..about(id, 0, NoticeKind::Test)
        })
        .collect();
    assert_eq!(folded(&tests, 5_000), []);
}

#[test]
fn many_incidents_are_told_in_one_message_with_their_times() {
    let critical = Waiting {
        severity: Severity::Critical,
        ..problem(2, 2)
    };
    let news = Waiting {
        incident: None,
        ..about(5, 0, NoticeKind::News)
    };
    let fresh = Waiting {
        since: 5_000,
        queued_at: 5_000,
        ..problem(6, 4)
    };
    let waiting = [
        problem(1, 1),
        critical,
        problem(3, 3),
        recovery(4, 1),
        news,
        fresh,
    ];
    let times = Times::from([(1, (700, Some(900))), (2, (800, None))]);
    let folds = fold(&waiting, &times, 5_000, Way::Free);
    let [
        Fold::Summary {
            ids,
            severity,
            parts,
        },
    ] = &folds[..]
    else {
        panic!("{folds:?}");
    };
    assert_eq!(ids, &[1, 2, 3, 4, 5, 6]);
    assert_eq!(*severity, Severity::Critical);
    let told: Vec<_> = parts
        .iter()
        .map(|part| (&*part.title, part.began_at, part.ended_at))
        .collect();
    let expected = [
        ("problem 1", 700, Some(900)),
        ("problem 2", 800, None),
        ("problem 3", 1_003, None),
        ("news 0", 1_005, Some(1_005)),
        ("problem 4", 5_000, None),
    ];
    assert_eq!(told, expected);
    let wants: Vec<_> = parts.iter().map(|part| part.wants_answer).collect();
    assert_eq!(wants, [false, true, true, false, true]);
}

#[test]
fn a_summary_that_did_not_arrive_is_folded_with_what_came_after_it() {
    let waiting: Vec<_> = (1..=4).map(|id| problem(id, id)).collect();
    let folds = folded(&waiting, 2_000);
    let [Fold::Summary { parts, .. }] = &folds[..] else {
        panic!("{folds:?}");
    };
    let summary = Waiting {
        incident: None,
        kind: NoticeKind::Summary,
        was_tried: true,
        parts: parts.clone(),
        ..problem(5, 0)
    };
    assert_eq!(folded(std::slice::from_ref(&summary), 9_000), []);
    let folds = folded(&[summary, recovery(6, 2)], 2_001);
    let [Fold::Summary { ids, parts, .. }] = &folds[..] else {
        panic!("{folds:?}");
    };
    assert_eq!(ids, &[5, 6]);
    let ended: Vec<_> = parts.iter().map(|part| part.ended_at).collect();
    assert_eq!(ended, [None, Some(1_006), None, None]);
}

#[test]
fn what_waits_for_a_channel_that_fails_is_folded_at_once() {
    let waiting: Vec<_> = (1..=2_000).map(|id| problem(id, id)).collect();
    let folds = fold(&waiting, &Times::new(), 1_000, Way::Blocked);
    assert!(matches!(&folds[..], [Fold::Summary { parts, .. }] if parts.len() == 2_000));
}

proptest! {
    /// Whatever waits: nothing goes twice, nothing goes that is not foldable, every incident is still told of, and
    /// afterwards there is at most one message for each that was held up.
    #[test]
    fn nothing_is_lost_by_folding(
        rows in proptest::collection::vec((1_i64..7, 0_usize..8, any::<bool>(), any::<bool>(), 0_i64..100), 0..40),
    ) {
        let waiting: Vec<_> = (1_i64..)
            .zip(rows)
            .map(|(id, (incident, kind, was_tried, may_have_arrived, age))| Waiting {
                was_tried,
                may_have_arrived,
                since: 1_000 - age,
                ..about(id, incident, NoticeKind::ALL[kind])
            })
            .filter(|message| message.kind != NoticeKind::Summary)
            .collect();
        let folds = folded(&waiting, 1_000);
        let mut gone = BTreeSet::new();
        let mut told = BTreeSet::new();
        for fold in &folds {
            let ids = match fold {
                Fold::Into { ids, into } => {
                    prop_assert!(waiting.iter().any(|message| message.id == *into));
                    ids
                }
                Fold::Summary { ids, parts, .. } => {
                    told.extend(parts.iter().filter_map(|part| part.incident));
                    ids
                }
            };
            for id in ids {
                prop_assert!(gone.insert(*id));
            }
        }
        let left = waiting.iter().filter(|message| !gone.contains(&message.id));
        for message in left.clone() {
            told.extend(message.incident);
        }
        for message in &waiting {
            prop_assert!(is_foldable(message) || !gone.contains(&message.id));
            prop_assert!(message.incident.is_none_or(|incident| told.contains(&incident)));
        }
        for incident in 1..7 {
            let left: Vec<_> = left
                .clone()
                .filter(|message| message.incident == Some(incident) && is_foldable(message))
                .collect();
            let is_held_up = left.iter().any(|message| is_stale(message, 1_000));
            prop_assert!(!is_held_up || left.len() == 1);
        }
    }
}
