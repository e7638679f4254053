//! The service with a store, a shelf and a Pebble that are real, and what stands where names lead.

#![expect(
    clippy::disallowed_methods,
    reason = "the files of a test do not outlive it"
)]

mod accidents;
mod course;
mod desks;

use std::cell::RefCell;
use std::path::Path;
use std::path::PathBuf;

use ondol_base::tasks::Stopper;
use ondol_model::Plan;
use ondol_model::plan::AcmeIssuer;
use ondol_model::plan::Challenge;
use ondol_model::plan::Issuance;
use ondol_model::plan::Issuer;
use ondol_model::plan::Reach;
use tempfile::TempDir;

use super::*;
use crate::acme::tests::issuers;
use crate::acme::tests::plane;
use crate::fixture;
use crate::managed::State;
use crate::owner::Origin;
use issuers::challtestsrv::NameServer;
use issuers::front::Front;
use issuers::pebble::Pebble;
use issuers::pebble::Settings;
use plane::Plane;

/// No test waits longer for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// An issuer behind a front that counts, and what stands where names lead.
struct World {
    pebble: Pebble,
    front: Front,
    name_server: NameServer,
    plane: Plane,
}

/// A box: what it has on disk.
struct Disk(TempDir);

/// A box that runs.
struct Running {
    certificates: Certificates,
    managed: watch::Receiver<Arc<Vec<Managed>>>,
    requests: mpsc::Sender<Request>,
    news: RefCell<mpsc::Receiver<News>>,
}

impl World {
    /// `None` when no Pebble is installed.
    async fn new() -> Option<Self> {
        let plane = Plane::new().await;
        let name_server = NameServer::start()?;
        let pebble = Pebble::start_newer(&Settings {
            http_port: plane.http_port(),
            tls_port: plane.tls_port(),
            name_server: Some(name_server.address()),
            ..Settings::default()
        })?;
        Some(Self {
            front: Front::start(&pebble),
            pebble,
            name_server,
            plane,
        })
    }

    fn issuer(&self) -> AcmeIssuer {
        issuer("pebble", &self.front)
    }

    /// A site for each list of names.
    fn plan(&self, sites: &[&[&str]]) -> Arc<Plan> {
        self.plan_of(&[self.issuer()], sites)
    }

    fn plan_of(&self, issuers: &[AcmeIssuer], sites: &[&[&str]]) -> Arc<Plan> {
        let issuance = Arc::new(Issuance {
            issuers: issuers.iter().cloned().map(Issuer::Acme).collect(),
            challenge: Some(Challenge::TlsAlpn),
            ..Issuance::default()
        });
        let sites = sites.iter().map(|names| {
            let mut site = fixture::site(names, None);
            site.issuance = Arc::clone(&issuance);
            site
        });
        let mut plan = fixture::plan(sites.collect(), &[]);
        plan.resolvers = vec![self.name_server.address()];
        Arc::new(plan)
    }

    /// Runs a box while something is done with it, and ends it at once after that: by a kill, as far as the
    /// service can tell.
    async fn run<T>(
        &self,
        state: &Disk,
        plan: Arc<Plan>,
        work: impl AsyncFnOnce(&Running) -> T,
    ) -> T {
        let store = ondol_store::open(&state.path().join("ondol.db")).unwrap();
        let done = self.run_with(state, &store.store, plan, work).await;
        store.store.close().await;
        done
    }

    async fn run_with<T>(
        &self,
        state: &Disk,
        store: &ondol_store::Store,
        plan: Arc<Plan>,
        work: impl AsyncFnOnce(&Running) -> T,
    ) -> T {
        let (notices, news) = mpsc::channel(64);
        let certificates = Certificates::open(state.path(), "seocho", notices).unwrap();
        certificates.take_up(plan).await.unwrap();
        let board = self.plane.board.clone();
        let (service, handle) = Issuing::new(certificates.clone(), store.handle(), board);
        let running = Running {
            certificates,
            managed: handle.managed,
            requests: handle.requests,
            news: RefCell::new(news),
        };
        let (_stopper, stop) = Stopper::new();
        let serving = async {
            tokio::select! {
                done = work(&running) => done,
                _ = service.run(stop) => unreachable!(),
            }
        };
        self.plane.while_it_answers(serving).await
    }

