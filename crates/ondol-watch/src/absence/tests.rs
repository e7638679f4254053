//! A box that goes and comes back; what the desk is told of it, and what the next start will know.

use std::sync::Arc;

use ondol_base::tasks::Stopper;
use ondol_model::Plan;
use ondol_model::backup::DatabaseName;
use ondol_model::plan::Database;
use ondol_model::plan::DatabaseSource;
use tempfile::TempDir;

use super::*;
use crate::ground::Known;
use crate::planted::Planted;
use crate::planted::empty_plan;
use crate::planted::put;

const OFF: i64 = 7 * 3_600 + 12 * 60;

struct House {
    root: TempDir,
    planted: Planted,
    judged: Judged,
}

/// What the desk was told.
#[derive(Debug, Default)]
struct Told {
    unclean: Vec<u64>,
    back: Vec<Absence>,
}

impl House {
    fn new(plan: Plan) -> Self {
        let root = tempfile::tempdir().unwrap();
        let house = Self {
            root,
            planted: Planted::new(plan),
            judged: Judged::default(),
        };
        house.boots("two");
        put(&house.path("run/systemd/timesync/synchronized"), "");
        house
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    fn boots(&self, boot_id: &str) {
        put(&self.path("proc/sys/kernel/random/boot_id"), boot_id);
    }

    /// Its last sign of life was so long before the machine started.
    async fn was_seen(&self, boot_id: &str, before: i64, clean: &str, reason: &str) {
        let up = rustix::time::clock_gettime(rustix::time::ClockId::Boottime).tv_sec;
        let beat = Beat {
            boot_id: boot_id.to_owned(),
            wall: clock::unix_seconds() - up - before,
            boottime: up - before.min(up),
            is_clean: clean == "clean",
            reason: reason.to_owned(),
        };
        self.planted.store.handle().beat(beat).await.unwrap();
    }

    async fn last(&self) -> (String, bool, String) {
        let beat = self.planted.store.handle().last_beat().await.unwrap();
        let beat = beat.unwrap();
        (beat.boot_id, beat.is_clean, beat.reason)
    }

    /// Runs until a sign of life of this kind is written down, and ends.
    async fn lives_until(&mut self, wanted: (&str, &str)) -> Told {
        let (stopper, stop) = Stopper::new();
        let heart = Heart {
            ground: self.planted.ground.clone(),
            judged: self.judged.clone(),
            root: self.root.path().to_path_buf(),
        };
        let watched = async {
            loop {
                let (boot_id, _, reason) = self.last_or_none().await;
                if self.judged.is_done() && (boot_id.as_str(), reason.as_str()) == wanted {
                    return stopper.stop();
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let (ended, ()) = tokio::join!(heart.live(stop), watched);
        ended.unwrap();
        self.told()
    }

    async fn last_or_none(&self) -> (String, bool, String) {
        let beat = self.planted.store.handle().last_beat().await.unwrap();
        let beat = beat.map(|beat| (beat.boot_id, beat.is_clean, beat.reason));
        beat.unwrap_or_default()
    }

    fn told(&mut self) -> Told {
        let mut told = Told::default();
        while let Ok(seen) = self.planted.seen.try_recv() {
            match seen {
                Seen::UncleanBoots(count) => told.unclean.push(count),
                Seen::Back(absence, _) => told.back.push(absence),
                other => panic!("{other:?}"),
            }
        }
        told
    }
}

fn clean(boot_id: &str, reason: &str) -> (String, bool, String) {
    (boot_id.to_owned(), true, reason.to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_power_cut_is_told_once_and_counted() {
    let mut house = House::new(empty_plan());
    house.was_seen("one", OFF, "", "mains").await;
    let told = house.lives_until(("two", "mains")).await;
    assert_eq!(told.unclean, [1]);
    let [absence] = &told.back[..] else {
        panic!("{told:?}");
    };
    assert_eq!(absence.kind, AbsenceKind::PowerCut);
    let seconds = absence.back_at - absence.last_seen_at;
    assert!((seconds - OFF).abs() <= 2, "{seconds}");
    assert_eq!(house.last().await, clean("two", "stop"));
    // The next start of Ondol alone is nothing to tell of, and so is that of its service after a panic.
    house.judged = Judged::default();
    let told = house.lives_until(("two", "mains")).await;
    assert_eq!((told.unclean, told.back.len()), (vec![1], 0));
    let told = house.lives_until(("two", "mains")).await;
    assert_eq!((told.unclean.len(), told.back.len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn what_was_meant_is_told_and_not_counted() {
    for (reason, kind) in [
        ("reboot", AbsenceKind::Shutdown),
        ("a word of a later version", AbsenceKind::Shutdown),
        ("rest", AbsenceKind::Rest),
    ] {
        let mut house = House::new(empty_plan());
        house.was_seen("one", OFF, "clean", reason).await;
        let told = house.lives_until(("two", "mains")).await;
        assert_eq!(told.unclean, [0]);
        assert_eq!(told.back.len(), 1);
        assert_eq!(told.back[0].kind, kind, "{reason}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_start_and_a_crash_of_ondol_alone() {
    let mut house = House::new(empty_plan());
    let told = house.lives_until(("two", "mains")).await;
    assert_eq!((told.unclean, told.back.len()), (vec![0], 0));
    house.judged = Judged::default();
    house.was_seen("two", 0, "", "mains").await;
    let told = house.lives_until(("two", "mains")).await;
    assert_eq!(told.unclean, [0]);
    assert_eq!(told.back[0].kind, AbsenceKind::Crash);
}

#[tokio::test(start_paused = true)]
async fn a_box_at_rest_says_so_until_the_mains_are_back() {
    let mut house = House::new(empty_plan());
    let known = house.planted.known.clone();
    let power = |power| {
        known.send_replace(Arc::new(Known {
            power,
            ..Known::default()
        }));
    };
    power(PowerState::Low);
    house.lives_until(("two", "rest")).await;
    assert_eq!(house.last().await, clean("two", "rest"));
    power(PowerState::Battery);
    house.lives_until(("two", "battery")).await;
    // On battery, and then gone without a word.
    house.judged = Judged::default();
    house.was_seen("one", OFF, "", "battery").await;
    let told = house.lives_until(("two", "battery")).await;
    assert_eq!(
        told.back[0].evidence,
        ["the box ran on its battery when it was last seen"]
    );
}

#[tokio::test(start_paused = true)]
async fn an_end_before_it_could_be_told_leaves_it_to_the_next_start() {
    let mut house = House::new(empty_plan());
    house.was_seen("one", OFF, "", "mains").await;
    let (stopper, stop) = Stopper::new();
    stopper.stop();
    let heart = Heart {
        ground: house.planted.ground.clone(),
        judged: house.judged.clone(),
        root: house.root.path().to_path_buf(),
    };
    heart.live(stop).await.unwrap();
    assert_eq!(house.last().await.0, "one");
    let told = house.lives_until(("two", "mains")).await;
    assert_eq!(told.back.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_never_becomes_right_is_not_waited_for_for_ever() {
    let mut house = House::new(empty_plan());
    std::fs::remove_file(house.path("run/systemd/timesync/synchronized")).unwrap();
    house.was_seen("one", -3_000_000, "", "mains").await;
    let begun = clock::now();
    let told = house.lives_until(("two", "mains")).await;
    assert!(clock::now() - begun >= CLOCK_WAIT);
    assert_eq!(told.back[0].back_at, told.back[0].last_seen_at);
    assert_eq!(told.back[0].evidence.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn databases_that_the_power_cut_broke_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("coffee.db");
    put(&broken, &"\0".repeat(8_192));
    let mut plan = empty_plan();
    plan.backup.databases = vec![Database {
        name: DatabaseName::parse("coffee").unwrap(),
        source: DatabaseSource::Sqlite(broken.clone()),
        app: None,
    }];
    let mut house = House::new(plan);
    house.was_seen("one", OFF, "", "mains").await;
    let told = house.lives_until(("two", "mains")).await;
    let expected = format!(
        "the database {} is damaged (its first bytes are zeros): stop its program; \
         `ondol restore --database coffee` brings back its last good state",
        broken.display()
    );
    assert_eq!(told.back[0].damage, [expected]);
}
