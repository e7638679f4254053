//! Real files, a full disk, a pipe that nobody reads.

mod keeping;
mod sites;

use std::fs;
use std::fs::File;
use std::io::Read;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::time::UNIX_EPOCH;

use ondol_base::clock;
use ondol_model::plan::AccessLogFormat;
use ondol_model::plan::Share;
use ondol_model::plan::SiteLog;

use super::redact::Redaction;
use super::*;
use crate::request_id::RequestId;

/// A plain request; tests change what they are about.
pub(super) fn entry() -> Entry<'static> {
    Entry {
        at: UNIX_EPOCH,
        client: "192.0.2.7".parse().unwrap(),
        user: None,
        method: "GET",
        target: "/a?b=c",
        version: http::Version::HTTP_11,
        status: 200,
        body_bytes: 1234,
        duration: Duration::from_micros(1500),
        host: "example.com",
        site: "example.com",
        route: None,
        referer: None,
        user_agent: None,
        request_id: RequestId(0xbeef).into(),
        upstream: None,
        upstream_us: None,
        tls: None,
        client_certificate: None,
        failure: None,
    }
}

/// A log and what it has told.
pub(super) struct Running {
    pub(super) log: AccessLog,
    pub(super) notices: Arc<Mutex<Vec<String>>>,
}

/// What a box asks for that asks for nothing; tests change what they are about.
pub(super) fn settings() -> Settings {
    Settings {
        format: AccessLogFormat::Combined,
        rotation: None,
        redaction: Redaction::of(&[]),
        sample: Share::ALL,
        names: Vec::new(),
    }
}

impl Running {
    pub(super) fn start(path: &Path) -> Self {
        Self::start_with(path, settings())
    }

    pub(super) fn start_with(path: &Path, settings: Settings) -> Self {
        let notices = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&notices);
        let tell = move |notice| {
            let text = match notice {
                AccessLogNotice::Failing(failure) | AccessLogNotice::Keeping(failure) => {
                    let source = std::error::Error::source(&failure).unwrap().to_string();
                    format!("{failure}: {source}")
                }
                AccessLogNotice::Recovered { dropped, .. } => format!("recovered {dropped}"),
            };
            told.lock().unwrap().push(text);
        };
        let log = AccessLog::start(path.to_owned(), settings, tell).unwrap();
        Self { log, notices }
    }

    pub(super) fn notices(&self) -> Vec<String> {
        self.notices.lock().unwrap().clone()
    }
}

/// Writes lines whose targets are these numbers.
pub(super) fn record(recorder: &mut Recorder, numbers: std::ops::Range<u64>) {
    for number in numbers {
        let target = format!("/{number}");
        let entry = Entry {
            target: &target,
            ..entry()
        };
        recorder.record(&entry, &SiteLog::BOX);
    }
}

/// The numbers of all lines of a file; panics over a torn one.
pub(super) fn numbers(path: &Path) -> Vec<u64> {
    fs::read_to_string(path)
        .unwrap()
        .lines()
        .map(number)
        .collect()
}

fn number(line: &str) -> u64 {
    assert!(
        line.starts_with("192.0.2.7 - - [") && line.ends_with("\"-\" \"-\""),
        "torn: {line:?}"
    );
    let (_, rest) = line.split_once("\"GET /").unwrap();
    rest.split_once(' ').unwrap().0.parse().unwrap()
}

pub(super) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = clock::now();
    while !is_so() {
        assert!(begin.elapsed() < Duration::from_secs(20), "never: {what}");
        std::thread::yield_now();
    }
}

#[test]
fn lines_of_several_workers_arrive_whole_in_a_file_that_others_cannot_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    let running = Running::start(&path);
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let mut recorder = running.log.recorder();
            scope.spawn(move || record(&mut recorder, worker * 5_000..(worker + 1) * 5_000));
        }
    });
    let counts = running.log.shared.clone();
    running.log.close();
    let mut written = numbers(&path);
    assert_eq!(written.len() as u64, counts.lines.load(Ordering::Relaxed));
    assert_eq!(
        written.len() as u64 + counts.dropped.load(Ordering::Relaxed),
        20_000
    );
    for worker in 0..4 {
        let own = written.iter().filter(|number| **number / 5_000 == worker);
        assert!(own.is_sorted());
    }
    written.sort_unstable();
    written.dedup();
    assert_eq!(written.len() as u64, counts.lines.load(Ordering::Relaxed));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o137, 0);
}

