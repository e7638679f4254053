//! What is asked of the agent for what was typed, and with which exit code it ends: against a real admin server, and
//! an app host that does as it is told.

use std::sync::Arc;

use clap::Parser;
use ondol_admin::Socket;
use ondol_admin::Surface;
use ondol_apps::Ask;
use ondol_apps::Progress;
use ondol_apps::Refusal;
use ondol_apps::Reply;
use ondol_apps::Request;
use ondol_apps::Step;
use ondol_base::tasks::Group;
use ondol_base::tasks::Supervisor;
use ondol_model::app::AppName;
use ondol_model::app::LaunchKind;
use ondol_model::app::LaunchOutcome;
use ondol_store::LaunchEnd;
use ondol_store::NewLaunch;
use ondol_store::Store;
use tokio::sync::mpsc;
use tokio::sync::watch;

use super::*;
use crate::app_requests::AppRequests;
use crate::app_requests::Desk;
use crate::cli::Cli;
use crate::cli::Command;
use crate::cli::OnApp;
use crate::command::apps::tests::app;

/// A box with an admin socket and one app, whose host is the test.
struct Stage {
    client: Client,
    requests: mpsc::Receiver<Request>,
    apps: watch::Sender<Arc<api::Apps>>,
    store: Store,
    _folder: tempfile::TempDir,
    _supervisor: Supervisor,
    _workers: Group,
}

fn stage() -> Stage {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("admin.sock");
    let store = ondol_store::open_in_memory().unwrap();
    let coffee = app("coffee", AppState::Running);
    let (apps, shown) = watch::channel(Arc::new(api::Apps { apps: vec![coffee] }));
    let (requests_sender, requests) = mpsc::channel(8);
    let (app_commands, commands) = mpsc::channel(8);
    let desk = Desk {
        apps: shown.clone(),
        host: ondol_apps::Handle {
            requests: requests_sender,
            status: watch::channel(Arc::default()).1,
            logs: ondol_apps::Logs::new(folder.path().to_owned()),
        },
        store: store.handle(),
    };
    let surface = Surface {
        status: watch::channel(Arc::new(crate::command::status::tests::healthy())).1,
        sites: watch::channel(Arc::default()).1,
        certs: watch::channel(Arc::default()).1,
        root: watch::channel(None).1,
        store: store.handle(),
        commands: mpsc::channel(1).0,
        cert_commands: mpsc::channel(1).0,
        apps: shown,
        app_commands,
        backups: watch::channel(Arc::default()).1,
        backup_commands: mpsc::channel(1).0,
        watch: watch::channel(Arc::default()).1,
        watch_commands: mpsc::channel(1).0,
        traffic: watch::channel(Arc::default()).1,
        health_troubles: watch::channel(Arc::default()).1,
    };
    let mut workers = Group::default();
    workers.spawn("questions", AppRequests { commands, desk }.run());
    let socket = Arc::new(Socket::bind(&path).unwrap());
    let mut supervisor = Supervisor::default();
    supervisor.service("admin", move |stop| {
        ondol_admin::serve(Arc::clone(&socket), surface.clone(), stop)
    });
    Stage {
        client: Client::new(path),
        requests,
        apps,
        store,
        _folder: folder,
        _supervisor: supervisor,
        _workers: workers,
    }
}

/// Does what was typed after `ondol`.
async fn typed(client: &Client, words: &[&str]) -> anyhow::Result<ExitCode> {
    let words = std::iter::once(&"ondol").chain(words);
    let Command::OnApp(what) = Cli::try_parse_from(words).unwrap().command else {
        panic!("another command");
    };
    match what {
        OnApp::Deploy(flags) => deploy(client, &flags).await,
        OnApp::Rollback(flags) => rollback(client, &flags).await,
        OnApp::Restart(flags) => restart(client, &flags).await,
        OnApp::Stop(flags) => stop(client, &flags).await,
        OnApp::Start(flags) => start(client, &flags).await,
    }
}

/// A launch in the store.
async fn begun(store: &Store, release: Option<u64>) -> u64 {
    let new = NewLaunch {
        app: AppName::parse("coffee").unwrap(),
        kind: LaunchKind::Deploy,
        release,
        source: String::new(),
        at: 100,
    };
    store.handle().begin_launch(new).await.unwrap()
}

/// Answers the first question with this, and all that follow with how the launch goes on.
async fn host(
    requests: &mut mpsc::Receiver<Request>,
    launch: u64,
    progress: &Progress,
    mut on_follow: impl AsyncFnMut(usize),
) -> Ask {
    let mut first = None;
    for follows in 0.. {
        let Some(Request { ask, reply, .. }) = requests.recv().await else {
            break;
        };
        if first.is_some() {
            assert_eq!(
                ask,
                Ask::Follow {
                    launch: Some(launch)
                }
            );
            on_follow(follows).await;
        }
        first.get_or_insert(ask);
        let progress = progress.clone();
        drop(reply.send(Ok(Reply::Begun { launch, progress })));
    }
    first.unwrap()
}

/// Does what was typed while the host answers; returns how it ended.
async fn with_host(
    stage: &mut Stage,
    words: &[&str],
    launch: u64,
    progress: &Progress,
    on_follow: impl AsyncFnMut(usize),
) -> ExitCode {
    let client = stage.client.clone();
    tokio::select! {
        ended = typed(&client, words) => ended.unwrap(),
        _ = host(&mut stage.requests, launch, progress, on_follow) => panic!("nobody asks"),
    }
}

