//! Real processes in their seats: what visitors get of them, what the owner is told, and what is left of them.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ondol_base::process;
use ondol_model::app::AppName;
use ondol_model::app::ProcessName;
use ondol_model::plan;
use rustix::process::Signal;
use tempfile::TempDir;
use tokio::io::AsyncRead;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWrite;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::UnixStream;

use crate::group::Groups;
use crate::instance::Stopped;
use crate::log::AppLog;
use crate::sample;

use super::*;

mod servers;

const PYTHON: &str = "/usr/bin/python3";
const SERVER: &str = include_str!("../../testdata/server.py");
/// What ends sooner when all is well.
const LONG: Duration = Duration::from_secs(60);
/// For what is to fail.
const SHORT: Duration = Duration::from_millis(1500);

struct Scene {
    folder: TempDir,
    app: plan::App,
    surroundings: Surroundings,
}

impl Scene {
    /// An app whose web process is the server of the test data, with these arguments.
    async fn new(listen: AppListen, arguments: &str) -> Self {
        let folder = sample::folder();
        let server = folder.path().join("server.py");
        file::replace(&server, SERVER.as_bytes(), 0o644).unwrap();
        let places = sample::places(folder.path());
        for made in [&places.state, &places.runtime, &places.logs] {
            std::fs::create_dir(made).unwrap();
        }
        let mut app = plan::App::named(AppName::parse("coffee").unwrap());
        app.run = Some(format!("exec {PYTHON} {} {arguments}", server.display()));
        app.listen = Some(listen);
        app.user = sample::nobody().map(|nobody| nobody.name);
        app.start_timeout = LONG;
        app.health.path = Some("/up".to_owned());
        let surroundings = Surroundings {
            log: AppLog::open(&places, &app.name),
            groups: Arc::new(Groups::find().await),
            places: Arc::new(places),
            hidden: Arc::from([]),
        };
        Self {
            folder,
            app,
            surroundings,
        }
    }

    fn release(&self) -> Release {
        Release {
            number: None,
            folder: self.folder.path().to_owned(),
        }
    }

    async fn settings(&self) -> Arc<Settings> {
        let app = Arc::new(self.app.clone());
        let host = Some("coffee.example".to_owned());
        let (release, places) = (self.release(), &self.surroundings.places);
        let settings = Settings::read(app, host, &release, places).await;
        Arc::new(settings.unwrap())
    }

    async fn seat(&self) -> Seat {
        self.seat_of("web.1").await
    }

    async fn seat_of(&self, name: &str) -> Seat {
        let name = InstanceName::parse(name).unwrap();
        let settings = self.settings().await;
        let release = self.release();
        let seat = Seat::open(&self.surroundings, settings, 12, &release, name).await;
        seat.unwrap()
    }

    async fn started(&self) -> (Seat, Instance) {
        let mut seat = self.seat().await;
        let instance = seat.start().await.unwrap();
        (seat, instance)
    }

    async fn ready(&self) -> (Seat, Instance) {
        let (seat, instance) = self.started().await;
        if let Err(error) = instance.ready().await {
            let lines = self.surroundings.log.tail(None, 50);
            panic!("{error}\n{}", lines.join("\n"));
        }
        (seat, instance)
    }

    /// Why it is not ready; nothing of it runs afterwards.
    async fn not_ready(&self) -> String {
        let (seat, instance) = self.started().await;
        let sentence = instance.ready().await.unwrap_err().sentence;
        instance.stop(Duration::ZERO).await;
        seat.close().await;
        sentence
    }

    fn run(&self) -> PathBuf {
        self.surroundings.places.run(&self.app.name)
    }
}

/// Which process answers a visitor there.
async fn answering(address: &Address) -> u32 {
    match address {
        Address::Tcp { host, port } => {
            ask(TcpStream::connect((&**host, *port)).await.unwrap()).await
        }
        Address::Unix(path) => ask(UnixStream::connect(path).await.unwrap()).await,
    }
}

