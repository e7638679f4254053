//! Patience: what an unreachable target could not do is tried again until too much time has gone by.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use bytes::Bytes;
use ondol_base::backoff::Backoff;

use super::Folder;
use super::Object;
use super::Target;
use super::TargetError;
use super::Trouble;
use super::meter::Traffic;
use super::time::Time;
use crate::reporter::Reporter;

/// The first wait; most troubles are a single lost connection.
const WAIT_MIN: Duration = Duration::from_secs(1);
/// The longest one: a line that is back is found soon.
const WAIT_MAX: Duration = Duration::from_secs(30);
/// Several threads wait for the same target; the owner is told of one.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// A target that is asked again when it does not answer. Each call may be made again: a write that has happened
/// is replaced by the same, what is removed is gone.
#[derive(Debug)]
pub(super) struct Patient {
    target: Arc<dyn Target>,
    patience: Duration,
    reporter: Reporter,
    time: Arc<dyn Time>,
    told_at: Mutex<Option<Duration>>,
}

impl Patient {
    pub(super) fn new(
        target: Arc<dyn Target>,
        patience: Duration,
        reporter: Reporter,
        time: Arc<dyn Time>,
    ) -> Self {
        Self {
            target,
            patience,
            reporter,
            time,
            told_at: Mutex::default(),
        }
    }

    fn call<T>(
        &self,
        call: impl Fn(&dyn Target) -> Result<T, TargetError>,
    ) -> Result<T, TargetError> {
        let mut backoff = Backoff::new(WAIT_MIN, WAIT_MAX);
        let mut failed_at = None;
        loop {
            let error = match call(&*self.target) {
                Err(error) if error.trouble == Trouble::Unreachable => error,
                answer => return answer,
            };
            let now = self.time.elapsed();
            let since = now.saturating_sub(*failed_at.get_or_insert(now));
            let Some(left) = self
                .patience
                .checked_sub(since)
                .filter(|left| !left.is_zero())
            else {
                return Err(given_up(error, since));
            };
            self.tell(&error, left, now);
            self.time.wait(backoff.next_wait().min(left));
        }
    }

    fn tell(&self, error: &TargetError, left: Duration, now: Duration) {
        let mut told_at = self.told_at.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = told_at.is_none_or(|at| now.saturating_sub(at) >= TELL_EVERY);
        if is_due {
            *told_at = Some(now);
            self.reporter.waiting(format!(
                "{} does not answer: {error}; it is tried again for {} more",
                self.place(),
                in_words(left)
            ));
        }
    }
}

fn given_up(error: TargetError, after: Duration) -> TargetError {
    if after < WAIT_MIN {
        return error;
    }
    let what = format!("{}, and that for {}", error.what, in_words(after));
    TargetError::new(error.trouble, what)
}

fn in_words(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..120 => format!("{} s", seconds.max(1)),
        seconds => format!("{} minutes", seconds / 60),
    }
}

impl Target for Patient {
    fn place(&self) -> String {
        self.target.place()
    }

    fn create(&self) -> Result<(), TargetError> {
        self.call(|target| target.create())
    }

    fn list(&self, folder: Folder) -> Result<Vec<(String, u64)>, TargetError> {
        self.call(|target| target.list(folder))
    }

    fn read(&self, object: &Object) -> Result<Bytes, TargetError> {
        self.call(|target| target.read(object))
    }

    fn read_range(&self, object: &Object, offset: u64, length: u64) -> Result<Bytes, TargetError> {
        self.call(|target| target.read_range(object, offset, length))
    }

    fn write(&self, object: &Object, content: &[Bytes]) -> Result<(), TargetError> {
        self.call(|target| target.write(object, content))
    }

    fn remove(&self, object: &Object) -> Result<(), TargetError> {
        self.call(|target| target.remove(object))
    }

