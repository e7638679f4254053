//! What differs between two configurations.

use ondol_model::diff::changes;

use super::*;

fn plan(text: &str) -> Arc<Plan> {
    let accepted = accept(&sources(&[("/etc/ondol/ondol.toml", text)]));
    accepted
        .unwrap_or_else(|mistakes| panic!("{mistakes}"))
        .plan
}

fn texts(names: &[impl ToString]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

#[test]
fn apps_are_compared_by_their_names() {
    let before = plan(
        "[sites.'a.test']\napp = 'same'\n[apps.same]\nrun = 'x'\n[apps.gone]\n[apps.other]\nrun = 'x'\n",
    );
    let after = plan(
        "[sites.'a.test']\napp = 'same'\n[apps.same]\nrun = 'x'\nlisten = 'unix'\n[apps.new]\n[apps.other]\nrun = 'x'\n",
    );
    let found = changes(&before, &after);
    assert_eq!(texts(&found.apps.added), ["new"]);
    assert_eq!(texts(&found.apps.removed), ["gone"]);
    assert_eq!(texts(&found.apps.changed), ["same"]);
    assert!(found.added.is_empty() && found.removed.is_empty() && found.changed.is_empty());
    assert!(!found.settings && !found.listeners && !found.is_empty());
}

#[test]
fn a_site_changes_without_its_app_and_the_other_way_round() {
    let site = |target: &str| plan(&format!("[sites.'a.test']\n{target}\n[apps.a]\n[apps.b]\n"));
    let found = changes(&site("app = 'a'"), &site("app = 'b'"));
    assert_eq!(texts(&found.changed), ["a.test"]);
    assert_eq!(found.apps, Default::default());
    let before = site("php = { root = '/w', pool = 'w' }");
    let after = site("php = { root = '/w', pool = 'v' }");
    let found = changes(&before, &after);
    assert_eq!(texts(&found.apps.added), ["v"]);
    assert_eq!(texts(&found.apps.removed), ["w"]);
    assert!(changes(&before, &before).is_empty());
}
