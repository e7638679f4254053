//! The configuration, and what this machine refuses of it: ports that others have, files that are missing, secrets that
//! can't be read.

use std::collections::BTreeSet;
use std::sync::Arc;

use ondol_base::chain::Chain;
use ondol_config::Mistake;
use ondol_model::Plan;

use super::Finding;
use crate::configuration::Configuration;
use crate::configuration::ConfigurationError;
use crate::examine;
use crate::examine::Subject;
use crate::folders::Folders;
use crate::folders::Person;
use crate::listeners::ListenerKey;
use crate::sandbox::ServeUser;

/// So many mistakes are told one by one.
const MISTAKES_MAX: usize = 5;

/// The plan, where there is one, and what is wrong with it here.
pub(super) fn look(
    folders: &Folders,
    held: impl FnOnce(&Plan) -> BTreeSet<ListenerKey>,
    now: i64,
) -> (Option<Arc<Plan>>, Vec<Finding>) {
    let configuration = match Configuration::read(&folders.config) {
        Ok(configuration) => configuration,
        Err(error) => return (None, unreadable(folders, &error)),
    };
    let user = ServeUser::find(Person::current(), None);
    let mut findings = Vec::new();
    if let Err(error) = &user
        && Person::current() == Person::Root
    {
        findings.push(Finding::bad(
            format!("{}.", Chain(error)),
            "`deploy/install.sh` makes the user that talks to visitors; `ondol run` refuses to start without.",
        ));
    }
    let found = examine::examine(Subject {
        plan: &configuration.plan,
        origins: &configuration.origins,
        state: &folders.state,
        user: &user.unwrap_or_else(|_| ServeUser::anybody()),
        held: &held(&configuration.plan),
        now,
    });
    let bad = found.mistakes.iter();
    findings.extend(bad.map(|mistake| Finding::bad(problem(mistake), advice(mistake))));
    let warnings = found.warnings.iter().map(examine::Warning::mistake);
    findings.extend(warnings.map(|mistake| Finding::warning(problem(mistake), advice(mistake))));
    let unenforced = found.unenforced.into_iter();
    findings.extend(unenforced.map(|sentence| Finding::advice(sentence, "")));
    (Some(configuration.plan), findings)
}

fn unreadable(folders: &Folders, error: &ConfigurationError) -> Vec<Finding> {
    let mistakes = error.mistakes();
    if mistakes.is_empty() {
        let advice = format!(
            "Put it back ({} was served last), or write one: `ondol check` says whether it is good.",
            folders.last_good().display()
        );
        let ConfigurationError::Unreadable(error) = error else {
            return Vec::new();
        };
        return vec![Finding::bad(format!("{}.", Chain(error)), advice)];
    }
    let each = mistakes.iter().take(MISTAKES_MAX);
    let mut findings: Vec<_> = each
        .map(|mistake| Finding::bad(problem(mistake), advice(mistake)))
        .collect();
    if let Some(more @ 1..) = mistakes.len().checked_sub(MISTAKES_MAX) {
        let problem = format!("There are {more} more mistakes in the configuration.");
        findings.push(Finding::bad(
            problem,
            "`ondol check` shows each at its place.",
        ));
    }
    findings
}

fn problem(mistake: &Mistake) -> String {
    let file = mistake.file().display();
    let place = match mistake.line() {
        0 => format!("{file}"),
        line => format!("{file}:{line}"),
    };
    format!("{} ({place}).", sentence(mistake.problem()))
}

fn advice(mistake: &Mistake) -> String {
    match mistake.help() {
        None | Some("") => String::new(),
        Some(help) => format!("{}.", sentence(help)),
    }
}

/// With a capital and without its full stop.
fn sentence(text: &str) -> String {
    let text = text.trim().trim_end_matches('.');
    let mut letters = text.chars();
    match letters.next() {
        Some(first) if first.is_lowercase() => {
            format!("{}{}", first.to_uppercase(), letters.as_str())
        }
        Some(_) | None => text.to_owned(),
    }
}
