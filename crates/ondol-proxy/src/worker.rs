//! One thread of the data plane: its runtime, its sockets, its connections, its view of what to serve.

use std::cell::Cell;
use std::cell::RefCell;
use std::io;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::SystemTime;

use ondol_base::clock;
use ondol_base::tasks;
use ondol_model::app::Endpoints;
use ondol_model::event::EventKind;
use rustix::event::PollFd;
use rustix::event::PollFlags;
use rustix::event::Timespec;
use rustls::ServerConfig;
use socket2::SockRef;
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::runtime::LocalOptions;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Duration;
use tokio::time::Instant;
use tokio::time::MissedTickBehavior;

use crate::abuse::Abuse;
use crate::abuse::Abusers;
use crate::accept;
use crate::accept::Arrival;
use crate::access_log::Recorder;
use crate::admission::Connections;
use crate::admission::network_of;
use crate::apps::Apps;
use crate::apps::Hosted;
use crate::apps::Tally;
use crate::challenges::Challenges;
use crate::challenges::Shown;
use crate::connection::Ledger;
use crate::connection::Order;
use crate::counters::WorkerCounters;
use crate::data_plane::Failures;
use crate::data_plane::ServeFailure;
use crate::data_plane::Socket;
use crate::files::Folders;
use crate::gate::Passwords;
use crate::handshakes::Handshakes;
use crate::own::Own;
use crate::own::Owned;
use crate::request_id::RequestIds;
use crate::shortage::Shortage;
use crate::snapshot::Snapshot;
use crate::upstream::Watch;
use crate::via::Via;
use crate::view::Pools;
use crate::view::View;

/// How often a worker looks after its connections, its pools and its log.
const TICK: Duration = Duration::from_millis(200);
/// Failed requests that are written to the box's own log between two ticks, of one worker.
const WARNINGS_PER_TICK: u32 = 2;
/// How long no connection is accepted after the descriptors ran out, or listening has ended.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Threads of one worker that wait for disks. More would wait for the same disks, and each takes memory;
/// what finds none waits in a line.
const BLOCKING_THREADS_MAX: usize = 64;

/// What the kernel takes of an answer beyond what is on its way. Left alone it takes up to 4 MiB for each
/// visitor who reads nothing, and a few hundred of those use up the memory of all TCP on the machine.
const UNSENT_BYTES: u32 = 64 * 1024;

/// What a worker is made of; all of it can be sent to its thread.
pub(crate) struct Equipment {
    pub(crate) sockets: Vec<Socket>,
    pub(crate) snapshot: Snapshot,
    pub(crate) challenges: Arc<Challenges>,
    pub(crate) tls: Arc<ServerConfig>,
    pub(crate) counters: Arc<WorkerCounters>,
    pub(crate) recorder: Recorder,
    pub(crate) failures: Failures,
    pub(crate) shortage: Shortage,
    pub(crate) floods: Shortage,
    /// Connections without the PROXY header that they need.
    pub(crate) strangers: Shortage,
    pub(crate) passwords: Passwords,
    pub(crate) https_port: Option<u16>,
    pub(crate) connections_max: usize,
    pub(crate) connections_per_address_max: usize,
    pub(crate) files_bytes_max: usize,
    pub(crate) seed: u64,
    pub(crate) watch: Watch,
    pub(crate) via: Via,
    pub(crate) hosted: Hosted,
    pub(crate) tally: Arc<Tally>,
    /// How many there are.
    pub(crate) workers: usize,
}

/// What a worker is told.
#[derive(Debug)]
pub(crate) enum Command {
    /// Serve and log by this from the next request on; the reply says that it is so.
    Apply(Box<Snapshot>, Box<Recorder>, oneshot::Sender<()>),
    /// Show issuers this from the next request and handshake on; the reply says that it is so.
    Show(Arc<Challenges>, oneshot::Sender<()>),
    /// Visitors of apps get this from the next request on; the reply says that it is so.
    Endpoints(Arc<Endpoints>, oneshot::Sender<()>),
    /// Answer this on sites in the box's own name from the next request on; the reply says that it is so.
    Own(Arc<Own>, oneshot::Sender<()>),
    /// Accept no more, end what is open within the time, then end; the reply counts what was cut.
    Drain(Duration, oneshot::Sender<u64>),
}

