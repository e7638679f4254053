//! Rotation, compression and removal, with one process and with two, and what a power cut leaves.

use std::os::unix::fs::MetadataExt;

use flate2::read::MultiGzDecoder;
use ondol_model::plan::LogCompression;
use ondol_model::plan::LogName;
use ondol_model::plan::LogTo;
use ondol_model::plan::Rotation;

use super::*;
use crate::access_log::compress::Method;
use crate::access_log::compress::Outcome;
use crate::access_log::rotated;
use crate::access_log::rotated::State;

const SIZE: u64 = 64 * 1024;

fn rotating(keep: usize, compression: LogCompression) -> Settings {
    Settings {
        rotation: Some(Rotation {
            size_bytes: SIZE,
            age: None,
            keep,
            compression,
        }),
        ..settings()
    }
}

fn text(path: &Path) -> String {
    let file = File::open(path).unwrap();
    let mut text = String::new();
    match path.extension().unwrap().to_str().unwrap() {
        "gz" => MultiGzDecoder::new(file).read_to_string(&mut text),
        "zst" => zstd::Decoder::new(file).unwrap().read_to_string(&mut text),
        _ => (&file).read_to_string(&mut text),
    }
    .unwrap();
    text
}

/// The numbers of all lines of a log and of its rotated files, the oldest first.
fn all_numbers(log: &Path) -> Vec<u64> {
    let rotated = rotated::list(log).unwrap();
    let paths = rotated.iter().map(|one| one.path.as_path()).chain([log]);
    paths
        .flat_map(|path| text(path).lines().map(number).collect::<Vec<_>>())
        .collect()
}

fn states(log: &Path) -> Vec<State> {
    let rotated = rotated::list(log).unwrap();
    rotated.iter().map(|one| one.state).collect()
}

/// Records and flushes; what is recorded is in the file when it returns.
fn write(log: &Shared, recorder: &mut Recorder, range: std::ops::Range<u64>) {
    let before = log.lines.load(Ordering::Relaxed);
    let count = range.end - range.start;
    record(recorder, range);
    recorder.flush();
    wait_until("they are written", || {
        log.lines.load(Ordering::Relaxed) >= before + count
    });
}

#[test]
fn a_large_file_makes_room_is_compressed_and_no_line_is_lost() {
    for compression in [
        LogCompression::Gzip,
        LogCompression::Zstd,
        LogCompression::None,
    ] {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("access.log");
        let running = Running::start_with(&log, rotating(100, compression));
        let mut recorder = running.log.recorder();
        for round in 0..20 {
            write(
                &running.log.shared,
                &mut recorder,
                round * 200..(round + 1) * 200,
            );
        }
        let wanted = match compression {
            LogCompression::None => State::Plain,
            LogCompression::Gzip | LogCompression::Zstd => State::Compressed,
        };
        wait_until("they are kept", || {
            let states = states(&log);
            states.len() >= 3 && states.iter().all(|state| *state == wanted)
        });
        drop(recorder);
        running.log.close();
        assert_eq!(all_numbers(&log), (0..4_000).collect::<Vec<_>>());
        for one in rotated::list(&log).unwrap() {
            assert_eq!(
                fs::metadata(&one.path).unwrap().mode() & 0o777,
                0o640,
                "{one:?}"
            );
        }
    }
}

#[test]
fn only_so_many_are_kept_the_newest() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("access.log");
    let others = folder.path().join("access.log.1");
    File::create_new(&others).unwrap();
    let running = Running::start_with(&log, rotating(2, LogCompression::Gzip));
    let mut recorder = running.log.recorder();
    for round in 0..8 {
        write(
            &running.log.shared,
            &mut recorder,
            round * 1_000..(round + 1) * 1_000,
        );
    }
    wait_until("the oldest are gone", || {
        states(&log) == [State::Compressed, State::Compressed]
    });
    drop(recorder);
    running.log.close();
    let numbers = all_numbers(&log);
    assert!(!numbers.is_empty() && numbers.len() < 8_000);
    let first = numbers[0];
    assert_eq!(numbers, (first..8_000).collect::<Vec<_>>());
    assert!(others.exists(), "what is not ours stays");
}

