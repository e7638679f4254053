//! Questions about logs of several files, and about one that goes on while it is read.

use std::fmt::Write as _;
use std::fs;

use tempfile::TempDir;

use super::super::keep;
use super::*;

/// A log whose lines are numbered, a second each.
struct Stage {
    _folder: TempDir,
    logs: Logs,
    app: AppName,
}

/// The moment of line 0: 2026-11-21 14:00 UTC.
const BEGIN: i64 = 1_795_269_600;

impl Stage {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let logs = Logs::new(folder.path().to_owned());
        let app = AppName::parse("coffee").unwrap();
        fs::create_dir(folder.path().join("apps")).unwrap();
        Self {
            _folder: folder,
            logs,
            app,
        }
    }

    fn write(&self, numbers: std::ops::Range<i64>) {
        let path = self.logs.path(&self.app);
        let mut text = fs::read_to_string(&path).unwrap_or_default();
        for number in numbers {
            let time = clock::rfc3339_milliseconds((BEGIN + number) * 1_000);
            let instance = ["web.1", "web.2", "worker.1"][number.rem_euclid(3) as usize];
            let _ = writeln!(text, "{time} {instance} line {number}"); // Never fails for a string.
        }
        ondol_base::file::replace(&path, text.as_bytes(), 0o640).unwrap();
    }

    /// Moves the log aside, under the time after this line.
    fn rotate(&self, number: i64) {
        let stamp: String = clock::rfc3339(BEGIN + number)
            .chars()
            .filter(|c| !matches!(c, '-' | ':'))
            .collect();
        let log = self.logs.path(&self.app);
        fs::rename(&log, rotated::with_end(&log, &format!(".{stamp}"))).unwrap();
    }

    fn compress(&self) {
        keep::keep(&self.logs.path(&self.app)).unwrap();
    }

    fn ask(&self, question: LogQuestion) -> LogAnswer {
        read(&self.logs.path(&self.app), &question).unwrap()
    }

    fn after(&self, place: LogPlace) -> LogAnswer {
        self.ask(LogQuestion {
            after: Some(place),
            ..LogQuestion::default()
        })
    }
}

fn newest(count: usize) -> LogQuestion {
    LogQuestion {
        newest: Some(count),
        ..LogQuestion::default()
    }
}

fn numbers(answer: &LogAnswer) -> Vec<i64> {
    let numbers = answer.lines.iter().map(|line| {
        let number = line.text.strip_prefix("line ").unwrap().parse().unwrap();
        assert_eq!(line.at_ms, (BEGIN + number) * 1_000);
        number
    });
    numbers.collect()
}

#[test]
fn a_log_that_was_never_written_to_is_empty() {
    let stage = Stage::new();
    for question in [newest(9), LogQuestion::default()] {
        let answer = stage.ask(question);
        assert!(answer.lines.is_empty() && !answer.has_more);
        assert_eq!(answer.next, LogPlace::default());
    }
    stage.write(0..2);
    assert_eq!(numbers(&stage.after(LogPlace::default())), [0, 1]);
}

#[test]
fn the_newest_lines_come_from_as_many_files_as_it_takes() {
    let stage = Stage::new();
    stage.write(0..10);
    stage.rotate(9);
    stage.compress();
    stage.write(10..20);
    stage.rotate(19);
    stage.write(20..25);
    assert_eq!(numbers(&stage.ask(newest(3))), [22, 23, 24]);
    assert_eq!(numbers(&stage.ask(newest(8))), (17..25).collect::<Vec<_>>());
    assert_eq!(numbers(&stage.ask(newest(99))), (0..25).collect::<Vec<_>>());

    let of = |process: &str| LogQuestion {
        process: Some(process.to_owned()),
        ..newest(4)
    };
    assert_eq!(numbers(&stage.ask(of("web"))), [19, 21, 22, 24]);
    assert_eq!(numbers(&stage.ask(of("web.2"))), [13, 16, 19, 22]);
    assert_eq!(numbers(&stage.ask(of("worker"))), [14, 17, 20, 23]);
    assert!(stage.ask(of("we")).lines.is_empty());
    let since = LogQuestion {
        since_ms: Some((BEGIN + 18) * 1_000),
        ..newest(99)
    };
    assert_eq!(numbers(&stage.ask(since)), (18..25).collect::<Vec<_>>());
}

