//! `ondol deploy|rollback|restart|stop|start`: has the agent do it, and follows it.

use std::io;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use ondol_admin::api;
use ondol_admin::api::AppState;
use ondol_admin::client::Client;
use ondol_base::clock;
use serde::Serialize;

use super::course::Course;
use super::course::Until;
use super::follow::Followed;
use super::follow::follow;
use super::plain::plain;
use crate::cli::AppFlags;
use crate::cli::DeployFlags;
use crate::cli::RollbackFlags;
use crate::command::spinner::Spinner;
use crate::output;
use crate::output::Format;
use crate::output::Screen;
use crate::span;
use crate::table;

/// What shells say of a command that was ended by Ctrl-C.
const LEFT: u8 = 130;
/// How long an app may take to start until nobody watches any more; it goes on.
const STARTING: Duration = Duration::from_secs(120);
/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(500);

/// What became of it, for programs.
#[derive(Debug, Serialize)]
struct Outcome<'o> {
    app: &'o str,
    /// Whether what was asked for is done.
    done: bool,
    launch: Option<u64>,
    /// The release that visitors get now.
    release: Option<u64>,
    message: &'o str,
}

/// A deed on an app, and how to speak of it.
#[derive(Debug, Clone, Copy)]
struct Deed<'d> {
    client: &'d Client,
    app: &'d str,
    format: Format,
    /// `deploy`
    noun: &'static str,
}

pub(in crate::command) async fn deploy(
    client: &Client,
    flags: &DeployFlags,
) -> anyhow::Result<ExitCode> {
    let DeployFlags {
        app,
        from,
        wait,
        watch,
        show,
    } = flags;
    let from = from
        .as_deref()
        .map_or(Ok(api::DeployFrom::Configured), source)?;
    let deed = Deed::new(client, app, show.format(), "deploy");
    let before = client.app(app).await?.app;
    let question = api::DeployQuestion { from, wait: *wait };
    let answer = client.deploy(app, &question).await?;
    let until = if *watch { Until::Over } else { Until::Live };
    let Some(launch) = deed.begun(&answer)? else {
        return Ok(ExitCode::FAILURE);
    };
    match deed.follow(launch, until).await? {
        Followed::Live => {
            let message = deed.live(launch, &before).await?;
            deed.end(answer.launch, true, &message).await
        }
        Followed::Over(good, message) => deed.end(answer.launch, good, &message).await,
        Followed::Left => deed.left(),
    }
}

pub(in crate::command) async fn rollback(
    client: &Client,
    flags: &RollbackFlags,
) -> anyhow::Result<ExitCode> {
    let RollbackFlags { app, to, show } = flags;
    let deed = Deed::new(client, app, show.format(), "rollback");
    let question = api::RollbackQuestion { to: *to };
    let answer = client.rollback(app, &question).await?;
    let Some(launch) = deed.begun(&answer)? else {
        return Ok(ExitCode::FAILURE);
    };
    if answer.taken_back {
        return deed.taken_back(launch).await;
    }
    deed.followed_until_live(&answer).await
}

pub(in crate::command) async fn restart(
    client: &Client,
    flags: &AppFlags,
) -> anyhow::Result<ExitCode> {
    let AppFlags { app, show } = flags;
    let deed = Deed::new(client, app, show.format(), "restart");
    let answer = client.restart(app).await?;
    if answer.accepted && answer.launch.is_none() {
        return deed.until_it_runs(&answer).await; // It was stopped.
    }
    deed.followed_until_live(&answer).await
}

pub(in crate::command) async fn stop(
    client: &Client,
    flags: &AppFlags,
) -> anyhow::Result<ExitCode> {
    let AppFlags { app, show } = flags;
    let deed = Deed::new(client, app, show.format(), "stop");
    let text = format!("{app} finishes what it has, and ends");
    let answer = Spinner::new().during(&text, client.stop(app)).await?;
    deed.end(answer.launch, answer.accepted, &answer.message)
        .await
}

