//! What the owner is answered about backups, and what those who take them and those who run apps are asked.

use std::path::PathBuf;

use ondol_apps::AppState;
use ondol_apps::AppStatus;
use ondol_apps::Ask;
use ondol_apps::Reply;
use ondol_backup::BackupStatus;
use ondol_backup::Destination;
use ondol_backup::FailureKind;
use ondol_backup::Report;
use ondol_backup::RestoreWork;
use ondol_backup::What;
use ondol_config::SourceFile;
use ondol_config::Sources;
use ondol_model::app::AppName;
use ondol_store::Store;

use super::*;

const BOX: &str = r#"
[sites."coffee.test"]
app = "coffee"
[apps.coffee]
dir = "/srv/coffee"
run = "x"
[backup]
to = ["/mnt/usb/ondol", "sftp:me@away.test:/srv/ondol"]
"#;

struct Stage {
    desk: Desk,
    requests: mpsc::Receiver<Request>,
    apps: mpsc::Receiver<ondol_apps::Request>,
    store: Store,
    _status: watch::Sender<Arc<BackupStatus>>,
    _app_status: watch::Sender<Arc<Vec<AppStatus>>>,
    _plan: watch::Sender<Arc<Plan>>,
}

fn running(name: &str) -> AppStatus {
    AppStatus {
        name: AppName::parse(name).unwrap(),
        state: AppState::Running,
        since: 0,
        launch: Some(1),
        release: None,
        note: String::new(),
        runs: Vec::new(),
        instances: Vec::new(),
        restarts: 0,
        traffic: ondol_model::app::LaunchTraffic::default(),
        held: 0,
        releases: Vec::new(),
        unenforced: Vec::new(),
        cron: Vec::new(),
    }
}

fn stage() -> Stage {
    let file = SourceFile {
        path: "/etc/ondol/ondol.toml".into(),
        text: BOX.to_owned(),
    };
    let sources = Sources { files: vec![file] };
    let plan = ondol_config::accept(&sources).unwrap().plan;
    let (plan, plan_reader) = watch::channel(plan);
    let (sender, requests) = mpsc::channel(8);
    let (app_sender, apps) = mpsc::channel(8);
    let (status, status_reader) = watch::channel(Arc::default());
    let (app_status, app_reader) = watch::channel(Arc::new(vec![running("coffee")]));
    let store = ondol_store::open_in_memory().unwrap();
    let desk = Desk {
        backups: ondol_backup::Handle {
            requests: sender,
            status: status_reader,
        },
        apps: ondol_apps::Handle {
            requests: app_sender,
            status: app_reader,
            logs: ondol_apps::Logs::new("/nowhere".into()),
        },
        store: store.handle(),
        plan: plan_reader,
        folders: Folders {
            config: "/etc/ondol/ondol.toml".into(),
            state: "/var/lib/ondol".into(),
            runtime: "/run/ondol".into(),
            logs: "/var/log/ondol".into(),
        },
        folders_changed: mpsc::channel(1).0,
        courses: Courses::new(),
    };
    Stage {
        desk,
        requests,
        apps,
        store,
        _status: status,
        _app_status: app_status,
        _plan: plan,
    }
}

/// What those who take backups say of a job at these targets.
fn says(targets: &[&str], reports: Vec<(&str, Report)>) -> Started {
    let (sender, receiver) = mpsc::channel(64);
    for (target, report) in reports {
        sender.try_send((target.to_owned(), report)).unwrap();
    }
    Started {
        targets: targets.iter().map(|target| (*target).to_owned()).collect(),
        reports: receiver,
    }
}

fn checked(faults: &[&str]) -> Report {
    Report::Done(Box::new(Found::Checked {
        packs: 1,
        faults: faults.iter().map(|fault| (*fault).to_owned()).collect(),
        damaged: Vec::new(),
    }))
}

