//! What a job does, from its first byte to its last.

#[cfg(test)]
mod tests;

use std::any::Any;
use std::io;
use std::io::BufRead as _;
use std::io::Read as _;
use std::panic;
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use ondol_base::priority;

use crate::access::StorageAccess;
use crate::check;
use crate::failure::Failure;
use crate::failure::FailureKind;
use crate::job::JobSpec;
use crate::job::Leash;
use crate::list;
use crate::prove;
use crate::prune;
use crate::repair;
use crate::report::Found;
use crate::report::Report;
use crate::reporter::Reporter;
use crate::repository::Repository;
use crate::repository::of_target;
use crate::restore;
use crate::take;
use crate::target;
use crate::target::Target;
use crate::work::Work;

/// What a job is told at most: a thousand databases and sites fit.
const TOLD_BYTES_MAX: u64 = 64 << 20;

/// Runs the job that standard input tells, and says on standard output how it goes. Its exit code is 0 when it could
/// be done, whatever it found.
pub fn run() -> ExitCode {
    let reporter = Reporter::to(io::stdout());
    let outcome = told().and_then(|spec| leash().map(|leash| (spec, leash)));
    let outcome = outcome.and_then(|(spec, leash)| {
        be_polite(&spec.work);
        without_panic(|| work(&spec, &leash, &reporter))
    });
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

/// What the job is told: the first line of standard input.
fn told() -> Result<JobSpec, Failure> {
    let mut line = Vec::new();
    let input = io::stdin().lock();
    let read = input.take(TOLD_BYTES_MAX).read_until(b'\n', &mut line);
    let spec = read.and_then(|_| Ok(serde_json::from_slice(&line)?));
    spec.map_err(|error| {
        let what = format!("A job is started by Ondol, which tells it what to do: {error}.");
        Failure::new(FailureKind::Internal, what)
    })
}

fn leash() -> Result<Leash, Failure> {
    Leash::of_input().map_err(|error| {
        let what = format!("The job could not be begun: {error}. Nothing was changed.");
        Failure::new(FailureKind::Here, what)
    })
}

/// A mistake of ours or of a library ends the work, but not without a word.
fn without_panic<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    // The first is the cause: those that follow are of threads that waited for it.
    let first = Arc::new(Mutex::new(None));
    let told = Arc::clone(&first);
    panic::set_hook(Box::new(move |panic| {
        let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
        told.get_or_insert_with(|| panic.to_string());
    }));
    let outcome = panic::catch_unwind(AssertUnwindSafe(work));
    let first = first.lock().unwrap_or_else(PoisonError::into_inner).take();
    outcome.unwrap_or_else(|payload| {
        let what = first.unwrap_or_else(|| text_of(&*payload).to_owned());
        let sentence = format!(
            "A mistake in Ondol or in a library ended the job: {what}. Backups that are there are as they were."
        );
        Err(Failure::new(FailureKind::Internal, sentence))
    })
}

fn text_of(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no reason was told")
}

/// Makes this process give way to others; where that is not possible, it is only less polite.
fn be_polite(work: &Work) {
    let _ = priority::end_first();
    if !is_waited_for(work) {
        let _ = priority::give_way();
    }
}

fn work(spec: &JobSpec, leash: &Leash, reporter: &Reporter) -> Result<Found, Failure> {
    let place = &spec.target.name;
    let target = target::open(&spec.target).map_err(|error| of_target(place, &error))?;
    work_at(target, spec, leash, reporter)
}

fn work_at(
    target: Arc<dyn Target>,
    spec: &JobSpec,
    leash: &Leash,
    reporter: &Reporter,
) -> Result<Found, Failure> {
    let place = &spec.target.name;
    let timezone = spec.timezone.as_deref();
    let patience = Duration::from_secs(spec.patience);
    let target = target::guarded(target, &spec.bandwidth, timezone, patience, reporter);
    let line = Arc::clone(&target);
    match &spec.work {
        Work::Prune(_) if spec.target.append_only => return Err(append_only(place)),
        Work::Repair(_) if spec.target.append_only => return Err(not_mended(place)),
        _ => {}
    }
    reporter.step("opening the repository");
    let repository = opened(spec, target)?;
    if spec.repository.is_none() {
        reporter.send(&Report::Repository {
            id: repository.id().to_owned(),
            file_system: file_system(&spec.target.storage),
        });
    }
    let found = dispatch(&repository, spec, leash, reporter);
    let traffic = line.traffic().sentence();
    if let Some(traffic) = traffic.filter(|_| !is_waited_for(&spec.work)) {
        reporter.note(traffic);
    }
    found
}

