//! Follows a launch on the screen until it is where its owner wants it. Ctrl-C ends the following alone.

use std::time::Duration;

use ondol_admin::api::FollowQuery;
use ondol_admin::client::Client;
use ondol_admin::client::ClientError;
use ondol_base::clock;
use tokio::time::Instant;

use super::course::Course;
use super::course::Told;
use super::course::Verdict;
use crate::command::spinner::Spinner;
use crate::command::spinner::TURN;
use crate::output;
use crate::output::Format;
use crate::output::Screen;
use crate::output::Tint;

/// So long the agent may be away meanwhile: it may be becoming another program.
const AWAY: Duration = Duration::from_secs(90);
/// So long one that is just back may know nothing of the launch.
const WAKING: Duration = Duration::from_secs(15);
/// The pause before it is asked again then.
const AGAIN: Duration = Duration::from_millis(500);
/// Steps and lines begin here, with the time before them.
const INDENT: usize = 7;

/// What has become of a launch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Followed {
    /// Visitors get it.
    Live,
    /// It is over: whether it is good, and why.
    Over(bool, String),
    /// Its owner has seen enough.
    Left,
}

/// Prints how a launch goes on until it is over, or live when more is not wanted.
pub(super) async fn follow(
    client: &Client,
    app: &str,
    launch: u64,
    mut course: Course,
    format: Format,
) -> anyhow::Result<Followed> {
    let began = clock::now();
    let mut answered = began;
    let mut spinner = Spinner::new();
    let mut leaving = std::pin::pin!(tokio::signal::ctrl_c());
    loop {
        let query = FollowQuery {
            launch: Some(launch),
            from: course.next,
            seen: course.seen,
        };
        let mut asking = std::pin::pin!(client.follow(app, query));
        let answer = loop {
            let now = course.now((clock::now() - began).as_secs());
            spinner.show(&now);
            tokio::select! {
                answer = &mut asking => break answer,
                _ = &mut leaving => return Ok(Followed::Left),
                () = tokio::time::sleep(TURN) => {}
            }
        };
        match answer {
            Ok(following) => {
                answered = clock::now();
                let (told, verdict) = course.take(following);
                if format == Format::Human && !told.is_empty() {
                    spinner.clear();
                    print(&told, began)?;
                }
                match verdict {
                    Verdict::UnderWay => {}
                    Verdict::Live => return Ok(Followed::Live),
                    Verdict::Over(good, message) => return Ok(Followed::Over(good, message)),
                }
            }
            Err(error) if clock::now() - answered < patience(&error) => {
                tokio::time::sleep(AGAIN).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// How long after its last answer the agent may fail so.
fn patience(error: &ClientError) -> Duration {
    match error {
        ClientError::NoAgent { .. } | ClientError::Lost(_) | ClientError::Connect { .. } => AWAY,
        ClientError::Refused { .. } => WAKING,
        ClientError::Denied { .. }
        | ClientError::Answer(_)
        | ClientError::Late
        | ClientError::Malformed(_) => Duration::ZERO,
    }
}

fn print(told: &[Told], began: Instant) -> anyhow::Result<()> {
    let seconds = (clock::now() - began).as_secs();
    Ok(output::print(&lines(
        told,
        seconds,
        Screen::of_standard_output(),
    ))?)
}

/// A step has the time before it; what belongs to it stands below it.
fn lines(told: &[Told], seconds: u64, screen: Screen) -> String {
    let lines = told.iter().map(|told| match told {
        Told::Step(step) => {
            let time = format!("{seconds} s");
            let time = screen.tinted(&format!("{time:>INDENT$}"), Tint::Faint);
            format!("{time}  {}\n", screen.tinted(step, Tint::Strong))
        }
        Told::Line(line) if line.is_empty() => "\n".to_owned(),
        Told::Line(line) => format!("{:INDENT$}  {line}\n", ""),
    });
    lines.collect()
}

#[cfg(test)]
mod tests;
