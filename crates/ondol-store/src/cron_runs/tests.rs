//! What a store knows of runs of cron lines.

use ondol_model::app::AppName;
use ondol_model::app::CronOutcome;
use ondol_model::limits;

use super::CronRunEnd;
use super::NewCronRun;
use crate::store::open_in_memory;

fn run(line: &str, due_at: i64) -> NewCronRun {
    NewCronRun {
        app: AppName::parse("coffee").unwrap(),
        line: line.to_owned(),
        due_at,
        began_at: Some(due_at + 1),
    }
}

#[tokio::test]
async fn runs_are_remembered_with_how_they_ended() {
    let store = open_in_memory().unwrap();
    let handle = store.handle();
    let first = handle.begin_cron_run(run("a", 10)).await.unwrap();
    let end = CronRunEnd {
        outcome: CronOutcome::TimedOut,
        message: "took too long".to_owned(),
        at: 40,
    };
    handle.end_cron_run(first, end.clone()).await.unwrap();
    let left_out = NewCronRun {
        began_at: None,
        ..run("b", 20)
    };
    let second = handle.begin_cron_run(left_out.clone()).await.unwrap();
    let app = run("", 0).app;
    let runs = handle.cron_runs(app.clone(), 10).await.unwrap();
    let ids: Vec<_> = runs.iter().map(|run| run.id).collect();
    assert_eq!(ids, [second, first]);
    assert_eq!(
        (&runs[0].run, &runs[0].ended, &runs[1].ended),
        (&left_out, &None, &Some(end))
    );
    let other = AppName::parse("tea").unwrap();
    assert!(handle.cron_runs(other, 10).await.unwrap().is_empty());
    assert_eq!(handle.cron_runs(app, 1).await.unwrap().len(), 1);
    store.close().await;
}

#[tokio::test]
async fn old_runs_are_forgotten_but_never_the_last_of_a_line() {
    let store = open_in_memory().unwrap();
    let handle = store.handle();
    let rare = handle.begin_cron_run(run("rare", 1)).await.unwrap();
    let mut newest = rare;
    for due_at in 0..i64::from(limits::CRON_RUNS_PER_APP_MAX) + 5 {
        newest = handle.begin_cron_run(run("often", due_at)).await.unwrap();
    }
    let app = run("", 0).app;
    let last = handle.last_cron_runs(app).await.unwrap();
    let last: Vec<_> = last.iter().map(|run| run.id).collect();
    assert_eq!(last, [rare, newest]);
    store.close().await;
}
