//! What is asked about apps reaches who knows them, and comes back as it was said.

use super::*;

fn app() -> api::App {
    api::App {
        name: "coffee".to_owned(),
        state: api::AppState::Running,
        since: NOON,
        note: String::new(),
        launch: Some(12),
        release: Some(5),
        sites: vec!["blog.example.com".to_owned()],
        runs: Vec::new(),
        runs_found: false,
        cron: Vec::new(),
        instances: Vec::new(),
        restarts: 0,
        requests: 7,
        failed: 0,
        in_flight: 1,
        tunnels: 0,
        held: 0,
        memory: Some(1_000),
        cpu_percent: Some(0.5),
        watch_seconds: 120,
        releases: vec![4, 3],
        unenforced: Vec::new(),
    }
}

fn begun() -> api::AppAnswer {
    api::AppAnswer {
        accepted: true,
        message: "the deploy has begun".to_owned(),
        launch: Some(13),
        taken_back: false,
    }
}

/// Answers commands until nobody asks; returns what was asked.
async fn host(mut commands: mpsc::Receiver<AppCommand>) -> Vec<(String, Option<AppDeed>)> {
    let mut asked = Vec::new();
    while let Some(command) = commands.recv().await {
        match command {
            AppCommand::Do { app, deed, reply } => {
                asked.push((app, Some(deed)));
                reply.send(begun()).unwrap();
            }
            AppCommand::Exec {
                app,
                question,
                reply,
            } => {
                let spec = serde_json::json!({ "command": question.command, "pid": question.pid });
                asked.push((app, None));
                let answer = api::ExecAnswer {
                    accepted: true,
                    message: String::new(),
                    spec: Some(spec),
                };
                reply.send(answer).unwrap();
            }
            AppCommand::Follow { app, query, reply } => {
                asked.push((app, None));
                let following = api::Following {
                    launch: query.launch.unwrap_or_default(),
                    step: "building".to_owned(),
                    lines: Vec::new(),
                    next: query.from,
                    seen: query.seen.unwrap_or_default(),
                    live: false,
                    outcome: None,
                };
                reply.send(Ok(following)).unwrap();
            }
            AppCommand::Logs { app, query, reply } => {
                asked.push((app, None));
                let logs = api::Logs {
                    lines: vec![api::LogLine {
                        at: "2026-11-21T14:00:05.123Z".to_owned(),
                        process: query.process.unwrap_or_default(),
                        text: format!("{:?} {:?} {:?}", query.since, query.lines, query.after),
                    }],
                    next: "0-7".to_owned(),
                    more: true,
                };
                reply.send(Ok(logs)).unwrap();
            }
            AppCommand::Show { app, reply } => {
                let answer = Err(format!("there is no app `{app}`"));
                asked.push((app, None));
                reply.send(answer).unwrap();
            }
        }
    }
    asked
}

#[tokio::test]
async fn apps_are_listed_as_they_are_published() {
    let agent = start();
    assert_eq!(agent.client.apps().await.unwrap(), api::Apps::default());
    let apps = api::Apps { apps: vec![app()] };
    agent.apps.send_replace(Arc::new(apps.clone()));
    assert_eq!(agent.client.apps().await.unwrap(), apps);
    assert_eq!(agent.client.status().await.unwrap().apps, apps.apps);
    let request = "GET /apps HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let answer = by_hand(agent.client.socket(), request).await;
    assert!(answer.contains(r#""state":"running""#), "{answer}");
}

#[tokio::test]
async fn what_is_asked_of_an_app_reaches_who_runs_it() {
    let Agent {
        client,
        app_commands,
        folder: _folder,
        supervisor,
        ..
    } = start();
    let asking = async {
        let deploy = api::DeployQuestion {
            from: api::DeployFrom::Git("main".to_owned()),
            wait: true,
        };
        assert_eq!(client.deploy("coffee", &deploy).await.unwrap(), begun());
        let rollback = api::RollbackQuestion { to: Some(3) };
        assert_eq!(client.rollback("coffee", &rollback).await.unwrap(), begun());
        client.restart("coffee").await.unwrap();
        client.stop("coffee").await.unwrap();
        client.start("coffee").await.unwrap();
        let exec = api::ExecQuestion {
            command: vec!["bin/rails".to_owned(), "console".to_owned()],
            pid: 77,
        };
        let spec = client.exec("coffee", &exec).await.unwrap().spec.unwrap();
        assert_eq!(
            (&spec["pid"], &spec["command"][1]),
            (&77.into(), &"console".into())
        );
        let query = api::FollowQuery {
            launch: Some(13),
            from: 40,
            seen: Some(6),
        };
        let following = client.follow("coffee", query).await.unwrap();
        assert_eq!(
            (following.launch, following.next, following.seen),
            (13, 40, 6)
        );
        let query = api::LogsQuery {
            process: Some("web & worker".to_owned()),
            since: Some(NOON),
            lines: Some(7),
            after: Some("0-5".to_owned()),
        };
        let logs = client.logs("coffee", &query).await.unwrap();
        let expected = format!("{:?} {:?} {:?}", query.since, query.lines, query.after);
        assert_eq!(logs.lines[0].text, expected);
        assert_eq!(logs.lines[0].process, "web & worker");
        let all = client
            .logs("coffee", &api::LogsQuery::default())
            .await
            .unwrap();
        assert_eq!(all.lines[0].text, "None None None");
        // Whatever is typed as a name is passed on as it is.
        let missing = client.app("../../온 돌?x=y").await.unwrap_err();
        assert!(matches!(missing, ClientError::Refused { status: 404, .. }));
        assert_eq!(missing.to_string(), "there is no app `../../온 돌?x=y`");
        drop(supervisor);
    };
    let ((), asked) = tokio::join!(asking, host(app_commands));
    let deeds: Vec<_> = asked.into_iter().filter_map(|(_, deed)| deed).collect();
    let expected = [
        AppDeed::Deploy(api::DeployQuestion {
            from: api::DeployFrom::Git("main".to_owned()),
            wait: true,
        }),
        AppDeed::Rollback(api::RollbackQuestion { to: Some(3) }),
        AppDeed::Restart,
        AppDeed::Stop,
        AppDeed::Start,
    ];
    assert_eq!(deeds, expected);
}

#[tokio::test]
async fn questions_about_apps_that_say_nothing_sensible_get_a_sentence() {
    let agent = start();
    let post = |path: &str, body: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let table = [
        (
            post("/apps/coffee/deploy", r#"{"form":"dir"}"#),
            "unknown field `form`",
        ),
        (
            post("/apps/coffee/deploy", r#"{"from":"nowhere"}"#),
            "unknown variant `nowhere`",
        ),
        (
            post("/apps/coffee/exec", r#"{"command":[],"pid":1}"#),
            "names no program",
        ),
        (
            "GET /apps/coffee/follow?fro=3 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
                .to_owned(),
            "unknown field `fro`",
        ),
    ];
    for (request, part) in table {
        let answer = by_hand(agent.client.socket(), &request).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
        assert!(answer.contains(part), "{part} is missing in {answer}");
    }
}
