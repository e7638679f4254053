//! What no section can see alone: names claimed twice, sites that nobody can reach, redirects that
//! never end.

use ondol_model::HostPattern;
use ondol_model::Plan;
use ondol_model::Site;
use ondol_model::Target;
use ondol_model::host;
use ondol_model::listen::ListenAddress;
use ondol_model::path::normalize;
use ondol_model::plan::Redirect;
use ondol_model::plan::RedirectPath;
use ondol_model::plan::Route;
use ondol_model::plan::Scheme;
use ondol_model::route::Routing;
use ondol_model::route::SiteIndex;
use ondol_model::route::clashes;
use ondol_model::route::route;

use crate::file::site::Placed;
use crate::report::Report;
use crate::section::Section;
use crate::text::Place;

/// The plan with its sites, checked as a whole. The sites are in the order of their names.
pub(super) fn check(
    plan: Plan,
    sites: Vec<Placed>,
    listen: Option<Section<'_>>,
    report: &mut Report,
) -> Plan {
    let (sites, places): (Vec<_>, Vec<_>) = sites
        .into_iter()
        .map(|site| (site.plan, (site.names, site.routes)))
        .unzip();
    let (names, routes): (Vec<_>, Vec<_>) = places.into_iter().unzip();
    let plan = Plan { sites, ..plan };
    claimed_twice(&plan.sites, &names, report);
    unreachable(&plan, listen, report);
    let routing = Routing::new(&plan);
    for (index, (site, places)) in plan.sites.iter().zip(&routes).enumerate() {
        for found in &site.routes {
            if is_endless(&plan, &routing, SiteIndex(index), found)
                && let Some((_, at)) = places.iter().find(|(path, _)| *path == found.path)
            {
                endless(*at, site, found, report);
            }
        }
    }
    plan
}

fn claimed_twice(sites: &[Site], names: &[Vec<Place>], report: &mut Report) {
    for clash in clashes(sites) {
        if report.is_full() {
            return;
        }
        let places = |index: SiteIndex| -> Vec<Place> {
            let site = sites.get(index.0).into_iter().zip(names.get(index.0));
            let all = site.flat_map(|(site, places)| site.names().zip(places));
            let same = all.filter(|(name, _)| **name == clash.name);
            same.map(|(_, at)| *at).collect()
        };
        let (Some(first), Some(second)) = (
            places(clash.first).first().copied(),
            places(clash.second).last().copied(),
        ) else {
            continue;
        };
        let (first, second) = (first.min(second), first.max(second));
        report
            .add(
                second,
                format!("the name `{}` is claimed twice", clash.name),
            )
            .help("a name belongs to one site, and stands there once")
            .related(first, "it is claimed here first");
    }
}

/// Sites whose scheme nobody listens on; one mistake for all of them, because it is one.
fn unreachable(plan: &Plan, listen: Option<Section<'_>>, report: &mut Report) {
    let Some(listen) = listen else { return };
    let schemes = [("https", Scheme::Https), ("http", Scheme::Http)];
    for (key, scheme) in schemes {
        let mut sites = plan.sites.iter().filter(|site| site.scheme == scheme);
        let Some(first) = sites.next().filter(|_| listen.is_empty_list(key)) else {
            continue;
        };
        let others = match sites.count() {
            0 => String::new(),
            others => format!(" (and {others} more)"),
        };
        let help = match scheme {
            Scheme::Https => {
                "add an address such as \":443\", or write `https = false` in the site"
            }
            Scheme::Http => {
                "add an address such as \":80\", or remove `https = false` from the site"
            }
        };
        let problem = format!(
            "nobody could reach the site `{}`{others}: `{key}` has no address",
            first.name
        );
        report.add(listen.key_at(key), problem).help(help);
    }
}

/// Whether a redirect surely leads back to itself: a visitor who follows it comes to the same route
/// of the same site. Where it is not certain, as behind another port, it is no mistake.
fn is_endless(plan: &Plan, routing: &Routing, index: SiteIndex, found: &Route) -> bool {
    let Target::Redirect(redirect) = &found.target else {
        return false;
    };
    let Some(site) = plan.sites.get(index.0) else {
        return false;
    };
    let Some((origin, path)) = parts(redirect) else {
        return false;
    };
    let is_same_site = match origin {
        None => true,
        Some((scheme, authority)) => leads_to(plan, routing, index, scheme, authority),
    };
    let path = match redirect.path {
        RedirectPath::Keep => format!("{path}{}", found.path),
        RedirectPath::Drop => path.to_owned(),
    };
    let path = if path.is_empty() { "/" } else { &path };
    let next = normalize(path)
        .and_then(|path| route(site, &path).map(|next| site.routes[next].path.clone()));
    is_same_site && next.as_ref() == Some(&found.path)
}

/// Whether an address is surely served by a site of this box, by its own scheme or, for a site with
/// HTTPS, by the one that is redirected to it.
fn leads_to(
    plan: &Plan,
    routing: &Routing,
    index: SiteIndex,
    scheme: &str,
    authority: &str,
) -> bool {
    let Some((host, port)) = host::authority(authority) else {
        return false;
    };
    let is_ours = routing.find(&host).is_some_and(|found| found.site == index);
    let is_https = plan.sites.get(index.0).map(|site| site.scheme) == Some(Scheme::Https);
    let (listeners, default_port): (&[ListenAddress], _) = match scheme {
        "https" => (&plan.listen.https, 443),
        _ => (&plan.listen.http, 80),
    };
    let is_our_port = port.is_none_or(|port| {
        port == default_port
            || listeners
                .iter()
                .any(|address| address.address.port() == port)
    });
    is_ours && is_our_port && (is_https || scheme == "http")
}

/// The scheme and authority of a redirect's address, when it has them, and its path.
fn parts(redirect: &Redirect) -> Option<(Option<(&str, &str)>, &str)> {
    let whole = &redirect.to;
    let address = whole.split(['?', '#']).next()?;
    let Some((scheme, after)) = address.split_once("://") else {
        return Some((None, address));
    };
    let path_at = after.find('/').unwrap_or(after.len());
    let (authority, path) = after.split_at(path_at);
    Some((Some((scheme, authority)), path))
}

fn endless(at: Place, site: &Site, found: &Route, report: &mut Report) {
    let name = match &site.name {
        HostPattern::Exact(host) => host.to_string(),
        HostPattern::Wildcard(_) => site.name.to_string(),
    };
    let path = &found.path;
    report
        .add(
            at,
            format!("this redirect never ends: it leads back to `{path}` of `{name}`"),
        )
        .help("redirect to another site or path, or give that path a route of its own");
}
