//! From what the owner asks about apps on the admin socket to requests of the app host, and back.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ondol_admin::AppCommand;
use ondol_admin::AppDeed;
use ondol_admin::api;
use ondol_admin::api::Time;
use ondol_apps::Ask;
use ondol_apps::IfBusy;
use ondol_apps::Progress;
use ondol_apps::Reply;
use ondol_apps::Report;
use ondol_apps::Request;
use ondol_apps::Source;
use ondol_base::chain::Chain;
use ondol_base::clock;
use ondol_base::tasks::Group;
use ondol_model::app::AppName;
use ondol_model::app::LaunchOutcome;
use ondol_model::limits;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::near::near;

mod logs;

/// How long the app host may take to say what happens now. Less than a question to the admin socket may take.
const ANSWER: Duration = Duration::from_secs(90);
/// How long who follows a launch waits for something new; little, since an agent that ends waits for it.
const FOLLOW: Duration = Duration::from_secs(2);
/// Lines in one answer about a launch; the next answer has more.
const LINES_MAX: usize = 1_000;
/// Launches, and runs of cron lines, that are shown of an app.
const SHOWN_MAX: u32 = 10;

/// Takes questions about apps.
#[derive(Debug)]
pub(crate) struct AppRequests {
    pub(crate) commands: mpsc::Receiver<AppCommand>,
    pub(crate) desk: Desk,
}

/// What each question needs. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Desk {
    /// The apps as they are shown.
    pub(crate) apps: watch::Receiver<Arc<api::Apps>>,
    /// Who runs them.
    pub(crate) host: ondol_apps::Handle,
    pub(crate) store: ondol_store::Handle,
}

impl AppRequests {
    /// Answers side by side, so that who follows a deploy holds up nobody.
    pub(crate) async fn run(self) {
        let Self { mut commands, desk } = self;
        let mut under_way = Group::default();
        loop {
            let has_room = under_way.len() < limits::ADMIN_CONNECTIONS_MAX;
            tokio::select! {
                Some(_) = under_way.next_end() => {}
                command = commands.recv(), if has_room => match command {
                    Some(command) => under_way.spawn("question about an app", desk.clone().answer(command)),
                    None => return,
                },
            }
        }
    }
}

impl Desk {
    async fn answer(self, command: AppCommand) {
        // Who asked may have gone.
        match command {
            AppCommand::Do { app, deed, reply } => {
                drop(reply.send(self.carry_out(&app, deed).await));
            }
            AppCommand::Exec {
                app,
                question,
                reply,
            } => drop(reply.send(self.exec(&app, question).await)),
            AppCommand::Follow { app, query, reply } => {
                drop(reply.send(self.follow(&app, query).await));
            }
            AppCommand::Logs { app, query, reply } => {
                drop(reply.send(self.logs(&app, query).await));
            }
            AppCommand::Show { app, reply } => drop(reply.send(self.show(&app).await)),
        }
    }

    async fn carry_out(&self, app: &str, deed: AppDeed) -> api::AppAnswer {
        let is_rollback = matches!(deed, AppDeed::Rollback(_));
        let asked = match ask_of(deed) {
            Ok(ask) => self.ask(app, ask).await,
            Err(refused) => Err(refused),
        };
        let (accepted, message, launch, taken_back) = match asked {
            Ok(Reply::Begun { launch, progress }) => {
                let taken_back = is_rollback && progress.report(u64::MAX).is_live;
                let happens = if taken_back {
                    "is taken back"
                } else {
                    "has begun"
                };
                let message = format!("launch {launch} {happens}");
                (true, message, Some(launch), taken_back)
            }
            Ok(Reply::Done(sentence)) => (true, sentence, None, false),
            Ok(Reply::Exec(_)) => (false, STRANGE.to_owned(), None, false),
            Err(refused) => (false, refused, None, false),
        };
        api::AppAnswer {
            accepted,
            message,
            launch,
            taken_back,
        }
    }

