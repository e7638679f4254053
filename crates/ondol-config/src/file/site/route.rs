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

const TARGETS: &str = "give it exactly one of app, proxy, files, php, redirect, respond";
const RULES: &str = "give it one of app, proxy, files, php, redirect, respond, or something that it asks for besides its site's, \
    such as basic_auth";

pub(super) static ROUTE: Table = Table {
    title: "a route",
    doc: "A path of a site with a target of its own: one of `app`, `proxy`, `files`, `php`, `redirect` and `respond`. Without one, it is answered as its site is, with what it asks for in place of what its site does.",
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
        target::APP,
        target::PROXY,
        target::FILES,
        target::PHP,
        target::REDIRECT,
        target::RESPOND,
    ],
    later: &["cache", "login"],
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
            routes.extend(target.map(|target| {
                let route = Route {
                    path: RoutePath::root(),
                    base: RoutePath::root(),
                    rules: inherited.clone(),
                    target,
                };
                placed(route, at)
            }));
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
    let of_site = OfSite {
        has_target: target::present(site).next().is_some(),
        target: routes.first().map(|(route, _)| route.target.clone()),
    };
    for section in sections.into_iter().take(ROUTES_MAX) {
        let rules = rules::rules(section, inherited, folder, report);
        routes.extend(route(section, &of_site, rules, folder, &mut taken, report));
    }
    routes
}

/// What answers a site where no route does.
struct OfSite {
    has_target: bool,
    /// `None` also when it is wrong, which is reported then.
    target: Option<Target>,
}

fn route(
    section: Section<'_>,
    of_site: &OfSite,
    rules: Rules,
    folder: &Path,
    taken: &mut HashMap<RoutePath, Place>,
    report: &mut Report,
) -> Option<Placed> {
    let word = section.text("path");
    let path = word.and_then(|word| claim(taken, path(word, report)?, word.at, report));
    let (base, target) = if target::present(section).next().is_some() {
        let target = target::target(section, folder, report)?;
        (path.clone()?, target)
    } else {
        has_reason(section, of_site, report);
        (RoutePath::root(), of_site.target.clone()?)
    };
    let route = Route {
        path: path?,
        base,
        rules,
        target,
    };
    Some(placed(route, word?.at))
}

/// A route without a target is answered as its site is, so it is there for what it asks for besides.
fn has_reason(section: Section<'_>, of_site: &OfSite, report: &mut Report) {
    let asks = |key: &&Key| key.name != "path" && section.has(key.name);
    let help = match of_site.has_target {
        true if ROUTE.keys.iter().any(|key| asks(&key)) => return,
        true => RULES,
        false => TARGETS,
    };
    if section.is_known(&ROUTE) {
        let problem = "the route has nothing to answer with";
        report.lack(section.at(), problem).help(help);
    }
}

fn placed(route: Route, at: Place) -> Placed {
    let path = route.path.clone();
    (route, (path, at))
}

pub(super) fn path(word: Word<'_>, report: &mut Report) -> Option<RoutePath> {
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
