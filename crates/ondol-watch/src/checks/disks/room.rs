//! Whether a disk has room: by shares that the owner sets, and by when it will be full. Pure.

use ondol_model::plan::Watch;
use ondol_model::watch::Finding;
use ondol_model::watch::Observation;
use ondol_model::watch::State;
use ondol_model::watch::Subject;
use ondol_model::watch::What;
use rustix::fs::StatVfs;
use tokio::time::Instant;

use super::forecast::Forecast;

/// What was too full is well again when it has so much more room than that, in hundredths of a percent.
const BETTER: u64 = 100;
/// A disk that will be full within this time is worth a word, though there is room yet.
const SOON_S: u64 = 48 * 60 * 60;

/// What is left on a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room {
    /// Bytes, those that only the system itself may use left out.
    pub(super) size: u64,
    pub(super) free: u64,
    /// 0 where the file system makes as many as it needs.
    pub(super) inodes: u64,
    pub(super) free_inodes: u64,
}

/// Judges a disk again and again.
#[derive(Debug, Default)]
pub(super) struct RoomWatch {
    forecast: Forecast,
    bytes: Option<State>,
    inodes: Option<State>,
}

impl From<StatVfs> for Room {
    fn from(found: StatVfs) -> Self {
        let used = found.f_blocks.saturating_sub(found.f_bfree);
        let usable = used.saturating_add(found.f_bavail);
        Self {
            size: usable.saturating_mul(found.f_frsize),
            free: found.f_bavail.saturating_mul(found.f_frsize),
            inodes: found.f_files,
            free_inodes: found.f_favail,
        }
    }
}

impl RoomWatch {
    /// How a disk is that has this room now.
    pub(super) fn judge(
        &mut self,
        subject: Subject,
        room: Room,
        limits: &Watch,
        now: Instant,
        unix_seconds: i64,
    ) -> Observation {
        self.forecast.add(now, room.free);
        let bytes = level(room.free, room.size, limits, self.bytes);
        let inodes = level(room.free_inodes, room.inodes, limits, self.inodes);
        (self.bytes, self.inodes) = (Some(bytes), Some(inodes));
        let full_in_s = self.forecast.full_in_s(room.free);
        let is_soon = full_in_s.is_some_and(|seconds| seconds < SOON_S);
        let full_at = full_in_s.map(|seconds| unix_seconds.saturating_add_unsigned(seconds));
        let seen = if inodes > bytes {
            let few = What::DiskInodes(room.free_inodes, room.inodes);
            not_well(subject, inodes, few)
        } else {
            let little = What::DiskRoom(room.free, room.size, full_at);
            let state = if is_soon {
                bytes.max(State::Warn)
            } else {
                bytes
            };
            not_well(subject, state, little)
        };
        Observation {
            values: values(room),
            ..seen
        }
    }
}

fn not_well(subject: Subject, state: State, what: What) -> Observation {
    match state {
        State::Pass | State::Unknown => Observation::pass(subject),
        State::Warn => Observation::warn(subject, Finding::of(what)),
        State::Fail => Observation::fail(subject, Finding::of(what)),
    }
}

/// How well it is when so much is left of so much, after it was as `before`.
fn level(free: u64, all: u64, limits: &Watch, before: Option<State>) -> State {
    if all == 0 {
        return State::Pass;
    }
    let share = u128::from(free) * 10_000 / u128::from(all);
    let is_below = |percent: u8, state: State| {
        let limit = u64::from(percent) * 100;
        let margin = if before.is_some_and(|before| before >= state) {
            BETTER
        } else {
            0
        };
        share < u128::from(limit + margin)
    };
    if is_below(limits.disk_fail, State::Fail) {
        State::Fail
    } else if is_below(limits.disk_warn, State::Warn) {
        State::Warn
    } else {
        State::Pass
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "nobody counts the last bytes of petabytes"
)]
fn values(room: Room) -> Vec<(&'static str, f64)> {
    let mut values = vec![
        ("disk_size_bytes", room.size as f64),
        ("disk_free_bytes", room.free as f64),
    ];
    if room.inodes > 0 {
        values.push(("disk_inodes", room.inodes as f64));
        values.push(("disk_inodes_free", room.free_inodes as f64));
    }
    values
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SIZE: u64 = 1_000_000;

    fn room(free: u64) -> Room {
        Room {
            size: SIZE,
            free,
            inodes: 0,
            free_inodes: 0,
        }
    }

    fn judge(watch: &mut RoomWatch, room: Room, now: Instant) -> Observation {
        let subject = Subject::Disk("/".to_owned());
        watch.judge(subject, room, &Watch::default(), now, 1_800_000_000)
    }

    #[tokio::test(start_paused = true)]
    async fn little_room_is_told_until_there_is_clearly_more() {
        let mut watch = RoomWatch::default();
        let now = Instant::now();
        for (free, state) in [
            (100_000, State::Pass),
            (99_999, State::Warn),
            (100_001, State::Warn),
            (109_999, State::Warn),
            (110_000, State::Pass),
            (29_999, State::Fail),
            (39_999, State::Fail),
            (40_000, State::Warn),
            (0, State::Fail),
        ] {
            assert_eq!(judge(&mut watch, room(free), now).state, state, "{free}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_disk_may_have_room_and_no_names_left() {
        let few = Room {
            inodes: 1000,
            free_inodes: 20,
            ..room(SIZE)
        };
        let seen = judge(&mut RoomWatch::default(), few, Instant::now());
        assert_eq!(seen.state, State::Fail);
        assert_eq!(seen.finding.unwrap().what, What::DiskInodes(20, 1000));
    }

    #[tokio::test(start_paused = true)]
    async fn a_disk_that_fills_within_two_days_is_told_while_it_has_room() {
        let mut watch = RoomWatch::default();
        let begin = Instant::now();
        // 1 % an hour: full in 42 hours after 8.
        let mut last = None;
        for hour in 0..=8 {
            let now = begin + Duration::from_secs(hour * 3600);
            last = Some(judge(&mut watch, room(SIZE / 100 * (50 - hour)), now));
        }
        let last = last.unwrap();
        assert_eq!(last.state, State::Warn);
        let full_at = 1_800_000_000 + 42 * 3600;
        let what = What::DiskRoom(SIZE / 100 * 42, SIZE, Some(full_at));
        assert_eq!(last.finding.unwrap().what, what);
    }
}
