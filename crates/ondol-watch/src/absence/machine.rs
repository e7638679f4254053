//! The machine's own words: which run of it this is, and what time it believes it is.

use std::fs;
use std::path::Path;

use ondol_base::clock;
use ondol_base::tasks;
use ondol_model::watch::Rebirth;
use rustix::time::ClockId;

/// A clock of the mainboard and the system's may differ by so many seconds.
const SLACK: i64 = 5;

/// What the machine says now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Machine {
    pub(super) now: Rebirth,
    /// What the clock of the mainboard says, which goes on without power; `None` where there is none.
    mainboard: Option<i64>,
    /// Whether somebody in the internet was asked for the time, and answered.
    is_synchronized: bool,
    /// Whether the clock was set since the first look.
    was_set: bool,
}

impl Machine {
    /// Asks it. `None` when the kernel does not even tell which run of it this is.
    pub(super) async fn read(root: &Path) -> Option<Self> {
        let root = root.to_path_buf();
        tasks::spawn_blocking(move || read(&root)).await.ok()?
    }

    /// The same, with what is known by an earlier look.
    pub(super) fn after(self, before: &Self) -> Self {
        let by_wall = self.now.wall - before.now.wall;
        let by_uptime = self.now.since_boot - before.now.since_boot;
        Self {
            was_set: before.was_set || (by_wall - by_uptime).abs() >= SLACK,
            ..self
        }
    }

    /// Whether the time is believed; `last` is the last sign of life. A board without a clock of its own, or with an
    /// empty cell, starts with the time of its last end.
    pub(super) fn is_clock_right(&self, last: i64) -> bool {
        let agrees = self
            .mainboard
            .is_some_and(|mainboard| (mainboard - self.now.wall).abs() <= SLACK);
        let is_later = self.now.wall >= last;
        is_later && (agrees || self.is_synchronized || self.was_set)
    }
}

fn read(root: &Path) -> Option<Machine> {
    let text = |path: &str| {
        let text = fs::read_to_string(root.join(path)).ok()?;
        Some(text.trim().to_owned())
    };
    let mainboard = text("sys/class/rtc/rtc0/since_epoch");
    Some(Machine {
        now: Rebirth {
            boot_id: text("proc/sys/kernel/random/boot_id")?,
            wall: clock::unix_seconds(),
            since_boot: rustix::time::clock_gettime(ClockId::Boottime).tv_sec,
        },
        mainboard: mainboard.and_then(|seconds| seconds.parse().ok()),
        is_synchronized: super::is_there(root, "run/systemd/timesync/synchronized"),
        was_set: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(wall: i64, since_boot: i64, mainboard: Option<i64>) -> Machine {
        Machine {
            now: Rebirth {
                boot_id: "one".to_owned(),
                wall,
                since_boot,
            },
            mainboard,
            is_synchronized: false,
            was_set: false,
        }
    }

    #[test]
    fn a_clock_is_believed_that_ran_on_or_was_set() {
        const LAST: i64 = 1_000_000;
        for (is_right, machine) in [
            (true, machine(LAST + 60, 9, Some(LAST + 58))),
            (false, machine(LAST + 60, 9, None)),
            // An empty cell: the system's clock was brought to the time of its last end.
            (false, machine(LAST + 60, 9, Some(9))),
            (false, machine(LAST - 60, 9, Some(LAST - 60))),
        ] {
            assert_eq!(machine.is_clock_right(LAST), is_right, "{machine:?}");
            let later = Machine {
                is_synchronized: true,
                ..machine
            };
            assert_eq!(later.is_clock_right(LAST), later.now.wall >= LAST);
        }
        let first = machine(LAST + 60, 9, None);
        let second = machine(LAST + 61, 10, None).after(&first);
        assert!(!second.is_clock_right(LAST));
        let third = machine(LAST + 9_062, 11, None).after(&second);
        assert!(third.is_clock_right(LAST));
        assert!(machine(LAST + 9_063, 12, None).after(&third).was_set);
    }
}
