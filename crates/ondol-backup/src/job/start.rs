//! The agent's end of a job: starts the child, hands it what it is to do, and hears how it goes.

use std::env;
use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;
use std::process::ExitStatus;
use std::process::Stdio;
use std::time::Duration;

use nix::unistd::Uid;
use nix::unistd::User;
use ondol_base::process::Child;
use ondol_base::tasks;
use rustix::process::Pid;
use rustix::process::Signal;
use rustix::process::WaitOptions;
use tokio::io::AsyncBufReadExt;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::io::BufReader;
use tokio::net::unix::pipe::Receiver;
use tokio::net::unix::pipe::Sender;

use crate::failure::Failure;
use crate::failure::FailureKind;
use crate::job::JobSpec;
use crate::job::leash::GO_ON;
use crate::report::Report;

/// The hidden command that becomes a job.
const COMMAND: &str = "job";
/// What a job may need besides what it is told: ssh and the clients of databases look at these.
const PASSED_ON: [&str; 6] = ["PATH", "HOME", "TZ", "TZDIR", "LANG", "SSL_CERT_FILE"];
/// A longer line is none of a job's: a manifest of ten thousand tables fits.
const LINE_BYTES_MAX: u64 = 16 << 20;
/// One whose output has ended has so long to end too.
const LAST_MOMENTS: Duration = Duration::from_secs(2);
/// As much of what a job complains of is read.
const COMPLAINT_BYTES_MAX: usize = 4 * 1024;

/// A job that runs. When this is dropped, it is killed with all that it started; that is safe at any moment.
#[derive(Debug)]
pub struct Job {
    child: Child,
    /// Its standard input: when this is closed, it ends.
    input: Sender,
    reports: BufReader<Receiver>,
    complaints: Receiver,
    has_ended: bool,
}

/// Starts a job: `program` is this program. Must be called in a Tokio runtime.
///
/// # Errors
///
/// When the process could not be started, or did not take what it is to do.
pub async fn begin(program: &Path, spec: &JobSpec) -> io::Result<Job> {
    let mut told = serde_json::to_vec(spec)?;
    told.push(b'\n');
    let mut command = Command::new(program);
    command
        .arg(COMMAND)
        .env_clear()
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    // Starting reads the program from disk, and whose home is where.
    let started = tasks::spawn_blocking(move || {
        command.envs(passed_on(|name| env::var_os(name)));
        command.spawn()
    });
    let started = started.await;
    let mut started = started.unwrap_or_else(|error| Err(io::Error::other(error)))?;
    let child = Child::adopt(started.id())?;
    let missing = || io::Error::other("a pipe is missing");
    let input = OwnedFd::from(started.stdin.take().ok_or_else(missing)?);
    let output = OwnedFd::from(started.stdout.take().ok_or_else(missing)?);
    let complaints = OwnedFd::from(started.stderr.take().ok_or_else(missing)?);
    let mut job = Job {
        child,
        input: Sender::from_owned_fd(input)?,
        reports: BufReader::new(Receiver::from_owned_fd(output)?),
        complaints: Receiver::from_owned_fd(complaints)?,
        has_ended: false,
    };
    job.input.write_all(&told).await?;
    Ok(job)
}

/// What of the environment a job gets. systemd tells services of root no home, where clients of databases look for
/// what they are told.
fn passed_on(value: impl Fn(&str) -> Option<OsString>) -> Vec<(&'static str, OsString)> {
    let known = |name| match (value(name), name) {
        (None, "HOME") => Some(User::from_uid(Uid::effective()).ok()??.dir.into()),
        (value, _) => value,
    };
    let pairs = PASSED_ON.into_iter();
    pairs
        .filter_map(|name| Some((name, known(name)?)))
        .collect()
}

impl Job {
    /// What it says next; the last is [`Report::Done`] or [`Report::Failed`], and after that comes `None`. One that
    /// ends without a last word has failed.
    pub async fn next(&mut self) -> Option<Report> {
        if self.has_ended {
            return None;
        }
        let mut line = Vec::new();
        let read = (&mut self.reports)
            .take(LINE_BYTES_MAX)
            .read_until(b'\n', &mut line)
            .await;
        let report = match read {
            Ok(1..) => serde_json::from_slice(&line).ok(),
            Ok(0) | Err(_) => None,
        };
        match report {
            Some(report) if !is_last(&report) => Some(report),
            Some(last) => {
                self.end().await;
                Some(last)
            }
            None => Some(Report::Failed(self.failed().await)),
        }
    }

    /// Has it go on after [`Report::Ready`].
    ///
    /// # Errors
    ///
    /// When it has ended; how, it says [next](Self::next).
    pub async fn go_on(&mut self) -> io::Result<()> {
        self.input.write_all(GO_ON).await
    }

    /// Ends it after its last word: what it still does is of no use to anybody.
    async fn end(&mut self) -> Option<ExitStatus> {
        self.kill_group();
        let status = self.child.ended().await.ok();
        self.has_ended = true;
        status
    }

    async fn failed(&mut self) -> Failure {
        let status = match tokio::time::timeout(LAST_MOMENTS, self.child.ended()).await {
            Ok(status) => {
                self.has_ended = true;
                status.ok()
            }
            Err(_) => self.end().await,
        };
        let mut complaint = vec![0; COMPLAINT_BYTES_MAX];
        let count = self.complaints.try_read(&mut complaint).unwrap_or(0);
        let complaint = String::from_utf8_lossy(&complaint[..count]);
        let how = match status.and_then(|status| status.signal()) {
            Some(9) => " (it was killed: perhaps the machine had no memory left)".to_owned(),
            Some(signal) => format!(" (by signal {signal})"),
            None => String::new(),
        };
        let last = complaint.trim().lines().last().unwrap_or_default();
        let last = if last.is_empty() {
            String::new()
        } else {
            format!(": {last}")
        };
        Failure::new(
            FailureKind::Internal,
            format!(
                "the job ended in the middle of its work{how}{last}. What was saved before is as it was"
            ),
        )
    }

    fn kill_group(&self) {
        let pid = i32::try_from(self.child.pid()).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            let _ = rustix::process::kill_process_group(pid, Signal::KILL); // Nobody is left, then.
        }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        if self.has_ended {
            return;
        }
        // It is not reaped yet, so its number is still its own. Who is killed is gone at once.
        self.kill_group();
        let pid = i32::try_from(self.child.pid()).ok().and_then(Pid::from_raw);
        let _ = rustix::process::waitpid(pid, WaitOptions::empty());
    }
}

fn is_last(report: &Report) -> bool {
    matches!(report, Report::Done(_) | Report::Failed(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_of_a_service_knows_its_home() {
        let own = User::from_uid(Uid::effective()).unwrap().unwrap().dir;
        assert_eq!(passed_on(|_| None), [("HOME", own.into())]);
        let told = passed_on(|name| Some(name.to_lowercase().into()));
        assert!(told.contains(&("HOME", "home".into())), "{told:?}");
    }
}
