//! A running data plane on free ports of this machine.

use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use ondol_base::tasks;
use ondol_model::Plan;
use ondol_model::app::AppName;
use ondol_model::app::Endpoints;
use ondol_model::app::Traffic;
use ondol_model::listen::Preface;
use ondol_proxy::Certificates;
use ondol_proxy::Challenges;
use ondol_proxy::Counters;
use ondol_proxy::DataPlane;
use ondol_proxy::Failures;
use ondol_proxy::Hosted;
use ondol_proxy::Protocol;
use ondol_proxy::ServeFailure;
use ondol_proxy::ServerState;
use ondol_proxy::Snapshot;
use ondol_proxy::Socket;
use ondol_proxy::UpstreamFiles;
use ondol_proxy::UpstreamTls;
use rustls::DEFAULT_VERSIONS;
use socket2::Domain;
use socket2::Type;
use tempfile::TempDir;
use tokio::runtime::Builder;
use tokio::runtime::LocalOptions;
use tokio::runtime::LocalRuntime;
use tokio::sync::mpsc;

use super::Authority;
use super::Identity;
use super::PATIENCE;
use super::TlsStream;
use super::Wire;
use super::client_config;
use super::handshake;

/// A data plane, and the runtime that its owner and asynchronous visitors run on.
#[derive(Debug)]
pub(crate) struct Plane {
    data_plane: Option<DataPlane>,
    runtime: LocalRuntime,
    pub(crate) http: SocketAddr,
    pub(crate) https: SocketAddr,
    folder: TempDir,
    failures: Arc<Mutex<Vec<ServeFailure>>>,
    panics: Arc<AtomicBool>,
    wakes: Mutex<mpsc::Receiver<AppName>>,
}

impl Plane {
    /// Two workers that serve this without certificates.
    pub(crate) fn start(plan: Plan) -> Self {
        Self::start_with(plan, &[])
    }

    /// Two workers.
    pub(crate) fn start_with(plan: Plan, identities: &[&Identity]) -> Self {
        Self::start_workers(2, plan, identities, Preface::None)
    }

    /// Two workers whose visitors all come by the PROXY protocol.
    pub(crate) fn start_behind_proxies(plan: Plan, identities: &[&Identity]) -> Self {
        Self::start_workers(2, plan, identities, Preface::ProxyProtocol)
    }

    /// One worker, for what is kept per worker.
    pub(crate) fn start_one(plan: Plan) -> Self {
        Self::start_workers(1, plan, &[], Preface::None)
    }

    /// One worker that serves this, with those who issue certificates to visitors.
    pub(crate) fn start_guarded(
        plan: Plan,
        identities: &[&Identity],
        authorities: &[&Authority],
    ) -> Self {
        let plane = Self::start_workers(1, plan.clone(), identities, Preface::None);
        plane.apply_guarded(plan, identities, authorities);
        plane
    }

    /// One worker that has these files for TLS towards its upstreams.
    pub(crate) fn start_tls(plan: Plan, files: &UpstreamFiles) -> Self {
        let (tls, problems) = UpstreamTls::new(&plan, files, None);
        assert!(problems.is_empty(), "{problems:?}");
        let snapshot = snapshot(plan, &[]).with_upstream_tls(Arc::new(tls));
        Self::start_snapshot(1, snapshot, Preface::None)
    }

    /// So many workers, which know this of apps.
    pub(crate) fn start_hosting(
        count: usize,
        plan: Plan,
        identities: &[&Identity],
        endpoints: Endpoints,
    ) -> Self {
        let snapshot = snapshot(plan, identities);
        Self::start_all(count, snapshot, Preface::None, endpoints)
    }

    fn start_workers(count: usize, plan: Plan, identities: &[&Identity], preface: Preface) -> Self {
        Self::start_snapshot(count, snapshot(plan, identities), preface)
    }

    fn start_snapshot(count: usize, snapshot: Snapshot, preface: Preface) -> Self {
        Self::start_all(count, snapshot, preface, Endpoints::default())
    }

    fn start_all(count: usize, snapshot: Snapshot, preface: Preface, endpoints: Endpoints) -> Self {
        let runtime = runtime();
        let folder = tempfile::tempdir().unwrap();
        let access_log = folder.path().join("access.log");
        let (http, https) = (free_address(), free_address());
        let failures = Arc::<Mutex<Vec<ServeFailure>>>::default();
        let taken = Arc::clone(&failures);
        let panics = Arc::<AtomicBool>::default();
        let panicking = Arc::clone(&panics);
        let sockets = (0..count)
            .map(|_| {
                vec![
                    socket(Protocol::Http, preface, http.local_addr()),
                    socket(Protocol::Https, preface, https.local_addr()),
                ]
            })
            .collect();
        let (wake_sender, wakes) = mpsc::channel(8);
        let hosted = Hosted {
            endpoints: Arc::new(endpoints),
            wakes: wake_sender,
        };
        let starting = DataPlane::start(
            sockets,
            snapshot,
            Challenges::default(),
            hosted,
            &access_log,
            Failures::new(move |failure| {
                taken.lock().unwrap().push(failure);
                assert!(!panicking.load(Ordering::SeqCst), "the test wants it");
            }),
        );
        Self {
            data_plane: Some(runtime.block_on(starting).unwrap()),
            runtime,
            http: http.local_addr(),
            https: https.local_addr(),
            folder,
            failures,
            panics,
            wakes: Mutex::new(wakes),
        }
    }

    /// Serves another plan from the next request on.
    pub(crate) fn apply(&self, plan: Plan, identities: &[&Identity]) {
        let snapshot = snapshot(plan, identities);
        self.runtime.block_on(self.running().apply(snapshot));
    }

