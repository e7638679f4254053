//! What holds whatever happens.

use proptest::prelude::*;

use super::world::most_within;
use super::*;

fn outcomes() -> impl Strategy<Value = Vec<(Option<Outcome>, bool, i64)>> {
    let kind = proptest::sample::select(FailureKind::ALL.to_vec());
    let retry = proptest::option::weighted(0.2, 0..10 * DAY);
    let outcome = prop_oneof![
        2 => Just(Some(Outcome::Issued)),
        1 => Just(None),
        7 => (kind, retry).prop_map(|(kind, retry_at)| Some(Outcome::Failed { kind, retry_at })),
    ];
    // How a try ends, whether the owner asks for the next one, and how long after its moment it is made.
    let step = (
        outcome,
        proptest::bool::weighted(0.1),
        prop_oneof![3 => Just(0), 1 => 0..3 * DAY],
    );
    proptest::collection::vec(step, 1..60)
}

/// A certificate over a time of all that can happen to it; `seen` is told of each question and its answer.
fn live(
    issuers: &[AcmeIssuer],
    lifetime: i64,
    steps: &[(Option<Outcome>, bool, i64)],
    mut seen: impl FnMut(&Question<'_>, &Next) -> Result<(), TestCaseError>,
) -> Result<Vec<Try>, TestCaseError> {
    let wanted = of(&["a.kr", "www.a.kr"], issuers);
    let mut tries: Vec<Try> = Vec::new();
    let mut certificate: Option<Held> = None;
    let mut asked_at = None;
    let mut now = START;
    for (outcome, asks, late) in steps {
        if *asks {
            now += MINUTE;
            asked_at = Some(now);
        }
        let ask = |now| Question {
            wanted: &wanted,
            held: certificate.as_ref(),
            tries: &tries,
            asked_at,
            changed_at: None,
            now,
            listed: &tries,
        };
        let answer = next(&ask(now));
        seen(&ask(now), &answer)?;
        let Next::Order { at, .. } = answer else {
            return Err(TestCaseError::fail("nothing is to be done"));
        };
        now = at + late;
        let answer = next(&ask(now));
        seen(&ask(now), &answer)?;
        let Next::Order {
            at,
            issuer,
            environment,
            replaces,
            ..
        } = answer
        else {
            return Err(TestCaseError::fail("nothing is to be done"));
        };
        now = at;
        let issuer = wanted
            .issuers()
            .nth(issuer)
            .map(|issuer| issuer.name.clone());
        let issuer = issuer.ok_or_else(|| TestCaseError::fail("no such issuer"))?;
        let outcome = outcome.map(|outcome| match outcome {
            Outcome::Failed { kind, retry_at } => Outcome::Failed {
                kind,
                retry_at: retry_at.map(|after| now + after),
            },
            Outcome::Issued => outcome,
        });
        if outcome == Some(Outcome::Issued) && environment == Environment::Production {
            let issuer = issuer.clone();
            certificate = Some(Held {
                issuer,
                ..held(now - HOUR, lifetime)
            });
        }
        tries.push(Try {
            issuer,
            environment,
            replaces,
            at: now,
            outcome,
            ..tried(&["a.kr", "www.a.kr"], now, Outcome::Issued)
        });
    }
    Ok(tries)
}

fn by(wanted: &Wanted, index: usize) -> &str {
    wanted
        .issuers()
        .nth(index)
        .map_or("", |issuer| &issuer.name)
}

proptest! {
    #[test]
    fn nobody_is_asked_sooner_than_they_said(steps in outcomes(), lifetime in HOUR..100 * DAY) {
        live(&[lets_encrypt(), zero_ssl()], lifetime, &steps, |question, answer| {
            let Next::Order { at, issuer, environment, .. } = answer else { return Ok(()) };
            let issuer = by(question.wanted, *issuer);
            let told = question.tries.iter().filter(|one| {
                &*one.issuer == issuer && one.environment == *environment
            });
            for one in told {
                if let Some(Outcome::Failed { retry_at: Some(retry_at), .. }) = one.outcome {
                    prop_assert!(*at >= retry_at);
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn the_answer_is_the_same_each_time_and_never_in_the_past(steps in outcomes(), lifetime in HOUR..100 * DAY) {
        live(&[lets_encrypt()], lifetime, &steps, |question, answer| {
            prop_assert_eq!(&next(question), answer);
            let Next::Order { at, .. } = answer else { return Ok(()) };
            prop_assert!(*at >= question.now);
            // Asked again when its moment has come, it is not put off.
            let then = next(&Question { now: *at, ..*question });
            let Next::Order { at: later, .. } = then else { return Ok(()) };
            prop_assert_eq!(later, *at);
            Ok(())
        })?;
    }

    #[test]
    fn it_is_never_given_up(steps in outcomes(), lifetime in HOUR..100 * DAY) {
        live(&[lets_encrypt()], lifetime, &steps, |question, answer| {
            let Next::Order { at, .. } = answer else { return Ok(()) };
            // Ten days are the longest that an issuer asks for here, and a week that its limits last.
            let due = question.held.map_or(question.now, |held| due(question.wanted.name(), held));
            prop_assert!(*at <= due.max(question.now) + 10 * DAY + 30 * HOUR);
            Ok(())
        })?;
    }

    #[test]
    fn limits_are_kept_in_every_window(steps in outcomes(), lifetime in HOUR..100 * DAY, lost: bool) {
        let mut issuer = lets_encrypt();
        if lost {
            issuer.staging = None;
        }
        let tries = live(&[issuer], lifetime, &steps, |_, _| Ok(()))?;
        let times = |counts: fn(&Try) -> bool| -> Vec<i64> {
            let production = tries.iter().filter(|one| one.environment == Environment::Production);
            production.filter(|one| counts(one)).map(|one| one.at).collect()
        };
        let orders = times(|one| one.ordered);
        prop_assert!(most_within(&orders, 10) <= 10);
        prop_assert!(most_within(&orders, 3 * HOUR) <= 240);
        let issued = times(|one| one.outcome == Some(Outcome::Issued) && !one.replaces);
        prop_assert!(most_within(&issued, 7 * DAY) <= 4);
        let refused = times(|one| {
            matches!(one.outcome, Some(Outcome::Failed { kind: FailureKind::Unverified | FailureKind::Rejected, .. }))
        });
        prop_assert!(most_within(&refused, HOUR) <= 4);
    }

    #[test]
    fn a_chosen_moment_is_in_its_window(start in 0..START, width in 0..10 * DAY, random: u64) {
        let chosen = choose_in_window(start, start + width, random);
        prop_assert!((start..=start + width).contains(&chosen));
    }

    #[test]
    fn warnings_come_after_the_renewal_was_due_and_each_later_than_the_last(
        lifetime in 1..400 * DAY, due in -400 * DAY..400 * DAY, told in proptest::option::of(0..400 * DAY)
    ) {
        let validity = held(START, lifetime).validity;
        let told = told.map(|told| START + told);
        if let Some(at) = next_warning(validity, START + due, told) {
            prop_assert!(at >= validity.renew_at() && at <= validity.not_after);
            prop_assert!(told.is_none_or(|told| told < at));
        } else {
            prop_assert!(told >= Some(validity.not_after));
        }
    }
}
