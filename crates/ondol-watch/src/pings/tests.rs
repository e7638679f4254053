//! Reports as they come in, over restarts, and what the desk is told.

use ondol_base::tasks::Supervisor;
use ondol_model::HostPattern;
use ondol_model::plan::Heartbeat;
use ondol_model::plan::Value;
use ondol_model::watch::PingKind;
use ondol_model::watch::State;
use ondol_model::watch::Subject;
use ondol_model::watch::What;
use tokio::sync::mpsc;

use super::*;
use crate::planted::Planted;
use crate::planted::empty_plan;
use crate::status::HeartbeatStatus;

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
const BEGIN: i64 = 1_800_000_000;

/// Jobs that report daily, and may be an hour late.
fn plan(names: &[&str]) -> Plan {
    let heartbeat = |name: &&str| Heartbeat {
        name: (*name).to_owned(),
        period: Duration::from_secs(86_400),
        grace: Duration::from_secs(3_600),
        site: HostPattern::parse("a.test").unwrap(),
        token: Value::Plain("token".to_owned()),
    };
    let mut plan = empty_plan();
    plan.care.heartbeats = names.iter().map(heartbeat).collect();
    plan
}

fn report(name: &str, kind: PingKind, body: &str) -> Ping {
    Ping {
        name: name.to_owned(),
        kind,
        body: body.to_owned(),
    }
}

fn state(register: &Register, plan: &Plan, at: i64) -> State {
    register.judge(plan, at).0[0].state
}

#[tokio::test]
async fn what_was_reported_is_known_after_a_restart() {
    let planted = Planted::new(plan(&["parents"]));
    let (store, plan) = (&planted.ground.store, plan(&["parents"]));
    let mut register = Register::open(store).await;
    register.begin(&plan, BEGIN);
    assert!(register.want(&plan, BEGIN));
    assert_eq!(state(&register, &plan, BEGIN), State::Unknown);
    assert!(register.hear(
        report("parents", PingKind::Success, " all is well\n"),
        BEGIN
    ));
    assert!(!register.hear(report("stranger", PingKind::Fail, ""), BEGIN));
    register.write(store, BEGIN + HOUR).await;

    let mut register = Register::open(store).await;
    register.begin(&plan, BEGIN + 2 * HOUR);
    assert!(!register.want(&plan, BEGIN + 2 * HOUR), "nothing is new");
    let (observations, statuses) = register.judge(&plan, BEGIN + 2 * HOUR);
    assert_eq!(observations[0].state, State::Pass);
    let expected = HeartbeatStatus {
        name: "parents".to_owned(),
        state: State::Pass,
        last_at: Some(BEGIN),
        said: "all is well".to_owned(),
    };
    assert_eq!(statuses, [expected]);
    let (observations, _) = register.judge(&plan, BEGIN + DAY + HOUR + 1);
    let [late] = &observations[..] else {
        panic!("{observations:?}");
    };
    assert!(late.is_certain, "one look at a clock is enough");
    assert_eq!(late.subject, Subject::Heartbeat("parents".to_owned()));
    let found = &late.finding.as_ref().unwrap().what;
    assert_eq!(*found, What::Silent(Some(BEGIN)));
}

#[tokio::test]
async fn a_box_that_was_away_waits_once_more_and_one_whose_clock_is_behind_does_not_panic() {
    for (back_at, due_at) in [
        // Off from the hour before until the hour after it was due.
        (BEGIN + DAY + HOUR, BEGIN + 2 * DAY + 2 * HOUR),
        // Back with a clock that begins in the past: what was, was as long before as it was.
        (1_000, 1_000 + HOUR + HOUR),
    ] {
        let planted = Planted::new(plan(&["parents"]));
        let (store, plan) = (&planted.ground.store, plan(&["parents"]));
        let mut register = Register::open(store).await;
        register.want(&plan, BEGIN);
        register.hear(report("parents", PingKind::Success, ""), BEGIN);
        register.write(store, BEGIN + DAY - HOUR).await;
        let mut register = Register::open(store).await;
        assert_eq!(register.heard_until(), Some(BEGIN + DAY - HOUR));
        register.begin(&plan, back_at);
        assert_eq!(state(&register, &plan, due_at), State::Pass, "{back_at}");
        let late = state(&register, &plan, due_at + DAY + HOUR);
        assert_eq!(late, State::Fail, "{back_at}");
    }
}

#[tokio::test]
async fn the_next_look_is_when_a_job_is_due() {
    let planted = Planted::new(plan(&[]));
    let mut register = Register::open(&planted.ground.store).await;
    let plan = plan(&["a", "b"]);
    assert_eq!(register.due_in(&plan, BEGIN), None);
    register.want(&plan, BEGIN);
    register.hear(report("a", PingKind::Start, ""), BEGIN + 10);
    let hour = Duration::from_secs(3_600);
    assert_eq!(register.due_in(&plan, BEGIN + 10), Some(hour));
    // One that is overdue is not looked at all the time.
    let later = register.due_in(&plan, BEGIN + 2 * HOUR);
    assert_eq!(later, Some(23 * hour));
    assert_eq!(register.due_in(&plan, BEGIN + 9 * DAY), None);
}

#[tokio::test]
async fn what_the_plan_does_not_name_is_forgotten() {
    let planted = Planted::new(plan(&[]));
    let mut register = Register::open(&planted.ground.store).await;
    assert!(register.want(&plan(&["a", "b"]), BEGIN));
    assert!(register.want(&plan(&["b"]), BEGIN));
    assert!(!register.want(&plan(&["b"]), BEGIN));
    assert!(!register.hear(report("a", PingKind::Success, ""), BEGIN));
    let (observations, statuses) = register.judge(&plan(&["a", "b"]), BEGIN);
    assert_eq!((observations.len(), statuses.len()), (1, 1));
}

/// A store that can't be read, or that has what nobody understands, is no reason to hear nothing.
#[tokio::test]
async fn what_is_kept_in_another_form_is_awaited_anew() {
    let planted = Planted::new(plan(&["parents"]));
    let store = &planted.ground.store;
    store
        .set_watch_fact("heartbeats", "{\"jobs\":7}")
        .await
        .unwrap();
    let mut register = Register::open(store).await;
    assert!(register.want(&plan(&["parents"]), BEGIN));
    assert!(register.hear(report("parents", PingKind::Fail, "x"), BEGIN));
}

#[tokio::test]
async fn the_desk_hears_of_a_report_at_once_and_the_store_at_the_end() {
    let mut planted = Planted::new(plan(&["parents"]));
    let (sender, reports) = mpsc::channel(8);
    let reports = Lent::new(reports);
    let mut supervisor = Supervisor::default();
    let ground = planted.ground.clone();
    supervisor.service("reports", move |stop| {
        run(ground.clone(), reports.clone(), stop)
    });
    let fail = report("parents", PingKind::Fail, "disk full");
    sender.send(fail).await.unwrap();
    let statuses = loop {
        let seen = tokio::time::timeout(Duration::from_secs(30), planted.seen.recv());
        if let Seen::Heartbeats(statuses) = seen.await.unwrap().unwrap()
            && statuses[0].state == State::Fail
        {
            break statuses;
        }
    };
    assert_eq!(statuses[0].said, "disk full");
    supervisor.stop(Duration::from_secs(5)).await;
    let register = Register::open(&planted.ground.store).await;
    let now = clock::unix_seconds();
    assert_eq!(state(&register, &plan(&["parents"]), now), State::Fail);
}
