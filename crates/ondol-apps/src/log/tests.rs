//! Real pipes, a real file: what those see who write, read, and kill.

use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;

/// A folder with the log of one app.
struct Stage {
    folder: TempDir,
    log: AppLog,
}

impl Stage {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = AppLog::open(&places(&folder), &AppName::parse("coffee").unwrap());
        Self { folder, log }
    }

    /// The next agent, after this one is gone.
    fn again(&self) -> AppLog {
        AppLog::open(&places(&self.folder), &AppName::parse("coffee").unwrap())
    }

    fn pipe(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Opens a pipe as the shim does it.
    fn writer(&self, name: &str) -> File {
        let mut options = OpenOptions::new();
        options
            .read(true)
            .write(true)
            .open(self.pipe(name))
            .unwrap()
    }

    /// What is in the file, without the times.
    fn written(&self) -> String {
        let text = fs::read_to_string(&self.log.0.path).unwrap_or_default();
        let lines = text.lines().map(|line| {
            let (time, rest) = line.split_once(' ').unwrap();
            assert_eq!(time.len(), "2026-11-21T14:00:00.123Z".len(), "{line}");
            assert!(clock::parse_rfc3339(time).is_some(), "{line}");
            format!("{rest}\n")
        });
        lines.collect()
    }
}

fn line(text: &str) -> Arc<LogLine> {
    Arc::new(LogLine {
        at_ms: clock::unix_milliseconds(),
        instance: "web.1".into(),
        launch: None,
        text: text.to_owned(),
    })
}

/// A line that is written at once, and by nobody else later.
fn say(log: &AppLog, text: &str) {
    log.add(&line(text));
    log.write();
}

fn places(folder: &TempDir) -> Places {
    let top = folder.path();
    Places {
        state: top.join("state"),
        runtime: top.join("run"),
        logs: top.join("logs"),
        configuration: top.join("etc"),
        visitors_group: None,
        program: PathBuf::from("/proc/self/exe"),
    }
}

#[tokio::test]
async fn lines_of_several_processes_are_in_one_file_under_their_names() {
    let stage = Stage::new();
    let web = stage
        .log
        .attach(&stage.pipe("web"), "web.1", None, None)
        .unwrap();
    let worker = stage
        .log
        .attach(&stage.pipe("worker"), "worker.1", None, None)
        .unwrap();
    assert!(!stage.log.0.path.exists(), "nothing before the first line");
    let mut lines = stage.log.lines();

    stage
        .writer("web")
        .write_all(b"it listens\nGET /\n")
        .unwrap();
    assert_eq!(lines.recv().await.unwrap().text, "it listens");
    let second = lines.recv().await.unwrap();
    assert_eq!((&*second.instance, &*second.text), ("web.1", "GET /"));
    stage.writer("worker").write_all(b"no end").unwrap();
    worker.finish().await;
    web.finish().await;

    assert_eq!(lines.recv().await.unwrap().text, "no end");
    assert_eq!(
        stage.written(),
        "web.1 it listens\nweb.1 GET /\nworker.1 no end\n"
    );
    assert_eq!(stage.log.tail(Some("worker.1"), 50), ["no end"]);
    assert_eq!(stage.log.tail(None, 2), ["GET /", "no end"]);
}

#[tokio::test]
async fn what_is_left_when_the_reader_goes_is_in_the_tail_at_once() {
    let stage = Stage::new();
    let web = stage
        .log
        .attach(&stage.pipe("web"), "web.1", None, None)
        .unwrap();
    stage
        .writer("web")
        .write_all(b"panic: at the\ndisco")
        .unwrap();
    drop(web);
    assert_eq!(stage.log.tail(Some("web.1"), 9), ["panic: at the", "disco"]);
}

/// A line is removed from its pipe only when it is in the file: whenever an agent is killed, the next one finds it
/// in one of the two.
#[tokio::test]
async fn what_an_agent_left_in_the_pipe_is_read_by_the_next_one() {
    let stage = Stage::new();
    let first = stage
        .log
        .attach(&stage.pipe("web"), "web.1", None, None)
        .unwrap();
    let mut app = stage.writer("web");
    let mut lines = stage.log.lines();
    app.write_all(b"one\nhalf a").unwrap();
    assert_eq!(lines.recv().await.unwrap().text, "one");
    // As a kill does: no farewell, the descriptors are closed.
    std::mem::forget(first);
    app.write_all(b" line\nthree\n").unwrap();

    let log = stage.again();
    let second = log.attach(&stage.pipe("web"), "web.1", None, None).unwrap();
    second.finish().await;
    let written = stage.written();
    for line in ["web.1 one\n", "web.1 half a line\n", "web.1 three\n"] {
        assert!(written.contains(line), "{written}");
    }
}

