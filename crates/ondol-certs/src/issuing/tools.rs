//! What the workers of the service work with.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use ondol_base::tasks;
use ondol_model::HostPattern;
use ondol_model::issuing::FailureKind;
use ondol_model::plan::DnsProvider;
use ondol_store::TryId;
use tokio::sync::mpsc;

use super::Heard;
use super::Issuing;
use super::sessions::Sessions;
use crate::certificates::Certificates;
use crate::challenges::Board;
use crate::failure::Failure;
use crate::lookup::Lookup;
use crate::owner::CertificateSet;
use crate::shelf::Shelf;
use crate::zone::Zone;
use crate::zone::ZoneJournal;

/// Which challenge records were written, so that a later run can take them out.
const JOURNAL: &str = "challenge-records.json";

/// What the workers work with. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Tools {
    pub(super) certificates: Certificates,
    pub(super) store: ondol_store::Handle,
    pub(super) board: Board,
    pub(super) sessions: Sessions,
    // Opened by the first who needs it.
    journal: Arc<Mutex<Option<ZoneJournal>>>,
    said: mpsc::Sender<Heard>,
}

impl Tools {
    pub(super) fn new(service: &Issuing, said: mpsc::Sender<Heard>) -> Self {
        let root: PathBuf = service.certificates.shelf().root().to_owned();
        Self {
            certificates: service.certificates.clone(),
            store: service.store.clone(),
            board: service.board.clone(),
            sessions: Sessions::new(root.clone()),
            journal: Arc::default(),

            said,
        }
    }

    /// The name servers to ask.
    pub(super) fn lookup(set: &CertificateSet) -> Lookup {
        let resolvers = set.plan.as_ref().map(|plan| plan.resolvers.as_slice());
        Lookup::new(resolvers.unwrap_or_default())
    }

    /// The way into a zone.
    pub(super) async fn zone(
        &self,
        provider: &DnsProvider,
        lookup: &Lookup,
    ) -> Result<Zone, Failure> {
        let path = self.shelf().root().join(JOURNAL);
        let journal = Arc::clone(&self.journal);
        let open = tasks::spawn_blocking(move || {
            let mut journal = journal.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(journal) = &*journal {
                return Ok(journal.clone());
            }
            let opened = ZoneJournal::open(&path)?;
            *journal = Some(opened.clone());
            Ok(opened)
        });
        let opened = open.await.unwrap_or_else(|error| {
            let sentence = format!("the list of challenge records could not be read: {error}");
            Err(Failure::new(FailureKind::Machine, sentence))
        });
        Zone::new(provider, lookup, opened?)
    }

    /// Takes challenge records out of their zones that an earlier run left there. Those of a provider that is
    /// not in the plan any more stay in the journal.
    pub(super) async fn clean_up_zones(&self, set: &CertificateSet) {
        let lookup = Self::lookup(set);
        let mut done: Vec<&DnsProvider> = Vec::new();
        for wanted in &set.wanted {
            let Some(provider) = &wanted.issuance.dns else {
                continue;
            };
            if done.contains(&provider) {
                continue;
            }
            done.push(provider);
            if let Ok(zone) = self.zone(provider, &lookup).await {
                zone.clean_up().await;
            }
        }
    }

    pub(super) fn shelf(&self) -> &Shelf {
        self.certificates.shelf()
    }

    /// Tells the loop what is done now, unless it has more to hear than it can.
    pub(super) fn step(&self, name: &HostPattern, step: &'static str) {
        let _ = self.said.try_send(Heard::Step(name.clone(), step));
    }

    /// Tells the loop that an issuer is asked for an order.
    pub(super) async fn ordered(&self, name: &HostPattern, id: TryId, replaces: bool) {
        self.say(Heard::Ordered(name.clone(), id, replaces)).await;
    }

    pub(super) async fn say(&self, heard: Heard) {
        let _ = self.said.send(heard).await; // The loop may have ended.
    }

    /// Does what blocks on the disk.
    pub(super) async fn on_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shelf) -> std::io::Result<T> + Send + 'static,
    ) -> std::io::Result<T> {
        let shelf = self.shelf().clone();
        let work = tasks::spawn_blocking(move || work(&shelf));
        work.await.map_err(std::io::Error::other)?
    }
}
