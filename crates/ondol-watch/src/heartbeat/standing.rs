//! Whether the outside hears that the box lives. Pure.

use ondol_model::watch::Finding;
use ondol_model::watch::Observation;
use ondol_model::watch::Subject;
use ondol_model::watch::What;

/// So many times in a row it is not reached, before that is worth a word: a lost packet is none.
const FAILURES_MIN: u32 = 3;

/// How telling each URL went lately.
#[derive(Debug)]
pub(super) struct Standing(Vec<Lately>);

#[derive(Debug, Clone, Default)]
struct Lately {
    failures: u32,
    trouble: String,
}

impl Standing {
    pub(super) fn of(urls: usize) -> Self {
        Self(vec![Lately::default(); urls])
    }

    /// Takes up an outcome. What fails while the internet is away says nothing of the URL.
    pub(super) fn take(&mut self, number: usize, outcome: Result<(), String>, is_online: bool) {
        let Some(lately) = self.0.get_mut(number) else {
            return;
        };
        match outcome {
            Ok(()) => *lately = Lately::default(),
            Err(trouble) if is_online => {
                lately.failures = lately.failures.saturating_add(1);
                lately.trouble = trouble;
            }
            Err(_) => {}
        }
    }

    /// What that says; `None` while it says nothing yet.
    pub(super) fn judge(&self, is_online: bool) -> Option<Observation> {
        let subject = Subject::outside();
        if !is_online {
            return Some(Observation::unknown(subject));
        }
        let worst = self.0.iter().max_by_key(|lately| lately.failures)?;
        match worst.failures {
            0 => Some(Observation::pass(subject).certain()),
            1..FAILURES_MIN => None,
            FAILURES_MIN.. => {
                let finding = Finding::saying(What::Unheard, worst.trouble.clone());
                Some(Observation::warn(subject, finding).certain())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ondol_model::watch::State;

    use super::*;

    fn state(standing: &Standing, is_online: bool) -> Option<State> {
        standing
            .judge(is_online)
            .map(|observation| observation.state)
    }

    #[test]
    fn three_failures_in_a_row_are_worth_a_word_and_one_success_ends_it() {
        let mut standing = Standing::of(2);
        assert_eq!(state(&standing, true), Some(State::Pass));
        for expected in [None, None, Some(State::Warn), Some(State::Warn)] {
            standing.take(0, Ok(()), true);
            standing.take(1, Err("refused".to_owned()), true);
            assert_eq!(state(&standing, true), expected);
        }
        let found = standing.judge(true).unwrap().finding.unwrap();
        assert_eq!(found, Finding::saying(What::Unheard, "refused"));
        standing.take(1, Ok(()), true);
        assert_eq!(state(&standing, true), Some(State::Pass));
    }

    #[test]
    fn nothing_is_known_while_the_internet_is_away() {
        let mut standing = Standing::of(1);
        for _ in 0..10 {
            standing.take(0, Err("not reached".to_owned()), false);
            assert_eq!(state(&standing, false), Some(State::Unknown));
        }
        assert_eq!(
            state(&standing, true),
            Some(State::Pass),
            "it is asked soon"
        );
    }
}
