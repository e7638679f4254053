//! What apps and sites say about each other: names of apps that stand twice or nowhere, apps that wait for
//! themselves, pools of php-fpm that are none.

use ondol_model::AppName;
use ondol_model::Plan;
use ondol_model::Target;
use ondol_model::plan::App;
use ondol_model::plan::Php;
use ondol_model::plan::PhpPool;
use ondol_model::plan::PhpVia;

use crate::file::apps::Placed;
use crate::file::site;
use crate::report::Report;
use crate::section::Section;

/// The plan with its apps, in the order of their names, and the pools that sites name and nobody describes.
pub(in crate::file) fn apps(
    plan: Plan,
    mut placed: Vec<Placed>,
    sites: &[site::Placed],
    _roots: &[Section<'_>],
    _report: &mut Report,
) -> Plan {
    placed.sort_by(|a, b| (&a.plan.name, a.at).cmp(&(&b.plan.name, b.at)));
    let mut apps: Vec<_> = placed.into_iter().map(|app| app.plan).collect();
    let routes = sites.iter().flat_map(|site| &site.plan.routes);
    for target in routes.map(|route| &route.target) {
        if let Some((pool, php)) = pool(target)
            && !apps.iter().any(|app| app.name == *pool)
        {
            apps.push(App {
                dir: Some(php.root.clone()),
                php: Some(PhpPool::default()),
                ..App::named(pool.clone())
            });
        }
    }
    apps.sort_by(|a, b| a.name.cmp(&b.name));
    Plan { apps, ..plan }
}

fn pool(target: &Target) -> Option<(&AppName, &Php)> {
    match target {
        Target::Php(php) => match &php.via {
            PhpVia::Pool(pool) => Some((pool, php)),
            PhpVia::Socket(_) => None,
        },
        Target::App(_)
        | Target::Files(_)
        | Target::Proxy(_)
        | Target::Redirect(_)
        | Target::Respond(_) => None,
    }
}
