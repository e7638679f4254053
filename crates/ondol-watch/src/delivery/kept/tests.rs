//! What is kept while the disk takes nothing: sent all the same, and written down later.

use ondol_model::watch::NoticeKind;
use ondol_model::watch::State;
use ondol_store::RecordedState;

use super::*;

fn message(incident: i64, severity: Severity) -> NewMessage {
    NewMessage {
        incident: Some(incident),
        person: "me".to_owned(),
        channel: "email".to_owned(),
        kind: NoticeKind::Problem,
        severity,
        subject: String::new(),
        title: format!("problem {incident}"),
        text: String::new(),
        queued_at: 1_000,
        not_before: 1_000,
        expires_at: 9_000,
        wants_answer: false,
    }
}

fn change(incidents: impl IntoIterator<Item = i64>) -> WatchChange {
    let messages = incidents
        .into_iter()
        .map(|id| message(id, Severity::Warning));
    WatchChange {
        messages: messages.collect(),
        ..WatchChange::default()
    }
}

fn state(subject: &str, since: i64) -> WatchChange {
    WatchChange {
        states: vec![RecordedState {
            subject: subject.to_owned(),
            state: State::Fail,
            since,
            memory: String::new(),
        }],
        ..WatchChange::default()
    }
}

fn titles(kept: &Kept) -> Vec<&str> {
    kept.waiting().map(|message| &*message.new.title).collect()
}

#[test]
fn what_is_kept_waits_in_its_order_under_numbers_that_no_message_had() {
    let mut kept = Kept::default();
    let mut ids = kept.keep(change(1..=2));
    ids.extend(kept.keep(change(3..=3)));
    assert!(ids.is_sorted_by(|before, after| before > after && *before < -1_700_000_000_000));
    assert_eq!(titles(&kept), ["problem 1", "problem 2", "problem 3"]);
    assert_eq!(kept.count_waiting(), (3, Some(1_000)));
    kept.end(ids[1], ending(MessageOutcome::Delivered, 1_001));
    assert_eq!(titles(&kept), ["problem 1", "problem 3"]);
}

#[test]
fn what_was_sent_before_it_could_be_written_is_written_with_its_end() {
    let mut kept = Kept::default();
    let ids = kept.keep(change(1..=2));
    kept.end(ids[0], ending(MessageOutcome::Delivered, 1_001));
    let (written, numbers) = kept.take_unwritten();
    assert_eq!(written, change(1..=2));
    kept.written(&numbers, &[7, 8]);
    assert_eq!(
        kept.endings(),
        [(7, ending(MessageOutcome::Delivered, 1_001))]
    );
    assert!(kept.is_change_written() && !kept.is_written());
    assert_eq!(titles(&kept), ["problem 2"], "it keeps its first number");
    assert_eq!(kept.row(ids[1]), Some(8));
    kept.forget_ending(7);
    assert!(kept.is_written());
}

#[test]
fn the_newest_state_is_written_when_an_older_could_not_be() {
    let mut kept = Kept::default();
    kept.keep(state("dns", 1));
    kept.keep(state("link", 1));
    let (taken, _) = kept.take_unwritten();
    kept.keep(state("dns", 2));
    kept.put_back(taken);
    let (written, _) = kept.take_unwritten();
    let since: Vec<_> = written
        .states
        .iter()
        .map(|state| (&*state.subject, state.since))
        .collect();
    assert_eq!(since, [("link", 1), ("dns", 2)]);
}

#[test]
fn a_message_in_the_place_of_others_is_written_as_that() {
    let mut kept = Kept::default();
    let ids = kept.keep(change(1..=2));
    let (_, numbers) = kept.take_unwritten();
    kept.written(&numbers[..1], &[7]);
    let summary = message(0, Severity::Critical);
    let id = kept.replace(&[5, ids[0], ids[1]], summary, Some("[]".to_owned()), 1_001);
    assert_eq!(titles(&kept), ["problem 0"]);
    let replacements = kept.replacements();
    assert_eq!(replacements.len(), 1);
    assert_eq!(replacements[0].replaces, [5, 7]);
    let (unwritten, _) = kept.take_unwritten();
    assert_eq!(unwritten, change(2..=2), "for the record");
    kept.written(&[id], &[9]);
    assert!(kept.replacements().is_empty());
    assert_eq!(kept.row(id), Some(9));
}

#[test]
fn when_too_much_is_kept_what_is_critical_stays() {
    let mut kept = Kept::default();
    let critical = WatchChange {
        messages: vec![message(0, Severity::Critical)],
        ..WatchChange::default()
    };
    kept.keep(critical);
    kept.keep(change(1..=i64::try_from(KEPT_MAX).unwrap()));
    let titles = titles(&kept);
    assert_eq!(titles.len(), KEPT_MAX);
    assert_eq!(titles[..2], ["problem 0", "problem 2"]);
}

#[test]
fn times_move_with_the_clock() {
    let mut kept = Kept::default();
    kept.keep(change(1..=1));
    kept.keep(state("dns", 1_000));
    kept.shift(3_600);
    let new = &kept.waiting().next().unwrap().new;
    assert_eq!(
        (new.queued_at, new.not_before, new.expires_at),
        (4_600, 4_600, 12_600)
    );
    assert_eq!(kept.take_unwritten().0.states[0].since, 4_600);
}