    /// The same, with those who issue certificates to visitors.
    pub(crate) fn apply_guarded(
        &self,
        plan: Plan,
        identities: &[&Identity],
        authorities: &[&Authority],
    ) {
        let authorities = authorities
            .iter()
            .map(|it| (it.path.clone(), it.pem.clone()));
        let certificates = certificates(identities).with_client_authorities(authorities);
        let snapshot = Snapshot::new(Arc::new(plan), Arc::new(certificates));
        self.runtime.block_on(self.running().apply(snapshot));
    }

    /// Visitors of apps get this from the next request on.
    pub(crate) fn tell(&self, endpoints: Endpoints) {
        let endpoints = Arc::new(endpoints);
        self.runtime.block_on(self.running().endpoints(endpoints));
    }

    /// What visitors of apps do.
    pub(crate) fn traffic(&self) -> Traffic {
        self.running().traffic()
    }

    /// The next app that is asked to wake, if one is.
    pub(crate) fn woken(&self) -> Option<AppName> {
        self.wakes.lock().unwrap().try_recv().ok()
    }

    /// Shows issuers these texts by their tokens, and these certificates by the names of their handshakes.
    pub(crate) fn show(&self, texts: &[(&str, &str)], certificates: &[(&str, &Identity)]) {
        let owned = |text: &str| text.to_owned();
        let texts = texts
            .iter()
            .map(|(token, text)| (owned(token), owned(text)));
        let pair = |identity: &Identity| identity.entry.pair.clone();
        let certificates = certificates.iter();
        let certificates = certificates.map(|(name, identity)| (owned(name), pair(identity)));
        let (challenges, problems) = Challenges::new(texts, certificates);
        assert!(problems.is_empty(), "{problems:?}");
        self.runtime.block_on(self.running().show(challenges));
    }

    /// What the data plane has reported to its owner.
    pub(crate) fn failures(&self) -> Vec<ServeFailure> {
        self.failures.lock().unwrap().clone()
    }

    /// From now on who takes failures panics, on the thread and in the task that reports one.
    pub(crate) fn panic_at_failures(&self) {
        self.panics.store(true, Ordering::SeqCst);
    }

    /// How the servers behind the sites are.
    pub(crate) fn servers(&self) -> Vec<ServerState> {
        self.running().servers()
    }

    pub(crate) fn counters(&self) -> Counters {
        self.running().counters()
    }

    /// Begins to drain; joined, it says how many connections were cut.
    pub(crate) fn drain(&mut self, grace: Duration) -> JoinHandle<u64> {
        let data_plane = self.data_plane.take().unwrap();
        let draining = move || {
            runtime().block_on(async move {
                let cut = data_plane.drain(grace).await;
                data_plane.end().await;
                cut
            })
        };
        tasks::spawn_thread("drain", draining).unwrap()
    }

    /// What the access log says, once the data plane has ended.
    pub(crate) fn access_log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("access.log")).unwrap()
    }

    pub(crate) fn running(&self) -> &DataPlane {
        self.data_plane.as_ref().unwrap()
    }

    /// Runs a future of a test.
    pub(crate) fn block_on<F: Future>(&self, future: F) -> F::Output {
        let within = async { tokio::time::timeout(PATIENCE, future).await };
        self.runtime.block_on(within).expect("it takes forever")
    }

    /// A visitor by plain HTTP.
    pub(crate) fn visit(&self) -> Wire<TcpStream> {
        Wire::new(connect(self.http))
    }

    /// A visitor by HTTPS who speaks HTTP/1.1.
    pub(crate) fn visit_tls(&self, name: &str) -> Wire<TlsStream> {
        let config = Arc::new(client_config(DEFAULT_VERSIONS, &["http/1.1"]));
        Wire::new(handshake(self.connect_tls(), name, &config).unwrap())
    }

    /// A connection to the HTTPS port, before its handshake.
    pub(crate) fn connect_tls(&self) -> TcpStream {
        connect(self.https)
    }
}

fn runtime() -> LocalRuntime {
    Builder::new_current_thread()
        .enable_all()
        .build_local(LocalOptions::default())
        .unwrap()
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

fn snapshot(plan: Plan, identities: &[&Identity]) -> Snapshot {
    Snapshot::new(Arc::new(plan), Arc::new(certificates(identities)))
}

fn certificates(identities: &[&Identity]) -> Certificates {
    let entries: Vec<_> = identities
        .iter()
        .map(|identity| identity.entry.clone())
        .collect();
    let (certificates, problems) = Certificates::new(&entries, None);
    assert!(problems.is_empty(), "{problems:?}");
    certificates
}

/// A socket that holds a free port, so that the workers' own can join it.
struct Reserved(socket2::Socket);

impl Reserved {
    fn local_addr(&self) -> SocketAddr {
        self.0.local_addr().unwrap().as_socket().unwrap()
    }
}

fn free_address() -> Reserved {
    Reserved(shared(SocketAddr::from(([127, 0, 0, 1], 0))))
}

fn socket(protocol: Protocol, preface: Preface, address: SocketAddr) -> Socket {
    let socket = shared(address);
    socket.listen(1024).unwrap();
    Socket {
        protocol,
        preface,
        listener: TcpListener::from(socket),
    }
}

/// A socket that shares its port with others (`SO_REUSEPORT`).
fn shared(address: SocketAddr) -> socket2::Socket {
    let socket = socket2::Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_reuse_port(true).unwrap();
    socket.bind(&address.into()).unwrap();
    socket
}
