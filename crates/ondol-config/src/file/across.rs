//! What no section can see alone: names claimed twice, sites that nobody can reach, redirects that
//! never end.

mod apps;
mod backup;
mod care;
mod endless;
mod itself;

use std::collections::HashMap;
use std::collections::HashSet;

use ondol_model::HostPattern;
use ondol_model::Plan;
use ondol_model::Site;
use ondol_model::limits::ACCESS_LOG_NAMES_MAX;
use ondol_model::plan::LogTo;
use ondol_model::plan::Scheme;
use ondol_model::route::clashes;

use crate::file::site::Placed;
use crate::report::Report;
use crate::section::Section;
use crate::text::Place;

pub(super) use apps::apps;
pub(super) use backup::backup;
pub(super) use care::care;

/// The plan with its sites, checked as a whole. The sites are in the order of their names.
pub(super) fn check(
    plan: Plan,
    sites: Vec<Placed>,
    listen: Option<Section<'_>>,
    report: &mut Report,
) -> Plan {
    let sites = sites
        .into_iter()
        .map(|site| (site.plan, (site.names, (site.routes, site.redirects))));
    let (sites, places): (Vec<_>, Vec<_>) = sites.unzip();
    let (names, places): (Vec<_>, Vec<_>) = places.into_iter().unzip();
    let (routes, redirects): (Vec<_>, Vec<_>) = places.into_iter().unzip();
    let plan = Plan { sites, ..plan };
    claimed_twice(&plan.sites, &names, report);
    unreachable(&plan, listen, report);
    endless::check(&plan, &routes, &redirects, report);
    itself::check(&plan, &names, report);
    too_many_logs(&plan.sites, &names, report);
    plan
}

/// Every place of a name but the first.
fn claimed_twice(sites: &[Site], names: &[Vec<Place>], report: &mut Report) {
    let clashes: HashSet<HostPattern> = clashes(sites).into_iter().map(|it| it.name).collect();
    let mut places: HashMap<&HostPattern, Vec<Place>> = HashMap::new();
    for (site, at) in sites.iter().zip(names) {
        let named = site.names().zip(at);
        for (name, at) in named.filter(|(name, _)| clashes.contains(name)) {
            places.entry(name).or_default().push(*at);
        }
    }
    for (name, mut places) in places {
        places.sort();
        let Some((first, others)) = places.split_first() else {
            continue;
        };
        for at in others {
            report
                .add(*at, format!("the name `{name}` is claimed twice"))
                .help("a name belongs to one site, and stands there once")
                .related(*first, "it is claimed here first");
        }
    }
}

/// Sites whose scheme nobody listens on; one mistake for all of them, because it is one.
fn unreachable(plan: &Plan, listen: Option<Section<'_>>, report: &mut Report) {
    let Some(listen) = listen else { return };
    let schemes = [
        (
            "https",
            Scheme::Https,
            "add an address such as \":443\", or write `https = false` in the site",
        ),
        (
            "http",
            Scheme::Http,
            "add an address such as \":80\", or remove `https = false` from the site",
        ),
    ];
    for (key, scheme, help) in schemes {
        let mut sites = plan.sites.iter().filter(|site| site.scheme == scheme);
        let Some(first) = sites.next().filter(|_| listen.is_empty_list(key)) else {
            continue;
        };
        let others = match sites.count() {
            0 => String::new(),
            others => format!(" (and {others} more)"),
        };
        let name = &first.name;
        let problem = format!("nobody could reach the site `{name}`{others}: `{key}` is empty");
        report.add(listen.key_at(key), problem).help(help);
    }
}

/// Each log file is open all the time.
fn too_many_logs(sites: &[Site], names: &[Vec<Place>], report: &mut Report) {
    let mut logs = HashSet::new();
    for (site, at) in sites.iter().zip(names) {
        let routes = site.routes.iter().map(|route| &route.rules);
        for rules in routes.chain([&site.rules]) {
            if let LogTo::File(name) = &rules.log.to {
                logs.insert(name);
            }
        }
        if let (true, Some(at)) = (logs.len() > ACCESS_LOG_NAMES_MAX, at.first()) {
            let problem = format!(
                "this site has one log file more than the {ACCESS_LOG_NAMES_MAX} that a box can have"
            );
            report
                .add(*at, problem)
                .help("several sites may share one: give them the same name in `log`");
            return;
        }
    }
}
