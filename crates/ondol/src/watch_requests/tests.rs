//! Questions about alarms, asked of one who answers as those who watch do.

use std::sync::Arc;

use ondol_model::watch::State;
use ondol_watch::Handle;
use ondol_watch::SubjectStatus;
use ondol_watch::WatchStatus;
use tokio::sync::watch;

use super::*;

fn watched(subject: &str) -> SubjectStatus {
    SubjectStatus {
        subject: Subject::parse(subject).unwrap(),
        state: State::Pass,
        since: 0,
        sentence: String::new(),
        seen_at: None,
        took_ms: None,
        uptime: None,
        values: Vec::new(),
        silenced_until: None,
    }
}

/// A desk, and what arrives at those who watch.
fn desk() -> (Desk, mpsc::Receiver<Request>) {
    let subjects = ["internet", "app:blog", "site:blog", "site:a.example.com"];
    let status = WatchStatus {
        subjects: subjects.into_iter().map(watched).collect(),
        ..WatchStatus::default()
    };
    let (requests, arriving) = mpsc::channel(1);
    let status = watch::channel(Arc::new(status)).1;
    let watch = Handle { requests, status };
    (Desk { watch }, arriving)
}

fn silence(subject: &str, seconds: u64) -> api::AlarmSilenceQuestion {
    api::AlarmSilenceQuestion {
        subject: Some(subject.to_owned()),
        seconds,
    }
}

#[tokio::test]
async fn what_is_silenced_is_found_by_its_name() {
    for (typed, meant) in [
        ("internet", "internet"),
        ("a.example.com", "site:a.example.com"),
        ("site:blog", "site:blog"),
    ] {
        let (desk, mut arriving) = desk();
        let asked = desk.silence(silence(typed, 7_200));
        let answered = async {
            let Some(Request::Silence {
                subject,
                seconds,
                reply,
            }) = arriving.recv().await
            else {
                panic!("another request");
            };
            assert_eq!(subject.unwrap().to_string(), meant);
            assert_eq!(seconds, 7_200);
            reply.send(Ok("done".to_owned())).unwrap();
        };
        let (answer, ()) = tokio::join!(asked, answered);
        assert!(answer.accepted && answer.message == "done", "{answer:?}");
    }
}

#[tokio::test]
async fn what_can_not_be_silenced_is_refused_with_what_to_do() {
    for (typed, seconds, refused) in [
        ("blog", 60, "`blog` may be `app:blog` or `site:blog`"),
        (
            "moon",
            60,
            "nothing that is watched is called `moon`: `ondol status --verbose` lists everything",
        ),
        ("internet", u64::MAX, "a silence is at most 30 days long"),
    ] {
        let (desk, _arriving) = desk();
        let answer = desk.silence(silence(typed, seconds)).await;
        assert!(!answer.accepted);
        assert_eq!(answer.message, refused);
    }
}

#[tokio::test]
async fn nobody_who_answers_is_told_of() {
    let (desk, arriving) = desk();
    drop(arriving);
    let answer = desk.acknowledge(api::AlarmAckQuestion::default()).await;
    assert!(!answer.accepted);
    assert_eq!(
        answer.message,
        "nobody watches now: the agent is starting or ending"
    );
}
