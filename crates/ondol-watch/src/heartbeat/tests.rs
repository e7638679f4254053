//! What the outside is told, and when; by a stand-in of it.

use ondol_base::tasks::Supervisor;
use ondol_model::plan::Value;
use ondol_model::watch::State;
use ondol_model::watch::Subject;
use tokio::sync::Notify;

use super::*;
use crate::planted::Planted;
use crate::planted::empty_plan;
use crate::standin;
use crate::standin::Asked;
use crate::standin::Reply;

/// A box that tells this URL very often.
fn telling(url: &str) -> Plan {
    let mut plan = empty_plan();
    plan.care.alarms.heartbeat = vec![Value::Plain(url.to_owned())];
    plan.care.alarms.heartbeat_interval = Duration::from_millis(20);
    plan
}

fn known(is_online: bool, power: PowerState) -> Arc<Known> {
    Arc::new(Known {
        is_online,
        power,
        is_well: true,
        headline: "all is well".to_owned(),
    })
}

struct Running {
    planted: Planted,
    supervisor: Supervisor,
}

impl Running {
    fn start(plan: Plan) -> Self {
        let planted = Planted::new(plan);
        planted.known.send_replace(known(true, PowerState::Mains));
        let mut supervisor = Supervisor::default();
        let ground = planted.ground.clone();
        supervisor.service("heartbeat", move |stop| run(ground.clone(), stop));
        Self {
            planted,
            supervisor,
        }
    }

    async fn seen(&mut self) -> Seen {
        let seen = timeout(Duration::from_secs(30), self.planted.seen.recv());
        seen.await.expect("nothing is seen").unwrap()
    }

    async fn beats(&mut self, count: usize) {
        let mut left = count;
        while left > 0 {
            if matches!(self.seen().await, Seen::Beat { .. }) {
                left -= 1;
            }
        }
    }

    /// Waits until the way to the outside is found to be so; returns the words about it.
    async fn found(&mut self, state: State) -> String {
        loop {
            if let Seen::Observations(observations) = self.seen().await
                && let [observation] = &observations[..]
                && observation.state == state
            {
                assert_eq!(observation.subject, Subject::outside());
                let finding = observation.finding.clone();
                return finding.map_or_else(String::new, |finding| finding.detail);
            }
        }
    }

    async fn stop(self) {
        let late = self.supervisor.stop(Duration::from_secs(10)).await;
        assert!(late.is_empty(), "{late:?}");
    }
}

fn lines(asked: &[Asked]) -> Vec<&str> {
    asked.iter().map(|asked| asked.line.as_str()).collect()
}

#[tokio::test]
async fn the_outside_is_told_of_begin_life_and_stop() {
    let ((), asked) = standin::with(
        |_| Reply::ok("OK"),
        async |url| {
            let mut running = Running::start(telling(&format!("{url}/uuid/")));
            running.beats(2).await;
            running.found(State::Pass).await;
            running.stop().await;
        },
    )
    .await;
    let lines = lines(&asked);
    assert_eq!(lines[..3], ["POST /uuid/start", "POST /uuid", "POST /uuid"]);
    assert_eq!(lines.last(), Some(&"POST /uuid/log"));
    let said = asked[1].json();
    assert_eq!(
        (&said["box"], &said["status"]),
        (&"box".into(), &"pass".into())
    );
    assert_eq!(said["message"], "all is well");
    assert_eq!(asked.last().unwrap().json()["message"], "stopping");
}

/// Uptime Kuma, and whatever else has a query, is asked for and nothing more.
#[tokio::test]
async fn a_url_of_another_kind_is_asked_for_as_it_is() {
    for rest in [
        "/api/push/token",
        "/api/push/t?status=up&msg=OK",
        "/x?key=1",
    ] {
        let ((), asked) = standin::with(
            |_| Reply::ok("{\"ok\":true}"),
            async |url| {
                let mut running = Running::start(telling(&format!("{url}{rest}")));
                running.beats(2).await;
                running.stop().await;
            },
        )
        .await;
        let line = format!("GET {rest}");
        assert!(
            lines(&asked).iter().all(|asked| *asked == line),
            "{asked:?}"
        );
    }
}

