//! What a job does, from its first byte to its last.

use std::io;
use std::process::ExitCode;

use crate::check;
use crate::failure::Failure;
use crate::failure::FailureKind;
use crate::job::JobSpec;
use crate::list;
use crate::prove;
use crate::prune;
use crate::report::Found;
use crate::report::Report;
use crate::reporter::Reporter;
use crate::repository::Repository;
use crate::restore;
use crate::take;
use crate::work::Work;

/// Runs the job that standard input tells, and says on standard output how it goes. Its exit code is 0 when it could
/// be done, whatever it found.
pub fn run() -> ExitCode {
    let reporter = Reporter::to(io::stdout());
    let outcome = Err(Failure::new(FailureKind::Internal, "This is not yet done."));
    match outcome {
        Ok(found) => {
            reporter.send(&Report::Done(Box::new(found)));
            ExitCode::SUCCESS
        }
        Err(failure) => {
            reporter.send(&Report::Failed(failure));
            ExitCode::FAILURE
        }
    }
}

/// Does the work with the repository.
pub(crate) fn dispatch(
    repository: &Repository,
    spec: &JobSpec,
    reporter: &Reporter,
) -> Result<Found, Failure> {
    match &spec.work {
        Work::Take(work) => take::take(repository, work, &spec.of, reporter),
        Work::Prune(work) => prune::prune(repository, work, reporter),
        Work::Check(work) => check::check(repository, work, reporter),
        Work::Prove(work) => prove::prove(repository, work, &spec.places, reporter),
        Work::List(work) => list::list(repository, work, reporter),
        Work::Restore(work) => restore::restore(repository, work, &spec.places, reporter),
        Work::Claim(work) => repository.claim(work, &spec.of).map(|()| Found::Claimed),
    }
}
