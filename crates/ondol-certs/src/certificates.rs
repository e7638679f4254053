//! The certificates of the box, behind a handle that never blocks: what a plan takes up, what came from an
//! issuer, and what changed on disk go in; the set that is in use comes out.

use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use ondol_base::clock;
use ondol_base::tasks;
use ondol_base::tasks::Stop;
use ondol_model::Plan;
use tokio::sync::Notify;
use tokio::sync::mpsc;
use tokio::sync::watch;

use crate::internal::IssueError;
use crate::managed::News;
use crate::owner::CertificateSet;
use crate::owner::Owner;
use crate::owner::Rest;
use crate::shelf::Kept;
use crate::shelf::Meta;
use crate::shelf::Shelf;

/// How often files are looked at and ends are compared with the clock. Files are taken up when two
/// looks found them alike, so a change is in use after twice this.
const PERIOD: Duration = Duration::from_secs(2);

/// The certificates of the box. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Certificates {
    // Locked on threads that may block alone, and never by the data plane: a reload waits at most
    // for one look at the files.
    owner: Arc<Mutex<Owner>>,
    shelf: Shelf,
    published: watch::Sender<Arc<CertificateSet>>,
    notices: mpsc::Sender<News>,
    taken_up: Arc<Notify>,
}

/// Why certificates could not be looked after.
#[derive(Debug, thiserror::Error)]
#[error("the certificates' thread did not finish")]
pub struct Unfinished(#[source] tokio::task::JoinError);

/// Why what came from an issuer could not be kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ShelfError {
    /// The disk did not take it.
    #[error("the disk did not take it")]
    Disk(#[from] io::Error),
    /// See [`Unfinished`].
    #[error(transparent)]
    Unfinished(#[from] Unfinished),
}

impl Certificates {
    /// Opens Ondol's own CA in `<state>/certificates/internal`, or makes one; blocks on the disk. What
    /// happens from then on is told to `notices`; what it has no room for is logged.
    pub fn open(
        state: &Path,
        box_name: &str,
        notices: mpsc::Sender<News>,
    ) -> Result<Self, IssueError> {
        let shelf = Shelf::new(state.join("certificates"));
        let now = clock::unix_seconds();
        let owner = Owner::open(internal_folder(state), shelf.clone(), box_name, now)?;
        let (published, _) = watch::channel(Arc::new(owner.empty_set()));
        Ok(Self {
            owner: Arc::new(Mutex::new(owner)),
            shelf,
            published,
            notices,
            taken_up: Arc::default(),
        })
    }

    /// Gives every name of a plan a certificate, publishes them and returns them. A certificate that
    /// cannot be used is no error here (`examine` refuses it before): its names fall back to Ondol's
    /// own CA. When something after this refuses the plan, call it again with the one before.
    pub async fn take_up(&self, plan: Arc<Plan>) -> Result<Arc<CertificateSet>, Unfinished> {
        let this = self.clone();
        let work = tasks::spawn_blocking(move || {
            this.with_owner(|owner| Some(owner.take_up(plan, clock::unix_seconds())));
            Arc::clone(&this.published.borrow())
        });
        let set = work.await.map_err(Unfinished)?;
        self.taken_up.notify_one();
        Ok(set)
    }

    /// Takes up changed files, renews Ondol's own certificates and writes them to disk, until told to
    /// stop.
    pub async fn keep_fresh(self, stop: Stop) -> Result<(), Unfinished> {
        loop {
            tokio::select! {
                () = stop.requested() => return Ok(()),
                () = tokio::time::sleep(PERIOD) => self.refresh().await?,
                () = self.taken_up.notified() => {}
            }
            while !stop.is_requested() && self.keep_some().await? == Rest::Some {}
        }
    }

    async fn refresh(&self) -> Result<(), Unfinished> {
        let this = self.clone();
        let refresh = move || this.with_owner(|owner| owner.refresh(clock::unix_seconds()));
        tasks::spawn_blocking(refresh).await.map_err(Unfinished)
    }

    async fn keep_some(&self) -> Result<Rest, Unfinished> {
        let this = self.clone();
        let keep_some = move || {
            let mut rest = Rest::None;
            this.with_owner(|owner| {
                rest = owner.keep_some();
                None
            });
            rest
        };
        tasks::spawn_blocking(keep_some).await.map_err(Unfinished)
    }

    /// Puts a certificate from an issuer on its shelf, then into use.
    pub(crate) async fn put(&self, kept: Kept) -> Result<(), ShelfError> {
        self.on_shelf(move |owner, now| owner.put(kept, now).map(Some))
            .await
    }

    /// Writes down what is known anew of a certificate from an issuer; nothing, when another has taken its place.
    pub(crate) async fn note(
        &self,
        of: &Kept,
        change: impl FnOnce(&mut Meta) + Send + 'static,
    ) -> Result<(), ShelfError> {
        let of = of.clone();
        self.on_shelf(move |owner, now| owner.note(&of, change, now))
            .await
    }

    async fn on_shelf(
        &self,
        work: impl FnOnce(&mut Owner, i64) -> io::Result<Option<CertificateSet>> + Send + 'static,
    ) -> Result<(), ShelfError> {
        let this = self.clone();
        let work = move || {
            let mut failed = None;
            this.with_owner(|owner| {
                let done = work(owner, clock::unix_seconds());
                done.unwrap_or_else(|error| {
                    failed = Some(error);
                    None
                })
            });
            failed.map_or(Ok(()), |error| Err(error.into()))
        };
        tasks::spawn_blocking(work).await.map_err(Unfinished)?
    }

    /// Removes certificates from issuers that ended long ago and are not in use.
    pub(crate) async fn clean_up(&self) -> Result<(), Unfinished> {
        let this = self.clone();
        let clean_up = move || this.with_owner(|owner| owner.clean_up(clock::unix_seconds()));
        tasks::spawn_blocking(clean_up).await.map_err(Unfinished)
    }

    /// Where what happens is told.
    pub(crate) fn news(&self) -> mpsc::Sender<News> {
        self.notices.clone()
    }

    /// Where certificates from issuers are kept.
    pub(crate) fn shelf(&self) -> &Shelf {
        &self.shelf
    }

    /// The certificates in use; changes when one is taken up or renewed.
    pub fn subscribe(&self) -> watch::Receiver<Arc<CertificateSet>> {
        self.published.subscribe()
    }

    fn with_owner(&self, work: impl FnOnce(&mut Owner) -> Option<CertificateSet>) {
        // A panic leaves at worst a certificate unread, which the next look mends.
        let mut owner = self.owner.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(set) = work(&mut owner) {
            self.published.send_replace(Arc::new(set));
        }
        for notice in owner.take_notices() {
            if let Err(error) = self.notices.try_send(News::from(notice)) {
                let lost = match &error {
                    mpsc::error::TrySendError::Full(lost)
                    | mpsc::error::TrySendError::Closed(lost) => lost,
                };
                tracing::warn!("{}", lost.message);
            }
        }
    }
}

/// Where Ondol's own CA keeps its certificates.
fn internal_folder(state: &Path) -> PathBuf {
    state.join("certificates").join("internal")
}

#[cfg(test)]
mod tests;
