//! What each who asks is told: by the addresses themselves, and through the real listener.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use axum::Extension;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use ondol_base::tasks::Stopper;
use ondol_model::Plan;
use ondol_model::forwarded::ClientIpHeader;
use ondol_model::limits;
use ondol_model::plan::AccessLog;
use ondol_model::plan::Backup;
use ondol_model::plan::Care;
use ondol_model::plan::Listen;
use ondol_model::plan::Secret;
use tokio::io::AsyncRead;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWrite;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::*;
use crate::api;
use crate::api::HealthState;
use crate::api::Time;
use crate::endpoints;
use crate::server;

/// A box that is shown, and nothing behind it.
struct Shown {
    status: watch::Sender<Arc<api::Status>>,
    sites: watch::Sender<Arc<api::Sites>>,
    apps: watch::Sender<Arc<api::Apps>>,
    watch: watch::Sender<Arc<api::Watch>>,
    troubles: watch::Sender<Arc<Vec<String>>>,
    surface: Surface,
    _store: ondol_store::Store,
}

fn well() -> api::Status {
    let listener = api::Listener {
        address: "[::]:443".to_owned(),
        protocol: "https".to_owned(),
    };
    api::Status {
        listeners: vec![listener],
        ..server::tests::status()
    }
}

fn shown() -> Shown {
    let store = ondol_store::open_in_memory().unwrap();
    let (status, status_reader) = watch::channel(Arc::new(well()));
    let (sites, sites_reader) = watch::channel(Arc::new(server::tests::sites()));
    let (apps, apps_reader) = watch::channel(Arc::default());
    let (watch, watch_reader) = watch::channel(Arc::default());
    let (troubles, health_troubles) = watch::channel(Arc::default());
    let surface = Surface {
        status: status_reader,
        sites: sites_reader,
        certs: watch::channel(Arc::default()).1,
        root: watch::channel(None).1,
        store: store.handle(),
        commands: mpsc::channel(1).0,
        cert_commands: mpsc::channel(1).0,
        apps: apps_reader,
        app_commands: mpsc::channel(1).0,
        backups: watch::channel(Arc::default()).1,
        backup_commands: mpsc::channel(1).0,
        watch: watch_reader,
        watch_commands: mpsc::channel(1).0,
        traffic: watch::channel(Arc::default()).1,
        health_troubles,
    };
    Shown {
        status,
        sites,
        apps,
        watch,
        troubles,
        surface,
        _store: store,
    }
}

fn subject(kind: &str, name: &str, state: HealthState, sentence: &str) -> api::WatchSubject {
    api::WatchSubject {
        subject: format!("{kind}:{name}"),
        kind: kind.to_owned(),
        name: name.to_owned(),
        state,
        since: Time::from_unix_seconds(0),
        sentence: sentence.to_owned(),
        seen_at: None,
        took_ms: None,
        uptime: None,
        values: BTreeMap::new(),
        silenced_until: None,
    }
}

impl Shown {
    fn watches(&self, subjects: Vec<api::WatchSubject>) {
        self.watch.send_replace(Arc::new(api::Watch {
            subjects,
            ..api::Watch::default()
        }));
    }

    /// What one who asks gets.
    async fn asked(&self, asker: Asker, path: &str, fields: &str) -> String {
        let router = endpoints::of_health(self.surface.clone()).layer(Extension(asker));
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let serving = http1::Builder::new()
            .serve_connection(TokioIo::new(theirs), TowerToHyperService::new(router));
        let (answer, served) = tokio::join!(said(ours, path, fields), serving);
        served.unwrap();
        answer
    }

    async fn owner(&self, path: &str) -> String {
        self.asked(Asker::Owner, path, "").await
    }
}

