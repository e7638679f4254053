//! `after`: apps that wait for one that is not there, or for themselves.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use ondol_model::AppName;

use super::known::Known;
use crate::file::apps::Placed;
use crate::report::Report;

pub(super) fn check(placed: &[Placed], known: &Known<'_>, report: &mut Report) {
    for app in placed {
        for (name, at) in app.plan.after.iter().zip(&app.after) {
            known.check_any(name, *at, report);
        }
    }
    let mut waiting = placed.iter().map(|app| (&app.plan.name, app)).collect();
    loop {
        waiting = waiting_for_ever(waiting);
        let Some(circle) = circle(&waiting) else {
            return;
        };
        tell(&circle, report);
        for app in &circle {
            waiting.remove(&app.plan.name);
        }
    }
}

type Apps<'p> = BTreeMap<&'p AppName, &'p Placed>;

/// The apps that could never start: those of a circle, and those that wait for one.
fn waiting_for_ever(mut waiting: Apps<'_>) -> Apps<'_> {
    loop {
        let still: Apps<'_> = waiting
            .iter()
            .filter(|(_, app)| next(&waiting, app).is_some())
            .map(|(name, app)| (*name, *app))
            .collect();
        if still.len() == waiting.len() {
            return still;
        }
        waiting = still;
    }
}

/// An app of these that one waits for.
fn next<'p>(apps: &Apps<'p>, app: &Placed) -> Option<&'p Placed> {
    app.plan
        .after
        .iter()
        .find_map(|name| apps.get(name).copied())
}

/// Apps each of which waits for the next one, and the last for the first.
fn circle<'p>(apps: &Apps<'p>) -> Option<Vec<&'p Placed>> {
    let mut met = BTreeSet::new();
    let mut path = Vec::new();
    let mut app = *apps.values().next()?;
    while met.insert(&app.plan.name) {
        path.push(app);
        app = next(apps, app)?;
    }
    let start = path.iter().position(|met| met.plan.name == app.plan.name)?;
    Some(path.split_off(start))
}

fn tell(circle: &[&Placed], report: &mut Report) {
    let Some((first, others)) = circle.split_first() else {
        return;
    };
    let name = &first.plan.name;
    let second = others.first().unwrap_or(first);
    let mut names = first.plan.after.iter().zip(&first.after);
    let Some((_, at)) = names.find(|(name, _)| **name == second.plan.name) else {
        return;
    };
    let way = others
        .iter()
        .map(|app| format!("`{}`, after ", app.plan.name));
    let way: String = way.collect();
    report
        .add(
            *at,
            format!("the app `{name}` could never start: it does so after {way}itself"),
        )
        .help("say `after` where one needs the other, and not the other way round");
}
