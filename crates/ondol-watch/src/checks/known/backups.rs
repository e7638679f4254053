//! Whether backups are new enough, and shown to be restorable. Pure.

use ondol_model::app::cron::Schedule;
use ondol_model::app::cron::Span;
use ondol_model::plan::Backup;
use ondol_model::watch::Finding;
use ondol_model::watch::Observation;
use ondol_model::watch::Subject;
use ondol_model::watch::What;

use super::Moment;
use crate::facts::BackupFact;

const HOUR: i64 = 60 * 60;
const DAY: i64 = 24 * HOUR;
/// What a backup may take itself, besides twice its period.
const TAKING: i64 = 2 * HOUR;
/// Backups that were shown to be restorable this long ago might not be any more.
const PROVEN: i64 = 45 * DAY;
/// A box that was off makes up for what it missed within this time.
const CATCHING_UP_S: u64 = 4 * 60 * 60;
/// So many runs of a schedule show its longest pause.
const RUNS: usize = 10;

/// How the backups at a target are.
pub(super) fn observe(backup: &BackupFact, plan: &Backup, moment: Moment) -> Observation {
    let subject = Subject::Backup(backup.target.clone());
    if let Some(why) = &backup.failed_proof {
        let broken = Finding::saying(What::BackupBroken, why);
        return Observation::fail(subject, broken).certain();
    }
    let newest = backup.last_good_at.unwrap_or(backup.wanted_since);
    let allowed = 2 * period(&plan.at, moment.now) + TAKING;
    let has_caught_up = moment.up_s >= CATCHING_UP_S;
    if moment.now - newest > allowed && has_caught_up {
        let old = Finding::of(What::BackupOld(backup.last_good_at));
        return Observation::fail(subject, old);
    }
    let proven = backup.proven_as_of.unwrap_or(backup.wanted_since);
    let wants_proof = plan.verify.restore.interval().is_some();
    if wants_proof && moment.now - proven > PROVEN && has_caught_up {
        let unproven = Finding::of(What::BackupUnproven(backup.proven_as_of));
        return Observation::warn(subject, unproven);
    }
    Observation::pass(subject)
}

/// The longest pause between two backups, in seconds.
fn period(at: &str, now: i64) -> i64 {
    let Ok(schedule) = Schedule::parse(at) else {
        return DAY; // An accepted plan has none that can't be read.
    };
    let next = |after: &i64| {
        schedule.next(*after, |_| Span {
            offset: 0,
            until: None,
        })
    };
    let runs: Vec<i64> = std::iter::successors(next(&now), next).take(RUNS).collect();
    let pauses = runs.windows(2).map(|pair| pair[1] - pair[0]);
    pauses.max().unwrap_or(DAY)
}

#[cfg(test)]
mod tests {
    use ondol_model::plan::Often;
    use ondol_model::watch::State;

    use super::*;

    const NOW: i64 = 1_800_000_000;
    const MOMENT: Moment = Moment {
        now: NOW,
        up_s: 1_000_000,
        is_unserved: false,
    };

    fn fact() -> BackupFact {
        BackupFact {
            target: "disk".to_owned(),
            last_good_at: Some(NOW - HOUR),
            proven_as_of: Some(NOW - DAY),
            failed_proof: None,
            wanted_since: NOW - 400 * DAY,
        }
    }

    #[test]
    fn a_backup_is_old_after_two_of_its_periods_and_what_it_takes() {
        for (at, hours, state) in [
            ("03:30", 50, State::Pass),
            ("03:30", 51, State::Fail),
            ("30 3 * * 1", 2 * 168 + 2, State::Pass),
            ("30 3 * * 1", 2 * 168 + 3, State::Fail),
            ("30 3 * * 1-5", 2 * 72 + 2, State::Pass),
            ("0 * * * *", 5, State::Fail),
        ] {
            let plan = Backup {
                at: at.to_owned(),
                ..Backup::default()
            };
            let fact = BackupFact {
                last_good_at: Some(NOW - hours * HOUR),
                ..fact()
            };
            assert_eq!(observe(&fact, &plan, MOMENT).state, state, "{at} {hours}");
        }
    }

    #[test]
    fn a_box_that_was_off_may_catch_up_first() {
        let fact = BackupFact {
            last_good_at: Some(NOW - 30 * DAY),
            ..fact()
        };
        let just_on = Moment {
            up_s: 600,
            ..MOMENT
        };
        let plan = Backup::default();
        assert_eq!(observe(&fact, &plan, just_on).state, State::Pass);
        let seen = observe(&fact, &plan, MOMENT);
        let what = What::BackupOld(Some(NOW - 30 * DAY));
        assert_eq!(seen.finding.unwrap().what, what);
    }

    #[test]
    fn a_target_that_is_new_has_time_for_its_first_backup() {
        let mut fact = BackupFact {
            last_good_at: None,
            proven_as_of: None,
            wanted_since: NOW - DAY,
            ..fact()
        };
        let plan = Backup::default();
        assert_eq!(observe(&fact, &plan, MOMENT).state, State::Pass);
        fact.wanted_since = NOW - 3 * DAY;
        let seen = observe(&fact, &plan, MOMENT);
        assert_eq!(seen.finding.unwrap().what, What::BackupOld(None));
    }

    #[test]
    fn what_is_broken_is_worse_than_what_is_not_proven() {
        let mut plan = Backup::default();
        let mut fact = BackupFact {
            proven_as_of: Some(NOW - 46 * DAY),
            ..fact()
        };
        assert_eq!(observe(&fact, &plan, MOMENT).state, State::Warn);
        plan.verify.restore = Often::Never;
        assert_eq!(observe(&fact, &plan, MOMENT).state, State::Pass);
        fact.failed_proof = Some("a file differs".to_owned());
        let seen = observe(&fact, &plan, MOMENT);
        assert_eq!((seen.state, seen.is_certain), (State::Fail, true));
    }
}
