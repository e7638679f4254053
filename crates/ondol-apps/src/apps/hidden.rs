//! What an app sees nothing of: Ondol's own folders, and those of other apps.

use std::path::PathBuf;

use ondol_model::Plan;
use ondol_model::plan::App;

use crate::places::Places;

/// The folders that are hidden from an app. What it is given of them by name is seen all the same.
pub(super) fn from(app: &App, plan: &Plan, places: &Places) -> Vec<PathBuf> {
    let Places {
        state,
        runtime,
        logs,
        configuration,
        visitors_group: _,
        program: _,
    } = places;
    let ours = [state, runtime, logs, configuration].into_iter().cloned();
    let others = plan.apps.iter().filter(|other| other.name != app.name);
    let theirs = others.flat_map(|other| {
        let App {
            dir,
            write,
            data,
            env_files,
            ..
        } = other;
        let folders = dir.iter().chain(write).chain(data);
        folders.chain(env_files).cloned().collect::<Vec<_>>()
    });
    let mut hidden: Vec<_> = ours.chain(theirs).collect();
    hidden.sort();
    hidden.dedup();
    hidden
}
