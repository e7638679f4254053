//! A job as the agent starts it: told by one line, heard line by line, and ended at any moment.

use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::path::Path;
use std::process::Child;
use std::process::ChildStdin;
use std::process::Command;
use std::process::Stdio;
use std::thread::JoinHandle;

use ondol_backup::BoxIdentity;
use ondol_backup::Failure;
use ondol_backup::Found;
use ondol_backup::Hidden;
use ondol_backup::JobSpec;
use ondol_backup::Placement;
use ondol_backup::Report;
use ondol_backup::StorageAccess;
use ondol_backup::TargetAccess;
use ondol_backup::Work;

pub(crate) const PASSWORD: &str = "correct horse";

/// A job that runs. It is killed when dropped.
pub(crate) struct Job {
    child: Child,
    input: Option<ChildStdin>,
    reports: Option<JoinHandle<Vec<Report>>>,
}

/// How a job ended: what it found, or why not; `None` when it ended without a word.
pub(crate) type Ended = Option<Result<Found, Failure>>;

/// What a job is told that works at a folder.
pub(crate) fn spec(target: &Path, cache: &Path, work: Work) -> JobSpec {
    JobSpec {
        target: TargetAccess {
            name: "disk".to_owned(),
            storage: StorageAccess::Local {
                path: target.to_owned(),
                file_system: None,
            },
            append_only: false,
        },
        password: Hidden(PASSWORD.to_owned()),
        repository: None,
        of: BoxIdentity {
            id: "box-1".to_owned(),
            name: "attic".to_owned(),
        },
        bandwidth: Vec::new(),
        timezone: None,
        patience: 0,
        places: Placement {
            cache: cache.to_owned(),
        },
        work,
    }
}

impl Job {
    /// Starts one, behind other programs where there are some: `strace …`, `faketime …`. It gives way to everybody: in a
    /// session of its own it still gets its share of a busy machine.
    pub(crate) fn begin_behind(before: &[&str], spec: &JobSpec) -> Self {
        let program = env!("CARGO_BIN_EXE_ondol");
        let words = before.iter().copied();
        let mut words = ["setsid"].into_iter().chain(words).chain([program, "job"]);
        let mut child = Command::new(words.next().unwrap())
            .args(words)
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        let mut told = serde_json::to_vec(spec).unwrap();
        told.push(b'\n');
        // One that ended at once says so by its end.
        let _ = input.write_all(&told);
        let output = BufReader::new(child.stdout.take().unwrap());
        let reports = std::thread::spawn(move || {
            let lines = output.lines().map_while(Result::ok);
            lines
                .filter_map(|line| serde_json::from_str(&line).ok())
                .collect()
        });
        Self {
            child,
            input: Some(input),
            reports: Some(reports),
        }
    }

    pub(crate) fn begin(spec: &JobSpec) -> Self {
        Self::begin_behind(&[], spec)
    }

    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill(); // It may have ended.
    }

    /// Waits for its end; all that it said.
    pub(crate) fn said(mut self) -> Vec<Report> {
        let reports = self.reports.take().unwrap().join().unwrap();
        self.input = None;
        self.child.wait().unwrap();
        reports
    }

    /// Waits for its end; its last word.
    pub(crate) fn ended(self) -> Ended {
        match self.said().pop()? {
            Report::Done(found) => Some(Ok(*found)),
            Report::Failed(failure) => Some(Err(failure)),
            _ => None,
        }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
