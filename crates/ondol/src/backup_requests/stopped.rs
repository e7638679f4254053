//! Apps that are stopped while their data is put back, and started afterwards, also when the agent ends in between.

use std::time::Duration;

use ondol_apps::AppState;
use ondol_apps::Ask;
use ondol_base::chain::Chain;
use ondol_base::clock;
use ondol_model::app::AppName;
use tokio::sync::oneshot;

use super::Desk;
use super::course::Course;

/// The fact of the store that has the names of those that are to be started.
const FACT: &str = "stopped-for-restore";
/// How long an app may take to end, with what is under way before.
const STOP: Duration = Duration::from_secs(180);
/// How long the app host may take to say that an app starts.
const START: Duration = Duration::from_secs(30);
/// How long an app that was started is watched until it answers; it goes on.
const RUNNING: Duration = Duration::from_secs(90);

impl Desk {
    /// Stops those that are not stopped already; these are started again by [`Desk::start_again`]. When one can't be
    /// stopped, all run as before.
    pub(super) async fn stop(
        &self,
        apps: &[AppName],
        course: &Course,
    ) -> Result<Vec<AppName>, String> {
        let mut stopped: Vec<_> = apps.to_vec();
        stopped.retain(|app| {
            self.state_of(app)
                .is_some_and(|state| state != AppState::Stopped)
        });
        self.remember(&stopped).await?;
        for (index, app) in stopped.iter().enumerate() {
            course.step("", &format!("stopping {app}"));
            if let Err(why) = self.ask_app(app, Ask::Stop, STOP).await {
                let before = &stopped[..=index];
                self.start_again(before, course).await;
                return Err(format!("{app} could not be stopped: {why}"));
            }
        }
        Ok(stopped)
    }

    /// Starts those that were stopped; a sentence for each that does not run.
    pub(super) async fn start_again(&self, apps: &[AppName], course: &Course) -> Vec<String> {
        let mut troubles = Vec::new();
        for app in apps {
            course.step("", &format!("starting {app}"));
            match self.ask_app(app, Ask::Start, START).await {
                Ok(()) => troubles.extend(self.until_it_runs(app).await),
                Err(why) => troubles.push(format!("{app} was not started: {why}")),
            }
        }
        if let Err(why) = self.remember(&[]).await {
            tracing::warn!("{why}");
        }
        troubles
    }

    /// Starts what an agent before this one has stopped and not started again.
    pub(super) async fn start_left(self) {
        let left = match self.store.backup_fact(FACT).await {
            Ok(left) => left.unwrap_or_default(),
            Err(error) => {
                return tracing::warn!(error = %Chain(&error), "nobody knows which apps a restore left stopped");
            }
        };
        let names = left.split(' ').filter_map(|name| AppName::parse(name).ok());
        let names: Vec<_> = names.collect();
        for app in &names {
            tracing::info!(%app, "was stopped while its data was put back, and is started");
            if let Err(why) = self.ask_app(app, Ask::Start, START).await {
                tracing::warn!(%app, why, "could not be started");
            }
        }
        if !names.is_empty()
            && let Err(why) = self.remember(&[]).await
        {
            tracing::warn!("{why}");
        }
    }

    async fn remember(&self, apps: &[AppName]) -> Result<(), String> {
        let names: Vec<_> = apps.iter().map(AppName::as_str).collect();
        let told = self.store.set_backup_fact(FACT, &names.join(" ")).await;
        told.map_err(|error| Chain(&error).to_string())
    }

    async fn until_it_runs(&self, app: &AppName) -> Option<String> {
        let mut status = self.apps.status.clone();
        let deadline = clock::now() + RUNNING;
        loop {
            match self.state_of(app) {
                Some(AppState::Running | AppState::Watching | AppState::Asleep) | None => {
                    return None;
                }
                Some(AppState::Failed) => {
                    return Some(format!(
                        "{app} does not run on what was put back: `ondol apps {app}` says why"
                    ));
                }
                Some(AppState::Starting | AppState::Deploying | AppState::Stopped) => {}
            }
            if !matches!(
                tokio::time::timeout_at(deadline, status.changed()).await,
                Ok(Ok(()))
            ) {
                return Some(format!(
                    "{app} does not answer yet: `ondol apps {app}` shows how it goes on"
                ));
            }
        }
    }

    fn state_of(&self, app: &AppName) -> Option<AppState> {
        let apps = self.apps.status.borrow();
        let found = apps.iter().find(|status| status.name == *app);
        found.map(|status| status.state)
    }

    async fn ask_app(&self, app: &AppName, ask: Ask, limit: Duration) -> Result<(), String> {
        let (reply, answer) = oneshot::channel();
        let request = ondol_apps::Request {
            app: app.clone(),
            ask,
            reply,
        };
        let asked = async {
            let nobody = "the part of Ondol that runs apps is not running";
            let sent = self.apps.requests.send(request).await;
            sent.map_err(|_nobody| nobody.to_owned())?;
            let answer = answer.await.map_err(|_dropped| nobody.to_owned())?;
            answer.map(drop).map_err(|refusal| refusal.to_string())
        };
        match tokio::time::timeout(limit, asked).await {
            Ok(answer) => answer,
            Err(_late) => Err(format!("there was no answer within {} s", limit.as_secs())),
        }
    }
}