    /// How many orders there were for a name.
    fn orders(&self, name: &str) -> usize {
        let counts = self.front.orders_by_name();
        counts.get(name).copied().unwrap_or(0)
    }
}

impl Disk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Where the certificate of a name is kept.
    fn folder(&self, name: &str) -> PathBuf {
        self.path().join("certificates/pebble").join(name)
    }
}

impl Running {
    /// Waits until all that is wanted is as it should be.
    async fn until(&self, is_so: impl Fn(&Managed) -> bool) -> Arc<Vec<Managed>> {
        let mut managed = self.managed.clone();
        let is_all = |all: &Arc<Vec<Managed>>| !all.is_empty() && all.iter().all(&is_so);
        let waiting = tokio::time::timeout(PATIENCE, managed.wait_for(is_all));
        let found = waiting.await.map(|found| Arc::clone(&found.unwrap()));
        found.unwrap_or_else(|_| panic!("{:#?}", *self.managed.borrow()))
    }

    /// Waits until there is a certificate for everything.
    async fn until_held(&self) -> Arc<Vec<Managed>> {
        self.until(|one| one.state == State::Held).await
    }

    /// Waits until a try has failed, and says why.
    async fn failure(&self) -> String {
        let is_failed = |one: &Managed| one.last.as_ref().is_some_and(|last| !last.is_good);
        let all = self.until(is_failed).await;
        all[0].last.clone().unwrap().sentence
    }

    /// Which issuer's certificate a name is answered with.
    fn issuer_of(&self, name: &str) -> Option<String> {
        let set = Arc::clone(&self.certificates.subscribe().borrow());
        let name = fixture::pattern(name);
        let row = set.rows.iter().find(|row| row.names.contains(&name))?;
        match &row.origin {
            Origin::Issued { issuer, .. } => Some(issuer.to_string()),
            Origin::Files(_) | Origin::Internal => None,
        }
    }

    /// The chain that a name is answered with.
    fn chain_of(&self, name: &str) -> Arc<str> {
        let set = Arc::clone(&self.certificates.subscribe().borrow());
        let name = fixture::pattern(name);
        let mut entries = set.entries.iter();
        let entry = entries.find(|entry| entry.names.contains(&name)).unwrap();
        Arc::clone(&entry.pair.chain_pem)
    }

    /// Waits until a name is answered with another chain than this.
    async fn until_other(&self, name: &str, than: &str) {
        let mut sets = self.certificates.subscribe();
        let is_other = |_: &Arc<CertificateSet>| true;
        let waiting = async {
            while &*self.chain_of(name) == than {
                sets.changed().await.unwrap();
                sets.wait_for(is_other).await.unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap();
    }

    /// What was told since the last call, without what is told of Ondol's own CA.
    fn news(&self) -> Vec<String> {
        let mut news = self.news.borrow_mut();
        let told = std::iter::from_fn(|| news.try_recv().ok());
        told.map(|news| news.message)
            .filter(|told| !told.contains("a CA of its own"))
            .collect()
    }

    /// The next that is told.
    async fn told(&self) -> String {
        let next = std::future::poll_fn(|cx| self.news.borrow_mut().poll_recv(cx));
        tokio::time::timeout(PATIENCE, next)
            .await
            .unwrap()
            .unwrap()
            .message
    }

    async fn ask(
        &self,
        request: impl FnOnce(tokio::sync::oneshot::Sender<crate::Answer>) -> Request,
    ) -> crate::Answer {
        let (reply, answer) = tokio::sync::oneshot::channel();
        self.requests.send(request(reply)).await.unwrap();
        tokio::time::timeout(PATIENCE, answer)
            .await
            .unwrap()
            .unwrap()
    }

    async fn renew(&self, name: &str) -> crate::Answer {
        let name = fixture::pattern(name);
        self.ask(|reply| Request::Renew { name, reply }).await
    }
}

fn issuer(name: &str, front: &Front) -> AcmeIssuer {
    AcmeIssuer {
        name: name.into(),
        directory: front.directory().into(),
        staging: None,
        root: Some(front.tls_root()),
        external_account: None,
        reach: Reach::Any,
    }
}