pub(in crate::command) async fn start(
    client: &Client,
    flags: &AppFlags,
) -> anyhow::Result<ExitCode> {
    let AppFlags { app, show } = flags;
    let deed = Deed::new(client, app, show.format(), "start");
    let answer = client.start(app).await?;
    if answer.accepted && answer.launch.is_none() {
        return deed.until_it_runs(&answer).await;
    }
    deed.followed_until_live(&answer).await
}

/// What was typed as the place where a release comes from.
fn source(typed: &str) -> anyhow::Result<api::DeployFrom> {
    let path = Path::new(typed);
    let looks_like_a_path = typed.starts_with(['/', '.', '~']);
    let found = match path.metadata() {
        Ok(found) => found,
        Err(error) if looks_like_a_path => {
            return Err(error).with_context(|| format!("could not look at {typed}"));
        }
        Err(_) => return Ok(api::DeployFrom::Git(typed.to_owned())),
    };
    let real = path
        .canonicalize()
        .with_context(|| format!("could not look at {typed}"))?;
    let real = real
        .to_str()
        .with_context(|| {
            format!(
                "{} is no UTF-8, and the agent can't be told of it",
                real.display()
            )
        })?
        .to_owned();
    if found.is_dir() {
        Ok(api::DeployFrom::Folder(real))
    } else if found.is_file() {
        Ok(api::DeployFrom::Archive(real))
    } else {
        anyhow::bail!("{typed} is neither a folder nor a file")
    }
}

impl<'d> Deed<'d> {
    fn new(client: &'d Client, app: &'d str, format: Format, noun: &'static str) -> Self {
        Self {
            client,
            app,
            format,
            noun,
        }
    }

    /// The launch that has begun; `None` when nothing happens, which is said.
    fn begun(&self, answer: &api::AppAnswer) -> anyhow::Result<Option<u64>> {
        if !answer.accepted {
            self.say(None, None, false, &answer.message)?;
        }
        Ok(answer.launch.filter(|_| answer.accepted))
    }

    async fn follow(&self, launch: u64, until: Until) -> anyhow::Result<Followed> {
        let course = Course::new(until);
        follow(self.client, self.app, launch, course, self.format).await
    }

    async fn followed_until_live(&self, answer: &api::AppAnswer) -> anyhow::Result<ExitCode> {
        let Some(launch) = self.begun(answer)? else {
            return Ok(ExitCode::FAILURE);
        };
        match self.follow(launch, Until::Live).await? {
            Followed::Live => {
                let released = self.released(launch).await?;
                let message = format!("{} answers visitors with {}.", self.app, words(released));
                self.end(Some(launch), true, &message).await
            }
            Followed::Over(good, message) => self.end(Some(launch), good, &message).await,
            Followed::Left => self.left(),
        }
    }

    /// A deploy that is being taken back ends badly, and that is what was wanted.
    async fn taken_back(&self, launch: u64) -> anyhow::Result<ExitCode> {
        let course = Course::from_now_on(Until::Over);
        let followed = follow(self.client, self.app, launch, course, self.format);
        let message = match followed.await? {
            Followed::Left => return self.left(),
            Followed::Live => String::new(), // Not followed so far.
            Followed::Over(_, message) => message,
        };
        let detail = self.client.app(self.app).await?;
        let mut launches = detail.launches.iter();
        let found = launches.find(|found| found.launch == launch);
        let is_back = found.is_some_and(|found| found.outcome.as_deref() == Some("rolled-back"));
        if is_back {
            let message = format!("{} went back to {}.", self.app, words(detail.app.release));
            return self.end(Some(launch), true, &message).await;
        }
        self.end(Some(launch), false, &message).await
    }

    /// What to say when visitors get the new launch of a deploy.
    async fn live(&self, launch: u64, before: &api::App) -> anyhow::Result<String> {
        let app = self.app;
        let released = self.released(launch).await?;
        let message = format!("{app} answers visitors with {}.", words(released));
        if before.launch.is_none() || before.watch_seconds == 0 {
            return Ok(message);
        }
        let (watch, before) = (span::span(before.watch_seconds), words(before.release));
        Ok(format!(
            "{message} It is watched for {watch}: if it fails, {before} comes back by itself, and `ondol apps {app}` \
             says why."
        ))
    }

