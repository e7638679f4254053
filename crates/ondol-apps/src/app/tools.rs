//! What the tasks of one app work with.

use std::path::PathBuf;
use std::sync::Arc;

use ondol_base::chain::Chain;
use ondol_base::clock;
use ondol_model::app::AppName;
use ondol_model::app::Launch;
use ondol_model::app::LaunchKind;
use ondol_model::app::LaunchOutcome;
use ondol_model::event::EventKind;
use ondol_model::plan;
use ondol_store::LaunchEnd;
use ondol_store::NewLaunch;
use tokio::sync::mpsc;

use crate::formation::Formation;
use crate::news::News;
use crate::release::Release;
use crate::releases::Releases;
use crate::settings::Settings;
use crate::settings::SettingsError;
use crate::surroundings::Surroundings;

/// What the configuration wants of an app now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) app: Arc<plan::App>,
    /// The main name of the first site that it answers.
    pub(crate) host: Option<String>,
    /// IANA time zone of the box.
    pub(crate) timezone: Option<String>,
    /// Folders that it sees nothing of.
    pub(crate) hidden: Arc<[PathBuf]>,
}

/// What the tasks of one app work with. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Tools {
    pub(crate) name: AppName,
    pub(crate) surroundings: Surroundings,
    pub(crate) store: ondol_store::Handle,
    pub(crate) news: mpsc::Sender<News>,
}

impl Tools {
    /// The same, with what this app must not see now.
    pub(super) fn wanted(&self, wanted: &Wanted) -> Self {
        let mut tools = self.clone();
        tools.surroundings.hidden = Arc::clone(&wanted.hidden);
        tools
    }

    pub(super) fn releases(&self) -> Releases {
        Releases::new(self.surroundings.clone(), self.name.clone())
    }

    pub(super) async fn settings(
        &self,
        wanted: &Wanted,
        release: &Release,
    ) -> Result<Arc<Settings>, SettingsError> {
        let (app, host) = (Arc::clone(&wanted.app), wanted.host.clone());
        let read = Settings::read(app, host, release, &self.surroundings.places);
        Ok(Arc::new(read.await?))
    }

    /// Starts a launch that is kept up from its first moment on.
    pub(super) fn formation(
        &self,
        settings: Arc<Settings>,
        launch: Launch,
        release: Release,
    ) -> Arc<Formation> {
        let news = self.news.clone();
        let started = Formation::start(&self.surroundings, settings, launch, release, news);
        Arc::new(started)
    }

    /// Starts a launch anew that was stopped.
    pub(super) fn again(&self, before: &Formation) -> Arc<Formation> {
        let (settings, release) = (Arc::clone(before.settings()), before.release().clone());
        self.formation(settings, before.launch(), release)
    }

    /// The app's own folder as a release; `None` when it has none.
    pub(super) fn in_place(&self, wanted: &Wanted) -> Option<Release> {
        let dir = wanted.app.dir.as_ref()?;
        Some(Release {
            number: None,
            folder: dir.canonicalize().unwrap_or_else(|_| dir.clone()),
        })
    }

    /// A release by its number, where `None` is the app's own folder.
    pub(super) fn release(&self, wanted: &Wanted, number: Option<u64>) -> Option<Release> {
        let Some(known) = number else {
            return self.in_place(wanted);
        };
        let folder = self.surroundings.places.release(&self.name, known);
        let folder = folder.canonicalize().ok()?;
        Some(Release { number, folder })
    }

    /// A launch begins. A store that can't write it down is no reason to serve nothing.
    pub(super) async fn begin(
        &self,
        kind: LaunchKind,
        release: Option<u64>,
        source: String,
    ) -> Launch {
        let new = NewLaunch {
            app: self.name.clone(),
            kind,
            release,
            source,
            at: clock::unix_seconds(),
        };
        match self.store.begin_launch(new).await {
            Ok(launch) => launch,
            Err(error) => {
                self.not_written(&error);
                u64::try_from(clock::unix_milliseconds()).unwrap_or(0) // Later ones have greater ones all the same.
            }
        }
    }

    pub(super) async fn note(&self, launch: Launch, step: &str, release: Option<u64>) {
        if let Err(error) = self.store.note_launch(launch, step, release).await {
            self.not_written(&error);
        }
    }

    /// The app is wanted, also where its owner had stopped it before.
    pub(super) async fn starts(&self) {
        if let Err(error) = self.store.set_stopped(self.name.clone(), false).await {
            self.not_written(&error);
        }
    }

    /// Visitors get this launch from now on.
    pub(super) async fn live(&self, launch: Launch) {
        if let Err(error) = self.store.live_launch(launch, clock::unix_seconds()).await {
            self.not_written(&error);
        }
    }

    pub(super) async fn end(&self, launch: Launch, outcome: LaunchOutcome, reason: &str) {
        let end = LaunchEnd {
            outcome,
            reason: reason.to_owned(),
            at: clock::unix_seconds(),
        };
        if let Err(error) = self.store.end_launch(launch, end).await {
            self.not_written(&error);
        }
    }

    pub(super) fn tell(&self, kind: EventKind, message: impl Into<String>) {
        let (app, message) = (self.name.clone(), message.into());
        let news = News { kind, app, message };
        if let Err(error) = self.news.try_send(news) {
            tracing::warn!(news = ?error.into_inner(), "nobody takes news of apps");
        }
    }

    fn not_written(&self, error: &ondol_store::StoreError) {
        let (app, error) = (self.name.as_str(), Chain(error).to_string());
        tracing::error!(app, error, "what happens to an app was not written down");
    }
}