fn restored(faults: &[&str], staged: &[(&str, &str)]) -> Report {
    let staged = staged
        .iter()
        .map(|(from, to)| (PathBuf::from(from), PathBuf::from(to)));
    Report::Done(Box::new(Found::Restored {
        run: "20261121T033000Z-abcdef".to_owned(),
        files: 2,
        bytes: 3_000,
        faults: faults.iter().map(|fault| (*fault).to_owned()).collect(),
        staged: staged.collect(),
    }))
}

fn failed(sentence: &str) -> Report {
    Report::Failed(Failure {
        kind: FailureKind::Unreachable,
        sentence: sentence.to_owned(),
    })
}

/// What the owner is answered, and what goes on afterwards.
async fn answer(
    desk: &Desk,
    deed: BackupDeed,
) -> (
    api::BackupAnswer,
    std::pin::Pin<Box<dyn Future<Output = ()>>>,
) {
    let (reply, mut answer) = oneshot::channel();
    let mut work: std::pin::Pin<Box<dyn Future<Output = ()>>> =
        Box::pin(desk.clone().carry_out(deed, reply));
    tokio::select! {
        biased;
        answered = &mut answer => (answered.unwrap(), work),
        () = &mut work => (answer.await.unwrap(), Box::pin(async {})),
    }
}

async fn followed(desk: &Desk, job: u64) -> api::BackupFollowing {
    let query = api::BackupFollowQuery {
        job,
        from: 0,
        seen: None,
    };
    desk.follow(query).await.unwrap()
}

#[tokio::test]
async fn a_verification_reads_back_and_restores_at_each_target_and_goes_on_after_a_failure() {
    let Stage {
        desk, mut requests, ..
    } = stage();
    let service = async {
        let mut asked = Vec::new();
        while asked.len() < 4 {
            let Some(Request::Now {
                kind,
                target,
                reply,
            }) = requests.recv().await
            else {
                panic!("another request came");
            };
            let target = target.unwrap();
            let reports = vec![
                (target.as_str(), Report::Note("so".to_owned())),
                (
                    target.as_str(),
                    checked(if kind == JobKind::Check {
                        &[]
                    } else {
                        &["bad"]
                    }),
                ),
            ];
            let answer = if target == "away.test" && kind == JobKind::Check {
                Err("it is locked".to_owned())
            } else {
                Ok(says(&[&target], reports))
            };
            asked.push((kind, target.clone()));
            reply.send(answer).unwrap();
        }
        asked
    };
    let owner = async {
        let deed = BackupDeed::Verify(api::VerifyQuestion::default());
        let (answer, work) = answer(&desk, deed).await;
        work.await;
        followed(&desk, answer.job.unwrap()).await
    };
    let (asked, following) = tokio::join!(service, owner);
    let names = desk.targets();
    let expected: Vec<_> = names
        .iter()
        .flat_map(|name| {
            [
                (JobKind::Check, name.clone()),
                (JobKind::Prove, name.clone()),
            ]
        })
        .collect();
    assert_eq!(asked, expected);
    let goods: Vec<_> = following.ends.iter().map(|end| end.good).collect();
    assert_eq!(goods, [true, false, false, false]);
    assert!(
        following.over && following.lines.len() == 3,
        "{following:?}"
    );
    assert_eq!(following.ends[2].message, "it is locked");
}

#[tokio::test]
async fn what_is_refused_is_the_answer_and_nothing_is_followed() {
    let Stage {
        desk, mut requests, ..
    } = stage();
    let to = |target: &str| {
        BackupDeed::Now(api::BackupQuestion {
            target: Some(target.to_owned()),
            databases_only: true,
        })
    };
    let (unknown, _) = answer(&desk, to("awya.test")).await;
    assert_eq!(
        (unknown.accepted, unknown.message.as_str()),
        (
            false,
            "there is no target `awya.test`; did you mean `away.test`?"
        )
    );
    let service = async {
        let Some(Request::Now { kind, reply, .. }) = requests.recv().await else {
            panic!("another request came");
        };
        assert_eq!(kind, JobKind::Databases);
        reply
            .send(Err("there are no databases".to_owned()))
            .unwrap();
    };
    let ((refused, _), ()) = tokio::join!(answer(&desk, to("away.test")), service);
    assert_eq!(
        (refused.accepted, refused.message.as_str(), refused.job),
        (false, "there are no databases", None)
    );
}

