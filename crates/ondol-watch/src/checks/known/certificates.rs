//! How long certificates are good yet. Pure.

use ondol_model::watch::Finding;
use ondol_model::watch::Observation;
use ondol_model::watch::Subject;
use ondol_model::watch::What;

use crate::facts::CertificateFact;

const DAY: i64 = 24 * 60 * 60;
/// One that somebody has to replace by hand: as early as other programs say so.
const BY_HAND: i64 = 21 * DAY;
/// One that is renewed by itself, where that failed: it is tried again and again, and most causes pass.
const BY_ITSELF: i64 = 14 * DAY;
/// With less than this it is time to act at once.
const LAST: i64 = 3 * DAY;

/// How a certificate is.
pub(super) fn observe(certificate: &CertificateFact, now: i64) -> Observation {
    let subject = Subject::Certificate(certificate.name.clone());
    let detail = certificate.problem.as_deref().unwrap_or_default();
    let Some(not_after) = certificate.not_after else {
        // Ondol's own CA stands in; who gets certificates says in its own place why there is none.
        return Observation::unknown(subject);
    };
    if certificate.is_stand_in {
        return match &certificate.problem {
            Some(why) => {
                let missing = Finding::saying(What::CertificateMissing, why);
                Observation::warn(subject, missing)
            }
            None => Observation::unknown(subject), // It was asked for, and is on its way.
        };
    }
    let left = not_after - now;
    let saying = |what| Finding::saying(what, detail);
    if left <= 0 {
        return Observation::fail(subject, saying(What::CertificateEnded(not_after))).certain();
    }
    let from = match (certificate.is_managed, &certificate.problem) {
        (false, _) => BY_HAND,
        (true, Some(_)) => BY_ITSELF,
        (true, None) => return Observation::pass(subject),
    };
    if left > from {
        return Observation::pass(subject);
    }
    let ends = saying(What::CertificateEnds(not_after));
    if left <= LAST {
        Observation::fail(subject, ends)
    } else {
        Observation::warn(subject, ends)
    }
}

#[cfg(test)]
mod tests {
    use ondol_model::watch::State;

    use super::*;

    #[test]
    fn who_renews_it_decides_when_its_end_is_worth_a_word() {
        const NOW: i64 = 1_800_000_000;
        for (days, is_managed, problem, state) in [
            (22, false, None, State::Pass),
            (21, false, None, State::Warn),
            (3, false, None, State::Fail),
            (22, true, Some("refused"), State::Pass),
            (14, true, Some("refused"), State::Warn),
            (1, true, Some("refused"), State::Fail),
            (1, true, None, State::Pass),
            (0, true, None, State::Fail),
            (-1, false, None, State::Fail),
        ] {
            let fact = CertificateFact {
                name: "example.com".to_owned(),
                not_after: Some(NOW + days * DAY),
                is_managed,
                is_stand_in: false,
                problem: problem.map(str::to_owned),
            };
            let seen = observe(&fact, NOW);
            assert_eq!(seen.state, state, "{days} {is_managed} {problem:?}");
            assert_eq!(seen.is_certain, days <= 0);
        }
        let mut fact = CertificateFact {
            name: "example.com".to_owned(),
            not_after: None,
            is_managed: true,
            is_stand_in: false,
            problem: None,
        };
        assert_eq!(observe(&fact, NOW).state, State::Unknown);
        (fact.not_after, fact.is_stand_in) = (Some(NOW + 80 * DAY), true);
        assert_eq!(observe(&fact, NOW).state, State::Unknown);
        fact.problem = Some("the name does not lead here".to_owned());
        let missing = Finding::saying(What::CertificateMissing, "the name does not lead here");
        assert_eq!(observe(&fact, NOW).finding, Some(missing));
    }
}
