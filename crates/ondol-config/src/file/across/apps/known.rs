//! Which apps there are, and what to say where another is named.

use std::collections::BTreeMap;

use ondol_model::AppName;

use crate::file::apps::APPS;
use crate::file::target::NamedApps;
use crate::nearest::nearest;
use crate::report::Report;
use crate::section::Section;
use crate::section::Word;
use crate::text::Place;

/// More names than these are no help.
const NAMES_MAX: usize = 12;

/// What an app is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A program that speaks HTTP.
    Program,
    /// A pool of php-fpm.
    Pool,
    /// A pool of php-fpm that has no section of its own.
    PoolOfSite,
}

/// The apps by name, also those that are described wrongly: those mistakes are told elsewhere.
#[derive(Debug)]
pub(in crate::file::across) struct Known<'d>(BTreeMap<&'d str, Kind>);

impl<'d> Known<'d> {
    pub(in crate::file::across) fn of(roots: &[Section<'d>], named: &NamedApps<'d>) -> Self {
        let of_sites = named.pools.iter();
        let mut known: BTreeMap<_, _> =
            of_sites.map(|pool| (pool.text, Kind::PoolOfSite)).collect();
        for apps in roots.iter().filter_map(|root| root.table(APPS.name)) {
            for (name, section) in apps.named() {
                let kind = match section.has("php") {
                    true => Kind::Pool,
                    false => Kind::Program,
                };
                known.insert(name.text, kind);
            }
        }
        Self(known)
    }

    /// Reports a name that is no app, or not one of the kind that is meant there.
    pub(super) fn check(&self, word: Word<'_>, wanted: Kind, report: &mut Report) {
        if AppName::parse(word.text).is_err() {
            return; // It is reported already.
        }
        let name = word.text;
        match (self.0.get(name), wanted) {
            (None, _) => {
                let problem = format!("there is no app `{name}`");
                report.add(word.at, problem).help(self.instead_of(name));
            }
            (Some(Kind::Program), Kind::Pool | Kind::PoolOfSite) => {
                report
                    .add(word.at, format!("the app `{name}` is no pool of php-fpm"))
                    .help(format!(
                        "give [apps.{name}] the line `php = {{}}`, in place of a command; or write `app = \"{name}\"` here, in place of `php`"
                    ));
            }
            (Some(Kind::Pool | Kind::PoolOfSite), Kind::Program) => {
                report
                    .add(word.at, format!("the app `{name}` is a pool of php-fpm"))
                    .help(format!(
                        "write `php = {{ root = \"…\", pool = \"{name}\" }}` in place of `app`"
                    ));
            }
            (Some(Kind::Program), Kind::Program)
            | (Some(Kind::Pool | Kind::PoolOfSite), Kind::Pool | Kind::PoolOfSite) => {}
        }
    }

    /// Reports a name that is no app of any kind.
    pub(in crate::file::across) fn check_any(
        &self,
        name: &AppName,
        at: Place,
        report: &mut Report,
    ) {
        if !self.0.contains_key(name.as_str()) {
            let problem = format!("there is no app `{name}`");
            report.add(at, problem).help(self.instead_of(name.as_str()));
        }
    }

    fn instead_of(&self, name: &str) -> String {
        let names = || self.0.keys().copied();
        if let Some(meant) = nearest(name, names()) {
            return format!("did you mean \"{meant}\"?");
        }
        let shown: Vec<_> = names().take(NAMES_MAX).collect();
        let others = match shown.join(", ") {
            none if none.is_empty() => String::new(),
            names => format!("the apps are {names}; "),
        };
        format!(
            "{others}an app is described so:\n[apps.{name}]\ndir = \"/srv/{name}\"\nrun = \"npm start\""
        )
    }
}
