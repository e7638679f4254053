//! Which sites take the reports of others' jobs, and by which addresses.

use ondol_model::plan::Heartbeat;

use crate::file::heartbeats::Placed;
use crate::file::site;
use crate::nearest::nearest;
use crate::report::Report;

pub(super) fn check(heartbeats: &[Placed], sites: &[site::Placed], report: &mut Report) {
    for (index, heartbeat) in heartbeats.iter().enumerate() {
        known_site(heartbeat, sites, report);
        let mut before = heartbeats.iter().take(index);
        if let Some(first) = before.find(|other| are_one(&heartbeat.plan, &other.plan)) {
            let (name, other) = (&heartbeat.plan.name, &first.plan.name);
            report
                .add(
                    heartbeat.token,
                    format!("the reports of `{name}` would count as those of `{other}`"),
                )
                .help("give each heartbeat a token of its own: `uuidgen` prints one")
                .hide_line();
        }
    }
}

fn are_one(one: &Heartbeat, other: &Heartbeat) -> bool {
    one.site == other.site && one.token == other.token
}

fn known_site(heartbeat: &Placed, sites: &[site::Placed], report: &mut Report) {
    let wanted = &heartbeat.plan.site;
    let plans = || sites.iter().map(|site| &site.plan);
    if let Some(site) = plans().find(|site| site.name == *wanted) {
        if site.passthrough.is_some() {
            let problem = format!("another machine serves `{wanted}`: it takes no reports here");
            report
                .add(heartbeat.site, problem)
                .help("name a site of this box");
        }
        return;
    }
    if let Some(site) = plans().find(|site| site.aliases.contains(wanted)) {
        report
            .add(heartbeat.site, format!("`{wanted}` is an alias"))
            .help(format!(
                "write the main name of the site: \"{}\"",
                site.name
            ));
        return;
    }
    let names: Vec<_> = plans().map(|site| site.name.to_string()).collect();
    let text = wanted.to_string();
    let help = match nearest(&text, names.iter().map(String::as_str)) {
        Some(meant) => format!("did you mean \"{meant}\"?"),
        None => "accepted: the main name of one of the sites".to_owned(),
    };
    report
        .add(heartbeat.site, format!("there is no site `{wanted}`"))
        .help(help);
}
