//! What the owner is answered about apps, and what the app host is asked.

use ondol_apps::Refusal;
use ondol_apps::Step;
use ondol_model::app::LaunchKind;
use ondol_store::LaunchEnd;
use ondol_store::NewLaunch;
use ondol_store::Store;

use super::*;

fn app(name: &str) -> api::App {
    api::App {
        name: name.to_owned(),
        state: api::AppState::Running,
        since: Time::from_unix_seconds(0),
        note: String::new(),
        launch: Some(1),
        release: None,
        sites: Vec::new(),
        runs: Vec::new(),
        runs_found: false,
        cron: Vec::new(),
        instances: Vec::new(),
        restarts: 0,
        requests: 0,
        failed: 0,
        in_flight: 0,
        tunnels: 0,
        held: 0,
        memory: None,
        cpu_percent: None,
        watch_seconds: 0,
        releases: Vec::new(),
        unenforced: Vec::new(),
    }
}

struct Stage {
    desk: Desk,
    requests: mpsc::Receiver<Request>,
    store: Store,
    logs: tempfile::TempDir,
    _apps: watch::Sender<Arc<api::Apps>>,
}

fn stage() -> Stage {
    let apps = vec![app("coffee"), app("tea")];
    let (apps, shown) = watch::channel(Arc::new(api::Apps { apps }));
    let (sender, requests) = mpsc::channel(8);
    let logs = tempfile::tempdir().unwrap();
    let store = ondol_store::open_in_memory().unwrap();
    let desk = Desk {
        apps: shown,
        host: ondol_apps::Handle {
            requests: sender,
            status: watch::channel(Arc::default()).1,
            logs: ondol_apps::Logs::new(logs.path().to_owned()),
        },
        store: store.handle(),
    };
    Stage {
        desk,
        requests,
        store,
        logs,
        _apps: apps,
    }
}

/// Answers the next request so; returns what was asked.
async fn answered(
    requests: &mut mpsc::Receiver<Request>,
    answer: Result<Reply, Refusal>,
) -> (String, Ask) {
    let Request { app, ask, reply } = requests.recv().await.unwrap();
    reply.send(answer).unwrap();
    (app.to_string(), ask)
}

#[tokio::test]
async fn each_deed_becomes_what_the_host_is_asked() {
    let Stage {
        desk, mut requests, ..
    } = stage();
    let deploy = |from, wait| AppDeed::Deploy(api::DeployQuestion { from, wait });
    let asked = |source, if_busy| Ask::Deploy { source, if_busy };
    let table = [
        (
            deploy(api::DeployFrom::Configured, false),
            asked(Source::Dir, IfBusy::Refuse),
        ),
        (
            deploy(api::DeployFrom::Folder("/srv/a".to_owned()), true),
            asked(Source::Folder("/srv/a".into()), IfBusy::Wait),
        ),
        (
            deploy(api::DeployFrom::Git("v1".to_owned()), false),
            asked(Source::Git("v1".to_owned()), IfBusy::Refuse),
        ),
        (
            AppDeed::Rollback(api::RollbackQuestion { to: Some(3) }),
            Ask::Rollback { to: Some(3) },
        ),
        (AppDeed::Restart, Ask::Restart),
        (AppDeed::Stop, Ask::Stop),
        (AppDeed::Start, Ask::Start),
    ];
    for (deed, expected) in table {
        let progress = Progress::default();
        let begun = Ok(Reply::Begun {
            launch: 13,
            progress,
        });
        let (answer, asked) = tokio::join!(
            desk.carry_out("coffee", deed),
            answered(&mut requests, begun)
        );
        assert_eq!(asked, ("coffee".to_owned(), expected));
        assert!(answer.accepted);
        assert_eq!(answer.launch, Some(13));
    }
}

#[tokio::test]
async fn what_can_not_be_done_is_a_sentence() {
    let Stage {
        desk, mut requests, ..
    } = stage();
    let name = AppName::parse("coffee").unwrap();
    let busy = Refusal::Busy {
        app: name,
        what: "release 4 is being built".to_owned(),
    };
    let (answer, _) = tokio::join!(
        desk.carry_out("coffee", AppDeed::Restart),
        answered(&mut requests, Err(busy))
    );
    assert!(!answer.accepted);
    assert!(
        answer.message.contains("release 4 is being built"),
        "{}",
        answer.message
    );
    let done = Ok(Reply::Done("coffee is stopped".to_owned()));
    let (answer, _) = tokio::join!(
        desk.carry_out("coffee", AppDeed::Stop),
        answered(&mut requests, done)
    );
    assert_eq!(
        (answer.accepted, answer.message.as_str(), answer.launch),
        (true, "coffee is stopped", None)
    );
    let table = [
        ("cofee", "there is no app `cofee`; did you mean `coffee`?"),
        ("wine", "there is no app `wine`: `ondol apps` lists them"),
        ("../x", "there is no app `../x`: `ondol apps` lists them"),
    ];
    for (typed, sentence) in table {
        let answer = desk.carry_out(typed, AppDeed::Restart).await;
        assert_eq!(
            (answer.accepted, answer.message.as_str()),
            (false, sentence)
        );
    }
    let relative = AppDeed::Deploy(api::DeployQuestion {
        from: api::DeployFrom::Archive("a.tar".to_owned()),
        wait: false,
    });
    let answer = desk.carry_out("coffee", relative).await;
    assert_eq!(answer.message, "`a.tar` is no absolute path");
    drop(requests);
    let answer = desk.carry_out("coffee", AppDeed::Restart).await;
    assert_eq!(answer.message, NOBODY);
}

