//! The time, as the layers around targets measure it and wait: in threads, not in a runtime.

use std::fmt::Debug;
use std::time::Duration;

use ondol_base::clock;

/// The machine's own clock, or one that tests play.
pub(super) trait Time: Debug + Send + Sync + 'static {
    /// Since some moment.
    fn elapsed(&self) -> Duration;

    /// The time of day, in seconds since the Unix epoch.
    fn unix_seconds(&self) -> i64;

    fn wait(&self, time: Duration);
}

/// The machine's own clock.
#[derive(Debug)]
pub(super) struct Machine;

impl Time for Machine {
    fn elapsed(&self) -> Duration {
        Duration::from_micros(clock::monotonic_us())
    }

    fn unix_seconds(&self) -> i64 {
        clock::unix_seconds()
    }

    fn wait(&self, time: Duration) {
        std::thread::sleep(time);
    }
}

#[cfg(test)]
pub(super) mod played {
    //! A clock that moves by being waited for.

    use std::sync::Mutex;

    use super::Duration;
    use super::Time;

    #[derive(Debug)]
    pub(in super::super) struct Played {
        began_at: i64,
        elapsed: Mutex<Duration>,
    }

    impl Played {
        pub(in super::super) fn at(unix_seconds: i64) -> Self {
            Self {
                began_at: unix_seconds,
                elapsed: Mutex::default(),
            }
        }
    }

    impl Time for Played {
        fn elapsed(&self) -> Duration {
            *self.elapsed.lock().unwrap()
        }

        fn unix_seconds(&self) -> i64 {
            self.began_at + self.elapsed().as_secs().cast_signed()
        }

        fn wait(&self, time: Duration) {
            *self.elapsed.lock().unwrap() += time;
        }
    }
}
