//! The data plane as its owner sees it: start it, tell it what to serve, ask what it counts, drain it.

use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::hash::Hasher;
use std::io;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::thread::JoinHandle;
use std::time::Duration;

use ondol_base::clock;
use ondol_base::tasks;
use ondol_model::app::Endpoints;
use ondol_model::app::Traffic;
use ondol_model::event::EventKind;
use ondol_model::limits;
use ondol_model::listen::Preface;
use tokio::sync::mpsc;
use tokio::sync::oneshot;

use crate::access_log::AccessLog;
use crate::access_log::Settings;
use crate::apps::Hosted;
use crate::apps::Tally;
use crate::challenges::Challenges;
use crate::client_auth::Guards;
use crate::counters::Counters;
use crate::counters::SiteCounts;
use crate::counters::WorkerCounters;
use crate::gate::Passwords;
use crate::own::Own;
use crate::shortage::Shortage;
use crate::snapshot::Snapshot;
use crate::tls;
use crate::tls::CurrentCertificates;
use crate::upstream::Known;
use crate::upstream::Probed;
use crate::upstream::Prober;
use crate::upstream::ServerState;
use crate::upstream::Watch;
use crate::via::Via;
use crate::worker;
use crate::worker::Command;
use crate::worker::Equipment;

/// Commands that may wait for a worker; it carries them out at once.
const COMMANDS_MAX: usize = 4;

/// A worker ticks five times a second; one that has not for ten seconds is stuck.
const WORKER_STALL_US: u64 = 10_000_000;

/// What is spoken on a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1 in plain text.
    Http,
    /// HTTP/1.1 or HTTP/2 over TLS.
    Https,
}

/// A listening socket and what is spoken on it.
#[derive(Debug)]
pub struct Socket {
    /// What is spoken.
    pub protocol: Protocol,
    /// What stands in front of each connection.
    pub preface: Preface,
    /// The socket; bound and listening.
    pub listener: TcpListener,
}

/// Something that the box should remember, though no request waits for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServeFailure {
    /// The kind of the event.
    pub kind: EventKind,
    /// What it happened to.
    pub subject: String,
    /// What happened, what was done, what to do next.
    pub message: String,
}

/// Takes failures. It is called on the workers' threads, so it must not block.
#[derive(Clone)]
pub struct Failures(Arc<dyn Fn(ServeFailure) + Send + Sync>);

impl Failures {
    /// Failures that `take` takes.
    pub fn new(take: impl Fn(ServeFailure) + Send + Sync + 'static) -> Self {
        Self(Arc::new(take))
    }

    pub(crate) fn report(&self, failure: ServeFailure) {
        (self.0)(failure);
    }
}

impl std::fmt::Debug for Failures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Failures(..)")
    }
}

/// A running data plane: one thread per list of sockets.
pub struct DataPlane {
    workers: Vec<RunningWorker>,
    certificates: Arc<CurrentCertificates>,
    /// Of what is served.
    guards: Mutex<Arc<Guards>>,
    log: AccessLog,
    watch: Watch,
    prober: Prober,
    /// The servers behind the sites that are served now.
    known: Mutex<Known>,
    /// What visitors of apps get, as every worker does it.
    endpoints: Mutex<Arc<Endpoints>>,
    tally: Arc<Tally>,
}

struct RunningWorker {
    commands: mpsc::Sender<Command>,
    counters: Arc<WorkerCounters>,
    thread: JoinHandle<()>,
}

impl std::fmt::Debug for DataPlane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DataPlane")
            .field("workers", &self.workers.len())
            .finish_non_exhaustive()
    }
}