/// What connections and requests of one thread share.
#[derive(Debug)]
pub(crate) struct Worker {
    view: RefCell<Rc<View>>,
    pub(crate) challenges: Shown,
    pub(crate) own: Owned,
    pub(crate) pools: Pools,
    folders: Folders,
    apps: Apps,
    pub(crate) connections: Connections,
    pub(crate) counters: Arc<WorkerCounters>,
    pub(crate) log: RefCell<Recorder>,
    pub(crate) ids: RequestIds,
    pub(crate) via: Via,
    /// The port of HTTPS visitors, for redirects to it.
    pub(crate) https_port: Option<u16>,
    pub(crate) tls: Arc<ServerConfig>,
    /// Who has shown which password.
    pub(crate) passwords: Passwords,
    /// What all connections have been told.
    pub(crate) order: Cell<Order>,
    /// What is known of its connections together, the time among it.
    pub(crate) ledger: Rc<Ledger>,
    /// The wall time at an instant not long ago.
    wall: Cell<(Instant, SystemTime)>,
    /// Failures that may still be logged before the next tick.
    warnings: Cell<u32>,
    failures: Failures,
    shortage: Shortage,
    pub(crate) handshakes: Handshakes,
    abusers: Abusers,
    floods: Shortage,
    strangers: Shortage,
}

impl Worker {
    /// What is served from this moment on; a request keeps the view it began with.
    pub(crate) fn view(&self) -> Rc<View> {
        Rc::clone(&self.view.borrow())
    }

    /// The wall time of an instant, without asking the system again.
    pub(crate) fn wall(&self, at: Instant) -> SystemTime {
        let (instant, wall) = self.wall.get();
        match at.checked_duration_since(instant) {
            Some(later) => wall + later,
            None => wall - instant.duration_since(at),
        }
    }

    fn new(equipment: Equipment) -> (Rc<Self>, Vec<Socket>) {
        let now = clock::now();
        let pools = Pools::new(equipment.connections_max, equipment.watch);
        let folders = Folders::new(equipment.files_bytes_max);
        let Hosted { endpoints, wakes } = equipment.hosted;
        let apps = Apps::new(equipment.workers, equipment.tally, wakes);
        apps.replace(endpoints, &pools);
        let counted = &equipment.counters.sites;
        let view = View::new(equipment.snapshot, &pools, &folders, &apps, counted);
        let worker = Self {
            view: RefCell::new(Rc::new(view)),
            challenges: Shown::new(equipment.challenges),
            own: Owned::default(),
            pools,
            folders,
            apps,
            connections: Connections::new(
                equipment.connections_max,
                equipment.connections_per_address_max,
            ),
            counters: equipment.counters,
            log: RefCell::new(equipment.recorder),
            ids: RequestIds::new(equipment.seed),
            via: equipment.via,
            https_port: equipment.https_port,
            tls: equipment.tls,
            passwords: equipment.passwords,
            order: Cell::new(Order::Serve),
            ledger: Rc::new(Ledger::new(now)),
            wall: Cell::new((now, clock::wall())),
            warnings: Cell::new(WARNINGS_PER_TICK),
            failures: equipment.failures,
            shortage: equipment.shortage,
            handshakes: Handshakes::default(),
            abusers: Abusers::new(now),
            floods: equipment.floods,
            strangers: equipment.strangers,
        };
        (Rc::new(worker), equipment.sockets)
    }

    fn apply(&self, snapshot: Snapshot, recorder: Recorder) {
        *self.log.borrow_mut() = recorder;
        let (pools, counted) = (&self.pools, &self.counters.sites);
        let view = View::new(snapshot, pools, &self.folders, &self.apps, counted);
        let view = Rc::new(view);
        *self.view.borrow_mut() = view;
    }

    /// Takes up what visitors of apps get, and cuts what is with launches whose time is over.
    fn take_endpoints(&self, endpoints: Arc<Endpoints>) {
        for key in self.apps.replace(endpoints, &self.pools) {
            self.connections.cut_launch(key);
        }
    }