#[tokio::test]
async fn a_process_can_write_a_megabyte_while_nobody_reads() {
    let stage = Stage::new();
    drop(
        stage
            .log
            .attach(&stage.pipe("web"), "web.1", None, None)
            .unwrap(),
    );
    let pipe = stage.writer("web");
    let log = stage.again();
    drop(log.attach(&stage.pipe("web"), "web.1", None, None).unwrap());
    rustix::io::ioctl_fionbio(&pipe, true).unwrap();
    let mut count = 0;
    while (&pipe).write(&[b'x'; 4096]).is_ok() {
        count += 4096;
    }
    assert_eq!(count, 1024 * 1024);
}

#[tokio::test]
async fn the_pipe_is_the_apps_alone_and_nothing_else_is_taken_for_it() {
    let stage = Stage::new();
    drop(
        stage
            .log
            .attach(&stage.pipe("web"), "web.1", None, None)
            .unwrap(),
    );
    let pipe = fs::metadata(stage.pipe("web")).unwrap();
    assert!(pipe.file_type().is_fifo());
    assert_eq!(pipe.permissions().mode() & 0o777, 0o600);

    ondol_base::file::replace(&stage.pipe("file"), b"mine", 0o640).unwrap();
    let refused = stage.log.attach(&stage.pipe("file"), "web.1", None, None);
    assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    std::os::unix::fs::symlink(stage.pipe("web"), stage.pipe("link")).unwrap();
    assert!(
        stage
            .log
            .attach(&stage.pipe("link"), "web.1", None, None)
            .is_err()
    );
}

#[tokio::test]
async fn a_line_that_does_not_end_is_cut_and_what_follows_it_is_whole() {
    let stage = Stage::new();
    let web = stage
        .log
        .attach(&stage.pipe("web"), "web.1", None, None)
        .unwrap();
    let mut app = stage.writer("web");
    let long = vec![b'x'; 900 * 1024];
    app.write_all(&long).unwrap();
    app.write_all(b" the end\nshort\n").unwrap();
    web.finish().await;
    let written = stage.written();
    let lines: Vec<_> = written.lines().collect();
    assert_eq!(lines.len(), 2, "{}", lines.len());
    assert!(lines[0].ends_with("xxx … (cut)") && lines[0].len() < 17 * 1024);
    assert_eq!(lines[1], "web.1 short");
}

#[tokio::test]
async fn notes_of_ondol_stand_between_the_lines() {
    let stage = Stage::new();
    stage.log.note("web.1 ended with code 1");
    stage.log.write();
    assert_eq!(stage.written(), "ondol web.1 ended with code 1\n");
}

/// The names beside the log, the oldest first.
fn beside(stage: &Stage) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(stage.log.0.path.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "coffee.log")
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_flood_is_read_but_not_kept_and_the_process_never_waits() {
    let stage = Stage::new();
    let web = stage
        .log
        .attach(&stage.pipe("web"), "web.1", None, None)
        .unwrap();
    let mut app = stage.writer("web");
    let written = tasks::spawn_blocking(move || {
        let line = format!("{}\n", "x".repeat(1_023));
        for _ in 0..64 {
            app.write_all(line.repeat(1_024).as_bytes()).unwrap();
        }
        app.write_all(b"the last words\n").unwrap();
    });
    written.await.unwrap();
    web.finish().await;

    let size = fs::metadata(&stage.log.0.path).unwrap().len();
    assert!(size < 6 * 1024 * 1024, "{size} bytes of 64 MiB are kept");
    let written = stage.written();
    let gaps = written.lines().filter(|line| line.starts_with("ondol "));
    let left_out: u64 = gaps
        .map(|gap| {
            assert!(
                gap.contains(" lines of web.1 (") && gap.contains("256 KiB a second"),
                "{gap}"
            );
            gap.split(' ').nth(1).unwrap().parse::<u64>().unwrap()
        })
        .sum();
    let kept = written
        .lines()
        .filter(|line| line.starts_with("web.1 "))
        .count() as u64;
    // A line that is cut by the beginning or the end of a gap counts once, or as half.
    assert!(
        (kept + left_out).abs_diff(64 * 1_024 + 1) <= 8,
        "{kept} + {left_out}"
    );
}

