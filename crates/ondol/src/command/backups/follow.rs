//! Follows a job on the screen until it is over. Ctrl-C ends the following alone.

use std::io;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use ondol_admin::api;
use ondol_admin::client::Client;
use ondol_admin::client::ClientError;
use ondol_base::clock;
use serde::Serialize;
use tokio::time::Instant;

use super::bar::Pace;
use super::wrapped;
use crate::command::spinner::Spinner;
use crate::command::spinner::TURN;
use crate::output;
use crate::output::Format;
use crate::output::Screen;
use crate::span;

/// What shells say of a command that was ended by Ctrl-C.
const LEFT: u8 = 130;
/// So long the agent may be away meanwhile: it may be becoming another program.
const AWAY: Duration = Duration::from_secs(90);
/// The pause before it is asked again then.
const AGAIN: Duration = Duration::from_millis(500);
/// Sentences of an end that are printed; JSON has all.
const SHOWN_MAX: usize = 20;

/// What became of it, for programs.
#[derive(Debug, Serialize)]
struct Outcome<'o> {
    /// Whether what was asked for is done, and all is as it should be.
    done: bool,
    ends: &'o [api::BackupEnd],
}

/// What has become of a job.
#[derive(Debug)]
pub(super) enum Followed {
    /// It is over: how it ended, target by target.
    Over(Vec<api::BackupEnd>),
    /// Its owner has seen enough.
    Left,
}

/// Whether ends are printed as they come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ends {
    /// As sentences.
    Told,
    /// Who follows does that, or they are for programs.
    Kept,
}

/// Follows what was begun to its end, and says how that was.
pub(super) async fn to_the_end(
    client: &Client,
    answer: &api::BackupAnswer,
    format: Format,
) -> anyhow::Result<ExitCode> {
    let Some(job) = answer.job.filter(|_| answer.accepted) else {
        return refused(&answer.message, format);
    };
    let ends = match format {
        Format::Human => Ends::Told,
        Format::Json => Ends::Kept,
    };
    match follow(client, job, ends).await? {
        Followed::Over(ends) => {
            let done = ends.iter().all(|end| end.good);
            if format == Format::Json {
                output::print_json(&Outcome { done, ends: &ends })?;
            }
            Ok(exit_code(done))
        }
        Followed::Left => left(),
    }
}

/// Says why nothing happens.
pub(super) fn refused(why: &str, format: Format) -> anyhow::Result<ExitCode> {
    match format {
        Format::Json => output::print_json(&api::BackupAnswer {
            message: why.to_owned(),
            ..api::BackupAnswer::default()
        })?,
        Format::Human => complain(why)?,
    }
    Ok(exit_code(false))
}

/// Says what is wrong, to people.
pub(super) fn complain(why: &str) -> anyhow::Result<()> {
    let text = wrapped(&format!("ondol: {why}"), Screen::of_standard_error());
    Ok(io::stderr().lock().write_all(text.as_bytes())?)
}

pub(super) fn left() -> anyhow::Result<ExitCode> {
    let text = "It goes on: `ondol backups` shows how it ends.";
    writeln!(io::stderr().lock(), "{text}")?;
    Ok(ExitCode::from(LEFT))
}

