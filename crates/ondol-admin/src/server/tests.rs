//! The real server on a real socket, asked by the real client and by hand.

use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ondol_base::tasks::Supervisor;
use ondol_model::event::EventKind;
use ondol_store::Event;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use tokio::sync::watch;

use super::*;
use crate::api;
use crate::api::Time;
use crate::client::Client;
use crate::client::ClientError;
use crate::endpoints::AppCommand;
use crate::endpoints::AppDeed;
use crate::endpoints::BackupCommand;
use crate::endpoints::CertCommand;
use crate::endpoints::Command;
use crate::endpoints::WatchCommand;
use crate::socket::BindError;

mod alarms;
mod backups;

const NOON: Time = Time::from_unix_seconds(1_772_337_906);

/// An agent that has a socket and values, and nothing behind them.
struct Agent {
    folder: tempfile::TempDir,
    client: Client,
    commands: mpsc::Receiver<Command>,
    cert_commands: mpsc::Receiver<CertCommand>,
    app_commands: mpsc::Receiver<AppCommand>,
    apps: watch::Sender<Arc<api::Apps>>,
    backups: watch::Sender<Arc<api::Backups>>,
    backup_commands: mpsc::Receiver<BackupCommand>,
    watch: watch::Sender<Arc<api::Watch>>,
    watch_commands: mpsc::Receiver<WatchCommand>,
    root: watch::Sender<Option<Arc<str>>>,
    store: ondol_store::Store,
    supervisor: Supervisor,
}

pub(crate) fn status() -> api::Status {
    api::Status {
        box_name: "seocho".to_owned(),
        timezone: None,
        version: "0.1.0".to_owned(),
        pid: 4_711,
        started_at: NOON,
        revision: 3,
        configuration: "/etc/ondol/ondol.toml".to_owned(),
        last_reload: None,
        on_last_good: false,
        on_last_good_reason: None,
        generation: Some(7),
        generations: vec![api::Generation {
            number: 7,
            pid: 4_712,
            state: api::GenerationState::Ready,
            since: NOON,
            connections: 2,
            requests: 40,
            version: "0.1.0".to_owned(),
        }],
        listeners: Vec::new(),
        sites: 1,
        certificates: 1,
        stand_ins: 0,
        certificate_problems: Vec::new(),
        connections: 2,
        requests: 41,
        servers: Vec::new(),
        apps: Vec::new(),
        backups: api::Backups::default(),
        watch: api::Watch::default(),
        log_lines_dropped: 0,
        warnings: Vec::new(),
        services: Vec::new(),
    }
}

pub(crate) fn sites() -> api::Sites {
    let site = api::Site {
        name: "blog.example.com".to_owned(),
        aliases: vec!["*.blog.example.com".to_owned()],
        serves_aliases: true,
        scheme: "https".to_owned(),
        listens: vec![":443".to_owned()],
        routes: Vec::new(),
        certificate: None,
        health: None,
    };
    api::Sites { sites: vec![site] }
}

fn start() -> Agent {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("admin.sock");
    let store = ondol_store::open(&folder.path().join("ondol.db"))
        .unwrap()
        .store;
    let (sender, commands) = mpsc::channel(limits::ADMIN_COMMANDS);
    let (cert_sender, cert_commands) = mpsc::channel(limits::ADMIN_COMMANDS);
    let (app_sender, app_commands) = mpsc::channel(limits::ADMIN_COMMANDS);
    let (backup_sender, backup_commands) = mpsc::channel(limits::ADMIN_COMMANDS);
    let (backups, backups_receiver) = watch::channel(Arc::default());
    let (watch_sender, watch_commands) = mpsc::channel(limits::ADMIN_COMMANDS);
    let (watch, watch_receiver) = watch::channel(Arc::default());
    let (apps, apps_receiver) = watch::channel(Arc::default());
    let (root, root_receiver) = watch::channel(None);
    let surface = Surface {
        status: watch::channel(Arc::new(status())).1,
        sites: watch::channel(Arc::new(sites())).1,
        certs: watch::channel(Arc::default()).1,
        root: root_receiver,
        store: store.handle(),
        commands: sender,
        cert_commands: cert_sender,
        apps: apps_receiver,
        app_commands: app_sender,
        backups: backups_receiver,
        backup_commands: backup_sender,
        watch: watch_receiver,
        watch_commands: watch_sender,
        traffic: watch::channel(Arc::default()).1,
        health_troubles: watch::channel(Arc::default()).1,
    };
    let socket = Arc::new(Socket::bind(&path).unwrap());
    let mut supervisor = Supervisor::default();
    supervisor.service("admin", move |stop| {
        serve(Arc::clone(&socket), surface.clone(), stop)
    });
    Agent {
        client: Client::new(path),
        folder,
        commands,
        cert_commands,
        app_commands,
        apps,
        backups,
        backup_commands,
        watch,
        watch_commands,
        root,
        store,
        supervisor,
    }
}