#[test]
fn a_flush_brings_a_single_line_into_the_file_and_an_old_log_is_continued() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    for (before, after) in [(0, 1), (1, 2)] {
        let running = Running::start(&path);
        let mut recorder = running.log.recorder();
        record(&mut recorder, before..after);
        recorder.flush();
        wait_until("the line arrives", || running.log.counts().lines == 1);
        assert_eq!(numbers(&path), (0..after).collect::<Vec<_>>());
        assert_eq!(running.log.counts().dropped, 0);
        drop(recorder);
        running.log.close();
    }
    assert_eq!(numbers(&path), [0, 1]);
}

#[test]
fn after_a_rename_and_the_order_the_path_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let (path, old) = (
        folder.path().join("access.log"),
        folder.path().join("access.log.1"),
    );
    let running = Running::start(&path);
    let mut recorder = running.log.recorder();
    record(&mut recorder, 0..10);
    recorder.flush();
    wait_until("they arrive", || running.log.counts().lines == 10);
    fs::rename(&path, &old).unwrap();
    running.log.reopen();
    wait_until("the order is taken", || {
        !running.log.shared.reopen.load(Ordering::Relaxed)
    });
    record(&mut recorder, 10..20);
    drop(recorder);
    running.log.close();
    assert_eq!(numbers(&old), (0..10).collect::<Vec<_>>());
    assert_eq!(numbers(&path), (10..20).collect::<Vec<_>>());
}

#[test]
fn a_file_that_was_removed_is_made_again_without_an_order() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    check_found_again(&path, || fs::remove_file(&path).unwrap());
}

#[test]
fn a_file_that_another_program_has_replaced_is_found_without_an_order() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    check_found_again(&path, || {
        ondol_base::file::replace(&path, b"", 0o640).unwrap()
    });
}

/// After this change lines arrive at the path again, by themselves.
fn check_found_again(path: &Path, change: impl FnOnce()) {
    let running = Running::start(path);
    let mut recorder = running.log.recorder();
    change();
    let mut recorded = 0;
    wait_until("lines arrive again", || {
        record(&mut recorder, recorded..recorded + 1);
        recorder.flush();
        recorded += 1;
        std::thread::park_timeout(Duration::from_millis(5));
        fs::metadata(path).is_ok_and(|file| file.len() > 0)
    });
    drop(recorder);
    running.log.close();
    assert_eq!(numbers(path).last(), Some(&(recorded - 1)));
}

#[test]
fn a_folder_that_went_missing_is_told_once_and_lines_wait_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let logs = folder.path().join("logs");
    fs::create_dir(&logs).unwrap();
    let path = logs.join("access.log");
    let running = Running::start(&path);
    let mut recorder = running.log.recorder();
    fs::remove_dir_all(&logs).unwrap();
    running.log.reopen();
    record(&mut recorder, 0..5);
    recorder.flush();
    wait_until("it is told", || running.notices().len() == 1);
    assert!(running.notices()[0].contains("could not open the access log"));
    fs::create_dir(&logs).unwrap();
    running.log.wake();
    wait_until("it recovers", || running.notices().len() == 2);
    assert_eq!(running.notices()[1], "recovered 0");
    drop(recorder);
    running.log.close();
    assert_eq!(numbers(&path), [0, 1, 2, 3, 4]);
}

#[test]
fn a_writer_that_is_stuck_holds_no_worker_up_and_what_is_lost_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, 0o600.into()).unwrap();
    let mut pipe = File::options().read(true).write(true).open(&path).unwrap();
    let running = Running::start(&path);
    let mut recorder = running.log.recorder();
    let mut recorded = 0;
    wait_until("lines are dropped", || {
        record(&mut recorder, recorded..recorded + 1000);
        recorded += 1000;
        running.log.counts().dropped > 0
    });
    assert_eq!(running.notices(), [""; 0], "being slow is no failure");
    drop(recorder);
    let counts = Arc::clone(&running.log.shared);
    let reader = std::thread::scope(|scope| {
        let read = scope.spawn(|| {
            let mut text = Vec::new();
            let mut chunk = vec![0; 64 * 1024];
            while !text.ends_with(b"END\n") {
                let bytes = pipe.read(&mut chunk).unwrap();
                text.extend_from_slice(&chunk[..bytes]);
            }
            text
        });
        running.log.close();
        let mut end = File::options().write(true).open(&path).unwrap();
        end.write_all(b"END\n").unwrap();
        read.join().unwrap()
    });
    let text = String::from_utf8(reader).unwrap();
    let lines = text
        .strip_suffix("END\n")
        .unwrap()
        .lines()
        .map(number)
        .count() as u64;
    assert_eq!(lines, counts.lines.load(Ordering::Relaxed));
    assert_eq!(lines + counts.dropped.load(Ordering::Relaxed), recorded);
}