#[tokio::test]
async fn who_follows_sees_how_far_it_is_and_a_job_without_an_end_has_one() {
    let Stage {
        desk, mut requests, ..
    } = stage();
    let amount = |bytes| ondol_backup::Amount { items: 1, bytes };
    let service = async {
        let Some(Request::Now { reply, .. }) = requests.recv().await else {
            panic!("another request came");
        };
        let progress = Report::Progress {
            done: amount(5),
            total: Some(amount(10)),
        };
        let reports = vec![
            ("usb", Report::Step("reading files".to_owned())),
            ("usb", progress),
            ("usb", checked(&[])),
            ("away.test", Report::Step("reading files".to_owned())),
            (
                "away.test",
                Report::Waiting("it does not answer".to_owned()),
            ),
        ];
        reply
            .send(Ok(says(&["usb", "away.test"], reports)))
            .unwrap();
    };
    let owner = async {
        let deed = BackupDeed::Now(api::BackupQuestion::default());
        let (answer, work) = answer(&desk, deed).await;
        assert_eq!(answer.targets, ["usb", "away.test"]);
        work.await;
        followed(&desk, answer.job.unwrap()).await
    };
    let ((), following) = tokio::join!(service, owner);
    assert_eq!(
        (following.target.as_str(), following.step.as_str()),
        ("away.test", "reading files")
    );
    assert!(following.over);
    let goods: Vec<_> = following.ends.iter().map(|end| end.good).collect();
    assert_eq!(goods, [true, false]);
    assert!(
        following.ends[1]
            .message
            .contains("ended before it was done")
    );
}

fn of_app(incomplete: bool) -> BackupDeed {
    BackupDeed::Restore(api::RestoreQuestion {
        what: api::RestoreWhat::App("coffee".to_owned()),
        target: Some("away.test".to_owned()),
        at: Some(api::Time::from_unix_seconds(7)),
        to: None,
        incomplete,
    })
}

/// Answers a job of a restore so; returns where to it was.
async fn restoring(requests: &mut mpsc::Receiver<Request>, report: Report) -> Destination {
    let Some(Request::Work {
        target,
        work,
        kind,
        reply,
    }) = requests.recv().await
    else {
        panic!("another request came");
    };
    let Work::Restore(RestoreWork { at, what, to, .. }) = *work else {
        panic!("other work");
    };
    // What lies beside is remembered as nothing: it has no place yet.
    let expected = (to != Destination::Beside).then_some(JobKind::Restore);
    assert_eq!((target.as_deref(), kind), (Some("away.test"), expected));
    assert_eq!(at, Some(7));
    assert!(matches!(what, What::Paths(_)), "{what:?}");
    reply
        .send(Ok(says(&["away.test"], vec![("away.test", report)])))
        .unwrap();
    to
}

async fn app_is_asked(apps: &mut mpsc::Receiver<ondol_apps::Request>) -> Ask {
    let ondol_apps::Request { app, ask, reply } = apps.recv().await.unwrap();
    assert_eq!(app.as_str(), "coffee");
    reply.send(Ok(Reply::Done("done".to_owned()))).unwrap();
    ask
}

