//! Answers at stand-ins of Telegram, ntfy and Pushover.

use std::sync::Arc;
use std::time::Duration;

use ondol_base::tasks::Stopper;
use ondol_model::Plan;
use ondol_model::plan::Language;
use ondol_model::plan::Person;
use ondol_model::plan::PersonName;
use ondol_model::plan::Role;
use ondol_model::plan::Topic;
use ondol_model::plan::Value;
use ondol_model::watch::Severity;
use ondol_store::RecordedIncident;
use ondol_store::WatchChange;
use serde_json::json;
use tokio::time::timeout;

use super::*;
use crate::planted::Planted;
use crate::planted::empty_plan;
use crate::standin;
use crate::standin::Asked;
use crate::standin::Reply;

/// Longer than any machine needs.
const LONG: Duration = Duration::from_secs(60);

fn plan(channel: Channel) -> Plan {
    let mut plan = empty_plan();
    plan.care.people.push(Person {
        name: PersonName("spouse".to_owned()),
        language: Language::Korean,
        role: Role::default(),
        runbook: None,
        channels: vec![channel],
    });
    plan.care.alarms.telegram = Some(Value::Plain("12:S3CRET".to_owned()));
    plan.care.alarms.pushover = Some(Value::Plain("aT0KEN".to_owned()));
    plan
}

/// Reads answers at services of this URL, until as many came; returns them.
async fn read(planted: &mut Planted, url: String, count: usize) -> Vec<(String, Option<i64>)> {
    let ground = planted.ground.clone();
    read_until(&ground, url, async {
        let mut answers = Vec::new();
        while answers.len() < count {
            if let Some(Seen::Answer { person, incident }) = planted.seen.recv().await {
                answers.push((person, incident));
            }
        }
        answers
    })
    .await
}

/// Reads answers at services of this URL, until this is done.
async fn read_until<T>(ground: &Ground, url: String, done: impl Future<Output = T>) -> T {
    let services = Services {
        telegram: url.clone(),
        pushover: url,
    };
    let (_stopper, stop) = Stopper::new();
    let reading = run_at(ground.clone(), services, stop);
    let done = async {
        tokio::select! {
            done = done => done,
            ended = reading => panic!("{ended:?}"),
        }
    };
    timeout(LONG, done).await.expect("answers come")
}

/// The updates of a bot from a number on, in one answer; later questions are held.
fn updates(asked: &Asked, all: &serde_json::Value) -> Reply {
    let offset = asked.json()["offset"].as_i64().unwrap();
    let left: Vec<_> = all
        .as_array()
        .unwrap()
        .iter()
        .filter(|update| update["update_id"].as_i64() >= Some(offset))
        .collect();
    match left.is_empty() {
        true => Reply::Held(String::new()),
        false => Reply::ok(&json!({ "ok": true, "result": left }).to_string()),
    }
}