#[test]
fn since_a_moment_is_from_its_file_on() {
    let stage = Stage::new();
    stage.write(0..10);
    stage.rotate(9);
    stage.write(10..20);
    stage.rotate(19);
    stage.compress();
    stage.write(20..25);
    for since in [-5, 0, 4, 9, 10, 15, 19, 20, 24, 25, 99] {
        let answer = stage.ask(LogQuestion {
            since_ms: Some((BEGIN + since) * 1_000),
            ..LogQuestion::default()
        });
        let expected: Vec<_> = (since.max(0)..25).collect();
        assert_eq!(numbers(&answer), expected, "since {since}");
        assert!(!answer.has_more);
    }
}

/// Who follows a log sees each line once, wherever its file goes meanwhile.
#[test]
fn a_place_outlives_rotation_and_compression() {
    let stage = Stage::new();
    stage.write(0..5);
    let mut place = stage.ask(newest(2)).next;
    let mut seen = Vec::new();
    let mut follow = |stage: &Stage| {
        let text = place.to_string();
        let answer = stage.after(LogPlace::parse(&text).unwrap());
        place = answer.next;
        seen.extend(numbers(&answer));
    };
    stage.write(5..7);
    follow(&stage);
    follow(&stage);
    stage.write(7..9);
    stage.rotate(8);
    follow(&stage);
    stage.write(9..12);
    follow(&stage);
    stage.write(12..14);
    stage.rotate(13);
    stage.compress();
    stage.write(14..16);
    stage.rotate(15);
    stage.compress();
    follow(&stage);
    stage.write(16..18);
    follow(&stage);
    follow(&stage);
    assert_eq!(seen, (5..18).collect::<Vec<_>>());
}

#[test]
fn a_long_answer_comes_in_pieces() {
    let stage = Stage::new();
    stage.write(0..4_000);
    stage.rotate(3_999);
    stage.compress();
    stage.write(4_000..12_000);
    let mut answer = stage.ask(LogQuestion::default());
    let mut seen = Vec::new();
    let mut pieces = 1;
    loop {
        assert!(answer.lines.len() <= LINES_MAX);
        seen.extend(numbers(&answer));
        if !answer.has_more {
            break;
        }
        answer = stage.after(answer.next);
        pieces += 1;
    }
    assert_eq!((pieces, seen), (3, (0..12_000).collect::<Vec<_>>()));
}

#[test]
fn a_line_that_is_being_written_is_left_for_the_next_answer() {
    let stage = Stage::new();
    stage.write(0..2);
    let path = stage.logs.path(&stage.app);
    let whole = fs::read_to_string(&path).unwrap();
    ondol_base::file::replace(&path, &whole.as_bytes()[..whole.len() - 3], 0o640).unwrap();
    let answer = stage.ask(newest(9));
    assert_eq!(numbers(&answer), [0]);
    ondol_base::file::replace(&path, whole.as_bytes(), 0o640).unwrap();
    assert_eq!(numbers(&stage.after(answer.next)), [1]);
}

#[test]
fn a_place_of_a_log_that_was_emptied_leads_to_its_beginning() {
    let stage = Stage::new();
    stage.write(0..50);
    let place = stage.ask(newest(1)).next;
    fs::remove_file(stage.logs.path(&stage.app)).unwrap();
    stage.write(50..52);
    assert_eq!(numbers(&stage.after(place)), [50, 51]);
    assert_eq!(LogPlace::parse("x"), None);
    assert_eq!(LogPlace::parse("-1-2"), None);
}
