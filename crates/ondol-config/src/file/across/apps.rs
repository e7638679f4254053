//! What apps and sites say about each other: names of apps that stand twice or nowhere, apps that wait for
//! themselves, apps that nobody could wake.

pub(super) mod known;
mod waiting;

use std::collections::BTreeMap;

use ondol_model::Plan;
use ondol_model::Target;
use ondol_model::limits::APPS_MAX;
use ondol_model::plan::App;
use ondol_model::plan::PhpPool;
use ondol_model::plan::PhpVia;

use crate::file::apps::Placed;
use crate::file::site;
use crate::file::target::named_apps;
use crate::report::Report;
use crate::section::Section;

use known::Kind;
use known::Known;

/// The plan with its apps, in the order of their names: those that are described, and the pools of php-fpm that
/// sites name and nobody describes.
pub(in crate::file) fn apps(
    plan: Plan,
    mut placed: Vec<Placed>,
    sites: &[site::Placed],
    roots: &[Section<'_>],
    report: &mut Report,
) -> Plan {
    placed.sort_by(|a, b| (&a.plan.name, a.at).cmp(&(&b.plan.name, b.at)));
    described_twice(&mut placed, report);
    let named = named_apps(roots);
    let known = Known::of(roots, &named);
    for word in &named.apps {
        known.check(*word, Kind::Program, report);
    }
    for word in &named.pools {
        known.check(*word, Kind::Pool, report);
    }
    waiting::check(&placed, &known, report);
    let is_named = |app: &App| {
        let mut words = named.apps.iter().chain(&named.pools);
        words.any(|word| word.text == app.name.as_str())
    };
    never_woken(&placed, is_named, report);
    let mut apps: BTreeMap<_, _> = placed
        .into_iter()
        .map(|app| (app.plan.name.clone(), app.plan))
        .collect();
    for pool in pools(sites) {
        apps.entry(pool.name.clone()).or_insert(pool);
    }
    for app in apps.values_mut() {
        app.timezone.clone_from(&plan.timezone);
    }
    Plan {
        apps: apps.into_values().collect(),
        ..plan
    }
}

/// Of two apps with one name in two files the second is reported, and left out.
fn described_twice(placed: &mut Vec<Placed>, report: &mut Report) {
    placed.dedup_by(|second, first| {
        let is_second = second.plan.name == first.plan.name;
        if is_second {
            let problem = format!("the app `{}` is described twice", second.plan.name);
            report
                .add(second.at, problem)
                .help("keep one of them, or give it another name")
                .related(first.at, "it is described here first");
        }
        is_second
    });
    if let Some(app) = placed.get(APPS_MAX) {
        let problem = format!("this is one app more than the {APPS_MAX} that a box can have");
        report.add(app.at, problem);
    }
}

/// What is stopped because nobody asks for it is started by who does.
fn never_woken(placed: &[Placed], is_named: impl Fn(&App) -> bool, report: &mut Report) {
    for app in placed.iter().filter(|app| !is_named(&app.plan)) {
        if let Some(at) = app.idle_stop {
            let name = &app.plan.name;
            report
                .add(
                    at,
                    format!("nobody could wake the app `{name}`: no site leads to it"),
                )
                .help("remove `idle_stop`, or give a site `app = \"…\"`");
        }
    }
}

/// The pools of php-fpm that sites name, as apps with the defaults.
fn pools(sites: &[site::Placed]) -> impl Iterator<Item = App> {
    let routes = sites.iter().flat_map(|site| &site.plan.routes);
    routes.filter_map(|route| match &route.target {
        Target::Php(php) => match &php.via {
            PhpVia::Pool(name) => Some(App {
                dir: Some(php.root.clone()),
                php: Some(PhpPool::default()),
                ..App::named(name.clone())
            }),
            PhpVia::Socket(_) => None,
        },
        Target::App(_)
        | Target::Files(_)
        | Target::Proxy(_)
        | Target::Redirect(_)
        | Target::Respond(_) => None,
    })
}
