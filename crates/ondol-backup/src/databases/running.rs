//! A program that is asked something: what it says is read as it comes, and whether it ended well is known at its end.

use std::io;
use std::io::Read;
use std::io::Write;
use std::os::fd::AsFd;
use std::process::Child;
use std::process::ChildStdin;
use std::process::ChildStdout;
use std::process::Command;
use std::process::ExitStatus;
use std::process::Stdio;
use std::thread::JoinHandle;
use std::time::Duration;

use ondol_base::tasks;
use rustix::event::PollFd;
use rustix::event::PollFlags;
use rustix::event::Timespec;
use rustix::process::Pid;
use rustix::process::PidfdFlags;

use crate::failure::Failure;
use crate::failure::FailureKind;

/// One that says nothing for so long hangs: a server sends the rows of the slowest table sooner.
const SILENCE_MAX: Duration = Duration::from_secs(30 * 60);
/// One that has said all ends within this time.
const LAST_MOMENTS: Duration = Duration::from_secs(60);
/// As much of what it complains of is kept: its last bytes, where the reason stands.
const COMPLAINT_BYTES_MAX: usize = 4 * 1024;
/// A longer answer to a question is none.
const ANSWER_BYTES_MAX: u64 = 16 << 20;

/// A program that runs. It is killed when this is dropped before its end.
#[derive(Debug)]
pub(crate) struct Running {
    name: &'static str,
    child: Child,
    input: Option<ChildStdin>,
    output: ChildStdout,
    complaints: Option<JoinHandle<String>>,
    has_ended: bool,
}

impl Running {
    /// Starts it. Its input is what the command says.
    pub(crate) fn start(mut command: Command, name: &'static str) -> Result<Self, Failure> {
        let failed = |error: &dyn std::fmt::Display| {
            let sentence = format!("`{name}` could not be started: {error}.");
            Failure::new(FailureKind::Here, sentence)
        };
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| failed(&error))?;
        let (Some(output), Some(errors)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(failed(&"a pipe is missing"));
        };
        let complaints = tasks::spawn_thread("complaints", move || last_of(errors));
        Ok(Self {
            name,
            input: child.stdin.take(),
            child,
            output,
            complaints: complaints.ok(),
            has_ended: false,
        })
    }

    /// Says something to it. What it does not want to hear is no failure yet: why, it says at its end.
    pub(crate) fn tell(&mut self, words: &[u8]) -> Result<(), Failure> {
        let Some(input) = &mut self.input else {
            return Ok(());
        };
        match input.write_all(words).and_then(|()| input.flush()) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Err(error) => Err(self.trouble(&format!("it could not be asked: {error}"))),
        }
    }

    /// All that it says, when it ended well.
    pub(crate) fn answer(mut self) -> Result<String, Failure> {
        self.input = None;
        let mut answer = String::new();
        let read = Read::take(&mut self, ANSWER_BYTES_MAX).read_to_string(&mut answer);
        self.end()?;
        read.map_err(|error| self.trouble(&error.to_string()))?;
        Ok(answer)
    }

    /// The next line that it says, without its end; `None` when it has nothing more to say.
    pub(crate) fn line(&mut self) -> Result<Option<String>, Failure> {
        let mut line = Vec::new();
        let mut byte = [0];
        loop {
            let count = self
                .read(&mut byte)
                .map_err(|error| self.trouble(&error.to_string()))?;
            match (count, byte[0]) {
                (0, _) if line.is_empty() => return Ok(None),
                (0, _) | (_, b'\n') => break,
                _ if line.len() as u64 >= ANSWER_BYTES_MAX => {
                    return Err(self.trouble("its answer has no end"));
                }
                (_, byte) => line.push(byte),
            }
        }
        Ok(Some(String::from_utf8_lossy(&line).into_owned()))
    }

    /// Waits for its end after its last word; a failure with what it complained of, when it did not end well.
    pub(crate) fn end(&mut self) -> Result<(), Failure> {
        self.input = None;
        let status = self.ended();
        let complaint = self.complaints.take().and_then(|it| it.join().ok());
        let complaint = complaint.unwrap_or_default();
        match status {
            Some(status) if status.success() => Ok(()),
            Some(status) if complaint.is_empty() => Err(self.trouble(&how(status))),
            Some(_) => Err(self.trouble(&complaint)),
            None => Err(self.trouble("it did not end")),
        }
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        self.has_ended = true;
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let handle = pid.and_then(|pid| rustix::process::pidfd_open(pid, PidfdFlags::empty()).ok());
        if let Some(handle) = handle
            && !is_ready(&handle, LAST_MOMENTS).unwrap_or(true)
        {
            let _ = self.child.kill();
            let _ = self.child.wait();
            return None;
        }
        self.child.wait().ok()
    }

    pub(super) fn trouble(&self, why: &str) -> Failure {
        let sentence = format!(
            "`{}` failed: {}.",
            self.name,
            why.trim_end_matches(['.', '!'])
        );
        Failure::new(FailureKind::Here, sentence)
    }
}

impl Read for Running {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if !is_ready(&self.output, SILENCE_MAX)? {
            let minutes = SILENCE_MAX.as_secs() / 60;
            let text = format!("it said nothing for {minutes} minutes");
            return Err(io::Error::new(io::ErrorKind::TimedOut, text));
        }
        self.output.read(into)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.has_ended {
            let _ = self.child.kill(); // It may have ended by itself.
            let _ = self.child.wait();
        }
    }
}

/// Whether there is something to read, or an end, within this time.
fn is_ready(file: &impl AsFd, within: Duration) -> io::Result<bool> {
    let mut wanted = [PollFd::new(file, PollFlags::IN)];
    let within = Timespec::try_from(within).map_err(io::Error::other)?;
    loop {
        match rustix::event::poll(&mut wanted, Some(&within)) {
            Ok(count) => return Ok(count > 0),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// The last words, on one line.
fn last_of(mut errors: impl Read) -> String {
    let mut kept = Vec::new();
    let mut piece = [0; 1024];
    while let Ok(count @ 1..) = errors.read(&mut piece) {
        kept.extend_from_slice(&piece[..count]);
        let over = kept.len().saturating_sub(COMPLAINT_BYTES_MAX);
        kept.drain(..over);
    }
    let text = String::from_utf8_lossy(&kept);
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    lines.join("; ")
}

fn how(status: ExitStatus) -> String {
    format!("it ended with {status}, and did not say why")
}
