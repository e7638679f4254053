//! Redirects that surely lead back to themselves: a visitor who follows one comes to the same route
//! of the same site. What may end, as behind a port that Ondol does not listen on, is no mistake.

mod moved;

use ondol_model::Plan;
use ondol_model::Site;
use ondol_model::Target;
use ondol_model::host;
use ondol_model::path::RoutePath;
use ondol_model::path::normalize;
use ondol_model::plan::Redirect;
use ondol_model::plan::RedirectPath;
use ondol_model::plan::Route;
use ondol_model::plan::Scheme;
use ondol_model::route::Routing;
use ondol_model::route::SiteIndex;
use ondol_model::route::route;

use crate::report::Report;
use crate::text::Place;

/// `places` are those of the routes of each site, `moved` those of its moved paths.
pub(super) fn check(
    plan: &Plan,
    places: &[Vec<(RoutePath, Place)>],
    moved: &[Vec<Place>],
    report: &mut Report,
) {
    let routing = Routing::new(plan);
    moved::check(plan, &routing, moved, report);
    for (index, (site, places)) in plan.sites.iter().zip(places).enumerate() {
        for found in &site.routes {
            let is_endless = redirect(found).is_some_and(|redirect| {
                is_same_route(site, found, redirect)
                    && is_same_site(
                        plan,
                        &routing,
                        SiteIndex(index),
                        &Address::new(&redirect.to),
                    )
            });
            if !is_endless {
                continue;
            }
            if let Some((path, at)) = places.iter().find(|(path, _)| *path == found.path) {
                let name = &site.name;
                let problem = format!("this redirect never ends: it leads to `{path}` of `{name}`");
                report
                    .add(*at, problem)
                    .help("redirect to another site or path, or give that path its own route");
            }
        }
    }
}

fn redirect(route: &Route) -> Option<&Redirect> {
    match &route.target {
        Target::Redirect(redirect) => Some(redirect),
        Target::App(_)
        | Target::Files(_)
        | Target::Php(_)
        | Target::Proxy(_)
        | Target::Respond(_) => None,
    }
}

/// Whether the new path is answered by the same route, for a request of exactly its path.
fn is_same_route(site: &Site, found: &Route, redirect: &Redirect) -> bool {
    let Address { path, origin: _ } = Address::new(&redirect.to);
    let path = match redirect.path {
        RedirectPath::Keep => format!("{path}{}", found.path),
        RedirectPath::Drop => path.to_owned(),
    };
    let path = if path.is_empty() { "/" } else { &path };
    let next = normalize(path).and_then(|path| site.routes.get(route(site, &path)?));
    next.is_some_and(|next| next.path == found.path)
}

/// Whether the new host is the same site, by its scheme or by the one that is redirected to it.
fn is_same_site(plan: &Plan, routing: &Routing, index: SiteIndex, to: &Address<'_>) -> bool {
    let Some((scheme, authority)) = to.origin else {
        return true;
    };
    let Some((host, port)) = host::authority(authority) else {
        return false;
    };
    let (listeners, default_port) = match scheme {
        "https" => (&plan.listen.https, 443),
        _ => (&plan.listen.http, 80),
    };
    let port = port.unwrap_or(default_port);
    let is_listening = listeners.iter().any(|it| it.address.address.port() == port);
    let site = routing.find(&host).filter(|found| found.site == index);
    let site = site.and_then(|found| plan.sites.get(found.site.0));
    is_listening
        && site.is_some_and(|site| match site.scheme {
            Scheme::Https => true,
            Scheme::Http => scheme == "http",
        })
}

/// The parts of a redirect's address that matter here.
struct Address<'r> {
    /// Scheme and authority; `None` for a path of the same site.
    origin: Option<(&'r str, &'r str)>,
    path: &'r str,
}

impl<'r> Address<'r> {
    fn new(to: &'r str) -> Self {
        let end = to.find(['?', '#']).unwrap_or(to.len());
        let (address, _) = to.split_at(end);
        let Some((scheme, after)) = address.split_once("://") else {
            return Self {
                origin: None,
                path: address,
            };
        };
        let (authority, path) = after.split_at(after.find('/').unwrap_or(after.len()));
        Self {
            origin: Some((scheme, authority)),
            path,
        }
    }
}
