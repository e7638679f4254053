//! `[sites."…"]`: one domain and what it serves.

mod check;
mod client_auth;
mod health;
mod passthrough;
mod redirects;
mod route;
mod tls;

use std::path::Path;

use ondol_model::HostPattern;
use ondol_model::Site;
use ondol_model::path::RoutePath;
use ondol_model::plan::AliasAnswer;
use ondol_model::plan::Rules;
use ondol_model::plan::Scheme;
use ondol_model::route::sort;

use crate::file::certificate;
use crate::file::rules;
use crate::file::target;
use crate::file::tls::Issuances;
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

/// A second name is the same site: visitors and search engines are led to its main name.
const ALIAS_ANSWER: AliasAnswer = AliasAnswer::Redirect;
/// Plain HTTP is the exception, which is asked for.
const SCHEME: Scheme = Scheme::Https;

pub(crate) static SITE: Table = Table {
    title: "a site",
    doc: "One domain and what it serves: exactly one target (`app`, `proxy`, `files`, `php`, `redirect` or `respond`), or routes, or both; or `passthrough`.",
    keys: &[
        Key {
            name: "aliases",
            doc: "Other names of the site.",
            shape: Shape::List(&Shape::Text(Form {
                what: "a host name",
                example: "www.example.com",
            })),
            absent: Absent::Default("[]"),
        },
        Key {
            name: "serve_aliases",
            doc: "Whether the aliases are served like the main name, or redirected to it.",
            shape: Shape::Flag,
            absent: Absent::Default("false"),
        },
        Key {
            name: "https",
            doc: "Whether the site has HTTPS, to which plain HTTP is redirected, or plain HTTP alone.",
            shape: Shape::Flag,
            absent: Absent::Default("true"),
        },
        Key {
            name: "certificate",
            doc: "The site's own certificate. Without it, one of `[tls]` that covers the site, else one that Ondol gets and renews by itself.",
            shape: Shape::Table(&certificate::CERTIFICATE),
            absent: Absent::Means,
        },
        tls::TLS,
        client_auth::CLIENT_CA,
        client_auth::CLIENT_CERTIFICATE,
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
        redirects::REDIRECTS,
        check::CHECK,
        health::HEALTH,
        target::APP,
        target::PROXY,
        target::FILES,
        target::PHP,
        target::REDIRECT,
        target::RESPOND,
        passthrough::PASSTHROUGH,
        Key {
            name: "routes",
            doc: "Paths of the site with targets or rules of their own, as `[[sites.\"example.com\".routes]]`. The longest path that fits a request answers it, whatever the order.",
            shape: Shape::List(&Shape::Table(&route::ROUTE)),
            absent: Absent::Default("[]"),
        },
    ],
    later: &["cache", "login"],
};

/// A site with the places that checks across sites show.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) plan: Site,
    /// Where its main name stands, then those of its aliases.
    pub(super) names: Vec<Place>,
    /// Where its routes stand; the site's own target is the one of `/`.
    pub(super) routes: Vec<(RoutePath, Place)>,
    /// Where its moved paths stand.
    pub(super) redirects: Vec<Place>,
}

/// The sites of one file. One whose name cannot be read is reported and left out.
pub(super) fn sites(
    root: Section<'_>,
    folder: &Path,
    issuances: &mut Issuances,
    report: &mut Report,
) -> Vec<Placed> {
    let sites = root.table("sites");
    let sites = sites.iter().flat_map(Section::named);
    sites
        .filter_map(|(name, section)| site(name, section, folder, issuances, report))
        .collect()
}

fn site(
    name: Word<'_>,
    section: Section<'_>,
    folder: &Path,
    issuances: &mut Issuances,
    report: &mut Report,
) -> Option<Placed> {
    let pattern = host(name, report);
    let (aliases, alias_places) = aliases(section, report);
    let rules = rules::rules(section, &Rules::default(), folder, report);
    let passed = passthrough::passthrough(section, report);
    let (passthrough, routes, route_places) = match passed {
        Some(passed) => (Some(passed.passthrough), passed.routes, Vec::new()),
        None => {
            let routes = route::routes(section, &rules, folder, report).into_iter();
            let (mut routes, places): (Vec<_>, Vec<_>) = routes.unzip();
            sort(&mut routes);
            (None, routes, places)
        }
    };
    let (redirects, redirect_places) = redirects::redirects(section, report);
    let certificate = section
        .table("certificate")
        .and_then(|files| certificate::certificate(files, folder, report));
    let mut plan = Site {
        name: pattern?,
        aliases,
        alias_answer: match section.flag("serve_aliases") {
            _ if passthrough.is_some() => AliasAnswer::Serve,
            Some(true) => AliasAnswer::Serve,
            Some(false) => AliasAnswer::Redirect,
            None => ALIAS_ANSWER,
        },
        scheme: match section.flag("https") {
            Some(true) => Scheme::Https,
            Some(false) => Scheme::Http,
            None => SCHEME,
        },
        certificate,
        client_auth: client_auth::client_auth(section, folder, report),
        passthrough,
        issuance: tls::issuance(section, issuances, folder, report),
        rules,
        redirects,
        check: None,
        health: health::health(section, &route_places, report),
        routes,
    };
    plan.check = check::check(&plan, section, report);
    main_name_for_aliases(&plan, section, report);
    client_auth::needs_names_and_tls(&plan, section, report);
    Some(Placed {
        plan,
        names: std::iter::once(name.at).chain(alias_places).collect(),
        routes: route_places,
        redirects: redirect_places,
    })
}

fn aliases(section: Section<'_>, report: &mut Report) -> (Vec<HostPattern>, Vec<Place>) {
    let words = section.texts("aliases").unwrap_or_default().into_iter();
    words
        .filter_map(|word| Some((host(word, report)?, word.at)))
        .unzip()
}

fn host(word: Word<'_>, report: &mut Report) -> Option<HostPattern> {
    match HostPattern::parse(word.text) {
        Ok(pattern) => Some(pattern),
        Err(error) => {
            let problem = format!("\"{}\" is not the name of a host", repeated(word.text));
            report.add(word.at, problem).help(error.to_string());
            None
        }
    }
}

/// Nobody can be redirected to a wildcard.
fn main_name_for_aliases(site: &Site, section: Section<'_>, report: &mut Report) {
    let is_redirecting = site.alias_answer == AliasAnswer::Redirect && !site.aliases.is_empty();
    if is_redirecting && site.name.exact().is_none() {
        let problem = format!(
            "aliases cannot be redirected to `{}`, which is many names",
            site.name
        );
        report
            .add(section.key_at("aliases"), problem)
            .help("write `serve_aliases = true`, or make an exact name the main one");
    }
}