    async fn exec(&self, app: &str, question: api::ExecQuestion) -> api::ExecAnswer {
        let api::ExecQuestion { command, pid } = question;
        let spec = match self.ask(app, Ask::Exec { command, pid }).await {
            Ok(Reply::Exec(spec)) => serde_json::to_value(*spec).map_err(|error| error.to_string()),
            Ok(Reply::Begun { .. } | Reply::Done(_)) => Err(STRANGE.to_owned()),
            Err(refused) => Err(refused),
        };
        match spec {
            Ok(spec) => api::ExecAnswer {
                accepted: true,
                message: String::new(),
                spec: Some(spec),
            },
            Err(message) => api::ExecAnswer {
                accepted: false,
                message,
                spec: None,
            },
        }
    }

    async fn follow(&self, app: &str, query: api::FollowQuery) -> Result<api::Following, String> {
        let api::FollowQuery { launch, from, seen } = query;
        match self.ask(app, Ask::Follow { launch }).await {
            Ok(Reply::Begun { launch, progress }) => {
                let deadline = clock::now() + FOLLOW;
                let (report, seen) = news(&progress, from, seen, deadline).await;
                Ok(following(launch, report, seen))
            }
            Ok(Reply::Done(_) | Reply::Exec(_)) => Err(STRANGE.to_owned()),
            // The app host knows what is under way; the store what was.
            Err(refused) => self.remembered(app, query).await.ok_or(refused),
        }
    }

    /// How a launch ended that the app host has forgotten: of an agent before this one.
    async fn remembered(&self, app: &str, query: api::FollowQuery) -> Option<api::Following> {
        let app = AppName::parse(app).ok()?;
        let launches = self.store.launches(Some(app), u32::MAX).await.ok()?;
        let mut launches = launches.into_iter();
        let found = launches.find(|found| query.launch.is_none_or(|launch| launch == found.launch));
        let found = found?;
        let end = found.ended?;
        let message = match (end.reason.is_empty(), end.outcome) {
            (false, _) => end.reason,
            (true, LaunchOutcome::Done) => "visitors have it".to_owned(),
            (true, other) => format!("it ended: {}", other.word()),
        };
        Some(api::Following {
            launch: found.launch,
            step: found.step,
            lines: Vec::new(),
            next: query.from,
            seen: query.seen.unwrap_or_default(),
            live: found.live_at.is_some(),
            outcome: Some(api::FollowingEnd {
                good: end.outcome == LaunchOutcome::Done,
                message,
            }),
        })
    }

    async fn show(&self, app: &str) -> Result<api::AppDetail, String> {
        let name = self.known(app)?;
        let apps = Arc::clone(&self.apps.borrow());
        let shown = apps.apps.iter().find(|shown| shown.name == app);
        let app = shown.cloned().ok_or_else(|| {
            format!("nothing is known of {name} yet: the apps of the box are only starting")
        })?;
        let unread = |error| Chain(&error).to_string();
        let launches = self.store.launches(Some(name.clone()), SHOWN_MAX).await;
        let runs = self.store.cron_runs(name.clone(), SHOWN_MAX).await;
        let last = self.store.last_cron_runs(name).await;
        let launches = launches.map_err(unread)?.into_iter();
        let runs = runs.map_err(unread)?.into_iter();
        let last = last.map_err(unread)?.into_iter();
        Ok(api::AppDetail {
            app,
            launches: launches.map(api::AppLaunch::from).collect(),
            last_cron_runs: last.map(api::AppCronRun::from).collect(),
            cron_runs: runs.map(api::AppCronRun::from).collect(),
        })
    }

    /// The app of this name. One that is not shown may be so new that it is not known here yet.
    fn known(&self, typed: &str) -> Result<AppName, String> {
        let apps = self.apps.borrow();
        let names = || apps.apps.iter().map(|app| app.name.as_str());
        match AppName::parse(typed) {
            Ok(name) if names().next().is_none() || names().any(|known| known == typed) => Ok(name),
            Ok(_) | Err(_) => Err(unknown(typed, names())),
        }
    }

    async fn ask(&self, app: &str, ask: Ask) -> Result<Reply, String> {
        let app = self.known(app)?;
        let (reply, answer) = oneshot::channel();
        let request = Request { app, ask, reply };
        let asked = async {
            let sent = self.host.requests.send(request).await;
            sent.map_err(|_nobody| NOBODY.to_owned())?;
            let answer = answer.await.map_err(|_dropped| NOBODY.to_owned())?;
            answer.map_err(|refusal| refusal.to_string())
        };
        match tokio::time::timeout(ANSWER, asked).await {
            Ok(answer) => answer,
            Err(_late) => Err(late()),
        }
    }
}

