//! `[[sites."…".routes]]`: paths of a site with targets of their own.

use std::collections::HashMap;
use std::path::Path;

use ondol_model::Target;
use ondol_model::limits::ROUTES_MAX;
use ondol_model::path::RoutePath;
use ondol_model::path::normalize;
use ondol_model::plan::Route;
use ondol_model::plan::Rules;

use crate::file::rules;
use crate::file::site::SITE;
use crate::file::target;
use crate::nearest::repeated;
use crate::report::Report;
use crate::section::Section;
use crate::section::Word;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;
use crate::shape::Table;
use crate::text::Place;

const TARGETS: &str = "give it exactly one of proxy, files, redirect, respond";

pub(super) static ROUTE: Table = Table {
    title: "a route",
    doc: "A path of a site with a target of its own: exactly one of `proxy`, `files`, `redirect` and `respond`.",
    keys: &[
        Key {
            name: "path",
            doc: "The beginning of the paths that are answered here: `/api` is `/api` and `/api/x`, but not `/apix`.",
            shape: Shape::Text(Form {
                what: "a path",
                example: "/assets/",
            }),
            absent: Absent::Mistake,
        },
        rules::ALLOW,
        rules::DENY,
        rules::METHODS,
        rules::BASIC_AUTH,
        rules::FORWARD_AUTH,
        rules::LIMITS,
        rules::LOG,
        rules::TIMEOUTS,
        rules::REQUEST_ID,
        rules::HEADERS,
        rules::REQUEST_HEADERS,
        rules::SECURITY_HEADERS,
        rules::HSTS,
        rules::COMPRESSION,
        rules::ERROR_PAGES,
        target::PROXY,
        target::FILES,
        target::REDIRECT,
        target::RESPOND,
    ],
    later: &["app", "cache", "login", "php"],
};

/// A route, and its path with the place where that stands.
pub(super) type Placed = (Route, (RoutePath, Place));

/// The routes of a site, its own target as the one of `/`. What is wrong is reported and left out.
pub(super) fn routes(
    site: Section<'_>,
    inherited: &Rules,
    folder: &Path,
    report: &mut Report,
) -> Vec<Placed> {
    let mut routes = Vec::new();
    let mut taken = HashMap::new();
    let sections = site.tables("routes");
    match target::present(site).next() {
        Some(key) => {
            let at = site.key_at(key);
            taken.insert(RoutePath::root(), at);
            let target = target::target(site, folder, report);
            let rules = || inherited.clone();
            routes.extend(target.map(|target| placed(RoutePath::root(), rules(), target, at)));
        }
        None if sections.is_empty() && site.is_known(&SITE) => {
            let problem = "the site has nothing to answer with";
            report.lack(site.at(), problem).help(TARGETS);
        }
        None => {}
    }
    if let Some(section) = sections.get(ROUTES_MAX) {
        let problem = format!("this is one route more than the {ROUTES_MAX} that a site can have");
        report.add(section.at(), problem);
    }
    for section in sections.into_iter().take(ROUTES_MAX) {
        let rules = rules::rules(section, inherited, folder, report);
        routes.extend(route(section, rules, folder, &mut taken, report));
    }
    routes
}

fn route(
    section: Section<'_>,
    rules: Rules,
    folder: &Path,
    taken: &mut HashMap<RoutePath, Place>,
    report: &mut Report,
) -> Option<Placed> {
    let word = section.text("path");
    let path = word.and_then(|word| claim(taken, path(word, report)?, word.at, report));
    if target::present(section).next().is_none() && section.is_known(&ROUTE) {
        let problem = "the route has nothing to answer with";
        report.lack(section.at(), problem).help(TARGETS);
    }
    let target = target::target(section, folder, report)?;
    Some(placed(path?, rules, target, word?.at))
}

fn placed(path: RoutePath, rules: Rules, target: Target, at: Place) -> Placed {
    let route = Route {
        path: path.clone(),
        rules,
        target,
    };
    (route, (path, at))
}

fn path(word: Word<'_>, report: &mut Report) -> Option<RoutePath> {
    let path = RoutePath::parse(word.text).filter(|_| !word.text.contains(char::is_control));
    if path.is_none() {
        let normal = normalize(word.text).filter(|normal| RoutePath::parse(normal).is_some());
        let help = match normal {
            Some(normal) => format!("write it as it is compared: \"{}\"", repeated(&normal)),
            None if word.text.contains('*') => {
                "without `*`: \"/assets/\" is all that is below it".to_owned()
            }
            None => "a path begins with `/` and has no `..`, `?` or `#`".to_owned(),
        };
        let problem = format!("\"{}\" is not a path of a site", repeated(word.text));
        report.add(word.at, problem).help(help);
    }
    path
}

/// Of two routes with one path the second would never be asked.
fn claim(
    taken: &mut HashMap<RoutePath, Place>,
    path: RoutePath,
    at: Place,
    report: &mut Report,
) -> Option<RoutePath> {
    if let Some(first) = taken.get(&path) {
        report
            .add(
                at,
                format!("this route can never answer: `{path}` is taken"),
            )
            .help("give it another path, or remove it")
            .related(*first, "this answers there");
        return None;
    }
    taken.insert(path.clone(), at);
    Some(path)
}