#[tokio::test]
async fn a_large_log_makes_room_and_the_oldest_files_go() {
    let stage = Stage::new();
    say(&stage.log, "the first line");
    for year in 2019..2024 {
        let name = format!("coffee.log.{year}0101T000000Z.gz");
        ondol_base::file::replace(&stage.log.0.path.with_file_name(name), b"", 0o640).unwrap();
    }
    let text = "y".repeat(16_000);
    for number in 0..750 {
        stage.log.add(&line(&format!("{number} {text}")));
        if number % 50 == 0 {
            stage.log.write();
        }
    }
    stage.log.write();
    stage.log.keep();
    assert!(fs::metadata(&stage.log.0.path).unwrap().len() <= file::FILE_BYTES_MAX);
    let names = beside(&stage);
    assert_eq!(names.len(), keep::FILES_MAX, "{names:?}");
    assert_eq!(names[0], "coffee.log.20200101T000000Z.gz");
    assert!(names.iter().all(|name| name.ends_with("Z.gz")), "{names:?}");
    let mode = fs::metadata(&stage.log.0.path)
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o640);
}

#[tokio::test]
async fn what_a_killed_agent_had_not_compressed_is_compressed_by_the_next() {
    let stage = Stage::new();
    say(&stage.log, "one");
    for name in [
        "coffee.log.20200101T000000Z",
        "coffee.log.20190101T000000Z.gz.new",
    ] {
        ondol_base::file::replace(&stage.log.0.path.with_file_name(name), b"old\n", 0o640).unwrap();
    }
    let log = stage.again();
    say(&log, "two");
    log.keep();
    assert_eq!(beside(&stage), ["coffee.log.20200101T000000Z.gz"]);
}

#[tokio::test]
async fn a_log_that_was_moved_away_is_made_anew() {
    let stage = Stage::new();
    say(&stage.log, "one");
    fs::remove_file(&stage.log.0.path).unwrap();
    say(&stage.log, "two");
    assert_eq!(stage.written(), "web.1 two\n");
}

#[tokio::test]
async fn lines_that_the_disk_did_not_take_are_counted_where_they_are_missing() {
    let stage = Stage::new();
    let folder = stage.log.0.path.parent().unwrap();
    fs::create_dir_all(folder.parent().unwrap()).unwrap();
    ondol_base::file::replace(folder, b"in the way", 0o640).unwrap();
    let web = stage
        .log
        .attach(&stage.pipe("web"), "web.1", None, None)
        .unwrap();
    stage.writer("web").write_all(b"one\ntwo\n").unwrap();
    web.finish().await;
    assert_eq!(stage.log.tail(None, 9), ["one", "two"], "still in memory");

    fs::remove_file(folder).unwrap();
    say(&stage.log, "three");
    assert_eq!(
        stage.written(),
        "ondol 2 lines were lost here: the disk did not take them\nweb.1 three\n"
    );
}

#[tokio::test]
async fn a_link_in_the_place_of_the_logs_is_not_followed() {
    let stage = Stage::new();
    let folder = stage.log.0.path.parent().unwrap().to_owned();
    let elsewhere = stage.pipe("elsewhere");
    fs::create_dir_all(&elsewhere).unwrap();
    fs::create_dir_all(folder.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &folder).unwrap();
    say(&stage.log, "one");
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);

    fs::remove_file(&folder).unwrap();
    fs::create_dir(&folder).unwrap();
    ondol_base::file::replace(&elsewhere.join("victim"), b"", 0o640).unwrap();
    std::os::unix::fs::symlink(elsewhere.join("victim"), &stage.log.0.path).unwrap();
    say(&stage.log, "two");
    assert_eq!(fs::read_to_string(elsewhere.join("victim")).unwrap(), "");
}