/// What is answered to a request, head and body.
async fn said(mut stream: impl AsyncRead + AsyncWrite + Unpin, path: &str, fields: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n{fields}connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

fn status_of(answer: &str) -> u16 {
    answer[9..12].parse().unwrap()
}

fn body_of(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").unwrap().1
}

#[tokio::test]
async fn a_box_that_serves_is_ready() {
    let shown = shown();
    let live = shown.owner("/livez").await;
    assert_eq!((status_of(&live), body_of(&live)), (200, "ok\n"));
    let ready = shown.owner("/readyz").await;
    assert_eq!((status_of(&ready), body_of(&ready)), (200, "ok\n"));
    let verbose = shown.owner("/readyz?verbose").await;
    let expected = "[+]configuration ok\n[+]listeners ok\n[+]data-plane ok\n[+]draining ok\n[+]store ok\n\
                    readyz check passed\n";
    assert_eq!(body_of(&verbose), expected);
}

#[tokio::test]
async fn what_is_missing_is_named_unless_it_is_excluded() {
    let shown = shown();
    let nobody = api::Status {
        generation: None,
        generations: Vec::new(),
        listeners: Vec::new(),
        ..well()
    };
    shown.status.send_replace(Arc::new(nobody));
    let answer = shown.owner("/readyz").await;
    assert_eq!(status_of(&answer), 503);
    for line in [
        "[-]listeners failed: there are sites, and no address is listened on\n",
        "[-]data-plane failed: no data plane serves visitors\n",
        "readyz check failed\n",
    ] {
        assert!(answer.contains(line), "{answer}");
    }
    let answer = shown
        .owner("/readyz?exclude=data-plane&exclude=listeners,moon&verbose")
        .await;
    assert_eq!(status_of(&answer), 200, "{answer}");
    assert!(answer.contains("[+]data-plane excluded: ok\n"), "{answer}");
    assert!(
        answer.contains("warn: there is no check `moon` to be excluded\n"),
        "{answer}"
    );
    assert_eq!(status_of(&shown.owner("/health").await), 503);
}

#[tokio::test]
async fn a_box_that_stops_says_so_and_a_broken_store_too() {
    let shown = shown();
    let mut stopping = well();
    stopping.generation = None;
    stopping.generations[0].state = api::GenerationState::Draining;
    shown.status.send_replace(Arc::new(stopping));
    let answer = shown.owner("/readyz").await;
    assert!(
        answer.contains("[-]draining failed: the box stops"),
        "{answer}"
    );
    shown.status.send_replace(Arc::new(well()));
    shown.watches(vec![subject(
        "store",
        "",
        HealthState::Fail,
        "The disk is full.",
    )]);
    let answer = shown.owner("/readyz").await;
    assert!(
        answer.contains("[-]store failed: The disk is full.\n"),
        "{answer}"
    );
    let Shown {
        surface, _store, ..
    } = shown;
    _store.close().await;
    assert!(
        readiness::of_box(&surface)
            .await
            .iter()
            .any(|check| check.trouble.is_some())
    );
}

#[tokio::test]
async fn a_site_is_ready_as_its_parts_are() {
    let shown = shown();
    let path = "/readyz/blog.example.com?verbose";
    let answer = shown.owner(path).await;
    assert!(
        answer.contains("[-]certificate failed: there is none yet\n"),
        "{answer}"
    );
    let with = |expires| {
        let mut sites = server::tests::sites();
        sites.sites[0].aliases.push("www.example.com".to_owned());
        let value = serde_json::json!({ "issuer": "x", "expires": expires, "source": "acme" });
        sites.sites[0].certificate = Some(serde_json::from_value(value).unwrap());
        shown.sites.send_replace(Arc::new(sites));
    };
    with("2000-01-01T00:00:00Z");
    assert!(
        shown
            .owner(path)
            .await
            .contains("[-]certificate failed: it has expired\n")
    );
    with("2100-01-01T00:00:00Z");
    let answer = shown.owner(path).await;
    assert_eq!(status_of(&answer), 200, "{answer}");
    assert_eq!(
        status_of(&shown.owner("/readyz/www.example.com").await),
        200
    );
    assert_eq!(
        status_of(&shown.owner("/readyz/moon.example.com").await),
        404
    );
}

#[tokio::test]
async fn a_site_is_ready_as_those_behind_it_are() {
    let shown = shown();
    let mut sites = server::tests::sites();
    sites.sites[0].scheme = "http".to_owned();
    shown.sites.send_replace(Arc::new(sites));
    let path = "/readyz/blog.example.com?verbose";
    let server = |address: &str, trouble: Option<&str>| api::Server {
        address: address.to_owned(),
        sites: vec!["blog.example.com".to_owned()],
        requests: 0,
        trouble: trouble.map(str::to_owned),
    };
    let servers = |servers| {
        shown
            .status
            .send_replace(Arc::new(api::Status { servers, ..well() }));
    };
    servers(vec![server("a", Some("refused")), server("b", None)]);
    assert_eq!(status_of(&shown.owner(path).await), 200);
    servers(vec![
        server("a", Some("refused")),
        server("b", Some("late")),
    ]);
    let answer = shown.owner(path).await;
    assert!(
        answer.contains("[-]upstreams failed: all 2 servers are down; the first: refused\n"),
        "{answer}"
    );
    servers(Vec::new());
    let app = serde_json::json!({
        "name": "coffee", "state": "failed", "since": "2026-03-01T04:05:06Z", "launch": null, "release": null,
        "sites": ["blog.example.com"], "instances": [], "restarts": 2, "requests": 40, "failed": 1, "in_flight": 1,
        "tunnels": 0, "held": 2, "memory": null, "cpu_percent": null,
    });
    let apps = vec![serde_json::from_value(app).unwrap()];
    shown.apps.send_replace(Arc::new(api::Apps { apps }));
    let answer = shown.owner(path).await;
    assert!(
        answer.contains("[-]app failed: coffee: it ended again and again\n"),
        "{answer}"
    );
    shown.apps.send_replace(Arc::default());
    let down = "It answered 502.";
    shown.watches(vec![subject(
        "site",
        "blog.example.com",
        HealthState::Fail,
        down,
    )]);
    let answer = shown.owner(path).await;
    assert!(
        answer.contains("[-]check failed: It answered 502.\n"),
        "{answer}"
    );
}

#[tokio::test]
async fn health_is_json_as_the_draft_has_it() {
    let shown = shown();
    let mut site = subject("site", "blog.example.com", HealthState::Pass, "");
    site.took_ms = Some(42);
    shown.watches(vec![
        site,
        subject("disk", "/", HealthState::Warn, "It is nearly full."),
        subject("internet", "", HealthState::Unknown, ""),
    ]);
    let answer = shown.owner("/health").await;
    assert_eq!(status_of(&answer), 200);
    for field in [
        "content-type: application/health+json\r\n",
        "cache-control: max-age=5\r\n",
    ] {
        assert!(answer.contains(field), "{answer}");
    }
    let body: serde_json::Value = serde_json::from_str(body_of(&answer)).unwrap();
    assert_eq!(
        (&body["status"], &body["serviceId"]),
        (&"warn".into(), &"seocho".into())
    );
    let site = &body["checks"]["site:responseTime"][0];
    assert_eq!(site["componentId"], "blog.example.com");
    assert_eq!(
        (&site["observedValue"], &site["observedUnit"]),
        (&42.into(), &"ms".into())
    );
    assert_eq!(
        body["checks"]["disk:state"][0]["output"],
        "It is nearly full."
    );
    assert!(body["checks"]["internet:state"][0]["status"].is_null());
    shown.watches(vec![subject("disk", "/", HealthState::Fail, "It is full.")]);
    assert_eq!(status_of(&shown.owner("/health").await), 503);
    // What nobody can know is no fault.
    shown.watches(vec![subject("internet", "", HealthState::Unknown, "")]);
    assert!(
        shown
            .owner("/health")
            .await
            .contains(r#""status":"pass","version""#)
    );
}

#[tokio::test]
async fn strangers_get_the_status_alone() {
    let shown = shown();
    shown.watches(vec![subject(
        "site",
        "secret.example.com",
        HealthState::Warn,
        "Slow.",
    )]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    ondol_base::file::replace(
        &file,
        b"open sesame
",
        0o600,
    )
    .unwrap();
    let token = Some(Secret::File(file.clone()));
    let right = "authorization: Bearer open sesame\r\n";
    for (asker, fields, sees_all) in [
        (Asker::Owner, "", true),
        (Asker::Machine(None), "", true),
        (
            Asker::Machine(None),
            "x-forwarded-for: 203.0.113.9\r\n",
            false,
        ),
        (Asker::Machine(token.clone()), "via: 1.1 proxy\r\n", false),
        (Asker::Neighbor(None), "", false),
        (Asker::Neighbor(None), right, false),
        (Asker::Neighbor(token.clone()), "", false),
        (
            Asker::Neighbor(token.clone()),
            "authorization: Bearer open\r\n",
            false,
        ),
        (
            Asker::Neighbor(token.clone()),
            "authorization: Basic open sesame\r\n",
            false,
        ),
        (Asker::Neighbor(token), right, true),
        (
            Asker::Neighbor(Some(Secret::File("/nowhere".into()))),
            right,
            false,
        ),
    ] {
        let health = shown.asked(asker.clone(), "/health", fields).await;
        let all = health.contains("secret.example.com");
        assert_eq!(all, sees_all, "{asker:?} {fields}: {health}");
        assert!(
            all || body_of(&health) == "{\"status\":\"warn\"}\n",
            "{health}"
        );
        let metrics = shown.asked(asker.clone(), "/metrics", fields).await;
        let expected = match &asker {
            _ if sees_all => 200,
            Asker::Machine(None) | Asker::Neighbor(None) | Asker::Owner => 403,
            Asker::Machine(Some(_)) | Asker::Neighbor(Some(_)) => 401,
        };
        assert_eq!(
            status_of(&metrics),
            expected,
            "{asker:?} {fields}: {metrics}"
        );
        assert_eq!(metrics.contains("secret.example.com"), sees_all);
        assert!(!metrics.contains("sesame"), "{metrics}");
        let ready = shown.asked(asker.clone(), "/readyz?verbose", fields).await;
        assert_eq!(ready.contains("[+]store"), sees_all, "{ready}");
    }
}

#[tokio::test]
async fn another_token_counts_at_once() {
    let shown = shown();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    ondol_base::file::replace(&file, b"open sesame", 0o600).unwrap();
    let (token, right) = (
        Some(Secret::File(file.clone())),
        "authorization: Bearer open sesame\r\n",
    );
    let let_in = shown
        .asked(Asker::Neighbor(token.clone()), "/metrics", right)
        .await;
    assert_eq!(status_of(&let_in), 200);
    ondol_base::file::replace(&file, b"other", 0o600).unwrap();
    let refused = shown.asked(Asker::Neighbor(token), "/metrics", right).await;
    assert_eq!(status_of(&refused), 401);
}

#[tokio::test]
async fn scrapers_get_the_format_that_they_want() {
    let shown = shown();
    let answer = shown.owner("/metrics").await;
    assert!(
        answer.contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"),
        "{answer}"
    );
    let wants = "accept: application/openmetrics-text;version=1.0.0;q=0.6,text/plain;q=0.3\r\n";
    let answer = shown.asked(Asker::Owner, "/metrics", wants).await;
    assert!(
        answer.contains("content-type: application/openmetrics-text; version=1.0.0"),
        "{answer}"
    );
    assert!(
        answer.ends_with("# EOF\n") || answer.contains("# EOF\n"),
        "{answer}"
    );
    assert_eq!(status_of(&shown.owner("/status").await), 404);
}

/// A listener at work by a plan.
struct Door {
    plan: watch::Sender<Arc<Plan>>,
    stopper: Stopper,
    serving: JoinHandle<Result<(), std::convert::Infallible>>,
    troubles: watch::Receiver<Arc<Vec<String>>>,
}

fn listening(addresses: &[SocketAddr]) -> Arc<Plan> {
    let mut care = Care::default();
    care.health.listen = addresses.to_vec();
    Arc::new(Plan {
        box_name: "test".to_owned(),
        email: None,
        timezone: None,
        listen: Listen {
            http: Vec::new(),
            https: Vec::new(),
            trusted_proxies: Vec::new(),
            client_ip_header: ClientIpHeader::XForwardedFor,
        },
        access_log: AccessLog::default(),
        certificates: Vec::new(),
        resolvers: Vec::new(),
        apps: Vec::new(),
        backup: Backup::default(),
        sites: Vec::new(),
        care,
    })
}

impl Door {
    fn open(shown: &Shown, addresses: &[SocketAddr]) -> Self {
        let (plan, reader) = watch::channel(listening(addresses));
        let (stopper, stop) = Stopper::new();
        let troubles = shown.troubles.subscribe();
        let door = HealthDoor::new(reader, shown.surface.clone(), shown.troubles.clone());
        Self {
            plan,
            stopper,
            serving: at_work(door.serve(stop)),
            troubles,
        }
    }

    async fn close(self) {
        self.stopper.stop();
        self.serving.await.unwrap().unwrap();
    }
}

#[expect(clippy::disallowed_methods, reason = "the test owns it")]
fn at_work<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    tokio::spawn(future)
}

/// An address of this machine that nobody listens on.
fn free() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// A connection, once somebody listens.
async fn connected(address: SocketAddr) -> TcpStream {
    for _ in 0..1_000 {
        match TcpStream::connect(address).await {
            Ok(stream) => return stream,
            Err(_) => tokio::task::yield_now().await,
        }
    }
    panic!("nobody listens on {address}");
}

#[tokio::test]
async fn the_listener_follows_the_configuration() {
    let shown = shown();
    let (first, second) = (free(), free());
    let door = Door::open(&shown, &[first]);
    let answer = said(connected(first).await, "/metrics", "").await;
    assert_eq!(status_of(&answer), 200, "{answer}");
    assert!(body_of(&answer).contains("ondol_build_info"));
    let mut open = connected(first).await;
    let request = b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n";
    open.write_all(request).await.unwrap();
    assert!(open.read(&mut [0; 1_024]).await.unwrap() > 0);
    door.plan.send_replace(listening(&[second]));
    let answer = said(connected(second).await, "/livez", "").await;
    assert_eq!(body_of(&answer), "ok\n");
    assert!(TcpStream::connect(first).await.is_err());
    assert_eq!(status_of(&said(open, "/health", "").await), 200); // Who was in is still answered.
    door.close().await;
    assert!(TcpStream::connect(second).await.is_err());
}

#[tokio::test]
async fn a_port_that_somebody_has_is_a_warning_and_not_the_end() {
    let shown = shown();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (taken_at, free) = (taken.local_addr().unwrap(), free());
    let mut door = Door::open(&shown, &[taken_at, free]);
    let answer = said(connected(free).await, "/livez", "").await;
    assert_eq!(status_of(&answer), 200);
    let troubles = door.troubles.wait_for(|troubles| troubles.len() == 1).await;
    let trouble = troubles.unwrap()[0].clone();
    assert!(
        trouble.contains(&taken_at.to_string()) && trouble.contains("`ss -tlnp`"),
        "{trouble}"
    );
    drop(taken);
    door.plan.send_replace(listening(&[taken_at, free]));
    let answer = said(connected(taken_at).await, "/livez", "").await;
    assert_eq!(status_of(&answer), 200);
    door.troubles
        .wait_for(|troubles| troubles.is_empty())
        .await
        .unwrap();
    door.close().await;
}

#[tokio::test]
async fn one_that_hangs_does_not_keep_others_out_for_ever() {
    let shown = shown();
    let address = free();
    let door = Door::open(&shown, &[address]);
    let mut held = vec![connected(address).await];
    for _ in 1..limits::HEALTH_CONNECTIONS_PER_ADDRESS_MAX {
        held.push(connected(address).await);
    }
    let mut one_more = connected(address).await;
    assert_eq!(one_more.read(&mut [0; 1]).await.unwrap(), 0);
    drop(held);
    // Their places are free once that is seen.
    let mut answer = String::new();
    while answer.is_empty() {
        let mut stream = connected(address).await;
        let request = "GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        if stream.write_all(request.as_bytes()).await.is_ok() {
            let _ = stream.read_to_string(&mut answer).await;
        }
    }
    assert_eq!(status_of(&answer), 200);
    door.close().await;
}
