//! How everything is, and questions about alarms, over the socket.

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
