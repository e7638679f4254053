//! Jobs with the repository, one after another, and how they go, on the screen.

use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use anyhow::Context;
use ondol_backup::Amount;
use ondol_backup::BoxIdentity;
use ondol_backup::Failure;
use ondol_backup::Found;
use ondol_backup::Hidden;
use ondol_backup::JobSpec;
use ondol_backup::Placement;
use ondol_backup::Report;
use ondol_backup::TargetAccess;
use ondol_backup::Work;
use ondol_backup::kit::Kit;
use ondol_backup::recovery;
use ondol_base::clock;
use tokio::time::Instant;

use crate::command::spinner::Spinner;
use crate::command::spinner::TURN;
use crate::output;
use crate::span;

/// A target that does not answer is waited for; somebody sits before the screen.
const PATIENCE: Duration = Duration::from_secs(5 * 60);
/// An estimate of the first moments is none.
const SETTLED: Duration = Duration::from_secs(2);

/// What runs jobs.
#[derive(Debug)]
pub(super) struct Jobs {
    program: PathBuf,
    target: TargetAccess,
    password: Hidden,
    /// The box that asks; a stranger until it has its database.
    pub(super) of: BoxIdentity,
    /// Packs that are needed several times.
    cache: tempfile::TempDir,
    spinner: Spinner,
}

impl Jobs {
    pub(super) fn new(kit: &Kit, target: TargetAccess) -> anyhow::Result<Self> {
        Ok(Self {
            program: std::env::current_exe().context("could not find this program")?,
            target,
            password: kit.password.clone(),
            of: recovery::stranger(&kit.box_name),
            cache: tempfile::Builder::new()
                .prefix("ondol-recover-")
                .tempdir()
                .context("could not make a temporary folder")?,
            spinner: Spinner::new(),
        })
    }

    /// Where the backups are, as the kit says it.
    pub(super) fn target(&self) -> &TargetAccess {
        &self.target
    }

    /// Does it at the target of the kit.
    pub(super) async fn run(&mut self, work: Work) -> Result<Found, Failure> {
        let target = self.target.clone();
        self.run_at(target, work).await
    }

    /// Does it at another target, or with another credential.
    pub(super) async fn run_at(
        &mut self,
        target: TargetAccess,
        work: Work,
    ) -> Result<Found, Failure> {
        let spec = JobSpec {
            target,
            password: self.password.clone(),
            repository: None,
            of: self.of.clone(),
            bandwidth: Vec::new(),
            timezone: None,
            patience: PATIENCE.as_secs(),
            places: Placement {
                cache: self.cache.path().to_owned(),
            },
            work,
        };
        let started = ondol_backup::begin(&self.program, &spec).await;
        let mut job = started.map_err(|error| Failure {
            kind: ondol_backup::FailureKind::Here,
            sentence: format!("The job could not be started: {error}."),
        })?;
        let mut shown = Shown::new("opening the backups");
        loop {
            let report = {
                let mut next = pin!(job.next());
                loop {
                    self.spinner.show(&shown.text());
                    if let Ok(report) = tokio::time::timeout(TURN, next.as_mut()).await {
                        break report;
                    }
                }
            };
            let end = match report {
                None => Err(Failure {
                    kind: ondol_backup::FailureKind::Internal,
                    sentence: "The job ended without a word.".to_owned(),
                }),
                Some(Report::Done(found)) => Ok(*found),
                Some(Report::Failed(failure)) => Err(failure),
                Some(report) => {
                    self.hear(report, &mut shown);
                    continue;
                }
            };
            self.spinner.clear();
            return end;
        }
    }

    /// Shows a sentence above what is being done.
    pub(super) fn say(&mut self, sentence: &str) {
        self.spinner.clear();
        let _ = output::tell(sentence); // Nobody misses it when standard error is gone.
    }

    fn hear(&mut self, report: Report, shown: &mut Shown) {
        match report {
            Report::Step(step) => *shown = Shown::new(&step),
            Report::Progress { done, total } => {
                (shown.done, shown.total, shown.waits) = (done, total, None);
            }
            Report::Note(sentence) => self.say(&sentence),
            Report::Waiting(why) => shown.waits = Some(why),
            Report::Unreadable { path, why } => self.say(&format!("{}: {why}", path.display())),
            Report::Repository { .. } | Report::Ready(_) | Report::Done(_) | Report::Failed(_) => {}
        }
    }
}

/// What a job does now, and how far it is.
#[derive(Debug)]
struct Shown {
    step: String,
    since: Instant,
    done: Amount,
    total: Option<Amount>,
    waits: Option<String>,
}

impl Shown {
    fn new(step: &str) -> Self {
        Self {
            step: step.to_owned(),
            since: clock::now(),
            done: Amount::default(),
            total: None,
            waits: None,
        }
    }

    fn text(&self) -> String {
        if let Some(why) = &self.waits {
            return format!("{}: waiting, {why}", self.step);
        }
        let done = self.done.bytes;
        match self.total.map(|total| total.bytes) {
            Some(total) if total > 0 => {
                let percent = done.saturating_mul(100) / total;
                let (read, of) = (output::bytes(done), output::bytes(total));
                let left = estimate(done, total, self.since.elapsed());
                format!("{}: {percent} % ({read} of {of}){left}", self.step)
            }
            _ if done > 0 => format!("{}: {}", self.step, output::bytes(done)),
            _ => self.step.clone(),
        }
    }
}

/// How long the rest takes at the rate until now, as the end of a sentence.
fn estimate(done: u64, total: u64, took: Duration) -> String {
    if took < SETTLED || done == 0 || done >= total {
        return String::new();
    }
    let rest = u128::from(total - done) * took.as_millis() / u128::from(done) / 1_000;
    let rest = u64::try_from(rest).unwrap_or(u64::MAX);
    format!(", {} left", span::span(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_is_estimated_when_there_is_something_to_go_by() {
        let second = Duration::from_secs(1);
        for (done, total, took, expected) in [
            (0, 100, 10 * second, ""),
            (50, 100, second, ""),
            (50, 100, 10 * second, ", 10 s left"),
            (1, 100, 10 * second, ", 16 min left"),
            (100, 100, 10 * second, ""),
        ] {
            assert_eq!(estimate(done, total, took), expected, "{done} of {total}");
        }
    }
}
