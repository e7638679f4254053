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
        let text = fs::read_to_string(self.log.path()).unwrap_or_default();
        let lines = text.lines().map(|line| {
            let (time, rest) = line.split_once(' ').unwrap();
            assert_eq!(time.len(), "2026-11-21T14:00:00.123Z".len(), "{line}");
            assert!(clock::parse_rfc3339(time).is_some(), "{line}");
            format!("{rest}\n")
        });
        lines.collect()
    }
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
    let web = stage.log.attach(&stage.pipe("web"), "web.1", None).unwrap();
    let worker = stage
        .log
        .attach(&stage.pipe("worker"), "worker.1", None)
        .unwrap();
    assert!(!stage.log.path().exists(), "nothing before the first line");
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
    let web = stage.log.attach(&stage.pipe("web"), "web.1", None).unwrap();
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
    let first = stage.log.attach(&stage.pipe("web"), "web.1", None).unwrap();
    let mut app = stage.writer("web");
    let mut lines = stage.log.lines();
    app.write_all(b"one\nhalf a").unwrap();
    assert_eq!(lines.recv().await.unwrap().text, "one");
    // As a kill does: no farewell, the descriptors are closed.
    std::mem::forget(first);
    app.write_all(b" line\nthree\n").unwrap();

    let log = stage.again();
    let second = log.attach(&stage.pipe("web"), "web.1", None).unwrap();
    second.finish().await;
    let written = stage.written();
    for line in ["web.1 one\n", "web.1 half a line\n", "web.1 three\n"] {
        assert!(written.contains(line), "{written}");
    }
}

#[tokio::test]
async fn a_process_can_write_a_megabyte_while_nobody_reads() {
    let stage = Stage::new();
    drop(stage.log.attach(&stage.pipe("web"), "web.1", None).unwrap());
    let pipe = stage.writer("web");
    let log = stage.again();
    drop(log.attach(&stage.pipe("web"), "web.1", None).unwrap());
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
    drop(stage.log.attach(&stage.pipe("web"), "web.1", None).unwrap());
    let pipe = fs::metadata(stage.pipe("web")).unwrap();
    assert!(pipe.file_type().is_fifo());
    assert_eq!(pipe.permissions().mode() & 0o777, 0o600);

    fs::write(stage.pipe("file"), "mine").unwrap();
    let refused = stage.log.attach(&stage.pipe("file"), "web.1", None);
    assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    std::os::unix::fs::symlink(stage.pipe("web"), stage.pipe("link")).unwrap();
    assert!(
        stage
            .log
            .attach(&stage.pipe("link"), "web.1", None)
            .is_err()
    );
}

#[tokio::test]
async fn a_line_that_does_not_end_is_cut_and_what_follows_it_is_whole() {
    let stage = Stage::new();
    let web = stage.log.attach(&stage.pipe("web"), "web.1", None).unwrap();
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
