//! One run of a line: a command in the app's sandbox, with an end.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use ondol_base::chain::Chain;
use ondol_base::clock;
use ondol_base::tasks::Stop;
use ondol_model::app::CronOutcome;
use ondol_model::plan::CronLine;
use tokio::time::Instant;

use super::Current;
use super::history::History;
use super::line;
use super::line::Line;
use crate::command;
use crate::command::CommandEnded;
use crate::command::CommandError;
use crate::settings::Work;
use crate::spec;
use crate::spec::Spec;
use crate::surroundings::Surroundings;

/// A run that begins.
pub(super) struct Run {
    surroundings: Surroundings,
    spec: Spec,
    told: CronLine,
    name: String,
    due_at: i64,
    /// The line counts those that last.
    lasts: Arc<()>,
}

/// How a run ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) outcome: CronOutcome,
    /// Why, in a few words; empty where all went well.
    pub(super) message: String,
    /// The last lines that it wrote.
    pub(super) last: Vec<String>,
    pub(super) took: Duration,
}

impl Run {
    pub(super) fn new(
        surroundings: &Surroundings,
        current: &Current,
        line: &Line,
        due_at: i64,
    ) -> Self {
        let told = line.told().clone();
        let name = format!("cron.{}", line.place);
        let run = spec::Run::Shell(told.run.clone());
        let Current {
            app: _,
            settings,
            release,
            hidden,
            timezone: _,
        } = current;
        let mut surroundings = surroundings.clone();
        surroundings.hidden = Arc::clone(hidden);
        Self {
            spec: settings.spec(&surroundings, release, &name, run, Work::Serve),
            surroundings,
            told,
            name,
            due_at,
            lasts: line.begin(),
        }
    }

    /// What its lines stand under in the log.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Runs the command to its end, or until told to stop, and has all of it remembered.
    pub(super) async fn keep(self, history: History, stop: Stop) {
        let key = line::key(&self.told);
        let id = history.begin(&key, self.due_at).await;
        let log = self.surroundings.log.clone();
        log.note(&format!("{} runs `{}`", self.name, self.told.run));
        let began = clock::now();
        let ended = tokio::select! {
            ended = self.command(began) => ended,
            () = stop.requested() => Ended {
                outcome: CronOutcome::Interrupted,
                message: "Ondol ended or was replaced".to_owned(),
                last: Vec::new(),
                took: began.elapsed(),
            },
        };
        let Self { name, lasts, .. } = self;
        drop(lasts);
        if !ended.message.is_empty() {
            let outcome = ended.outcome.word();
            log.note(&format!("{name} {outcome}: {}", ended.message));
        }
        history.ended(&key, &name, id, ended).await;
    }

    async fn command(&self, began: Instant) -> Ended {
        let mut teller = self.surroundings.log.teller(&self.name);
        let told = |text: &str| teller.line(text);
        let spec = self.spec.clone();
        let ended = command::run(&self.surroundings, spec, self.told.timeout, told).await;
        let (outcome, message, last) = match ended {
            Ok(CommandEnded { status, last }) if status.success() => {
                (CronOutcome::Done, String::new(), last)
            }
            Ok(CommandEnded { status, last }) => (CronOutcome::Failed, words(status), last),
            Err(CommandError::Slow { limit, last }) => {
                let message = CommandError::Slow {
                    limit,
                    last: Vec::new(),
                }
                .to_string();
                (CronOutcome::TimedOut, message, last)
            }
            Err(error @ (CommandError::Start(_) | CommandError::Watch(_))) => {
                (CronOutcome::Failed, Chain(&error).to_string(), Vec::new())
            }
        };
        Ended {
            outcome,
            message,
            last,
            took: began.elapsed(),
        }
    }
}

fn words(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("it ended with status {code}"),
        (None, Some(signal)) => format!("it was killed by signal {signal}"),
        (None, None) => "it ended in an unknown way".to_owned(),
    }
}