#[test]
fn a_device_that_takes_nothing_is_told_once_and_closing_does_not_hang() {
    let running = Running::start(Path::new("/dev/full"));
    let mut recorder = running.log.recorder();
    record(&mut recorder, 0..2000);
    recorder.flush();
    wait_until("it is told", || !running.notices().is_empty());
    running.log.wake();
    record(&mut recorder, 2000..3000);
    drop(recorder);
    let (shared, notices) = (
        Arc::clone(&running.log.shared),
        Arc::clone(&running.notices),
    );
    running.log.close();
    let notices = notices.lock().unwrap();
    assert_eq!(notices.len(), 1, "{notices:?}");
    assert!(
        notices[0].contains("No space left on device"),
        "{notices:?}"
    );
    assert_eq!(shared.dropped.load(Ordering::Relaxed), 3000);
    assert_eq!(shared.lines.load(Ordering::Relaxed), 0);
}

/// A file system of 256 KiB, unmounted at the end; `None` where none can be mounted.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"])
            .arg(folder.path());
        let is_mounted = mount.output().is_ok_and(|output| output.status.success());
        is_mounted.then_some(Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).output();
    }
}

#[test]
fn a_full_disk_tears_no_line_and_is_written_to_again_once_it_has_room() {
    let Some(disk) = SmallDisk::mount() else {
        eprintln!("skipped: a_full_disk_tears_no_line needs root to mount a small file system");
        return;
    };
    let (path, filler) = (
        disk.0.path().join("access.log"),
        disk.0.path().join("filler"),
    );
    ondol_base::file::replace(&filler, &vec![0; 128 * 1024], 0o600).unwrap();
    let running = Running::start(&path);
    let mut recorder = running.log.recorder();
    record(&mut recorder, 0..2000);
    recorder.flush();
    wait_until("it is told", || running.notices().len() == 1);
    assert!(
        running.notices()[0].contains("No space left"),
        "{:?}",
        running.notices()
    );
    let on_disk = numbers(&path);
    assert!(
        !on_disk.is_empty() && on_disk.len() < 2000,
        "{} lines fit",
        on_disk.len()
    );
    assert_eq!(on_disk, (0..on_disk.len() as u64).collect::<Vec<_>>());

    fs::remove_file(&filler).unwrap();
    running.log.wake();
    wait_until("it recovers", || running.notices().len() == 2);
    assert_eq!(running.notices()[1], "recovered 0");
    record(&mut recorder, 2000..2010);
    drop(recorder);
    running.log.close();
    let expected: Vec<u64> = (0..2010).collect();
    let written = numbers(&path);
    assert_eq!(written.len(), expected.len());
    assert_eq!(written, expected);
}

/// For the eye of other programs: run with `--run-ignored` and read it with GoAccess or fail2ban.
#[test]
#[ignore = "writes a log to look at"]
fn a_log_to_look_at() {
    let path = std::env::temp_dir().join("ondol-access.log");
    let running = Running::start(&path);
    let mut recorder = running.log.recorder();
    for (number, status) in (0..300).zip([200, 304, 404, 502].into_iter().cycle()) {
        let entry = Entry {
            at: clock::wall(),
            status,
            body_bytes: number,
            referer: Some(b"https://example.com/\"x\\"),
            user_agent: Some("Mozilla/5.0 (X11; Linux) Firefox/140.0 \u{202e}커피".as_bytes()),
            ..entry()
        };
        recorder.record(&entry, &SiteLog::BOX);
    }
    drop(recorder);
    running.log.close();
}