/// What the server answers to these bytes, until it closes.
async fn by_hand(path: &Path, request: &str) -> String {
    let mut stream = UnixStream::connect(path).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn published_values_arrive_as_they_are() {
    let agent = start();
    assert_eq!(agent.client.status().await.unwrap(), status());
    assert_eq!(agent.client.sites().await.unwrap(), sites());
    assert_eq!(agent.client.certs().await.unwrap(), api::Certs::default());
}

#[tokio::test]
async fn times_and_states_are_text_in_the_json() {
    let agent = start();
    let request = "GET /status HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let answer = by_hand(agent.client.socket(), request).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    for part in [
        r#""started_at":"2026-03-01T04:05:06Z""#,
        r#""state":"ready""#,
        r#""generation":7"#,
        r#""last_reload":null"#,
    ] {
        assert!(answer.contains(part), "{part} is missing in {answer}");
    }
}

#[tokio::test]
async fn the_root_is_there_once_it_is_made() {
    let agent = start();
    let missing = agent.client.root().await.unwrap_err();
    assert!(matches!(missing, ClientError::Refused { status: 404, .. }));
    assert!(missing.to_string().contains("has signed nothing yet"));
    agent.root.send_replace(Some(Arc::from("-----BEGIN")));
    assert_eq!(agent.client.root().await.unwrap(), "-----BEGIN");
}

#[tokio::test]
async fn events_come_from_the_store() {
    let agent = start();
    for number in 1..=60 {
        let event = Event::new(EventKind::Started, "", format!("event {number}"));
        agent.store.handle().record(event).await.unwrap();
    }
    let asked = async |limit, before| {
        let query = api::EventsQuery {
            limit,
            before,
            ..api::EventsQuery::default()
        };
        agent.client.events(query).await.unwrap().events
    };
    let newest = asked(None, None).await;
    assert_eq!(newest.len(), 50);
    assert_eq!((newest[0].id, newest[0].message.as_str()), (60, "event 60"));
    assert_eq!(newest[0].kind, "started");
    let older = asked(Some(3), Some(newest[49].id)).await;
    let ids: Vec<_> = older.iter().map(|event| event.id).collect();
    assert_eq!(ids, [10, 9, 8]);

    let query = api::EventsQuery {
        subject: Some("a&b".to_owned()),
        kind: Some("started".to_owned()),
        since: Some(Time::now()),
        ..api::EventsQuery::default()
    };
    let none = agent.client.events(query).await.unwrap();
    assert_eq!(none.events, []);

    let Agent { store, client, .. } = agent;
    store.close().await;
    let error = client
        .events(api::EventsQuery::default())
        .await
        .unwrap_err();
    assert!(matches!(error, ClientError::Refused { status: 500, .. }));
}