#[tokio::test]
async fn a_deploy_ends_when_visitors_get_it_unless_it_is_to_be_watched() {
    for (words, is_watched) in [
        (&["deploy", "coffee"][..], false),
        (&["deploy", "coffee", "--watch", "--json"][..], true),
    ] {
        let mut stage = stage();
        let launch = begun(&stage.store, Some(6)).await;
        let progress = Progress::default();
        progress.step(Step::Building);
        progress.line("gcc");
        let mut was_over = false;
        let ended = with_host(
            &mut stage,
            words,
            launch,
            &progress,
            async |follows| match follows {
                1 => {}
                2 => {
                    progress.step(Step::Watching);
                    progress.live();
                }
                _ => {
                    was_over = true;
                    progress.end(Ok("coffee runs release 6 now".to_owned()));
                }
            },
        )
        .await;
        assert_eq!((ended, was_over), (ExitCode::SUCCESS, is_watched));
    }
}

#[tokio::test]
async fn a_deploy_that_fails_or_is_refused_is_exit_code_one() {
    let mut stage = stage();
    let progress = Progress::default();
    let ended = with_host(
        &mut stage,
        &["deploy", "coffee"],
        1,
        &progress,
        async |_| {
            progress.end(Err("the deploy of coffee failed: no\nTraceback".to_owned()));
        },
    )
    .await;
    assert_eq!(ended, ExitCode::FAILURE);

    let client = stage.client.clone();
    let refusing = async {
        let Request { reply, .. } = stage.requests.recv().await.unwrap();
        let refusal = Refusal::Impossible("the disk is full".to_owned());
        reply.send(Err(refusal)).unwrap();
    };
    let (ended, ()) = tokio::join!(typed(&client, &["deploy", "coffee"]), refusing);
    assert_eq!(ended.unwrap(), ExitCode::FAILURE);
    let error = typed(&client, &["deploy", "cofee"]).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no app `cofee`; did you mean `coffee`?"
    );
}

#[tokio::test]
async fn a_deploy_that_is_taken_back_is_a_rollback_done() {
    let mut stage = stage();
    let launch = begun(&stage.store, Some(6)).await;
    let store = stage.store.handle();
    let progress = Progress::default();
    progress.live();
    let ended = with_host(
        &mut stage,
        &["rollback", "coffee"],
        launch,
        &progress,
        async |follows| {
            if follows == 2 {
                let end = LaunchEnd {
                    outcome: LaunchOutcome::RolledBack,
                    reason: String::new(),
                    at: 200,
                };
                store.end_launch(launch, end).await.unwrap();
                progress.end(Err("coffee switched back".to_owned()));
            }
        },
    )
    .await;
    assert_eq!(ended, ExitCode::SUCCESS);
}

#[tokio::test]
async fn a_start_waits_until_the_app_runs() {
    for (state, code) in [
        (AppState::Running, ExitCode::SUCCESS),
        (AppState::Failed, ExitCode::FAILURE),
    ] {
        let mut stage = stage();
        let shown = |state| {
            let apps = vec![app("coffee", state)];
            Arc::new(api::Apps { apps })
        };
        stage.apps.send_replace(shown(AppState::Starting));
        let client = stage.client.clone();
        let host = async {
            let Request { ask, reply, .. } = stage.requests.recv().await.unwrap();
            assert_eq!(ask, Ask::Start);
            reply
                .send(Ok(Reply::Done("coffee starts".to_owned())))
                .unwrap();
            stage.apps.send_replace(shown(state));
        };
        let (ended, ()) = tokio::join!(typed(&client, &["start", "coffee"]), host);
        assert_eq!(ended.unwrap(), code);
    }
}

#[test]
fn what_exists_is_a_path_and_the_rest_is_for_git() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().canonicalize().unwrap();
    let text = path.to_str().unwrap().to_owned();
    let archive = path.join("a.tar.gz");
    ondol_base::file::replace(&archive, b"", 0o600).unwrap();
    let table = [
        (text.clone(), api::DeployFrom::Folder(text.clone())),
        (format!("{text}/./"), api::DeployFrom::Folder(text)),
        (
            archive.display().to_string(),
            api::DeployFrom::Archive(archive.display().to_string()),
        ),
        (
            "feature/x".to_owned(),
            api::DeployFrom::Git("feature/x".to_owned()),
        ),
        ("v1.2".to_owned(), api::DeployFrom::Git("v1.2".to_owned())),
    ];
    for (typed, expected) in table {
        assert_eq!(source(&typed).unwrap(), expected);
    }
    let missing = path.join("nothing").display().to_string();
    let error = source(&missing).unwrap_err().to_string();
    assert!(error.contains(&missing), "{error}");
    assert!(
        source("/dev/null")
            .unwrap_err()
            .to_string()
            .contains("neither")
    );
}

#[test]
fn a_log_below_a_sentence_keeps_its_lines() {
    let screen = Screen {
        width: Some(20),
        color: output::Color::Plain,
    };
    let message = "the deploy failed, and release 4 goes on: no\nTraceback (most recent call last)\n\x1b[31mbad";
    assert_eq!(
        paragraphs(message, screen),
        "the deploy failed,\nand release 4 goes\non: no\n  Traceback (most recent call last)\n  bad\n"
    );
}