    /// The release of a launch; `None` for the app's own folder.
    async fn released(&self, launch: u64) -> anyhow::Result<Option<u64>> {
        let detail = self.client.app(self.app).await?;
        let mut launches = detail.launches.iter();
        // What the app host says of itself may be a moment older than what it has written down.
        let found = launches.find(|found| found.launch == launch);
        Ok(found.map_or(detail.app.release, |found| found.release))
    }

    /// Waits until an app that was started answers.
    async fn until_it_runs(&self, answer: &api::AppAnswer) -> anyhow::Result<ExitCode> {
        let began = clock::now();
        let mut spinner = Spinner::new();
        loop {
            let app = self.client.app(self.app).await?.app;
            let over = match app.state {
                AppState::Running => {
                    Some((true, format!("{} runs {}.", self.app, words(app.release))))
                }
                AppState::Failed => Some((false, format!("{} failed: {}", self.app, app.note))),
                AppState::Stopped => Some((false, format!("{} is stopped.", self.app))),
                AppState::Starting
                | AppState::Deploying
                | AppState::Watching
                | AppState::Asleep => None,
            };
            let over = over.filter(|(good, _)| *good || clock::now() - began > LOOK);
            if let Some((good, message)) = over {
                drop(spinner);
                return self.end(app.launch, good, &message).await;
            }
            if clock::now() - began > STARTING {
                drop(spinner);
                let minutes = STARTING.as_secs() / 60;
                let message = format!(
                    "{} is {} still after {minutes} min; `ondol apps {}` shows how it goes on",
                    self.app,
                    app.state.word(),
                    self.app
                );
                return self.end(app.launch, false, &message).await;
            }
            let text = format!(
                "{} ({} s)",
                answer.message,
                (clock::now() - began).as_secs()
            );
            spinner.during(&text, tokio::time::sleep(LOOK)).await;
        }
    }

    /// Says what became of it, with the release that visitors get now.
    async fn end(
        &self,
        launch: Option<u64>,
        good: bool,
        message: &str,
    ) -> anyhow::Result<ExitCode> {
        let release = match (self.format, launch) {
            (Format::Human, _) => None,
            (Format::Json, Some(launch)) if good => self.released(launch).await?,
            (Format::Json, _) => self.client.app(self.app).await?.app.release,
        };
        self.say(launch, release, good, message)?;
        Ok(if good {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }

    fn say(
        &self,
        launch: Option<u64>,
        release: Option<u64>,
        good: bool,
        message: &str,
    ) -> anyhow::Result<()> {
        match self.format {
            Format::Json => output::print_json(&Outcome {
                app: self.app,
                done: good,
                launch,
                release,
                message,
            }),
            Format::Human if good => {
                let screen = Screen::of_standard_output();
                Ok(output::print(&paragraphs(message, screen))?)
            }
            Format::Human => {
                let text = paragraphs(&format!("ondol: {message}"), Screen::of_standard_error());
                Ok(io::stderr().lock().write_all(text.as_bytes())?)
            }
        }
    }

    fn left(&self) -> anyhow::Result<ExitCode> {
        let Self { app, noun, .. } = self;
        writeln!(
            io::stderr().lock(),
            "The {noun} of {app} goes on: `ondol apps {app}` shows how it ends."
        )?;
        Ok(ExitCode::from(LEFT))
    }
}

/// What visitors get, as the object of a sentence.
fn words(release: Option<u64>) -> String {
    match release {
        Some(number) => format!("release {number}"),
        None => "its own folder".to_owned(),
    }
}

/// A sentence as wide as the screen; lines of a log below it are left as they are, but for what would move the cursor.
fn paragraphs(message: &str, screen: Screen) -> String {
    let width = screen.width.unwrap_or(usize::MAX);
    let mut lines = message.lines();
    let first = lines.next().unwrap_or_default();
    let first = table::wrap(&plain(first), width);
    let rest = lines.map(|line| format!("  {}", plain(line)));
    let mut text: Vec<_> = first.into_iter().chain(rest).collect();
    text.push(String::new());
    text.join("\n")
}

#[cfg(test)]
mod tests;