#[tokio::test]
async fn a_reload_is_answered_by_the_agent_also_when_refused() {
    let Agent {
        client,
        mut commands,
        folder: _folder,
        supervisor: _supervisor,
        ..
    } = start();
    let refused = api::ReloadAnswer {
        revision: 3,
        mistakes: "sites/blog.toml:4:1: unknown key `flies`".to_owned(),
        mistakes_list: vec![api::Mistake {
            file: "sites/blog.toml".to_owned(),
            line: 4,
            column: 1,
            problem: "unknown key `flies`".to_owned(),
            help: Some("did you mean `files`?".to_owned()),
        }],
        ..api::ReloadAnswer::default()
    };
    let accepted = api::ReloadAnswer {
        accepted: true,
        revision: 4,
        ..api::ReloadAnswer::default()
    };
    for answer in [refused, accepted] {
        let agent = async {
            let Some(Command::Reload { reply }) = commands.recv().await else {
                panic!("another command came");
            };
            reply.send(answer.clone()).unwrap();
        };
        let (got, ()) = tokio::join!(client.reload(), agent);
        assert_eq!(got.unwrap(), answer);
    }
}

#[tokio::test]
async fn an_upgrade_names_its_file_and_only_an_absolute_one() {
    let Agent {
        client,
        mut commands,
        folder: _folder,
        supervisor: _supervisor,
        ..
    } = start();
    let agent = async {
        let Some(Command::Upgrade { file, reply }) = commands.recv().await else {
            panic!("another command came");
        };
        assert_eq!(file, Path::new("/tmp/온돌"));
        let answer = api::UpgradeAnswer {
            accepted: false,
            message: "it is not a program".to_owned(),
            version: None,
        };
        reply.send(answer).unwrap();
    };
    let (answer, ()) = tokio::join!(client.upgrade("/tmp/온돌"), agent);
    assert_eq!(answer.unwrap().message, "it is not a program");
    let relative = client.upgrade("ondol").await.unwrap_err();
    assert!(matches!(relative, ClientError::Refused { status: 400, .. }));
}

#[tokio::test]
async fn commands_about_certificates_are_answered_also_while_the_agent_is_busy() {
    let Agent {
        client,
        commands: _busy,
        mut cert_commands,
        folder: _folder,
        supervisor: _supervisor,
        ..
    } = start();
    let answered = |accepted| api::CertAnswer {
        name: "a.test".to_owned(),
        accepted,
        message: "it is being got".to_owned(),
    };
    let agent = async {
        let Some(CertCommand::Renew { question, reply }) = cert_commands.recv().await else {
            panic!("another command came");
        };
        assert_eq!(question.names, ["a.test"]);
        let certificates = vec![answered(true), answered(false)];
        let answer = api::RenewAnswer {
            accepted: false,
            certificates,
        };
        reply.send(answer).unwrap();
        let Some(CertCommand::Revoke { question, reply }) = cert_commands.recv().await else {
            panic!("another command came");
        };
        assert_eq!(question.reason, api::RevocationReason::KeyCompromise);
        reply.send(answered(true)).unwrap();
        for _ in 0..2 {
            match cert_commands.recv().await {
                Some(CertCommand::Rekey { question, reply }) => {
                    assert_eq!(question.name, "letsencrypt");
                    reply.send(answered(false)).unwrap();
                }
                Some(CertCommand::Persist { question, reply }) => {
                    assert_eq!(question.name, "a.test");
                    reply.send(answered(true)).unwrap();
                }
                other => panic!("another command came: {other:?}"),
            }
        }
    };
    let asking = async {
        let name = || "a.test".to_owned();
        let renew = api::RenewQuestion {
            names: vec![name()],
            all: false,
        };
        let answer = client.renew(&renew).await.unwrap();
        assert!(!answer.accepted && answer.certificates[0].accepted);
        let revoke = api::RevokeQuestion {
            name: name(),
            reason: api::RevocationReason::KeyCompromise,
        };
        assert_eq!(client.revoke(&revoke).await.unwrap(), answered(true));
        let rekey = api::RekeyQuestion {
            name: "letsencrypt".to_owned(),
        };
        assert_eq!(client.rekey(&rekey).await.unwrap(), answered(false));
        let persist = api::PersistQuestion { name: name() };
        assert_eq!(client.persist(&persist).await.unwrap(), answered(true));
    };
    tokio::join!(agent, asking);
    drop(cert_commands);
    let rekey = api::RekeyQuestion {
        name: "letsencrypt".to_owned(),
    };
    let ending = client.rekey(&rekey).await.unwrap_err();
    assert!(matches!(ending, ClientError::Refused { status: 503, .. }));
}

