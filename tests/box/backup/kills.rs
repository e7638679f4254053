//! Jobs that are killed at random moments. `KILLS=20` for more of each kind.

use std::time::Duration;
use std::time::Instant;

use ondol_backup::Found;
use ondol_backup::Work;

use super::field::Field;
use super::job::Ended;

const KILLS: u32 = 2;

fn kills() -> u32 {
    let asked = std::env::var("KILLS").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(KILLS)
}

/// Does something, kills it at a random moment, and says what its last word was.
fn killed(field: &mut Field, work: Work, within: Duration) -> Ended {
    let mut job = field.begin(work);
    let millis = u64::try_from(within.as_millis()).unwrap();
    std::thread::sleep(Duration::from_millis(field.random.below(millis)));
    job.kill();
    job.ended()
}

#[test]
fn jobs_may_be_killed_at_any_moment() {
    let mut field = Field::new(None);
    let began = Instant::now();
    field.taken();
    let whole = began.elapsed();
    let mut ended = [0; 4];
    for _ in 0..kills() {
        field.change();
        let work = field.take();
        if let Some(Ok(Found::Taken(manifest))) = killed(&mut field, work, whole) {
            field.kept.push(manifest);
            ended[0] += 1;
        }
        field.assert_whole();
        field.taken();
    }
    for _ in 0..kills() {
        field.change();
        field.taken();
        let work = field.prune(1);
        ended[1] += u32::from(killed(&mut field, work, whole).is_some());
        field.assert_whole();
    }
    let to = field.path("restored");
    for _ in 0..kills() {
        field.taken();
        let work = field.restore(&to);
        ended[2] += u32::from(killed(&mut field, work, whole).is_some());
        match field.run(field.restore(&to)) {
            Some(Ok(Found::Restored { faults, .. })) => assert_eq!(faults, Vec::<String>::new()),
            other => panic!("{other:?}"),
        }
        field.assert_restored(&to);
        std::fs::remove_dir_all(&to).unwrap();
    }
    for _ in 0..kills() {
        let work = field.prove();
        ended[3] += u32::from(killed(&mut field, work, whole).is_some());
        // As the agent does after each.
        let _ = std::fs::remove_dir_all(field.path("state/scratch"));
        match field.run(field.prove()) {
            Some(Ok(Found::Proven { faults, .. })) => assert_eq!(faults, Vec::<String>::new()),
            other => panic!("{other:?}"),
        }
    }
    field.assert_checked_by_restic(&["--read-data"]);
    let [backups, removals, restores, proofs] = ended;
    println!(
        "{} of each; ended before: {backups} backups, {removals} removals, {restores} restores, {proofs} proofs",
        kills()
    );
}
