//! `app`, `proxy`, `files`, `php`, `redirect`, `respond`: what answers, of a site or of a route.

mod app;
mod files;
pub(in crate::file) mod php;
mod proxy;
pub(in crate::file) mod redirect;
mod respond;

use std::path::Path;

use ondol_model::Target;

use crate::report::Report;
use crate::section::Section;
use crate::section::Word;
use crate::shape::Key;

pub(super) use proxy::health_host;
pub(super) use proxy::health_interval;
pub(super) use proxy::health_path;

pub(super) const APP: Key = app::APP;
pub(super) const PHP: Key = php::PHP;
pub(super) const PROXY: Key = proxy::PROXY;
pub(super) const FILES: Key = files::FILES;
pub(super) const REDIRECT: Key = redirect::REDIRECT;
pub(super) const RESPOND: Key = respond::RESPOND;

/// The keys of targets, of which a route has exactly one.
pub(super) const NAMES: [&str; 6] = ["app", "proxy", "files", "php", "redirect", "respond"];

/// The target of a site or route, and its key. `None` when it has none, or a wrong one, which is
/// then reported.
pub(super) fn target(section: Section<'_>, folder: &Path, report: &mut Report) -> Option<Target> {
    several(section, report);
    let app = app::app(section, report).map(Target::App);
    let php = php::php(section, folder, report).map(Target::Php);
    let proxy = proxy::proxy(section, folder, report).map(Target::Proxy);
    let files = files::files(section, folder, report).map(Target::Files);
    let redirect = redirect::redirect(section, report).map(Target::Redirect);
    let respond = respond::respond(section, folder, report).map(Target::Respond);
    app.or(proxy).or(files).or(php).or(redirect).or(respond)
}

/// The apps that sites and routes name.
#[derive(Debug, Default)]
pub(super) struct NamedApps<'d> {
    /// By `app`.
    pub(super) apps: Vec<Word<'d>>,
    /// By `pool` of `php`.
    pub(super) pools: Vec<Word<'d>>,
}

/// The apps that the sites and routes of all files name.
pub(super) fn named_apps<'d>(roots: &[Section<'d>]) -> NamedApps<'d> {
    let mut named = NamedApps::default();
    for sites in roots.iter().filter_map(|root| root.table("sites")) {
        for (_, site) in sites.named() {
            for section in std::iter::once(site).chain(site.tables("routes")) {
                named.apps.extend(section.text(APP.name));
                let php = section.table(PHP.name);
                named.pools.extend(php.and_then(|php| php.text("pool")));
            }
        }
    }
    named
}

/// The keys of targets that a site or route has.
pub(super) fn present(section: Section<'_>) -> impl Iterator<Item = &'static str> {
    NAMES.into_iter().filter(move |name| section.has(name))
}

fn several(section: Section<'_>, report: &mut Report) {
    let mut keys: Vec<_> = present(section)
        .map(|name| (section.key_at(name), name))
        .collect();
    keys.sort();
    let [(first_at, first), (at, second), ..] = keys[..] else {
        return;
    };
    report
        .add(
            at,
            format!("`{second}` stands beside `{first}`, but only one can answer"),
        )
        .help("keep one of them, or give each its own path in a route: [[sites.\"…\".routes]]")
        .related(first_at, format!("`{first}` is here"));
}