impl DataPlane {
    /// Starts one worker thread for each list of sockets, and waits until all of them accept. Issuers are shown
    /// `challenges`, and visitors of apps get what `hosted` says, from the first connection on.
    ///
    /// Fails when a thread, a runtime, the access log or TLS can't be set up.
    pub async fn start(
        sockets: Vec<Vec<Socket>>,
        snapshot: Snapshot,
        challenges: Challenges,
        hosted: Hosted,
        access_log: &Path,
        failures: Failures,
    ) -> io::Result<Self> {
        let certificates = Arc::new(CurrentCertificates::new(Arc::clone(&snapshot.certificates)));
        let tls = tls::server_config(Arc::clone(&certificates)).map_err(io::Error::other)?;
        let guards = Guards::new(&snapshot, &certificates, &Guards::default());
        let guards = Arc::new(guards);
        let snapshot = snapshot.guarded_by(&guards);
        let challenges = Arc::new(challenges);
        let https_port = https_port(&sockets);
        let share = sockets.len().max(1);
        let (shortage, strangers) = (Shortage::default(), Shortage::default());
        let watch = Watch::default();
        let floods = Shortage::default();
        let via = Via::new(random());
        let passwords = Passwords::new()?;
        let tally = Arc::<Tally>::default();
        let log = start_log(access_log, Settings::of(&snapshot.plan), &failures)?;
        let mut workers = Vec::with_capacity(sockets.len());
        for (number, sockets) in sockets.into_iter().enumerate() {
            let counters = Arc::new(WorkerCounters::default());
            let equipment = Equipment {
                sockets,
                snapshot: snapshot.clone(),
                challenges: Arc::clone(&challenges),
                tls: Arc::clone(&tls),
                counters: Arc::clone(&counters),
                recorder: log.recorder(),
                failures: failures.clone(),
                shortage: shortage.clone(),
                floods: floods.clone(),
                strangers: strangers.clone(),
                passwords: passwords.clone(),
                https_port,
                connections_max: connections_max().div_ceil(share),
                connections_per_address_max: limits::CONNECTIONS_PER_ADDRESS_MAX.div_ceil(share),
                files_bytes_max: limits::FILES_CACHE_BYTES / share,
                seed: random(),
                watch: watch.clone(),
                via: via.clone(),
                hosted: hosted.clone(),
                tally: Arc::clone(&tally),
                workers: share,
            };
            let (commands, receiver) = mpsc::channel(COMMANDS_MAX);
            let (ready, is_ready) = oneshot::channel();
            let thread = tasks::spawn_thread(&format!("worker-{number}"), move || {
                worker::run(equipment, receiver, ready);
            })?;
            workers.push(RunningWorker {
                commands,
                counters,
                thread,
            });
            is_ready.await.map_err(io::Error::other)??;
        }
        let prober = Prober::default();
        let known = Known::of(&snapshot.plan, &watch);
        prober.ask(probed(&known, &snapshot))?;
        Ok(Self {
            workers,
            certificates,
            guards: Mutex::new(guards),
            log,
            watch,
            prober,
            known: Mutex::new(known),
            endpoints: Mutex::new(hosted.endpoints),
            tally,
        })
    }

    /// Serves another snapshot. When this returns, every request that begins is answered by it.
    pub async fn apply(&self, snapshot: Snapshot) {
        self.certificates
            .replace(Arc::clone(&snapshot.certificates));
        let snapshot = self.guarded(snapshot);
        self.log.configure(Settings::of(&snapshot.plan));
        let mut applied = Vec::with_capacity(self.workers.len());
        for worker in &self.workers {
            let (done, is_done) = oneshot::channel();
            let recorder = self.log.recorder();
            let command = Command::Apply(Box::new(snapshot.clone()), Box::new(recorder), done);
            if worker.commands.send(command).await.is_ok() {
                applied.push(is_done);
            }
        }
        let known = Known::of(&snapshot.plan, &self.watch);
        if let Err(error) = self.prober.ask(probed(&known, &snapshot)) {
            tracing::error!(%error, "the health checks could not be started: all servers count as up, and those that fail are left out as visitors meet it. `ondol reload` tries again");
        }
        *self.known() = known;
        for is_done in applied {
            let _ = is_done.await; // A worker that has ended serves nothing old either.
        }
    }

    /// Shows issuers other answers. When this returns, every worker does.
    pub async fn show(&self, challenges: Challenges) {
        let challenges = Arc::new(challenges);
        let mut shown = Vec::with_capacity(self.workers.len());
        for worker in &self.workers {
            let (done, is_done) = oneshot::channel();
            let command = Command::Show(Arc::clone(&challenges), done);
            if worker.commands.send(command).await.is_ok() {
                shown.push(is_done);
            }
        }
        for is_done in shown {
            let _ = is_done.await; // A worker that has ended shows nothing old either.
        }
    }

    /// Answers something else on sites in the box's own name. When this returns, every worker does.
    pub async fn own(&self, own: Own) {
        let own = Arc::new(own);
        let mut taken = Vec::with_capacity(self.workers.len());
        for worker in &self.workers {
            let (done, is_done) = oneshot::channel();
            let command = Command::Own(Arc::clone(&own), done);
            if worker.commands.send(command).await.is_ok() {
                taken.push(is_done);
            }
        }
        for is_done in taken {
            let _ = is_done.await; // A worker that has ended answers nothing either.
        }
    }

    /// Visitors of apps get something else. When this returns, every request that begins is answered by it, and
    /// what was cut is ending.
    pub async fn endpoints(&self, endpoints: Arc<Endpoints>) {
        let mut taken = Vec::with_capacity(self.workers.len());
        for worker in &self.workers {
            let (done, is_done) = oneshot::channel();
            let command = Command::Endpoints(Arc::clone(&endpoints), done);
            if worker.commands.send(command).await.is_ok() {
                taken.push(is_done);
            }
        }
        for is_done in taken {
            let _ = is_done.await; // A worker that has ended begins no request either.
        }
        *self.acted_by() = endpoints;
    }