#[tokio::test]
async fn a_button_or_a_reply_in_a_chat_is_an_answer_and_only_there() {
    let button = json!({ "inline_keyboard": [[{ "text": "x", "callback_data": "ack 9" }]] });
    let all = json!([
        // Somebody else found the bot.
        { "update_id": 10, "message": { "message_id": 1, "chat": { "id": 666 }, "text": "ack 7" } },
        { "update_id": 11, "callback_query": { "id": "c0", "data": "ack 7", "message": { "message_id": 1, "chat": { "id": 666 } } } },
        // What this version does not know.
        { "update_id": 12, "message": { "chat": "strange" } },
        { "update_id": 13, "callback_query": { "id": "c1", "from": { "id": 5 }, "data": "ack 7", "message": { "message_id": 2, "chat": { "id": -100 } } } },
        { "update_id": 14, "message": { "message_id": 3, "chat": { "id": -100 }, "text": "what is that?" } },
        { "update_id": 15, "message": { "message_id": 4, "chat": { "id": -100 }, "text": "확인했어요",
            "reply_to_message": { "message_id": 2, "chat": { "id": -100 }, "reply_markup": button } } },
        { "update_id": 16, "message": { "message_id": 5, "chat": { "id": -100 }, "text": "/ack" } },
    ]);
    let mut planted = Planted::new(plan(Channel::Telegram("-100".to_owned())));
    let reply = |asked: &Asked| match asked.line.as_str() {
        "POST /bot12:S3CRET/getUpdates" => updates(asked, &all),
        _ => Reply::ok(r#"{"ok":true,"result":true}"#),
    };
    let client = async |url| read(&mut planted, url, 3).await;
    let (answers, asked) = standin::with(reply, client).await;
    let spouse = |incident| ("spouse".to_owned(), incident);
    assert_eq!(answers, [spouse(Some(7)), spouse(Some(9)), spouse(None)]);
    let lines: Vec<_> = asked.iter().map(|asked| &*asked.line).collect();
    assert_eq!(
        lines[..3],
        [
            "POST /bot12:S3CRET/getUpdates",
            "POST /bot12:S3CRET/answerCallbackQuery",
            "POST /bot12:S3CRET/sendMessage",
        ]
    );
    let thanks = asked[1].json();
    assert_eq!(thanks["callback_query_id"], "c1");
    assert_eq!(thanks["text"], "고마워요. 다른 사람은 부르지 않을게요.");
    assert_eq!(asked[2].json()["chat_id"], -100);
}

#[tokio::test]
async fn what_was_read_is_not_read_again_after_a_restart() {
    let button = |id: i64| json!({ "update_id": id, "callback_query": { "id": "c", "data": format!("ack {id}"), "message": { "chat": { "id": 5, "username": "me" } } } });
    let all = json!([button(20), button(21)]);
    let later = json!([button(20), button(21), button(22)]);
    let mut planted = Planted::new(plan(Channel::Telegram("@me".to_owned())));
    let reply = |all: serde_json::Value| {
        move |asked: &Asked| match asked.line.ends_with("getUpdates") {
            true => updates(asked, &all),
            false => Reply::ok(r#"{"ok":true,"result":true}"#),
        }
    };
    let ground = planted.ground.clone();
    let remembered = async || ground.store.watch_fact("telegram-offset").await.unwrap();
    let client = async |url| {
        let written = async {
            while remembered().await.as_deref() != Some("12 22") {
                tokio::task::yield_now().await;
            }
        };
        read_until(&ground, url, written).await;
    };
    standin::with(reply(all), client).await;
    let first = [planted.seen.try_recv(), planted.seen.try_recv()];
    assert!(
        first
            .iter()
            .all(|seen| matches!(seen, Ok(Seen::Answer { .. }))),
        "{first:?}"
    );
    let client = async |url| read(&mut planted, url, 1).await;
    let (second, asked) = standin::with(reply(later), client).await;
    assert_eq!(second, [("spouse".to_owned(), Some(22))]);
    assert_eq!(asked[0].json()["offset"], 22);
}

fn ntfy(url: &str) -> Channel {
    Channel::Ntfy(Topic {
        url: Value::Plain(format!("{url}/home-x7")),
        token: None,
    })
}

#[tokio::test]
async fn a_topic_is_read_from_where_it_was_left() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\n\r\n";
    let line = |id: &str, event: &str, message: &str| {
        let line = json!({ "id": id, "time": 1, "event": event, "topic": "home-x7-ack", "message": message });
        format!("{line}\n")
    };
    let first = [
        head,
        &line("a", "open", ""),
        &line("b", "keepalive", ""),
        &line("c", "message", "hello"),
        &line("d", "message", "ack 7"),
    ]
    .concat();
    let second = [head, &line("e", "open", ""), &line("f", "message", "ack")].concat();
    let reply = |asked: &Asked| match asked.line.as_str() {
        "GET /home-x7-ack/json?since=none" => Reply::Whole(first.clone()),
        "GET /home-x7-ack/json?since=d" => Reply::Held(second.clone()),
        other => panic!("{other}"),
    };
    let client = async |url: String| {
        let mut planted = Planted::new(plan(ntfy(&url)));
        read(&mut planted, url, 2).await
    };
    let (answers, _) = standin::with(reply, client).await;
    let spouse = |incident| ("spouse".to_owned(), incident);
    assert_eq!(answers, [spouse(Some(7)), spouse(None)]);
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table")]
async fn a_receipt_is_asked_until_somebody_answered() {
    let mut planted = Planted::new(plan(Channel::Pushover(Value::Plain("u".to_owned()))));
    let incident = |id, ended_at, acknowledged_by: Option<&str>| RecordedIncident {
        id,
        subject: "box".to_owned(),
        members: Vec::new(),
        severity: Severity::Critical,
        sentence: String::new(),
        began_at: 1,
        ended_at,
        acknowledged_by: acknowledged_by.map(str::to_owned),
        acknowledged_at: None,
        memory: String::new(),
    };
    let change = WatchChange {
        incidents: vec![
            incident(3, None, None),
            incident(5, None, Some("me")),
            incident(6, Some(2), None),
        ],
        ..WatchChange::default()
    };
    planted.ground.store.commit_watch(change).await.unwrap();
    for (id, incident) in [
        ("over", 1),
        ("gone", 2),
        ("rings", 3),
        ("taken", 4),
        ("attended", 5),
        ("well", 6),
        ("unwritten", 99),
    ] {
        let receipt = Receipt {
            id: id.to_owned(),
            incident: Some(incident),
        };
        expect(&planted.ground, "spouse", receipt).await;
    }
    let reply = |asked: &Asked| {
        let state = |acknowledged, expired| {
            Reply::ok(
                &json!({ "status": 1, "acknowledged": acknowledged, "expired": expired })
                    .to_string(),
            )
        };
        match asked.line.as_str() {
            "GET /1/receipts/over.json?token=aT0KEN" => state(0, 1),
            "GET /1/receipts/rings.json?token=aT0KEN"
            | "GET /1/receipts/attended.json?token=aT0KEN"
            | "GET /1/receipts/well.json?token=aT0KEN"
            | "GET /1/receipts/unwritten.json?token=aT0KEN" => state(0, 0),
            "POST /1/receipts/attended/cancel.json" | "POST /1/receipts/well/cancel.json" => {
                Reply::ok(r#"{"status":1}"#)
            }
            "GET /1/receipts/taken.json?token=aT0KEN" => state(1, 0),
            _ => Reply::of(
                "404 Not Found",
                "",
                r#"{"status":0,"errors":["receipt not found"]}"#,
            ),
        }
    };
    let client = async |url: String| {
        let token = Value::Plain("aT0KEN".to_owned());
        receipts::ask_all(&planted.ground, &url, &token).await
    };
    let (asked, questions) = standin::with(reply, client).await;
    assert_eq!(asked, Ok(()));
    let is_cancel = |asked: &&Asked| asked.line.starts_with("POST");
    assert_eq!(
        (questions.len(), questions.iter().filter(is_cancel).count()),
        (9, 2)
    );
    let Some(Seen::Answer { person, incident }) = planted.seen.recv().await else {
        panic!("somebody answered");
    };
    assert_eq!((&*person, incident), ("spouse", Some(4)));
    let left = planted
        .ground
        .store
        .watch_facts("pushover-receipt ")
        .await
        .unwrap();
    assert_eq!(
        left.into_keys().collect::<Vec<_>>(),
        ["pushover-receipt rings", "pushover-receipt unwritten"]
    );
}

#[tokio::test]
async fn who_is_told_no_more_is_listened_to_no_more() {
    let planted = Planted::new(plan(Channel::Telegram("5".to_owned())));
    let (stopper, stop) = Stopper::new();
    let client = async |url: String| {
        let services = Services {
            telegram: url.clone(),
            pushover: url,
        };
        let running = run_at(planted.ground.clone(), services, stop);
        let owner = async {
            planted.plan.send_replace(Arc::new(empty_plan()));
            stopper.stop();
        };
        tokio::join!(running, owner).0
    };
    let (ended, _) = standin::with(|_| Reply::Held(String::new()), client).await;
    assert_eq!(ended, Ok(()));
}