    fn traffic(&self) -> Traffic {
        self.target.traffic()
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::io::Write;
    use std::sync::atomic::AtomicU32;
    use std::sync::atomic::Ordering;

    use super::super::time::played::Played;
    use super::*;

    const MINUTES: Duration = Duration::from_secs(15 * 60);

    /// A target that fails so many times in one way, then answers.
    #[derive(Debug)]
    struct Failing {
        trouble: Trouble,
        times: u32,
        calls: AtomicU32,
    }

    impl Target for Failing {
        fn place(&self) -> String {
            "nas".to_owned()
        }

        fn create(&self) -> Result<(), TargetError> {
            let call = self.calls.fetch_add(1, Ordering::Relaxed);
            if call < self.times {
                return Err(TargetError::new(self.trouble, "nobody is there"));
            }
            Ok(())
        }

        fn list(&self, _: Folder) -> Result<Vec<(String, u64)>, TargetError> {
            self.create().map(|()| Vec::new())
        }

        fn read(&self, _: &Object) -> Result<Bytes, TargetError> {
            self.create().map(|()| Bytes::new())
        }

        fn read_range(&self, _: &Object, _: u64, _: u64) -> Result<Bytes, TargetError> {
            self.create().map(|()| Bytes::new())
        }

        fn write(&self, _: &Object, _: &[Bytes]) -> Result<(), TargetError> {
            self.create()
        }

        fn remove(&self, _: &Object) -> Result<(), TargetError> {
            self.create()
        }
    }

    #[derive(Debug, Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Tried {
        outcome: Result<(), TargetError>,
        calls: u32,
        took: Duration,
        told: String,
    }

    fn tried(trouble: Trouble, times: u32, patience: Duration) -> Tried {
        let calls = AtomicU32::new(0);
        let failing = Arc::new(Failing {
            trouble,
            times,
            calls,
        });
        let (time, lines) = (Arc::new(Played::at(0)), Lines::default());
        let patient = Patient::new(
            Arc::clone(&failing) as Arc<dyn Target>,
            patience,
            Reporter::to(lines.clone()),
            Arc::clone(&time) as Arc<dyn Time>,
        );
        let outcome = patient.write(&Object::Config, &[]);
        let told = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let calls = failing.calls.load(Ordering::Relaxed);
        let took = time.elapsed();
        Tried {
            outcome,
            calls,
            took,
            told,
        }
    }

    #[test]
    fn a_target_that_answers_again_is_waited_for() {
        let tried = tried(Trouble::Unreachable, 8, MINUTES);
        assert_eq!(tried.outcome, Ok(()));
        assert_eq!(tried.calls, 9);
        // 1, 2, 4, 8, 16, 30, 30, 30, or down to half of it.
        let took = tried.took.as_secs();
        assert!((60..=121).contains(&took), "{took} s");
        assert!(
            tried.told.contains("nas does not answer: nobody is there"),
            "{}",
            tried.told
        );
        assert!(tried.told.contains("for 15 minutes more"), "{}", tried.told);
        assert!(tried.told.lines().count() < 8, "{}", tried.told);
    }

    #[test]
    fn patience_ends_at_its_time_however_many_tries() {
        let tried = tried(Trouble::Unreachable, u32::MAX, MINUTES);
        let error = tried.outcome.unwrap_err();
        assert_eq!(error.trouble, Trouble::Unreachable);
        assert_eq!(error.what, "nobody is there, and that for 15 minutes");
        assert_eq!(tried.took, MINUTES);
    }

    #[test]
    fn without_patience_or_with_another_trouble_nothing_is_tried_again() {
        for (trouble, patience) in [
            (Trouble::Unreachable, Duration::ZERO),
            (Trouble::Missing, MINUTES),
            (Trouble::Refused, MINUTES),
            (Trouble::Full, MINUTES),
            (Trouble::NotThere, MINUTES),
            (Trouble::Wrong, MINUTES),
            (Trouble::Other, MINUTES),
        ] {
            let tried = tried(trouble, 1, patience);
            assert_eq!(tried.outcome.unwrap_err().what, "nobody is there");
            assert_eq!((tried.calls, &*tried.told), (1, ""));
        }
    }
}
