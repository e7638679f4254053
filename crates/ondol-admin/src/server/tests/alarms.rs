//! How everything is, and questions about alarms, over the socket.

use ondol_model::watch::NoticeKind;
use ondol_model::watch::Severity;
use ondol_store::MessageOutcome;
use ondol_store::NewMessage;
use ondol_store::RecordedIncident;
use ondol_store::WatchChange;

use super::*;

#[tokio::test]
async fn how_all_is_arrives_alone_and_with_the_status() {
    let agent = start();
    let site = api::WatchSubject {
        subject: "site:blog.example.com".to_owned(),
        kind: "site".to_owned(),
        name: "blog.example.com".to_owned(),
        state: api::HealthState::Fail,
        since: NOON,
        sentence: "It answers 502.".to_owned(),
        seen_at: Some(NOON),
        took_ms: Some(31),
        uptime: Some(0.5),
        values: [("answer_seconds".to_owned(), 0.031)].into(),
        silenced_until: None,
    };
    let watch = api::Watch {
        subjects: vec![site],
        ..api::Watch::default()
    };
    agent.watch.send_replace(Arc::new(watch.clone()));
    assert_eq!(agent.client.watch().await.unwrap(), watch);
    assert_eq!(agent.client.status().await.unwrap().watch, watch);
    let sites = agent.client.sites().await.unwrap().sites;
    let health = sites[0].health.as_ref().unwrap();
    assert_eq!(
        (health.state, health.uptime),
        (api::HealthState::Fail, Some(0.5))
    );
}

#[tokio::test]
async fn questions_about_alarms_reach_who_answers() {
    let mut agent = start();
    let question = api::AlarmTestQuestion {
        person: Some("me".to_owned()),
    };
    let asked = agent.client.test_alarm(&question);
    let answered = async {
        let Some(WatchCommand::Test { question, reply }) = agent.watch_commands.recv().await else {
            panic!("another command");
        };
        assert_eq!(question.person.as_deref(), Some("me"));
        let answer = api::AlarmTestAnswer {
            accepted: true,
            message: String::new(),
            messages: vec![4, 5],
        };
        reply.send(answer).unwrap();
    };
    let (answer, ()) = tokio::join!(asked, answered);
    assert_eq!(answer.unwrap().messages, [4, 5]);

    let question = api::AlarmAckQuestion::default();
    let asked = agent.client.acknowledge(&question);
    let answered = async {
        let Some(WatchCommand::Acknowledge { question, reply }) = agent.watch_commands.recv().await
        else {
            panic!("another command");
        };
        assert_eq!(question, api::AlarmAckQuestion::default());
        let message = "nothing is wrong".to_owned();
        let accepted = false;
        reply.send(api::AlarmAnswer { accepted, message }).unwrap();
    };
    let (answer, ()) = tokio::join!(asked, answered);
    assert_eq!(answer.unwrap().message, "nothing is wrong");

    let question = api::AlarmSilenceQuestion {
        subject: None,
        seconds: 60,
    };
    drop(agent.watch_commands);
    let error = agent.client.silence(&question).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "The agent is ending and takes no commands."
    );
}

#[tokio::test]
async fn a_question_about_alarms_that_makes_no_sense_is_refused() {
    let agent = start();
    let body = r#"{"seconds":"long"}"#;
    let request = format!(
        "POST /alarms/silence HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = by_hand(agent.client.socket(), &request).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.contains("invalid type"), "{answer}");
}

fn message(incident: Option<i64>, kind: NoticeKind) -> NewMessage {
    NewMessage {
        incident,
        person: "me".to_owned(),
        channel: "email".to_owned(),
        kind,
        severity: Severity::Critical,
        subject: "site:blog.example.com".to_owned(),
        title: "blog.example.com is down".to_owned(),
        text: "It answers 502.".to_owned(),
        queued_at: NOON.unix_seconds(),
        not_before: 0,
        expires_at: i64::MAX,
        wants_answer: true,
    }
}

fn incident(id: i64, ended_at: Option<i64>) -> RecordedIncident {
    RecordedIncident {
        id,
        subject: "app:blog".to_owned(),
        members: vec!["app:blog".to_owned(), "site:blog.example.com".to_owned()],
        severity: Severity::Critical,
        sentence: "blog ends again and again".to_owned(),
        began_at: NOON.unix_seconds(),
        ended_at,
        acknowledged_by: Some("me".to_owned()),
        acknowledged_at: None,
        memory: "{}".to_owned(),
    }
}

#[tokio::test]
async fn what_was_wrong_and_what_was_sent_is_read_from_the_store() {
    let agent = start();
    let store = agent.store.handle();
    let ended = NOON.unix_seconds() + 600;
    let change = WatchChange {
        incidents: vec![incident(1, Some(ended)), incident(2, None)],
        messages: vec![
            message(Some(1), NoticeKind::Problem),
            message(None, NoticeKind::Test),
        ],
        states: Vec::new(),
    };
    let ids = store.commit_watch(change).await.unwrap();
    let end = store.end_message(ids[0], MessageOutcome::Delivered, ended, None);
    end.await.unwrap();

    let query = api::AlarmsQuery::default();
    let waiting = agent.client.alarms(query).await.unwrap();
    // What is open is told by those who watch, of whom there are none here.
    assert_eq!(waiting.incidents, []);
    let [test] = waiting.messages.as_slice() else {
        panic!("{waiting:?}");
    };
    assert_eq!((test.kind.as_str(), test.id), ("test", ids[1]));
    assert!(test.next_at.is_some() && test.outcome.is_none());

    let all = true;
    let query = api::AlarmsQuery { all, limit: None };
    let all = agent.client.alarms(query).await.unwrap();
    let [over] = all.incidents.as_slice() else {
        panic!("{all:?}");
    };
    assert_eq!(over.also, ["site:blog.example.com"]);
    assert_eq!(over.told, ["me"]);
    assert_eq!(over.ended_at, Some(Time::from_unix_seconds(ended)));
    let outcomes: Vec<_> = all
        .messages
        .iter()
        .map(|it| it.outcome.as_deref())
        .collect();
    assert_eq!(outcomes, [None, Some("delivered")]);
}