#[tokio::test]
async fn who_follows_gets_what_is_new_and_waits_when_nothing_is() {
    let Stage {
        desk, mut requests, ..
    } = stage();
    let progress = Progress::default();
    let begun = || {
        Ok(Reply::Begun {
            launch: 13,
            progress: progress.clone(),
        })
    };
    progress.step(Step::Building);
    progress.line("gcc");
    let query = |from, seen| api::FollowQuery {
        launch: Some(13),
        from,
        seen,
    };
    let (first, asked) = tokio::join!(
        desk.follow("coffee", query(0, None)),
        answered(&mut requests, begun())
    );
    assert_eq!(asked.1, Ask::Follow { launch: Some(13) });
    let first = first.unwrap();
    assert_eq!((first.step.as_str(), first.next), ("building", 1));
    assert_eq!(first.lines[0].text, "gcc");

    // Nothing new: the wait ends by itself, with nothing.
    let (second, seen) = news(&progress, 1, Some(first.seen), clock::now()).await;
    assert!(second.lines.is_empty() && seen == first.seen);

    // A change ends it at once, and many lines come in parts with the end last.
    let news = async {
        answered(&mut requests, begun()).await;
        for number in 0..LINES_MAX + 1 {
            progress.line(number.to_string());
        }
        progress.live();
        progress.end(Err("it broke".to_owned()));
    };
    let (third, ()) = tokio::join!(desk.follow("coffee", query(1, Some(seen))), news);
    let third = third.unwrap();
    assert!(third.live);
    assert_eq!((third.lines.len(), third.outcome), (LINES_MAX, None));
    let (fourth, _) = tokio::join!(
        desk.follow("coffee", query(third.next, Some(third.seen))),
        answered(&mut requests, begun())
    );
    let fourth = fourth.unwrap();
    let end = api::FollowingEnd {
        good: false,
        message: "it broke".to_owned(),
    };
    assert_eq!((fourth.lines.len(), fourth.outcome), (1, Some(end)));
}

#[tokio::test]
async fn a_launch_of_an_agent_before_this_one_is_remembered() {
    let Stage {
        desk,
        mut requests,
        store,
        ..
    } = stage();
    let new = NewLaunch {
        app: AppName::parse("coffee").unwrap(),
        kind: LaunchKind::Deploy,
        release: Some(3),
        source: "/srv/coffee".to_owned(),
        at: 100,
    };
    let handle = store.handle();
    let launch = handle.begin_launch(new).await.unwrap();
    let query = api::FollowQuery {
        launch: Some(launch),
        from: 0,
        seen: None,
    };
    let unknown = || Err(Refusal::Impossible("it is not known".to_owned()));
    let (answer, _) = tokio::join!(
        desk.follow("coffee", query),
        answered(&mut requests, unknown())
    );
    assert_eq!(answer, Err("it is not known".to_owned()));
    let end = LaunchEnd {
        outcome: LaunchOutcome::Interrupted,
        reason: String::new(),
        at: 200,
    };
    handle.end_launch(launch, end).await.unwrap();
    let (answer, _) = tokio::join!(
        desk.follow("coffee", query),
        answered(&mut requests, unknown())
    );
    let end = answer.unwrap().outcome.unwrap();
    assert_eq!(
        (end.good, end.message.as_str()),
        (false, "it ended: interrupted")
    );

    let detail = desk.show("coffee").await.unwrap();
    assert_eq!(detail.launches.len(), 1);
    assert_eq!(detail.launches[0].outcome.as_deref(), Some("interrupted"));
    assert_eq!(
        desk.show("tee").await.unwrap_err(),
        "there is no app `tee`; did you mean `tea`?"
    );
    store.close().await;
}

#[tokio::test]
async fn logs_are_read_also_of_an_app_that_is_gone() {
    let Stage { desk, logs, .. } = stage();
    let folder = logs.path().join("apps");
    std::fs::create_dir(&folder).unwrap();
    for app in ["coffee", "gone"] {
        let lines = format!(
            "2026-11-21T14:00:05.123Z web.1 {app} listens\n2026-11-21T14:00:06.000Z worker.1 done\n"
        );
        let path = folder.join(format!("{app}.log"));
        ondol_base::file::replace(&path, lines.as_bytes(), 0o640).unwrap();
    }
    let query = |after: Option<&str>| api::LogsQuery {
        process: Some("web".to_owned()),
        lines: Some(10),
        after: after.map(str::to_owned),
        ..api::LogsQuery::default()
    };
    for app in ["coffee", "gone"] {
        let answer = desk.logs(app, query(None)).await.unwrap();
        let expected = api::LogLine {
            at: "2026-11-21T14:00:05.123Z".to_owned(),
            process: "web.1".to_owned(),
            text: format!("{app} listens"),
        };
        assert_eq!((answer.lines, answer.more), (vec![expected], false));
        let more = desk.logs(app, query(Some(&answer.next))).await.unwrap();
        assert_eq!((more.lines, more.next), (Vec::new(), answer.next));
    }
    // An app that has written nothing yet is no mistake.
    assert_eq!(desk.logs("tea", query(None)).await.unwrap().lines, []);
    let unknown = desk.logs("cofee", query(None)).await.unwrap_err();
    assert_eq!(unknown, "there is no app `cofee`; did you mean `coffee`?");
    let place = desk.logs("coffee", query(Some("x"))).await.unwrap_err();
    assert_eq!(place, "`x` is no place in a log");
}