#[tokio::test]
async fn an_agent_that_ends_while_asked_says_so() {
    let Agent {
        client,
        mut commands,
        folder: _folder,
        supervisor: _supervisor,
        ..
    } = start();
    let drops_it = async { drop(commands.recv().await) };
    let (answer, ()) = tokio::join!(client.reload(), drops_it);
    drop(commands);
    for answer in [answer, client.reload().await] {
        let error = answer.unwrap_err();
        assert!(
            matches!(error, ClientError::Refused { status: 503, .. }),
            "{error}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_never_answers_is_given_up() {
    let agent = start();
    let error = agent.client.reload().await.unwrap_err();
    assert!(
        matches!(error, ClientError::Refused { status: 504, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn bad_questions_get_a_sentence_and_harm_nobody() {
    let agent = start();
    let long = "x".repeat(limits::ADMIN_BODY_BYTES_MAX + 1);
    let json = "content-type: application/json\r\n";
    let table = [
        ("GET /photos", "", "", "404"),
        ("DELETE /status", "", "", "405"),
        ("GET /events?limit=many", "", "", "400"),
        ("GET /events?limit=-1", "", "", "400"),
        ("GET /events?page=2", "", "", "400"),
        ("POST /upgrade", "", "{}", "415"),
        ("POST /upgrade", json, "{}", "400"),
        ("POST /upgrade", json, "{\"file\":", "400"),
        (
            "POST /upgrade",
            json,
            "{\"file\":\"/a\",\"now\":true}",
            "400",
        ),
        ("POST /upgrade", json, &long, "413"),
        ("GET /certs/renew", "", "", "405"),
        ("POST /certs/renew", json, "{}", "400"),
        (
            "POST /certs/renew",
            json,
            "{\"names\":[\"a.test\"],\"all\":true}",
            "400",
        ),
        ("POST /certs/revoke", json, "{}", "400"),
        (
            "POST /certs/revoke",
            json,
            "{\"name\":\"a.test\",\"reason\":\"boredom\"}",
            "400",
        ),
        ("POST /certs/rekey", json, "{\"names\":[]}", "400"),
        ("POST /certs/persist", "", "{\"name\":\"a.test\"}", "415"),
    ];
    for (line, header, body, status) in table {
        let length = body.len();
        let request = format!(
            "{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{header}content-length: {length}\r\n\r\n{body}"
        );
        let answer = by_hand(agent.client.socket(), &request).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{line}: {answer}"
        );
        assert!(answer.contains("{\"message\":\""), "{line}: {answer}");
    }
    agent.client.status().await.unwrap();
}

#[tokio::test]
async fn nobody_there_is_told_apart_from_other_troubles() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("admin.sock");
    let missing = Client::new(&path).status().await.unwrap_err();
    assert_eq!(
        missing.to_string(),
        format!(
            "no agent is running here: nothing answers on {}",
            path.display()
        )
    );
    drop(Socket::bind(&path).unwrap());
    let ended = Client::new(&path).status().await.unwrap_err();
    assert!(matches!(ended, ClientError::NoAgent { .. }), "{ended}");
    let under_a_file = Client::new(path.join("admin.sock")).status().await;
    assert!(matches!(under_a_file, Err(ClientError::Connect { .. })));

    let silent = tokio::net::UnixListener::bind(folder.path().join("silent.sock")).unwrap();
    let client = Client::new(folder.path().join("silent.sock"));
    let hangs_up = async { drop(silent.accept().await) };
    let (answer, ()) = tokio::join!(client.status(), hangs_up);
    assert!(matches!(answer, Err(ClientError::Lost(_))));
}

#[tokio::test]
async fn the_socket_is_its_owners_alone_and_a_second_agent_is_refused() {
    let agent = start();
    let path = agent.client.socket();
    let mode = std::fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(matches!(Socket::bind(path), Err(BindError::Taken { .. })));
    agent.client.status().await.unwrap();
}

#[tokio::test]
async fn an_agent_that_is_too_busy_to_accept_is_there_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("admin.sock");
    let _busy = Socket::bind(&path).unwrap();
    // As many as wait in the backlog: the next one would hang.
    let connect = || std::os::unix::net::UnixStream::connect(&path).unwrap();
    let _waiting: Vec<_> = std::iter::repeat_with(connect).take(65).collect();
    assert!(matches!(Socket::bind(&path), Err(BindError::Taken { .. })));
    let too_long = folder.path().join("a".repeat(200));
    assert!(matches!(Socket::bind(&too_long), Err(BindError::Io { .. })));
}

#[tokio::test]
async fn who_waits_during_an_exec_is_answered_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("admin.sock");
    let socket = Socket::bind(&path).unwrap();
    let kept = socket.as_fd().try_clone_to_owned().unwrap();
    drop(socket);
    let waiting = UnixStream::connect(&path).await.unwrap();
    let socket = Socket::from_inherited(kept).unwrap();
    let (accepted, _) = socket.0.accept().await.unwrap();
    assert_eq!(
        accepted.peer_cred().unwrap().uid(),
        waiting.peer_cred().unwrap().uid()
    );
}

/// Needs root, to become somebody else.
#[tokio::test]
async fn another_user_is_refused_even_when_the_socket_is_open_to_all() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can connect as another user");
        return;
    }
    let agent = start();
    let path = agent.client.socket().to_owned();
    for (path, mode) in [(agent.folder.path(), 0o755), (path.as_path(), 0o666)] {
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    }
    let connected = ondol_base::tasks::spawn_thread("stranger", move || {
        let nobody = rustix::process::Uid::from_raw(65_534);
        // Of this thread alone: the process stays root.
        rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
        std::os::unix::net::UnixStream::connect(path).unwrap()
    });
    let stream = connected.unwrap().join().unwrap();
    stream.set_nonblocking(true).unwrap();
    let mut stream = UnixStream::from_std(stream).unwrap();
    let request =
        b"POST /reload HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    assert!(answer.contains("Only root and the user of the agent (uid 0)"));
    assert!(agent.commands.is_empty());
}

