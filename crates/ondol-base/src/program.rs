//! Runs a program that somebody else wrote to its end: with nothing of this process but `PATH`, and within
//! limits on time and on what it says.

use std::convert::Infallible;
use std::env;
use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::process::ExitStatus;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Pid;
use rustix::process::Signal;
use rustix::process::WaitOptions;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::unix::pipe::Receiver;
use tokio::net::unix::pipe::Sender;

use crate::process::Child;
use crate::tasks;

/// As much of what a program complains of as is kept: its last bytes, for the reason stands at the end.
const COMPLAINT_BYTES_MAX: usize = 4 * 1024;
/// As much as is read at once.
const PIECE_BYTES: usize = 1024;

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    /// By which code or signal.
    pub status: ExitStatus,
    /// The end of what it wrote to its standard error.
    pub complaint: String,
}

/// Why it is not known how a program ended.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It could not be started.
    #[error("it could not be started")]
    Start(#[source] io::Error),
    /// It took too long, and was killed with all that it started.
    #[error("it did not end within {} s and was killed", .0.as_secs())]
    Slow(Duration),
    /// It was started, but could not be watched.
    #[error("it could not be watched")]
    Watch(#[source] io::Error),
}

/// One that runs in a process group of its own. When this is dropped before its end, the whole group is
/// killed.
struct Running {
    child: Child,
    has_ended: bool,
}

/// Runs a program with these arguments in `/`, without input, and returns when it has ended. What it
/// writes to its standard output is thrown away. When the future is dropped, the program is killed.
pub async fn run(
    program: &str,
    arguments: Vec<String>,
    limit: Duration,
) -> Result<Ended, RunError> {
    let mut command = prepared(program, arguments);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let (mut started, mut running) = start(command).await?;
    let stderr = started.stderr.take().map(OwnedFd::from);
    let stderr = stderr.map(Receiver::from_owned_fd).transpose();
    let stderr = stderr.map_err(RunError::Watch)?;
    within(limit, running.end(stderr)).await
}

/// The same with these bytes as its input, which it need not read. Its complaint is what it writes to its standard
/// output as well, for some complain there.
pub async fn run_with_input(
    program: &str,
    arguments: Vec<String>,
    input: Vec<u8>,
    limit: Duration,
) -> Result<Ended, RunError> {
    let (said, say) = io::pipe().map_err(RunError::Watch)?;
    let mut command = prepared(program, arguments);
    command
        .stdin(Stdio::piped())
        .stdout(say.try_clone().map_err(RunError::Watch)?)
        .stderr(say);
    let (mut started, mut running) = start(command).await?;
    let said = Receiver::from_owned_fd(said.into()).map_err(RunError::Watch)?;
    let stdin = started.stdin.take().map(OwnedFd::from);
    let stdin = stdin.map(Sender::from_owned_fd).transpose();
    let stdin = stdin.map_err(RunError::Watch)?;
    let ended = async {
        tokio::select! {
            ended = running.end(Some(said)) => ended,
            never = feed(stdin, &input) => match never {},
        }
    };
    within(limit, ended).await
}

/// The same without input, and with the first bytes of what it writes to its standard output; what it complains of is
/// thrown away.
pub async fn run_for_output(
    program: &str,
    arguments: Vec<String>,
    bytes_max: usize,
    limit: Duration,
) -> Result<(Ended, Vec<u8>), RunError> {
    let mut command = prepared(program, arguments);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let (mut started, mut running) = start(command).await?;
    let stdout = started.stdout.take().map(OwnedFd::from);
    let stdout = stdout.map(Receiver::from_owned_fd).transpose();
    let mut stdout = stdout.map_err(RunError::Watch)?;
    let mut output = Vec::new();
    let ended = async {
        let ended = tokio::select! {
            ended = running.end(None) => ended,
            never = keep_beginning(stdout.as_mut(), &mut output, bytes_max) => match never {},
        }?;
        // What it left in the pipe.
        let mut piece = [0; PIECE_BYTES];
        while let Some(Ok(count @ 1..)) = stdout.as_ref().map(|stdout| stdout.try_read(&mut piece))
        {
            keep_first(&mut output, &piece[..count], bytes_max);
        }
        Ok(ended)
    };
    let ended = within(limit, ended).await?;
    Ok((ended, output))
}

fn prepared(program: &str, arguments: Vec<String>) -> Command {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .envs(env::var_os("PATH").map(|path| (OsString::from("PATH"), path)))
        .current_dir("/")
        .process_group(0);
    command
}

async fn start(mut command: Command) -> Result<(std::process::Child, Running), RunError> {
    // Starting reads the program from disk.
    let started = tasks::spawn_blocking(move || command.spawn()).await;
    let started = started.unwrap_or_else(|error| Err(io::Error::other(error)));
    let started = started.map_err(RunError::Start)?;
    let running = Running {
        child: Child::adopt(started.id()).map_err(RunError::Watch)?,
        has_ended: false,
    };
    Ok((started, running))
}

async fn within(
    limit: Duration,
    end: impl Future<Output = io::Result<Ended>>,
) -> Result<Ended, RunError> {
    match tokio::time::timeout(limit, end).await {
        Ok(ended) => ended.map_err(RunError::Watch),
        Err(_) => Err(RunError::Slow(limit)),
    }
}

/// Writes all, closes the pipe, and then never returns: a program may end without having read it, or live on after.
async fn feed(stdin: Option<Sender>, input: &[u8]) -> Infallible {
    if let Some(mut stdin) = stdin {
        let _ = stdin.write_all(input).await;
    }
    std::future::pending().await
}

impl Running {
    async fn end(&mut self, stderr: Option<Receiver>) -> io::Result<Ended> {
        let mut complaint = Vec::new();
        let status = match stderr {
            None => self.child.ended().await,
            Some(mut stderr) => {
                let status = tokio::select! {
                    status = self.child.ended() => status,
                    never = keep_reading(&mut stderr, &mut complaint) => never,
                };
                // What it left in the pipe; somebody that it started may keep the pipe open.
                let mut piece = [0; PIECE_BYTES];
                while let Ok(count @ 1..) = stderr.try_read(&mut piece) {
                    keep(&mut complaint, &piece[..count]);
                }
                status
            }
        }?;
        self.has_ended = true;
        Ok(Ended {
            status,
            complaint: String::from_utf8_lossy(&complaint).into_owned(),
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.has_ended {
            return;
        }
        let pid = i32::try_from(self.child.pid()).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // It is not reaped yet, so its number is still its own. Who is killed is gone at once.
            let _ = rustix::process::kill_process_group(pid, Signal::KILL);
            let _ = rustix::process::waitpid(Some(pid), WaitOptions::empty());
        }
    }
}

/// Reads to the end of the pipe, and then never returns: a program may live on without it.
async fn keep_reading<T>(stderr: &mut Receiver, complaint: &mut Vec<u8>) -> T {
    let mut piece = [0; PIECE_BYTES];
    while let Ok(count @ 1..) = stderr.read(&mut piece).await {
        keep(complaint, &piece[..count]);
    }
    std::future::pending().await
}

/// Reads to the end of the pipe, and then never returns.
async fn keep_beginning(
    stdout: Option<&mut Receiver>,
    output: &mut Vec<u8>,
    bytes_max: usize,
) -> Infallible {
    if let Some(stdout) = stdout {
        let mut piece = [0; PIECE_BYTES];
        while let Ok(count @ 1..) = stdout.read(&mut piece).await {
            keep_first(output, &piece[..count], bytes_max);
        }
    }
    std::future::pending().await
}

fn keep_first(output: &mut Vec<u8>, piece: &[u8], bytes_max: usize) {
    let room = bytes_max - output.len();
    output.extend_from_slice(&piece[..piece.len().min(room)]);
}

fn keep(complaint: &mut Vec<u8>, piece: &[u8]) {
    complaint.extend_from_slice(piece);
    let surplus = complaint.len().saturating_sub(COMPLAINT_BYTES_MAX);
    complaint.drain(..surplus);
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    async fn shell(script: &str, limit: Duration) -> Result<Ended, RunError> {
        run("sh", vec!["-c".to_owned(), script.to_owned()], limit).await
    }

    #[tokio::test]
    async fn its_end_and_the_end_of_its_complaint_are_told() {
        let ended = shell("yes | head -c 100000 >&2; echo last >&2; exit 3", LONG)
            .await
            .unwrap();
        assert_eq!(ended.status.code(), Some(3));
        assert_eq!(ended.complaint.len(), COMPLAINT_BYTES_MAX);
        assert!(
            ended.complaint.ends_with("y\nlast\n"),
            "{}",
            ended.complaint
        );
    }

    #[tokio::test]
    async fn the_beginning_of_its_output_is_kept_and_its_end_told() {
        let script = "echo no >&2; seq 1 100000; exit 4".to_owned();
        let ran = run_for_output("sh", vec!["-c".to_owned(), script], 10, LONG);
        let (ended, output) = ran.await.unwrap();
        assert_eq!(ended.status.code(), Some(4));
        assert_eq!(output, b"1\n2\n3\n4\n5\n");
    }

    #[tokio::test]
    async fn only_the_path_is_told_to_it() {
        let ended = shell(
            "env | grep -v -e ^PWD= -e ^SHLVL= -e ^_= >&2; pwd >&2",
            LONG,
        )
        .await
        .unwrap();
        let lines: Vec<_> = ended.complaint.lines().collect();
        assert!(
            matches!(&lines[..], [path, "/"] if path.starts_with("PATH=")),
            "{lines:?}"
        );
    }

    #[tokio::test]
    async fn one_that_started_another_is_not_waited_for_longer() {
        let ended = shell("sleep 1000 & echo $! >&2", LONG).await.unwrap();
        assert!(ended.status.success());
        let left = ended.complaint.trim().parse().unwrap();
        crate::process::signal(left, Signal::KILL).unwrap();
    }

    #[tokio::test]
    async fn one_that_takes_too_long_is_killed_with_all_that_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        let script = format!("sleep 1000 & echo $! > {}; wait", file.display());
        let running = shell(&script, Duration::from_millis(1));
        // It may be killed before it wrote anything.
        assert!(matches!(running.await, Err(RunError::Slow(_))));
        let running = shell(&script, LONG);
        tokio::select! {
            ended = running => panic!("{ended:?}"),
            () = written(&file) => {}
        }
        let inner = std::fs::read_to_string(&file)
            .unwrap()
            .trim()
            .parse()
            .unwrap();
        while crate::process::alive(inner) {
            tokio::task::yield_now().await;
        }
    }

    async fn written(file: &std::path::Path) {
        while !std::fs::read_to_string(file).is_ok_and(|text| text.ends_with('\n')) {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn one_reads_what_it_is_given_and_complains_where_it_likes() {
        let script = "tr a-z A-Z; echo error >&2; exit 4".to_owned();
        let ended = run_with_input(
            "sh",
            vec!["-c".to_owned(), script],
            b"a word".to_vec(),
            LONG,
        );
        let ended = ended.await.unwrap();
        assert_eq!(ended.status.code(), Some(4));
        assert_eq!(ended.complaint, "A WORDerror\n");
    }

    #[tokio::test]
    async fn one_need_not_read_what_it_is_given() {
        let much = vec![b'x'; 1024 * 1024];
        let ended = run_with_input("true", Vec::new(), much, LONG)
            .await
            .unwrap();
        assert!(ended.status.success());
    }

    #[tokio::test]
    async fn one_that_is_not_there_is_an_error() {
        let error = run("/nowhere/at-all", Vec::new(), LONG).await.unwrap_err();
        assert!(matches!(error, RunError::Start(_)), "{error}");
    }
}
