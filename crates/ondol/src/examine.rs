//! What this machine refuses of an accepted plan, found before anything runs and shown at its place in
//! the file; and what it cannot enforce.
//!
//! It looks and changes nothing. It blocks on the disk, so it belongs off the runtime.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use ondol_config::KeyPath;
use ondol_config::Mistake;
use ondol_config::Origins;
use ondol_model::Plan;

use crate::listeners::ListenerKey;
use crate::sandbox::ServeUser;

mod access;
mod apps;
mod backup;
mod care;
mod certificates;
mod client_authorities;
mod folders;
mod issuing;
mod listeners;
mod logs;
mod machine;
mod pages;
mod passwords;
mod safety;
mod stand_ins;
mod timezone;
mod upstream_tls;
mod upstreams;

pub(crate) use logs::trouble_with_log;

/// What an examination needs to know.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'s> {
    /// What is wanted.
    pub(crate) plan: &'s Plan,
    /// Where it stands in the files.
    pub(crate) origins: &'s Origins,
    /// Where Ondol would keep its things.
    pub(crate) state: &'s Path,
    /// Who would talk to visitors.
    pub(crate) user: &'s ServeUser,
    /// The listeners that this box has open already.
    pub(crate) held: &'s BTreeSet<ListenerKey>,
    /// Seconds since the Unix epoch.
    pub(crate) now: i64,
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// What keeps the plan from being served as it is written.
    pub(crate) mistakes: Vec<Mistake>,
    /// What the person should know all the same.
    pub(crate) warnings: Vec<Warning>,
    /// What this machine cannot enforce, in sentences.
    pub(crate) unenforced: Vec<String>,
    /// What was found where the file leaves a choice, in sentences.
    pub(crate) notes: Vec<String>,
}

/// Something to know, at its place in the file. `Display` renders it on a few lines, without color.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Warning(Mistake);

/// Examines a plan on this machine.
pub(crate) fn examine(subject: Subject<'_>) -> Findings {
    let mut findings = Findings::default();
    listeners::examine(subject, &mut findings);
    certificates::examine(subject, &mut findings);
    client_authorities::examine(subject, &mut findings);
    folders::examine(subject, &mut findings);
    pages::examine(subject, &mut findings);
    safety::examine(subject, &mut findings);
    upstreams::examine(subject, &mut findings);
    passwords::examine(subject, &mut findings);
    upstream_tls::examine(subject, &mut findings);
    apps::examine(subject, &mut findings);
    backup::examine(subject, &mut findings);
    care::examine(subject, &mut findings);
    timezone::examine(subject, &mut findings);
    findings.unenforced = machine::unenforced(subject);
    findings.sort();
    findings
}

impl Findings {
    fn mistake(
        &mut self,
        subject: Subject<'_>,
        key: &KeyPath,
        problem: String,
        help: impl Into<String>,
    ) {
        let mistake = subject.origins.mistake(key, problem, Some(help.into()));
        self.mistakes.push(mistake);
    }

    fn warn(
        &mut self,
        subject: Subject<'_>,
        key: &KeyPath,
        problem: String,
        help: impl Into<String>,
    ) {
        let warning = subject.origins.mistake(key, problem, Some(help.into()));
        self.warnings.push(Warning(warning));
    }

    fn sort(&mut self) {
        fn place(mistake: &Mistake) -> (std::path::PathBuf, usize, usize) {
            (mistake.file().to_owned(), mistake.line(), mistake.column())
        }
        self.mistakes.sort_by_key(place);
        self.warnings.sort_by_key(|Warning(warning)| place(warning));
    }
}

impl Warning {
    /// All of it.
    pub(crate) fn mistake(&self) -> &Mistake {
        &self.0
    }

    /// What is to be known: a sentence without its full stop.
    pub(crate) fn problem(&self) -> &str {
        self.0.problem()
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(place) = self;
        writeln!(f, "warning: {}", place.problem())?;
        let file = place.file().display();
        writeln!(f, " --> {file}:{}:{}", place.line(), place.column())?;
        let mut lead = "= help: ";
        for line in place.help().into_iter().flat_map(str::lines) {
            writeln!(f, "  {lead}{line}")?;
            lead = "        ";
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "../../ondol-certs/src/sample.rs"] // Made-up certificates, for the tests of both crates.
mod sample;
#[cfg(test)]
mod tests;
