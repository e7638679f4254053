//! The table of apps.

use ondol_admin::api::AppRun;
use ondol_admin::api::Time;

use super::*;
use crate::output::Color;

pub(in crate::command) const NOW: i64 = 1_772_337_906;

pub(in crate::command) const SCREEN: Screen = Screen {
    width: Some(80),
    color: Color::Plain,
};

pub(in crate::command) fn ago(seconds: i64) -> Time {
    Time::from_unix_seconds(NOW - seconds)
}

pub(in crate::command) fn app(name: &str, state: AppState) -> App {
    App {
        name: name.to_owned(),
        state,
        since: ago(180),
        note: String::new(),
        launch: Some(12),
        release: Some(5),
        sites: vec!["withcoffee.app".to_owned()],
        runs: vec![AppRun {
            process: "web".to_owned(),
            command: "bundle exec puma".to_owned(),
        }],
        runs_found: false,
        cron: Vec::new(),
        instances: Vec::new(),
        restarts: 0,
        requests: 18_302,
        failed: 0,
        in_flight: 0,
        tunnels: 0,
        held: 0,
        memory: Some(187_654_321),
        cpu_percent: Some(3.25),
        watch_seconds: 120,
        releases: vec![5, 4, 3],
        unenforced: Vec::new(),
    }
}

#[test]
fn each_app_has_a_row_and_trouble_stands_below() {
    let note = "web.1 ended 5 times within a minute, with status 1";
    let failed = App {
        note: note.to_owned(),
        launch: None,
        release: None,
        restarts: 5,
        memory: None,
        cpu_percent: None,
        requests: 0,
        unenforced: vec!["memory is not limited here".to_owned()],
        ..app("wiki", AppState::Failed)
    };
    let coffee = App {
        unenforced: failed.unenforced.clone(),
        ..app("coffee", AppState::Running)
    };
    let apps = vec![coffee, failed];
    assert_eq!(
        render(&Apps { apps }, NOW, SCREEN),
        "\
APP     STATE    RELEASE  SINCE      RESTARTS  MEMORY    CPU  REQUESTS
coffee  running  5        3 min ago         0  187 MB  3.2 %    18,302
wiki    failed   -        3 min ago         5       -      -         0

! wiki: web.1 ended 5 times within a minute, with status 1
! coffee, wiki: memory is not limited here
"
    );
}

#[test]
fn what_goes_on_is_no_trouble_and_no_apps_are_a_sentence() {
    assert_eq!(
        render(&Apps::default(), NOW, SCREEN),
        "The configuration has no apps.\n"
    );
    let in_place = App {
        note: "release 6 is being built".to_owned(),
        release: None,
        ..app("coffee", AppState::Deploying)
    };
    let apps = vec![in_place];
    let shown = render(&Apps { apps }, NOW, SCREEN);
    assert!(!shown.contains('!'), "{shown}");
    assert!(shown.contains("deploying  its folder"), "{shown}");
    let after = App {
        note: "the deploy of coffee failed, and release 5 goes on: no".to_owned(),
        ..app("coffee", AppState::Running)
    };
    let apps = vec![after];
    let shown = render(&Apps { apps }, NOW, SCREEN);
    assert!(
        shown.ends_with("\n! the deploy of coffee failed, and release 5 goes on: no\n"),
        "{shown}"
    );
    let again = App {
        note: "web.1 ended with status 9".to_owned(),
        restarts: 5,
        ..app("coffee", AppState::Starting)
    };
    let apps = vec![again];
    let shown = render(&Apps { apps }, NOW, SCREEN);
    assert!(
        shown.ends_with("\n! coffee: web.1 ended with status 9\n"),
        "{shown}"
    );
}

#[test]
fn the_widest_row_of_a_large_app_fits_an_ordinary_terminal() {
    let large = App {
        since: ago(119 * 60),
        restarts: 1_234,
        memory: Some(1_900_000_000),
        cpu_percent: Some(1_199.9),
        requests: 123_456_789,
        ..app("an-app-with-a-long-name1", AppState::Deploying)
    };
    let apps = vec![large];
    let shown = render(&Apps { apps }, NOW, SCREEN);
    let widest = shown.lines().map(str::len).max();
    assert!(widest <= Some(104), "{shown}");
}
