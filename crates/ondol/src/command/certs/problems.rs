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

/// A sentence for each way in which certificates fail, in the order of the first of them. What visitors get
/// meanwhile follows; once at the end where it is the same for several.
pub(crate) fn sentences(problems: &[CertProblem], tries: Tries, now: i64) -> Vec<String> {
    let mut alike: Vec<Alike<'_>> = Vec::new();
    for problem in problems {
        match alike.iter_mut().find(|other| other.is_like(problem)) {
            Some(other) => other.add(problem),
            None => alike.push(Alike::of(problem)),
        }
    }
    let mut shared: Vec<(&str, Vec<&str>)> = Vec::new();
    for each in &alike {
        let Some(meanwhile) = each.meanwhile else {
            continue;
        };
        match shared.iter_mut().find(|(other, _)| *other == meanwhile) {
            Some((_, names)) => names.extend(&each.names),
            None => shared.push((meanwhile, each.names.clone())),
        }
    }
    shared.retain(|(meanwhile, _)| {
        let with_it = alike.iter().filter(|it| it.meanwhile == Some(*meanwhile));
        with_it.count() > 1
    });
    let is_shared = |meanwhile: &&str| shared.iter().any(|(other, _)| other == meanwhile);
    let each = alike.iter().map(|it| {
        let meanwhile = it.meanwhile.filter(|meanwhile| !is_shared(meanwhile));
        let meanwhile = meanwhile.map_or(String::new(), |meanwhile| format!(" {meanwhile}"));
        let next = it.next_try(tries, now);
        format!("{}{meanwhile}{next}", about(&listed(&it.names), it.message))
    });
    let last = shared
        .iter()
        .map(|(meanwhile, names)| format!("{}: {meanwhile}", listed(names)));
    each.chain(last).collect()
}

/// Certificates that fail alike.
#[derive(Debug)]
struct Alike<'p> {
    message: &'p str,
    meanwhile: Option<&'p str>,
    names: Vec<&'p str>,
    next: Option<i64>,
}

impl<'p> Alike<'p> {
    fn of(problem: &'p CertProblem) -> Self {
        let mut alike = Self {
            message: &problem.message,
            meanwhile: problem.meanwhile.as_deref(),
            names: Vec::new(),
            next: None,
        };
        alike.add(problem);
        alike
    }

    fn is_like(&self, problem: &CertProblem) -> bool {
        self.message == problem.message && self.meanwhile == problem.meanwhile.as_deref()
    }

    fn add(&mut self, problem: &'p CertProblem) {
        if !self.names.contains(&&*problem.name) {
            self.names.push(&problem.name);
        }
        let next = problem.next_at.map(|at| at.unix_seconds());
        self.next = self.next.into_iter().chain(next).min();
    }

    fn next_try(&self, tries: Tries, now: i64) -> String {
        match (tries, self.next) {
            (Tries::Elsewhere, _) | (Tries::Told, None) => String::new(),
            (Tries::Told, Some(at)) if at <= now => " The next try is now.".to_owned(),
            (Tries::Told, Some(at)) => format!(" The next try is {}.", span::relative(at, now)),
        }
    }
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
            meanwhile: None,
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

    #[test]
    fn what_visitors_get_is_told_once_where_it_is_the_same() {
        let stands_in = |name, message| CertProblem {
            meanwhile: Some("Visitors get another.".to_owned()),
            ..problem(name, message, 160)
        };
        let ending = CertProblem {
            meanwhile: Some("It is good for now.".to_owned()),
            ..problem("c.com", "The disk is full.", 160)
        };
        let one = [stands_in("a.com", "No answer."), ending.clone()];
        assert_eq!(
            sentences(&one, Tries::Told, 100),
            [
                "a.com: No answer. Visitors get another. The next try is in 60 s.",
                "c.com: The disk is full. It is good for now. The next try is in 60 s.",
            ]
        );
        let [first, ending] = one;
        let two = [first, ending, stands_in("b.com", "b.com points elsewhere.")];
        assert_eq!(
            sentences(&two, Tries::Elsewhere, 100),
            [
                "a.com: No answer.",
                "c.com: The disk is full. It is good for now.",
                "b.com points elsewhere.",
                "a.com and b.com: Visitors get another.",
            ]
        );
    }
}