#[tokio::test(start_paused = true)]
async fn idle_connections_make_room_for_others_and_a_stop_waits_for_nobody() {
    let agent = start();
    let mut idle = Vec::new();
    for _ in 0..limits::ADMIN_CONNECTIONS_MAX {
        idle.push(UnixStream::connect(agent.client.socket()).await.unwrap());
    }
    let began = clock::now();
    agent.client.status().await.unwrap();
    let waited = clock::now() - began;
    assert!(
        waited > Duration::ZERO && waited <= limits::ADMIN_HEAD,
        "{waited:?}"
    );

    let idle = UnixStream::connect(agent.client.socket()).await.unwrap();
    let late = agent.supervisor.stop(Duration::from_secs(10)).await;
    assert!(late.is_empty());
    drop(idle);
}

#[tokio::test]
async fn an_answer_under_way_is_finished_when_the_end_is_asked_for() {
    let Agent {
        client,
        mut commands,
        folder: _folder,
        supervisor,
        ..
    } = start();
    let ending = async {
        let Some(Command::Reload { reply }) = commands.recv().await else {
            panic!("another command came");
        };
        let stopping = supervisor.stop(Duration::from_secs(10));
        let answering = async {
            tokio::task::yield_now().await;
            reply.send(api::ReloadAnswer::default()).unwrap();
        };
        tokio::join!(stopping, answering).0
    };
    let (answer, late) = tokio::join!(client.reload(), ending);
    assert!(!answer.unwrap().accepted);
    assert!(late.is_empty());
}

mod apps;