    /// What visitors of apps do.
    pub fn traffic(&self) -> Traffic {
        let endpoints = Arc::clone(&self.acted_by());
        self.tally.traffic(&endpoints)
    }

    fn acted_by(&self) -> MutexGuard<'_, Arc<Endpoints>> {
        self.endpoints
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn guarded(&self, snapshot: Snapshot) -> Snapshot {
        let mut guards = self.guards.lock().unwrap_or_else(PoisonError::into_inner);
        *guards = Arc::new(Guards::new(&snapshot, &self.certificates, &guards));
        snapshot.guarded_by(&guards)
    }

    /// What has been counted so far.
    pub fn counters(&self) -> Counters {
        let mut sum = Counters::default();
        for worker in &self.workers {
            sum.add(&worker.counters);
        }
        sum.log_lines_dropped = self.log.counts().dropped;
        sum
    }

    /// What has been counted of each site so far, by its main name; what was for no site is by the empty one.
    pub fn sites(&self) -> BTreeMap<Box<str>, SiteCounts> {
        let mut sums = BTreeMap::new();
        for worker in &self.workers {
            worker.counters.sites.add_to(&mut sums);
        }
        sums
    }

    /// How the servers behind the sites are: those that share requests, or are asked for their health.
    pub fn servers(&self) -> Vec<ServerState> {
        self.known().states()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a worker has ended, or has not looked after its connections for ten seconds: its share of
    /// the visitors waits for nothing then, so the data plane should be replaced.
    pub fn lost_worker(&self) -> bool {
        let now = clock::monotonic_us();
        self.workers.iter().any(|worker| {
            let ticked = worker.counters.ticked_us.value();
            let is_late = ticked > 0 && now.saturating_sub(ticked) > WORKER_STALL_US;
            is_late || worker.thread.is_finished()
        })
    }

    /// Opens the access log anew, after another program has moved it away.
    pub fn reopen_log(&self) {
        self.log.reopen();
    }

    /// Accepts no more and ends each connection when its requests are answered. Connections that are left
    /// after `grace` are cut; returns how many. Nothing is served afterwards; [`Self::end`] ends the threads.
    pub async fn drain(&self, grace: Duration) -> u64 {
        let _ = self.prober.ask(Probed::default()); // The next data plane asks them.
        let mut draining = Vec::with_capacity(self.workers.len());
        for worker in &self.workers {
            let (done, is_done) = oneshot::channel();
            let command = Command::Drain(grace, done);
            if worker.commands.send(command).await.is_ok() {
                draining.push(is_done);
            }
        }
        let mut cut = 0;
        for is_done in draining {
            cut += is_done.await.unwrap_or(0);
        }
        cut
    }

    /// Ends the threads and writes the last lines of the log; what is still open is cut.
    pub async fn end(self) {
        let Self {
            workers,
            certificates: _,
            guards: _,
            log,
            watch: _,
            prober: _,
            known: _,
            endpoints: _,
            tally: _,
        } = self;
        let ending = tasks::spawn_blocking(move || {
            for RunningWorker {
                commands,
                thread,
                counters: _,
            } in workers
            {
                drop(commands); // A worker that nobody can command ends.
                let _ = thread.join(); // A panic has been printed where it happened.
            }
            log.close();
        });
        let _ = ending.await;
    }
}

/// The servers that are asked whether they are well, and how.
fn probed(known: &Known, snapshot: &Snapshot) -> Probed {
    Probed {
        servers: known.asked(),
        tls: Arc::clone(&snapshot.upstream_tls),
    }
}

/// The port that a redirect to HTTPS names. Behind a PROXY header it is the proxy's, which is not known.
fn https_port(sockets: &[Vec<Socket>]) -> Option<u16> {
    let https = sockets
        .iter()
        .flatten()
        .find(|socket| socket.protocol == Protocol::Https && socket.preface == Preface::None)?;
    https
        .listener
        .local_addr()
        .ok()
        .map(|address| address.port())
}

fn start_log(path: &Path, settings: Settings, failures: &Failures) -> io::Result<AccessLog> {
    let failures = failures.clone();
    AccessLog::start(path.to_owned(), settings, move |notice| {
        failures.report(ServeFailure {
            kind: EventKind::AccessLog,
            subject: "access.log".to_owned(),
            message: notice.to_string(),
        });
    })
}

/// Half of the descriptors at most: a visitor's connection may need another one to an upstream.
fn connections_max() -> usize {
    let descriptors = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let half = descriptors.map(|count| usize::try_from(count / 2).unwrap_or(usize::MAX));
    half.map_or(limits::CONNECTIONS_MAX, |half| {
        half.min(limits::CONNECTIONS_MAX)
    })
}

/// A number that differs from start to start: the standard library's keys for hash maps are random.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