#[test]
fn an_old_file_makes_room_and_an_empty_one_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("access.log");
    let aging = || Settings {
        rotation: Some(Rotation {
            age: Some(Duration::ZERO),
            ..Rotation::default()
        }),
        ..settings()
    };
    let running = Running::start_with(&log, aging());
    running.log.wake();
    let mut recorder = running.log.recorder();
    write(&running.log.shared, &mut recorder, 0..1);
    wait_until("it is kept", || states(&log) == [State::Compressed]);
    running.log.wake();
    write(&running.log.shared, &mut recorder, 1..2);
    wait_until("so is the next", || states(&log) == [State::Compressed; 2]);
    drop(recorder);
    running.log.close();
    assert_eq!(all_numbers(&log), [0, 1]);
}

#[test]
fn two_processes_write_to_one_log_and_no_line_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("access.log");
    // Each has its own files and locks, as processes have.
    let start = || Running::start_with(&log, rotating(1_000, LogCompression::Gzip));
    let (old, new) = (start(), start());
    std::thread::scope(|scope| {
        for (running, first) in [(&old, 0), (&new, 10_000)] {
            let (shared, mut recorder) = (&running.log.shared, running.log.recorder());
            scope.spawn(move || {
                for round in 0..50 {
                    let from = first + round * 200;
                    write(shared, &mut recorder, from..from + 200);
                }
            });
        }
    });
    wait_until("the draining one lets go", || {
        old.log.wake();
        new.log.wake();
        let states = states(&log);
        states.len() >= 3 && states.iter().all(|state| *state == State::Compressed)
    });
    assert_eq!((old.notices(), new.notices()), (vec![], vec![]));
    old.log.close();
    new.log.close();
    let mut numbers = all_numbers(&log);
    for first in [0, 10_000] {
        let of_one = numbers
            .iter()
            .filter(|number| **number / 10_000 * 10_000 == first);
        assert!(of_one.is_sorted(), "each writes in order");
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (0..20_000).collect::<Vec<_>>());
}

#[test]
fn a_file_that_another_process_writes_to_is_not_compressed() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("access.log");
    let moved = folder.path().join("access.log.20261121T052816Z");
    let old = Running::start(&log);
    let mut recorder = old.log.recorder();
    write(&old.log.shared, &mut recorder, 0..1);
    fs::rename(&log, &moved).unwrap();
    let compress = || {
        let outcome = compress::compress(&moved, Method::Gzip, || false);
        outcome.unwrap()
    };
    assert_eq!(compress(), Outcome::InUse);
    assert_eq!(states(&log), [State::Plain]);
    old.log.reopen();
    write(&old.log.shared, &mut recorder, 1..2);
    assert_eq!(compress(), Outcome::Done);
    drop(recorder);
    old.log.close();
    assert_eq!(all_numbers(&log), [0, 1]);
}

#[test]
fn what_a_power_cut_left_is_finished_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("access.log");
    let make = |name: &str, text: &[u8]| {
        ondol_base::file::replace(&folder.path().join(name), text, 0o640).unwrap();
    };
    let line = |number: u64| {
        let begin = "192.0.2.7 - - [01/Jan/1970:00:00:00 +0000]";
        format!("{begin} \"GET /{number} HTTP/1.1\" 200 1 \"-\" \"-\"\n")
    };
    // Half written; written, but the plain one is still there; and one whose plain one is gone.
    make("access.log.20260101T000000Z", line(0).as_bytes());
    make("access.log.20260101T000000Z.gz.new", b"\x1f\x8bhalf");
    make("access.log.20260102T000000Z", line(1).as_bytes());
    make("access.log.20260102T000000Z.gz", b"an older one");
    make("access.log.20260103T000000Z.zst.new", b"half");
    make("access.log", line(2).as_bytes());
    let running = Running::start_with(&log, rotating(14, LogCompression::Gzip));
    wait_until("all is kept", || {
        states(&log) == [State::Compressed, State::Compressed]
    });
    running.log.close();
    assert_eq!(all_numbers(&log), [0, 1, 2]);
}