const NOBODY: &str =
    "the part of Ondol that runs apps is not running: `ondol status` and `ondol events` say why";
const STRANGE: &str =
    "the app host gave another answer than was asked for: this is a mistake in Ondol";

fn late() -> String {
    let seconds = ANSWER.as_secs();
    format!("there was no answer within {seconds} s, and it may still happen: see `ondol apps`")
}

fn unknown<'n>(typed: &str, known: impl Iterator<Item = &'n str>) -> String {
    let typed: String = typed.chars().filter(|c| !c.is_control()).collect();
    let quoted: Vec<_> = near(&typed, known)
        .into_iter()
        .map(|name| format!("`{name}`"))
        .collect();
    if quoted.is_empty() {
        format!("there is no app `{typed}`: `ondol apps` lists them")
    } else {
        let meant = quoted.join(" or ");
        format!("there is no app `{typed}`; did you mean {meant}?")
    }
}

fn ask_of(deed: AppDeed) -> Result<Ask, String> {
    Ok(match deed {
        AppDeed::Deploy(api::DeployQuestion { from, wait }) => Ask::Deploy {
            source: source(from)?,
            if_busy: if wait { IfBusy::Wait } else { IfBusy::Refuse },
        },
        AppDeed::Rollback(api::RollbackQuestion { to }) => Ask::Rollback { to },
        AppDeed::Restart => Ask::Restart,
        AppDeed::Stop => Ask::Stop,
        AppDeed::Start => Ask::Start,
    })
}

fn source(from: api::DeployFrom) -> Result<Source, String> {
    let absolute = |path: String| {
        let path = PathBuf::from(path);
        let is_absolute = path.is_absolute();
        let refused = || format!("`{}` is no absolute path", path.display());
        is_absolute.then(|| path.clone()).ok_or_else(refused)
    };
    Ok(match from {
        api::DeployFrom::Configured => Source::Dir,
        api::DeployFrom::Folder(path) => Source::Folder(absolute(path)?),
        api::DeployFrom::Archive(path) => Source::Archive(absolute(path)?),
        api::DeployFrom::Git(commit) => Source::Git(commit),
    })
}

/// What there is to see, once it is something else than what was seen; and the number of that.
async fn news(
    progress: &Progress,
    from: u64,
    seen: Option<u64>,
    deadline: Instant,
) -> (Report, u64) {
    let mut changes = progress.changes();
    loop {
        let number = *changes.borrow_and_update();
        let report = progress.report(from);
        if seen != Some(number) || !report.lines.is_empty() {
            return (report, number);
        }
        // It never changes again when nobody else has it: then the end of the wait is the next step.
        let changed = tokio::time::timeout_at(deadline, changes.changed()).await;
        if !matches!(changed, Ok(Ok(()))) {
            return (report, number);
        }
    }
}

fn following(launch: u64, report: Report, seen: u64) -> api::Following {
    let Report {
        step,
        mut lines,
        next,
        is_shown: _,
        is_live,
        outcome,
    } = report;
    let left = lines.len().saturating_sub(LINES_MAX);
    lines.truncate(LINES_MAX);
    let lines = lines.into_iter().map(|line| api::FollowingLine {
        at: Time::from_unix_seconds(line.at_ms.div_euclid(1_000)),
        step: line.step.word().to_owned(),
        text: line.text,
    });
    let lines: Vec<_> = lines.collect();
    // Who has not read all lines yet is not told of the end before.
    let outcome = outcome.filter(|_| left == 0);
    api::Following {
        launch,
        step: step.word().to_owned(),
        lines,
        next: next - left as u64,
        seen,
        live: is_live,
        outcome: outcome.map(|outcome| api::FollowingEnd {
            good: outcome.is_ok(),
            message: outcome.unwrap_or_else(|why| why),
        }),
    }
}
#[cfg(test)]
mod tests;