    fn tick(&self) {
        let now = clock::now();
        self.ledger.set_now(now);
        self.wall.set((now, clock::wall()));
        self.connections.look_after(now, self.order.get());
        self.connections.call_in(&self.ledger);
        self.pools.thin_out(now);
        self.folders.rest(now);
        self.apps.tick();
        self.view.borrow().tell(&self.failures);
        self.warnings.set(WARNINGS_PER_TICK);
        self.counters.ticked_us.set(clock::monotonic_us());
        self.log.borrow_mut().flush();
    }

    /// Whether a failure may be written to the box's own log, which must not become a flood.
    pub(crate) fn may_warn(&self) -> bool {
        let left = self.warnings.get();
        self.warnings.set(left.saturating_sub(1));
        left > 0
    }

    /// Tells of a visitor who does what no honest one does: a line for each, an event for many.
    pub(crate) fn abused_by(&self, client: IpAddr, abuse: Abuse) {
        let now = self.ledger.now();
        let news = self.abusers.note(network_of(client), now);
        if news.of_client {
            tracing::warn!("abuse by {client}: {abuse}");
        }
        if news.of_flood && self.floods.is_news(now) {
            self.failures.report(ServeFailure {
                kind: EventKind::Flood,
                subject: "visitors".to_owned(),
                message: format!(
                    "Many connections were closed or refused because of what their visitors do, that of {client} among them ({abuse}). \
                     The others are served. Each address is named once in this service's log as `abuse by …`; fail2ban can keep them out."
                ),
            });
        }
    }

    fn out_of_descriptors(&self, error: &io::Error) {
        self.pools.close_idle();
        self.make_room(&format!("no connection could be accepted ({error})"));
    }

    /// Counts a connection that was closed because nobody vouches for its visitor; the owner hears once.
    pub(crate) fn refuse_stranger(&self, peer: SocketAddr, why: &str) {
        self.counters.strangers.add(1);
        if self.strangers.is_news(clock::now()) {
            self.failures.report(ServeFailure {
                kind: EventKind::Listener,
                subject: "proxy_protocol".to_owned(),
                message: format!(
                    "A connection from {} was closed: {why}. Such connections are counted; this is not said again \
                     while they go on. If it is your proxy, have it send the header, and name it in `trusted_proxies`.",
                    peer.ip()
                ),
            });
        }
    }

    /// Closes connections that nobody waits for an answer on; returns how many.
    pub(crate) fn make_room(&self, why: &str) -> u64 {
        let shed = self.connections.shed();
        self.counters.shed.add(shed);
        if self.shortage.is_news(clock::now()) {
            self.failures.report(ServeFailure {
                kind: EventKind::Descriptors,
                subject: "connections".to_owned(),
                message: format!(
                    "{why}; {shed} waiting connections were closed to make room, and more will be when needed. \
                     If this comes back, see who has so many open (`ss -tn`), or raise LimitNOFILE of the service."
                ),
            });
        }
        shed
    }
}

/// The whole life of a worker's thread. `ready` says whether the sockets could be taken up.
pub(crate) fn run(
    equipment: Equipment,
    commands: mpsc::Receiver<Command>,
    ready: oneshot::Sender<io::Result<()>>,
) {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .build_local(LocalOptions::default());
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return drop(ready.send(Err(error))),
    };
    let _unwinding = EndsTheProcess;
    runtime.block_on(async move {
        let (worker, sockets) = Worker::new(equipment);
        match accept_all(&worker, sockets) {
            Err(error) => drop(ready.send(Err(error))),
            Ok(accepting) => {
                drop(ready.send(Ok(())));
                attend(&worker, commands, accepting).await;
            }
        }
    });
}

/// A thread that panics outside of a connection's own task would leave its share of the visitors to a
/// socket that nobody accepts from. The agent starts another data plane at once.
struct EndsTheProcess;

impl Drop for EndsTheProcess {
    fn drop(&mut self) {
        if std::thread::panicking() {
            std::process::abort();
        }
    }
}