#[tokio::test]
async fn an_app_stands_still_only_while_what_lies_ready_takes_its_place() {
    let Stage {
        desk,
        mut requests,
        mut apps,
        store,
        ..
    } = stage();
    let world = async {
        let staged = [("/srv/.coffee.new", "/srv/coffee")];
        let first = restoring(&mut requests, restored(&[], &staged)).await;
        assert_eq!(first, Destination::Beside);
        assert_eq!(app_is_asked(&mut apps).await, Ask::Stop);
        // The next agent would start it.
        let left = store
            .handle()
            .backup_fact("stopped-for-restore")
            .await
            .unwrap();
        assert_eq!(left.as_deref(), Some("coffee"));
        let kept = [("/srv/coffee.before", "/srv/coffee")];
        let second = restoring(&mut requests, restored(&[], &kept)).await;
        let staged = vec![("/srv/.coffee.new".into(), "/srv/coffee".into())];
        assert_eq!(second, Destination::Place { staged });
        assert_eq!(app_is_asked(&mut apps).await, Ask::Start);
    };
    let owner = async {
        let (answer, work) = answer(&desk, of_app(false)).await;
        work.await;
        followed(&desk, answer.job.unwrap()).await
    };
    let ((), following) = tokio::join!(world, owner);
    let end = &following.ends[0];
    assert!(end.good, "{end:?}");
    assert!(
        end.message
            .starts_with("2 files were restored (3.0 kB) as of 2026-11-21"),
        "{end:?}"
    );
    assert!(
        end.message
            .contains("it is in its place. coffee stood still for 1 s"),
        "{end:?}"
    );
    assert_eq!(end.found.kept[0].kept, "/srv/coffee.before");
    let left = store
        .handle()
        .backup_fact("stopped-for-restore")
        .await
        .unwrap();
    assert_eq!(left.as_deref(), Some(""));
}

#[tokio::test]
async fn what_is_not_whole_takes_no_place_unless_that_is_wanted() {
    let staged = [("/srv/.coffee.new", "/srv/coffee")];
    let fault = ["/srv/coffee/a could not be restored"];
    let Stage {
        desk,
        mut requests,
        mut apps,
        ..
    } = stage();
    let owner = async |incomplete| {
        let (answer, work) = answer(&desk, of_app(incomplete)).await;
        work.await;
        followed(&desk, answer.job.unwrap()).await.ends.remove(0)
    };
    let beside = restoring(&mut requests, restored(&fault, &staged));
    let (_, end) = tokio::join!(beside, owner(false));
    assert!(!end.good && end.found.faults == fault, "{end:?}");
    assert!(end.message.contains("nothing took its place"), "{end:?}");
    assert!(end.message.contains("lies in /srv/.coffee.new"), "{end:?}");
    assert!(apps.try_recv().is_err());

    let world = async {
        restoring(&mut requests, restored(&fault, &staged)).await;
        app_is_asked(&mut apps).await;
        restoring(&mut requests, restored(&[], &[])).await;
        app_is_asked(&mut apps).await;
    };
    let ((), end) = tokio::join!(world, owner(true));
    assert!(
        !end.good && end.message.contains("it is in its place"),
        "{end:?}"
    );
}

#[tokio::test]
async fn an_app_runs_again_also_when_its_data_did_not_get_into_place() {
    let Stage {
        desk,
        mut requests,
        mut apps,
        ..
    } = stage();
    let staged = [("/srv/.coffee.new", "/srv/coffee")];
    let world = async {
        restoring(&mut requests, restored(&[], &staged)).await;
        assert_eq!(app_is_asked(&mut apps).await, Ask::Stop);
        restoring(&mut requests, failed("The disk is full. Nothing changed.")).await;
        assert_eq!(app_is_asked(&mut apps).await, Ask::Start);
    };
    let owner = async {
        let (answer, work) = answer(&desk, of_app(false)).await;
        work.await;
        followed(&desk, answer.job.unwrap()).await.ends.remove(0)
    };
    let ((), end) = tokio::join!(world, owner);
    assert!(!end.good);
    assert!(
        end.message
            .starts_with("The disk is full. Nothing changed. what was restored lies"),
        "{end:?}"
    );
    assert!(end.message.ends_with("runs again"), "{end:?}");
}

#[tokio::test]
async fn what_an_agent_before_has_stopped_is_started() {
    let Stage {
        desk,
        mut apps,
        store,
        ..
    } = stage();
    store
        .handle()
        .set_backup_fact("stopped-for-restore", "coffee")
        .await
        .unwrap();
    let ((), asked) = tokio::join!(desk.start_left(), app_is_asked(&mut apps));
    assert_eq!(asked, Ask::Start);
    let left = store
        .handle()
        .backup_fact("stopped-for-restore")
        .await
        .unwrap();
    assert_eq!(left.as_deref(), Some(""));
}