async fn ask(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> u32 {
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let (_, pid) = text.split_once("I am ").unwrap();
    pid.parse().unwrap()
}

fn check(sentence: &str, parts: &[&str]) {
    for part in parts {
        assert!(sentence.contains(part), "no {part:?} in: {sentence}");
    }
}

#[tokio::test]
async fn each_kind_of_socket_is_served_and_nothing_is_left_of_it() {
    for (listen, arguments) in [
        (AppListen::Fd, "fd '200 OK'"),
        (AppListen::Unix, "unix '204 No'"),
        (AppListen::Port, "port '302 To'"),
    ] {
        let scene = Scene::new(listen, arguments).await;
        let (seat, instance) = scene.ready().await;
        let address = seat.address().unwrap();
        assert_eq!(answering(&address).await, instance.pid());
        if let Address::Unix(path) = &address {
            let mode = std::fs::metadata(path).unwrap().permissions().mode();
            assert_eq!(mode & 0o007, 0, "others may connect to it");
        }
        instance.well().await.unwrap();
        assert_eq!(instance.stop(LONG).await, Stopped::Ended);
        check(&instance.ended().await.sentence, &["signal 15 (SIGTERM)"]);
        assert!(instance.well().await.is_err());
        seat.close().await;
        assert!(!scene.run().exists(), "{arguments}");
    }
}

#[tokio::test]
async fn who_connects_while_a_handed_socket_has_no_process_is_answered_by_the_next() {
    let scene = Scene::new(AppListen::Fd, "fd '200 OK'").await;
    let (mut seat, first) = scene.ready().await;
    let address = seat.address().unwrap();
    process::signal(first.pid(), Signal::KILL).unwrap();
    check(&first.ended().await.sentence, &["signal 9 (SIGKILL)"]);
    let waiting = answering(&address);
    let starting = async {
        let second = seat.start().await.unwrap();
        second.ready().await.unwrap();
        second
    };
    let (answered, second) = tokio::join!(waiting, starting);
    assert_eq!(answered, second.pid());
    assert_ne!(first.pid(), second.pid());
    assert_eq!(seat.address().unwrap(), address);
    seat.close().await;
    assert!(!process::alive(second.pid()));
}

#[tokio::test]
async fn what_came_back_is_told_of_one_that_is_not_ready() {
    let mut scene = Scene::new(AppListen::Fd, "fd '500 Oh'").await;
    scene.app.start_timeout = SHORT;
    let sentence = scene.not_ready().await;
    check(
        &sentence,
        &[
            "within 1.5 s",
            "GET /up (Host coffee.example) was answered with 500",
            "content-type: text/plain",
            "“I am ",
        ],
    );
    let mut scene = Scene::new(AppListen::Port, "elsewhere '200 OK'").await;
    scene.app.start_timeout = SHORT;
    let sentence = scene.not_ready().await;
    check(
        &sentence,
        &[
            "refused",
            "it listens on 127.0.0.1:",
            "and should on 127.0.0.1:",
            "$PORT",
        ],
    );
    let mut scene = Scene::new(AppListen::Unix, "nowhere -").await;
    scene.app.start_timeout = SHORT;
    let sentence = scene.not_ready().await;
    check(
        &sentence,
        &[
            "no socket at $ONDOL_SOCKET",
            "it should listen on the Unix socket",
        ],
    );
    let mut scene = Scene::new(AppListen::Port, "nowhere -").await;
    scene.app.start_timeout = SHORT;
    check(&scene.not_ready().await, &["it listens on no port"]);
}

#[tokio::test]
async fn one_that_ends_before_it_is_ready_is_told_at_once() {
    let mut scene = Scene::new(AppListen::Port, "").await;
    for (run, expected) in [
        ("exit 3", "it ended with status 3 before it was ready"),
        ("no-such-program", "its command was not found"),
        ("true", "though it is to stay"),
    ] {
        scene.app.run = Some(run.to_owned());
        check(&scene.not_ready().await, &[expected]);
    }
}

#[tokio::test]
async fn one_that_puts_itself_into_the_background_is_ended_and_told_so() {
    let scene = Scene::new(AppListen::Port, "port '200 OK' daemon").await;
    let (seat, instance) = scene.started().await;
    let ending = instance.ended().await;
    check(&ending.sentence, &["into the background", "foreground"]);
    assert!(instance.processes().await.is_empty());
    seat.close().await;
}

#[tokio::test]
async fn one_that_does_not_end_is_killed_with_its_children() {
    let scene = Scene::new(AppListen::Fd, "fd '200 OK' deaf child").await;
    let (seat, instance) = scene.ready().await;
    assert_eq!(instance.processes().await.len(), 2);
    let stopped = instance.stop(Duration::from_millis(100)).await;
    assert_eq!(stopped, Stopped::Killed);
    assert!(instance.processes().await.is_empty());
    seat.close().await;
}

#[tokio::test]
async fn one_that_says_so_itself_is_ready_then() {
    let mut scene = Scene::new(AppListen::Fd, "fd '500 Oh' notify").await;
    scene.app.ready = Ready::Notify;
    let (seat, _) = scene.ready().await;
    seat.close().await;
    let mut scene = Scene::new(AppListen::Port, "port '500 Oh' line").await;
    scene.app.ready = Ready::Log("now listening".to_owned());
    let (seat, _) = scene.ready().await;
    seat.close().await;
    scene.app.ready = Ready::Log("something else".to_owned());
    scene.app.start_timeout = SHORT;
    check(
        &scene.not_ready().await,
        &[
            "no line of its log has “something else”",
            "it listens where it should",
        ],
    );
    scene.app.ready = Ready::Notify;
    check(&scene.not_ready().await, &["READY=1", "$NOTIFY_SOCKET"]);
}

#[tokio::test]
async fn one_that_hangs_is_not_well() {
    let mut scene = Scene::new(AppListen::Fd, "fd '200 OK'").await;
    scene.app.health.timeout = SHORT;
    let (seat, instance) = scene.ready().await;
    process::signal(instance.pid(), Signal::STOP).unwrap();
    let unwell = instance.well().await.unwrap_err();
    check(
        &unwell.sentence,
        &["GET /up", "nothing came back within 1.5 s"],
    );
    // It is asked to end, and heard of it.
    assert_eq!(instance.stop(LONG).await, Stopped::Ended);
    seat.close().await;
}

#[tokio::test]
async fn a_stranger_on_its_port_is_not_taken_for_it() {
    let mut scene = Scene::new(AppListen::Port, "nowhere -").await;
    scene.app.start_timeout = SHORT;
    scene.app.health.path = None;
    let (seat, instance) = scene.started().await;
    let Some(Address::Tcp { host: _, port }) = seat.address() else {
        panic!("no port");
    };
    let stranger = tokio::net::TcpListener::bind(("127.0.0.1", port))
        .await
        .unwrap();
    let answering = async {
        loop {
            let (mut visitor, _) = stranger.accept().await.unwrap();
            // What is not read of a question would cut the answer off.
            let _ = visitor.read(&mut [0; 1024]).await;
            let _ = visitor
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                .await;
        }
    };
    let not_ready = tokio::select! {
        ready = instance.ready() => ready.unwrap_err(),
        () = answering => unreachable!(),
    };
    check(&not_ready.sentence, &["another program", "a stranger"]);
    seat.close().await;
}

#[tokio::test]
async fn a_worker_is_ready_when_it_stays() {
    let mut scene = Scene::new(AppListen::Fd, "fd '200 OK'").await;
    let worker = ProcessName::parse("worker").unwrap();
    let line = "echo $ONDOL_APP $ONDOL_INSTANCE $ONDOL_LAUNCH \"[$PORT$ONDOL_BIND$LISTEN_FDS]\"; sleep 1000";
    scene.app.processes.insert(worker, line.to_owned());
    let mut seat = scene.seat_of("worker.1").await;
    assert_eq!(seat.address(), None);
    let mut lines = scene.surroundings.log.lines();
    let instance = seat.start().await.unwrap();
    instance.ready().await.unwrap();
    instance.well().await.unwrap();
    let line = lines.recv().await.unwrap();
    assert_eq!(
        (&*line.instance, &*line.text),
        ("worker.1", "coffee worker.1 12 []")
    );
    // The shell ends, and what it left is asked to end too.
    assert_eq!(instance.stop(LONG).await, Stopped::Ended);
    assert!(instance.processes().await.is_empty());
    seat.close().await;
}

#[tokio::test]
async fn the_next_agent_finds_what_runs_and_goes_on_with_it() {
    for (listen, arguments) in [
        (AppListen::Fd, "fd '200 OK'"),
        (AppListen::Unix, "unix '200 OK'"),
        (AppListen::Port, "port '200 OK'"),
    ] {
        let scene = Scene::new(listen, arguments).await;
        let (seat, first) = scene.ready().await;
        let (address, pid) = (seat.address(), first.pid());
        drop((seat, first));
        let mut found = adopt(&scene.surroundings, &scene.app.name).await;
        assert_eq!(found.len(), 1, "{arguments}");
        let adopted = found.remove(0);
        let settings = scene.settings().await;
        assert_eq!(adopted.fingerprint, settings.fingerprint());
        assert_eq!((adopted.launch, &adopted.release), (12, &scene.release()));
        let (mut seat, instance) = adopted.take_up(settings);
        assert_eq!((seat.address(), instance.pid()), (address.clone(), pid));
        instance.ready().await.unwrap();
        assert_eq!(answering(&address.unwrap()).await, pid);
        // The next process has all that the one before had.
        assert_eq!(instance.stop(LONG).await, Stopped::Ended);
        let next = seat.start().await.unwrap();
        next.ready().await.unwrap();
        assert_eq!(answering(&seat.address().unwrap()).await, next.pid());
        seat.close().await;
        assert!(!scene.run().exists());
    }
}

#[tokio::test]
async fn visitors_wait_at_the_same_socket_after_the_agent_changed() {
    let scene = Scene::new(AppListen::Fd, "fd '200 OK'").await;
    let (seat, first) = scene.ready().await;
    let address = seat.address().unwrap();
    drop((seat, first));
    let adopted = adopt(&scene.surroundings, &scene.app.name).await.remove(0);
    let (mut seat, instance) = adopted.take_up(scene.settings().await);
    process::signal(instance.pid(), Signal::KILL).unwrap();
    instance.ended().await;
    let starting = async {
        let next = seat.start().await.unwrap();
        next.ready().await.unwrap();
        next.pid()
    };
    let (answered, next) = tokio::join!(answering(&address), starting);
    assert_eq!(answered, next);
    seat.close().await;
}

#[tokio::test]
async fn what_nobody_needs_is_stopped_and_what_is_gone_is_cleared() {
    let scene = Scene::new(AppListen::Fd, "fd '200 OK' deaf").await;
    let (seat, first) = scene.ready().await;
    drop((seat, first));
    let adopted = adopt(&scene.surroundings, &scene.app.name).await.remove(0);
    let stopped = adopted.stop(Duration::from_millis(100)).await;
    assert_eq!(stopped, Stopped::Killed);
    assert!(!scene.run().exists());
    // A process that ends while no agent is there leaves a record, and children.
    let mut scene = Scene::new(AppListen::Fd, "fd '200 OK' child").await;
    scene.app.name = AppName::parse("tea").unwrap();
    let (seat, first) = scene.ready().await;
    let group = first.processes().await;
    drop(seat);
    process::signal(first.pid(), Signal::KILL).unwrap();
    let pid = first.pid();
    drop(first);
    ended(pid).await;
    assert!(adopt(&scene.surroundings, &scene.app.name).await.is_empty());
    assert!(!scene.run().exists());
    for member in group {
        gone(member).await;
    }
    std::fs::create_dir_all(scene.run().join("9/web.1")).unwrap();
    assert!(adopt(&scene.surroundings, &scene.app.name).await.is_empty());
    assert!(!scene.run().exists());
}

/// Waits until a process that is not reaped has ended.
async fn ended(pid: u32) {
    let is_running = || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit_once(')')
            .is_some_and(|(_, rest)| !rest.starts_with(" Z"))
    };
    while is_running() {
        tokio::task::yield_now().await;
    }
}

/// Waits until a process that was killed is no more.
async fn gone(pid: u32) {
    while Path::new(&format!("/proc/{pid}/exe")).read_link().is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_php_pool_is_ready_when_its_workers_answer() {
    for listen in [AppListen::Fd, AppListen::Unix] {
        let mut scene = Scene::new(listen, "").await;
        scene.app.run = None;
        scene.app.php = Some(plan::PhpPool::default());
        if php::program(None).is_err() {
            eprintln!("skipped: there is no php-fpm");
            return;
        }
        let (mut seat, instance) = scene.ready().await;
        instance.well().await.unwrap();
        assert_eq!(instance.stop(LONG).await, Stopped::Ended);
        assert_eq!(
            instance.ended().await.status.and_then(|it| it.code()),
            Some(0)
        );
        // What php-fpm does with its socket at its end is no hindrance to the next.
        let next = seat.start().await.unwrap();
        next.ready().await.unwrap();
        seat.close().await;
    }
}