/// Carries out commands and looks after things, until told to drain or left alone.
async fn attend(
    worker: &Rc<Worker>,
    mut commands: mpsc::Receiver<Command>,
    accepting: Vec<JoinHandle<()>>,
) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                worker.tick();
                // Accepting never ends by itself.
                assert!(!accepting.iter().any(JoinHandle::is_finished), "a worker stopped accepting");
            }
            command = commands.recv() => match command {
                Some(Command::Apply(snapshot, recorder, done)) => {
                    worker.apply(*snapshot, *recorder);
                    let _ = done.send(());
                }
                Some(Command::Show(challenges, done)) => {
                    worker.challenges.replace(challenges);
                    let _ = done.send(());
                }
                Some(Command::Endpoints(endpoints, done)) => {
                    worker.take_endpoints(endpoints);
                    let _ = done.send(());
                }
                Some(Command::Own(own, done)) => {
                    worker.own.replace(own);
                    let _ = done.send(());
                }
                Some(Command::Drain(grace, done)) => {
                    accepting.iter().for_each(JoinHandle::abort);
                    let cut = drain(worker, grace, &mut commands).await;
                    let _ = done.send(cut);
                    return;
                }
                None => return,
            },
        }
    }
}

/// Ends all connections as they become idle, and cuts those that are left when the time is up. Of what it is
/// told meanwhile only what issuers are shown and where apps are still matters: visitors and issuers may keep
/// a connection.
async fn drain(
    worker: &Rc<Worker>,
    grace: Duration,
    commands: &mut mpsc::Receiver<Command>,
) -> u64 {
    worker.order.set(Order::Finish);
    worker.connections.begin_drain();
    let until = clock::now() + grace;
    let mut ticks = tokio::time::interval(TICK / 4);
    while !worker.connections.is_empty() && clock::now() < until {
        tokio::select! {
            _ = ticks.tick() => worker.tick(),
            Some(command) = commands.recv() => match command {
                Command::Show(challenges, done) => {
                    worker.challenges.replace(challenges);
                    let _ = done.send(());
                }
                Command::Endpoints(endpoints, done) => {
                    worker.take_endpoints(endpoints);
                    let _ = done.send(());
                }
                Command::Own(own, done) => {
                    worker.own.replace(own);
                    let _ = done.send(());
                }
                Command::Apply(..) | Command::Drain(..) => {}
            }
        }
    }
    let cut = worker.connections.len();
    worker.connections.close_all();
    ticks.tick().await;
    worker.log.borrow_mut().flush();
    cut as u64
}

fn accept_all(worker: &Rc<Worker>, sockets: Vec<Socket>) -> io::Result<Vec<JoinHandle<()>>> {
    let mut accepting = Vec::with_capacity(sockets.len());
    for socket in sockets {
        let Socket {
            protocol,
            preface,
            listener,
        } = socket;
        listener.set_nonblocking(true)?;
        // Connections inherit it. A kernel that can't only spends more on those who are slow.
        let _ = SockRef::from(&listener).set_tcp_notsent_lowat(UNSENT_BYTES);
        let listener = TcpListener::from_std(listener)?;
        accepting.push(tasks::spawn_local(accept(
            Rc::clone(worker),
            listener,
            Arrival { protocol, preface },
        )));
    }
    Ok(accepting)
}

async fn accept(worker: Rc<Worker>, listener: TcpListener, arrival: Arrival) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
                accept::admit(&worker, stream, peer, arrival);
            }
            Err(error) if is_out_of_resources(&error) => {
                // The kernel takes a descriptor before it looks whether anyone waits.
                if someone_waits(&listener) {
                    worker.out_of_descriptors(&error);
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
            // The agent has ended listening and will say so: a stopping box refuses visitors at once.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
            Err(_) => {} // The visitor left before it was accepted (ECONNABORTED and its like).
        }
    }
}

fn someone_waits(listener: &TcpListener) -> bool {
    let mut listener = [PollFd::new(listener, PollFlags::IN)];
    let at_once = Timespec::default();
    rustix::event::poll(&mut listener, Some(&at_once)).is_ok_and(|ready| ready > 0)
}

fn is_out_of_resources(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(
        errno,
        Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM)
    )
}
