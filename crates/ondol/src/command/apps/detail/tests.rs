//! The screen of one app.

use ondol_admin::api::AppRun;
use ondol_admin::api::AppState;

use super::*;
use crate::command::apps::tests::NOW;
use crate::command::apps::tests::SCREEN;
use crate::command::apps::tests::ago;
use crate::command::apps::tests::app;

fn launch(number: u64, kind: &str, outcome: Option<&str>) -> AppLaunch {
    AppLaunch {
        launch: number,
        kind: kind.to_owned(),
        release: Some(5),
        source: "/srv/coffee".to_owned(),
        step: "building".to_owned(),
        began_at: ago(240),
        live_at: None,
        ended_at: None,
        outcome: outcome.map(str::to_owned),
        reason: String::new(),
    }
}

/// An app with everything.
fn busy() -> App {
    let instance = |name: &str, pid| AppInstance {
        name: name.to_owned(),
        launch: 12,
        pid,
        since: ago(180),
        ready: true,
        memory: Some(150_000_000),
        cpu_percent: None,
        tasks: Some(7),
    };
    let mut shown = app("coffee", AppState::Running);
    shown.runs.push(AppRun {
        process: "worker".to_owned(),
        command: "bundle exec sidekiq".to_owned(),
    });
    shown.runs_found = true;
    shown.cron = vec![
        AppCron {
            line: "04:10 bin/digest".to_owned(),
            next: Some(ago(-60_000)),
        },
        AppCron {
            line: "*/5 * * * * tick".to_owned(),
            next: None,
        },
    ];
    shown.failed = 3;
    shown.tunnels = 2;
    shown.instances = vec![instance("web.1", Some(4_711)), instance("worker.1", None)];
    shown.note = "the deploy of coffee failed, and release 5 goes on: no".to_owned();
    shown.unenforced = vec!["Memory is not limited here.".to_owned()];
    shown
}

#[test]
fn an_app_is_shown_with_its_processes_launches_and_runs() {
    let shown = busy();
    let failed = AppLaunch {
        reason: "web.1 never listened. Its last lines:\nTraceback".to_owned(),
        ..launch(13, "deploy", Some("rolled-back"))
    };
    let run = AppCronRun {
        line: "04:10 bin/digest".to_owned(),
        due_at: ago(7_300),
        began_at: Some(ago(7_300)),
        ended_at: Some(ago(7_290)),
        outcome: Some("failed".to_owned()),
        message: "it ended with status 1\nno such table".to_owned(),
    };
    let detail = AppDetail {
        app: shown,
        launches: vec![
            launch(14, "deploy", None),
            failed,
            launch(12, "deploy", Some("done")),
        ],
        last_cron_runs: vec![run.clone()],
        cron_runs: vec![run],
    };
    assert_eq!(
        render(&detail, NOW, SCREEN),
        "\
coffee
state          running, since 3 min ago
answers        withcoffee.app
runs           web: bundle exec puma
               worker: bundle exec sidekiq
               (found in its files: `run` in the configuration says otherwise)
release        5 (launch 12); kept: 4, 3
requests       18,302 of this launch, 3 failed, 2 open WebSockets
uses           187 MB of memory, 3.2 % of a processor

PROCESS   STATE   PID  LAUNCH  SINCE      MEMORY  CPU  TASKS
web.1     ready  4711      12  3 min ago  150 MB    -      7
worker.1  waits     -      12  3 min ago  150 MB    -      7

LAUNCH  WHY     RELEASE  BEGAN      OUTCOME      MORE
    14  deploy  5        4 min ago  building     from /srv/coffee
    13  deploy  5        4 min ago  rolled-back  web.1 never listened
    12  deploy  5        4 min ago  done         from /srv/coffee

CRON              NEXT     LAST     OUTCOME
04:10 bin/digest  in 16 h  2 h ago  failed
*/5 * * * * tick  never    -

DUE      RUN OF            TOOK  OUTCOME  MORE
2 h ago  04:10 bin/digest  10 s  failed   it ended with status 1

! the deploy of coffee failed, and release 5 goes on: no
! Memory is not limited here.
"
    );
}

#[test]
fn an_app_of_which_nothing_is_known_yet_is_short() {
    let mut shown = app("coffee", AppState::Starting);
    shown.launch = None;
    shown.runs.clear();
    shown.release = None;
    shown.releases.clear();
    shown.sites.clear();
    shown.memory = None;
    shown.cpu_percent = None;
    shown.requests = 0;
    let detail = AppDetail {
        app: shown,
        launches: Vec::new(),
        last_cron_runs: Vec::new(),
        cron_runs: Vec::new(),
    };
    assert_eq!(
        render(&detail, NOW, SCREEN),
        "\
coffee
state          starting, since 3 min ago
release        -
requests       0 of this launch
"
    );
}