#[tokio::test]
async fn a_battery_that_is_nearly_empty_is_the_last_word_until_the_power_is_back() {
    let heard = Notify::new();
    let ((), asked) = standin::with(
        |asked| {
            if ["/fail", "/log"]
                .iter()
                .any(|word| asked.line.ends_with(word))
            {
                heard.notify_one();
            }
            Reply::ok("OK")
        },
        async |url| {
            let mut running = Running::start(telling(&format!("{url}/uuid")));
            running.beats(1).await;
            let power = |power| running.planted.known.send_replace(known(true, power));
            power(PowerState::Low);
            heard.notified().await;
            // A remark that comes after it shows that no beat came between.
            running.planted.plan.send_modify(|_| {});
            heard.notified().await;
            power(PowerState::Mains);
            while running.planted.seen.try_recv().is_ok() {}
            running.beats(1).await;
            running.stop().await;
        },
    )
    .await;
    let lines = lines(&asked);
    let fail = lines.iter().position(|line| *line == "POST /uuid/fail");
    let fail = fail.unwrap();
    assert_eq!(
        lines[fail..=fail + 2],
        ["POST /uuid/fail", "POST /uuid/log", "POST /uuid"]
    );
    let said = asked[fail].json();
    assert_eq!(said["status"], "fail");
    assert!(said["message"].as_str().unwrap().contains("battery"));
}

#[tokio::test]
async fn a_url_that_is_refused_is_worth_a_word_without_its_secrets() {
    let ((), _) = standin::with(
        |_| Reply::of("404 Not Found", "", "no check has s3cret-uuid"),
        async |url| {
            let mut running = Running::start(telling(&format!("{url}/s3cret-uuid")));
            let why = running.found(State::Warn).await;
            assert!(
                why.contains("404 Not Found") && why.contains("127.0.0.1"),
                "{why}"
            );
            assert!(why.contains("alarms.heartbeat"), "{why}");
            assert!(!why.contains("s3cret"), "{why}");
            running
                .planted
                .known
                .send_replace(known(false, PowerState::Mains));
            running.found(State::Unknown).await;
            running.stop().await;
        },
    )
    .await;
}

/// One that accepts and never answers holds up neither the others nor a stop.
#[tokio::test]
async fn each_url_is_told_by_itself() {
    let ((), asked) = standin::with(
        |asked| match asked.line.contains("silent") {
            true => Reply::Held(String::new()),
            false => Reply::ok("OK"),
        },
        async |url| {
            let mut plan = telling(&format!("{url}/silent"));
            let other = Value::Plain(format!("{url}/other"));
            plan.care.alarms.heartbeat.push(other);
            let mut running = Running::start(plan);
            running.beats(3).await;
            running.stop().await;
        },
    )
    .await;
    let silent = lines(&asked)
        .iter()
        .filter(|line| line.contains("silent"))
        .count();
    assert_eq!(silent, 2, "it is waited for, and told of the stop");
}

#[tokio::test]
async fn a_reload_is_a_remark_and_other_urls_are_told_at_once() {
    let ((), asked) = standin::with(
        |_| Reply::ok("OK"),
        async |url| {
            let mut running = Running::start(telling(&format!("{url}/one")));
            running.beats(1).await;
            running.planted.plan.send_modify(|_| {});
            running.beats(2).await;
            let other = telling(&format!("{url}/two"));
            running.planted.plan.send_replace(Arc::new(other));
            running.beats(3).await;
            running.stop().await;
        },
    )
    .await;
    let lines = lines(&asked);
    assert!(lines.contains(&"POST /one/log"), "{lines:?}");
    let second = lines.iter().position(|line| line.contains("/two")).unwrap();
    assert_eq!(lines[second], "POST /two/start");
    assert!(
        !lines[second..].iter().any(|line| line.contains("/one")),
        "{lines:?}"
    );
}

#[test]
fn an_interval_varies_by_a_tenth() {
    let minute = Duration::from_secs(60);
    for _ in 0..1_000 {
        let wait = jittered(minute);
        assert!((54..=66).contains(&wait.as_secs()), "{wait:?}");
    }
    assert_eq!(jittered(Duration::ZERO), Duration::ZERO);
}