pub(super) fn exit_code(is_done: bool) -> ExitCode {
    if is_done {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Shows how a job goes on until it is over.
pub(super) async fn follow(client: &Client, job: u64, ends: Ends) -> anyhow::Result<Followed> {
    let began = clock::now();
    let mut answered = began;
    let mut spinner = Spinner::new();
    let mut shown = Shown::new(ends);
    let mut leaving = std::pin::pin!(tokio::signal::ctrl_c());
    loop {
        let mut asking = std::pin::pin!(client.follow_backup(shown.query(job)));
        let answer = loop {
            spinner.show(&shown.now(began));
            tokio::select! {
                answer = &mut asking => break answer,
                _ = &mut leaving => return Ok(Followed::Left),
                () = tokio::time::sleep(TURN) => {}
            }
        };
        match answer {
            Ok(following) => {
                answered = clock::now();
                let is_over = following.over;
                shown.take(following, began, &mut spinner)?;
                if is_over {
                    return Ok(Followed::Over(shown.ends));
                }
                // Progress comes several times a second; more often nobody looks.
                tokio::select! {
                    _ = &mut leaving => return Ok(Followed::Left),
                    () = tokio::time::sleep(TURN) => {}
                }
            }
            Err(error) if is_away(&error) && clock::now() - answered < AWAY => {
                tokio::time::sleep(AGAIN).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn is_away(error: &ClientError) -> bool {
    match error {
        ClientError::NoAgent { .. } | ClientError::Lost(_) | ClientError::Connect { .. } => true,
        ClientError::Refused { .. }
        | ClientError::Denied { .. }
        | ClientError::Answer(_)
        | ClientError::Late
        | ClientError::Malformed(_) => false,
    }
}

/// What was shown of a job so far.
#[derive(Debug)]
struct Shown {
    told: Ends,
    next: u64,
    seen: Option<u64>,
    last: Option<api::BackupFollowing>,
    ends: Vec<api::BackupEnd>,
    pace: Pace,
    /// Where no line can go away, steps are printed.
    prints_steps: bool,
    step: String,
}

impl Shown {
    fn new(told: Ends) -> Self {
        Self {
            told,
            next: 0,
            seen: None,
            last: None,
            ends: Vec::new(),
            pace: Pace::default(),
            prints_steps: told == Ends::Told && Screen::of_standard_error().width.is_none(),
            step: String::new(),
        }
    }

    fn query(&self, job: u64) -> api::BackupFollowQuery {
        api::BackupFollowQuery {
            job,
            from: self.next,
            seen: self.seen,
        }
    }

    /// What is done now, for the line that goes away.
    fn now(&self, began: Instant) -> String {
        let elapsed = clock::now() - began;
        let time = span::span(elapsed.as_secs());
        let Some(last) = &self.last else {
            return format!("{time}  beginning");
        };
        if let Some(waiting) = &last.waiting {
            return format!("{time}  {}  {waiting}", last.target);
        }
        let step = match last.step.as_str() {
            "" => "waiting for its turn",
            step => step,
        };
        let line = self.pace.line(last.done, last.total, elapsed);
        let parts = [time.as_str(), &last.target, step, &line];
        let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        parts.join("  ")
    }

    fn take(
        &mut self,
        mut following: api::BackupFollowing,
        began: Instant,
        spinner: &mut Spinner,
    ) -> anyhow::Result<()> {
        let elapsed = clock::now() - began;
        self.pace.take(&following.step, following.done, elapsed);
        (self.next, self.seen) = (following.next, Some(following.seen));
        let lines = std::mem::take(&mut following.lines);
        let ends: Vec<_> = following.ends.drain(self.ends.len()..).collect();
        if self.told == Ends::Told {
            let mut text = String::new();
            let step = following.waiting.as_ref().unwrap_or(&following.step);
            let step = about(&following.target, step);
            if self.prints_steps && !following.step.is_empty() && step != self.step {
                text.push_str(&step);
                text.push('\n');
                self.step = step;
            }
            for line in lines {
                text.push_str(&wrapped(
                    &about(&line.target, &line.text),
                    Screen::of_standard_output(),
                ));
            }
            if !text.is_empty() || !ends.is_empty() {
                spinner.clear();
            }
            output::print(&text)?;
            for end in &ends {
                tell(end)?;
            }
        }
        self.ends.extend(ends);
        self.last = Some(following);
        Ok(())
    }
}

/// Says how a job ended at a target.
pub(super) fn tell(end: &api::BackupEnd) -> anyhow::Result<()> {
    let message = about(&end.target, &end.message);
    if end.good {
        let mut text = ended(&message);
        let shown = end.found.shown.iter().take(SHOWN_MAX);
        text.extend(shown.flat_map(|line| ["  ", line, "\n"].map(str::to_owned)));
        output::print(&wrapped(&text, Screen::of_standard_output()))?;
        return Ok(());
    }
    complain(&ended(&message))
}

/// With a full stop, unless lines of something else follow.
fn ended(message: &str) -> String {
    let message = message.trim_end();
    if message.contains('\n') || message.ends_with(['.', '!', '?']) {
        format!("{message}\n")
    } else {
        format!("{message}.\n")
    }
}

/// A sentence about a target, which may name it itself.
fn about(target: &str, sentence: &str) -> String {
    if target.is_empty() || sentence.starts_with(target) {
        sentence.to_owned()
    } else {
        format!("{target}: {sentence}")
    }
}