/// Whether the owner waits for it, often with sites that don't answer.
fn is_waited_for(work: &Work) -> bool {
    match work {
        Work::List(_) | Work::Restore(_) | Work::Claim(_) => true,
        Work::Take(_) | Work::Prune(_) | Work::Check(_) | Work::Repair(_) | Work::Prove(_) => false,
    }
}

/// The repository; the first backup makes it.
fn opened(spec: &JobSpec, target: Arc<dyn Target>) -> Result<Repository, Failure> {
    let password = &spec.password.0;
    let opened = Repository::open(Arc::clone(&target), password, spec.repository.as_deref());
    let Work::Take(take) = &spec.work else {
        return opened;
    };
    match opened {
        Err(failure) if failure.kind == FailureKind::NoRepository => {
            if take.is_known || spec.repository.is_some() {
                return Err(gone(&target.place()));
            }
            Repository::create(target, password)
        }
        opened => opened,
    }
}

fn file_system(storage: &StorageAccess) -> Option<String> {
    match storage {
        StorageAccess::Local { path, .. } => target::file_system_of(path).ok(),
        _ => None,
    }
}

/// Does the work with the repository, which is locked meanwhile.
fn dispatch(
    repository: &Repository,
    spec: &JobSpec,
    leash: &Leash,
    reporter: &Reporter,
) -> Result<Found, Failure> {
    let _lock = match &spec.work {
        // What a list shows may be removed while it is read, and is not shown then; the others lock by themselves, each
        // with what it does when it can't.
        Work::List(_) | Work::Take(_) | Work::Restore(_) | Work::Prove(_) => None,
        Work::Prune(_) | Work::Repair(_) => Some(repository.lock(true)?),
        Work::Check(_) | Work::Claim(_) => Some(repository.lock(false)?),
    };
    match &spec.work {
        Work::Take(work) => take::take(repository, work, &spec.of, reporter),
        Work::Prune(work) => {
            repository.check_claim(&spec.of)?;
            prune::prune(repository, work, reporter)
        }
        Work::Check(work) => check::check(repository, work, reporter),
        Work::Repair(work) => {
            repository.check_claim(&spec.of)?;
            repair::repair(repository, work, &spec.password.0, reporter)
        }
        Work::Prove(work) => prove::prove(repository, work, leash, reporter),
        Work::List(work) => list::list(repository, work, reporter),
        Work::Restore(work) => restore::restore(repository, work, &spec.places, reporter),
        Work::Claim(work) => repository.claim(work, &spec.of).map(|()| Found::Claimed),
    }
}

fn append_only(place: &str) -> Failure {
    Failure::new(
        FailureKind::Refused,
        format!(
            "Nothing can be removed at {place}, which is `append_only`. Nothing was changed. Remove old backups there \
             with another credential: `ondol backup prune {place} --with FILE`."
        ),
    )
}

fn not_mended(place: &str) -> Failure {
    Failure::new(
        FailureKind::Refused,
        format!(
            "Nothing was repaired at {place}, which is `append_only`: what is damaged can't be taken out of its index. \
             Nothing was changed. Repair it with a credential that may remove: `ondol backup repair {place} --with FILE`."
        ),
    )
}

fn gone(place: &str) -> Failure {
    Failure::new(
        FailureKind::NoRepository,
        format!(
            "The backups at {place} are gone: there was a repository, and none is there now. Nothing was written. Look \
             whether the right disk, bucket or folder is there; to begin anew, give the target another `name` in \
             `[backup]`."
        ),
    )
}
