//! A ground to test on: nobody is at the desk, and the tests say what is wanted and known.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use ondol_model::Plan;
use ondol_model::forwarded::ClientIpHeader;
use ondol_model::plan::AccessLog;
use ondol_model::plan::Backup;
use ondol_model::plan::Care;
use ondol_model::plan::Listen;
use ondol_store::Store;
use tokio::sync::mpsc;
use tokio::sync::watch;

use crate::facts::Facts;
use crate::ground::Ground;
use crate::ground::Known;
use crate::ground::Seen;
use crate::places::Places;

/// What the desk is told waits here; more than any test needs.
const SEEN_MAX: usize = 1_024;

/// A plan of which nothing is wanted.
pub(crate) fn empty_plan() -> Plan {
    Plan {
        box_name: "box".to_owned(),
        email: None,
        timezone: Some("UTC".to_owned()),
        listen: Listen {
            http: Vec::new(),
            https: Vec::new(),
            trusted_proxies: Vec::new(),
            client_ip_header: ClientIpHeader::XForwardedFor,
        },
        access_log: AccessLog::default(),
        certificates: Vec::new(),
        resolvers: Vec::new(),
        sites: Vec::new(),
        apps: Vec::new(),
        backup: Backup::default(),
        care: Care::default(),
    }
}

/// Puts a file where the kernel, or somebody else, would have it.
#[expect(
    clippy::disallowed_methods,
    reason = "the files of a test do not outlive it"
)]
pub(crate) fn put(path: &Path, text: &str) {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).unwrap();
    }
    std::fs::write(path, text).unwrap();
}

/// The other ends of a ground.
pub(crate) struct Planted {
    pub(crate) ground: Ground,
    pub(crate) plan: watch::Sender<Arc<Plan>>,
    #[expect(dead_code, reason = "a ground whose facts never come is another thing")]
    pub(crate) facts: watch::Sender<Arc<Facts>>,
    pub(crate) known: watch::Sender<Arc<Known>>,
    pub(crate) seen: mpsc::Receiver<Seen>,
    /// Ends with the test.
    pub(crate) store: Store,
}

impl Planted {
    /// A ground whose store forgets everything, and whose places are nowhere.
    pub(crate) fn new(plan: Plan) -> Self {
        let store = ondol_store::open_in_memory().unwrap();
        Self::on(plan, store, Path::new("/nowhere"))
    }

    /// A ground with this store, and with places in this folder.
    pub(crate) fn on(plan: Plan, store: Store, folder: &Path) -> Self {
        let (plan_sender, plan) = watch::channel(Arc::new(plan));
        let (facts_sender, facts) = watch::channel(Arc::default());
        let (known_sender, known) = watch::channel(Arc::default());
        let (seen_sender, seen) = mpsc::channel(SEEN_MAX);
        let in_it = |name: &str| -> PathBuf { folder.join(name) };
        let ground = Ground {
            places: Arc::new(Places {
                configuration: in_it("ondol.toml"),
                state: in_it("state"),
                runtime: in_it("run"),
                logs: in_it("log"),
            }),
            store: store.handle(),
            plan,
            facts,
            known,
            seen: seen_sender,
        };
        Self {
            ground,
            plan: plan_sender,
            facts: facts_sender,
            known: known_sender,
            seen,
            store,
        }
    }
}
