//! What is wrong with certificates, in sentences: once for all that fail alike. Pure.

use ondol_admin::api::CertProblem;

use crate::span;

/// So many names are told of those that fail alike.
const NAMES_MAX: usize = 3;

/// When the next try is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tries {
    /// It is told.
    Told,
    /// It stands elsewhere.
    Elsewhere,
}

/// A sentence for each way in which certificates fail, in the order of the first of them.
pub(crate) fn sentences(problems: &[CertProblem], tries: Tries, now: i64) -> Vec<String> {
    let mut alike: Vec<(&str, Vec<&CertProblem>)> = Vec::new();
    for problem in problems {
        match alike
            .iter_mut()
            .find(|(message, _)| *message == problem.message)
        {
            Some((_, others)) if others.iter().any(|other| other.name == problem.name) => {}
            Some((_, others)) => others.push(problem),
            None => alike.push((&problem.message, vec![problem])),
        }
    }
    let each = alike.into_iter().map(|(message, problems)| {
        let names: Vec<_> = problems
            .iter()
            .map(|problem| problem.name.as_str())
            .collect();
        let next = problems.iter().filter_map(|problem| problem.next_at).min();
        let next = match (tries, next.map(|at| at.unix_seconds())) {
            (Tries::Elsewhere, _) | (Tries::Told, None) => String::new(),
            (Tries::Told, Some(at)) if at <= now => " The next try is now.".to_owned(),
            (Tries::Told, Some(at)) => format!(" The next try is {}.", span::relative(at, now)),
        };
        format!("{}{next}", about(&listed(&names), message))
    });
    each.collect()
}

/// A sentence, after the name that it is about unless it says that itself.
pub(crate) fn about(name: &str, sentence: &str) -> String {
    if sentence.contains(name) {
        sentence.to_owned()
    } else {
        format!("{name}: {sentence}")
    }
}

fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [others @ .., last] if names.len() <= NAMES_MAX => {
            format!("{} and {last}", others.join(", "))
        }
        [first, second, ..] => format!("{first}, {second} and {} others", names.len() - 2),
    }
}

#[cfg(test)]
mod tests {
    use ondol_admin::api::Time;

    use super::*;

    fn problem(name: &str, message: &str, next: i64) -> CertProblem {
        CertProblem {
            name: name.to_owned(),
            message: message.to_owned(),
            next_at: Some(Time::from_unix_seconds(next)),
        }
    }

    #[test]
    fn what_fails_alike_is_told_once() {
        let down = "no answer.";
        let mut problems = vec![
            problem("a.com", down, 160),
            problem("b.com", "b.com points elsewhere.", 50),
            problem("c.com", down, 130),
            problem("a.com", down, 160),
        ];
        assert_eq!(
            sentences(&problems, Tries::Told, 100),
            [
                "a.com and c.com: no answer. The next try is in 30 s.",
                "b.com points elsewhere. The next try is now.",
            ]
        );
        problems.push(problem("d.com", down, 160));
        let told = |problems: &[_]| sentences(problems, Tries::Elsewhere, 100).swap_remove(0);
        assert_eq!(told(&problems), "a.com, c.com and d.com: no answer.");
        problems.push(problem("e.com", down, 160));
        assert_eq!(told(&problems), "a.com, c.com and 2 others: no answer.");
    }
}