#[test]
fn what_can_not_be_removed_is_told_and_keeps_nothing_else_from_it() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("access.log");
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("access.log.20250101T000000Z")).unwrap();
    for day in 2..5 {
        let name = format!("access.log.2025010{day}T000000Z");
        ondol_base::file::replace(&at(&name), b"", 0o640).unwrap();
    }
    let running = Running::start_with(&log, rotating(1, LogCompression::Gzip));
    wait_until("the last one alone is left", || {
        at("access.log.20250104T000000Z.gz").exists()
            && !at("access.log.20250102T000000Z").exists()
            && !at("access.log.20250103T000000Z").exists()
    });
    wait_until("it is told", || !running.notices().is_empty());
    running.log.close();
}

/// A file that not even root can move: it is mounted on itself. Unmounted when dropped.
struct Pinned(PathBuf);

impl Pinned {
    fn file(path: &Path) -> Option<Self> {
        File::create_new(path).unwrap();
        let mut mount = Command::new("mount");
        mount.arg("--bind").args([path, path]);
        let is_mounted = mount.output().is_ok_and(|output| output.status.success());
        if !is_mounted {
            eprintln!("skipped: a log that can not be moved needs root, to mount it");
        }
        is_mounted.then(|| Self(path.to_owned()))
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[test]
fn a_log_that_can_not_be_moved_is_told_once_and_grows() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("access.log");
    let Some(_pinned) = Pinned::file(&log) else {
        return;
    };
    let running = Running::start_with(&log, rotating(2, LogCompression::Gzip));
    let mut recorder = running.log.recorder();
    write(&running.log.shared, &mut recorder, 0..3_000);
    wait_until("it is told", || running.notices().len() == 1);
    write(&running.log.shared, &mut recorder, 3_000..6_000);
    assert_eq!(running.notices().len(), 1);
    assert!(
        running.notices()[0].contains("could not move the access log"),
        "{:?}",
        running.notices()
    );
    drop(recorder);
    running.log.close();
    assert_eq!(numbers(&log).len(), 6_000);
}

#[test]
fn a_log_that_can_not_be_moved_keeps_no_other_from_it() {
    let folder = tempfile::tempdir().unwrap();
    let (log, other) = (
        folder.path().join("access.log"),
        folder.path().join("a.log"),
    );
    let Some(_pinned) = Pinned::file(&log) else {
        return;
    };
    let settings = Settings {
        names: vec![Some("a.log".into())],
        ..rotating(2, LogCompression::None)
    };
    let running = Running::start_with(&log, settings);
    let mut recorder = running.log.recorder();
    write(&running.log.shared, &mut recorder, 0..3_000);
    wait_until("it is told", || running.notices().len() == 1);
    let to_other = SiteLog {
        to: LogTo::File(LogName::parse("a.log").unwrap()),
        sample: None,
    };
    for _ in 0..3_000 {
        recorder.record(&entry(), &to_other);
    }
    recorder.flush();
    wait_until("the other is moved", || !states(&other).is_empty());
    drop(recorder);
    running.log.close();
}

#[test]
fn a_link_is_written_through_and_never_moved() {
    let folder = tempfile::tempdir().unwrap();
    let (log, real) = (
        folder.path().join("access.log"),
        folder.path().join("real.log"),
    );
    std::os::unix::fs::symlink(&real, &log).unwrap();
    let running = Running::start_with(&log, rotating(2, LogCompression::Gzip));
    let mut recorder = running.log.recorder();
    write(&running.log.shared, &mut recorder, 0..3_000);
    drop(recorder);
    running.log.close();
    assert!(log.is_symlink());
    assert_eq!(numbers(&real).len(), 3_000);
    assert_eq!(states(&log), []);
}
