//! Puts another program in the place of this one: tried first, installed atomically, and taken back when
//! it can't take over. The re-execution itself is `handover.rs`.

use std::ffi::OsString;
use std::fs;
use std::fs::OpenOptions;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::ExitStatus;
use std::process::Stdio;
use std::time::Duration;

use ondol_base::file;
use ondol_base::process::Child;
use ondol_base::tasks;
use rustix::process::Signal;
use serde::Deserialize;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::task::JoinError;

use crate::handover::Facts;
use crate::handover::HandoverError;

/// How long each trial of the new program may take.
const TRIAL: Duration = Duration::from_secs(20);
/// How long the words of a program that has ended are waited for: what it has started may hold its output.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// What is read of the new program's words.
const OUTPUT_BYTES_MAX: u64 = 64 * 1024;
/// The largest program that is taken; this one has some ten MiB.
const PROGRAM_BYTES_MAX: u64 = 1024 * 1024 * 1024;
const MODE: u32 = 0o755;

/// Why a program is not put in the place of this one. Nothing has changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpgradeError {
    #[error("{} can't be read", file.display())]
    Unreadable {
        file: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{} is no program: it is not an executable file", .0.display())]
    NotExecutable(PathBuf),
    #[error("{} could not be put beside the installed program", file.display())]
    Copy {
        file: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error(
        "the user that runs Ondol may not write in {}, where its program is. Put the new one there as root \
         (`sudo install {} {}`), then `sudo kill -USR2 {}` has Ondol become it",
        folder_of(executable).display(), file.display(), executable.display(), std::process::id()
    )]
    Forbidden {
        file: PathBuf,
        executable: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{} could not be started", file.display())]
    NotStarted {
        file: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{} did not finish `ondol {verb}` within {} seconds", file.display(), TRIAL.as_secs())]
    Late { file: PathBuf, verb: &'static str },
    #[error("{} is no Ondol: `{} version --json` did not print a version", file.display(), file.display())]
    NotOndol { file: PathBuf },
    #[error("what the new program would be told could not be written down")]
    Facts(#[source] HandoverError),
    #[error("the new program would not take over:\n\n{said}")]
    Refuses { said: String },
    #[error("the new program could not be installed as {}", executable.display())]
    Install {
        executable: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the upgrade broke off")]
    Interrupted(#[source] JoinError),
}

/// What a program says of itself.
#[derive(Debug, Deserialize)]
struct VersionAnswer {
    version: String,
}

/// Tries a program on what this image would leave to it, and installs it in the place of `executable`;
/// what was there is kept beside it. Returns its version. Not cancel-safe: a copy may be left beside.
pub(crate) async fn install(
    program: PathBuf,
    executable: &Path,
    facts: Facts,
) -> Result<String, UpgradeError> {
    let beside = beside(executable, ".next");
    let (from, to) = (program.clone(), beside.clone());
    off_runtime(move || copy(&from, &to)).await?;
    let outcome = match try_out(&beside, &program, facts).await {
        Ok(version) => {
            let (from, to) = (beside.clone(), executable.to_path_buf());
            off_runtime(move || exchange(&from, &to).map(|()| version)).await
        }
        Err(error) => Err(error),
    };
    if outcome.is_err() {
        // The reason is worth more than a file left over, which the next try replaces.
        let _ = tasks::spawn_blocking(move || fs::remove_file(&beside)).await;
    }
    outcome
}

/// Disks may stand still; the agent may not.
async fn off_runtime<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, UpgradeError> + Send + 'static,
) -> Result<T, UpgradeError> {
    let done = tasks::spawn_blocking(work).await;
    done.map_err(UpgradeError::Interrupted)?
}

/// Puts the program back that was there before [`install`].
pub(crate) fn take_back(executable: &Path) -> io::Result<()> {
    fs::rename(previous(executable), executable)?;
    executable.parent().map_or(Ok(()), file::sync_folder)
}

/// Where the program is kept that was installed before.
pub(crate) fn previous(executable: &Path) -> PathBuf {
    beside(executable, ".previous")
}

fn folder_of(executable: &Path) -> &Path {
    executable.parent().unwrap_or(Path::new("/"))
}

fn beside(executable: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(executable);
    name.push(ending);
    PathBuf::from(name)
}

/// A copy is tried and installed, so that what is tried is what is installed.
fn copy(from: &Path, to: &Path) -> Result<(), UpgradeError> {
    let unreadable = |source| UpgradeError::Unreadable {
        file: from.to_path_buf(),
        source,
    };
    let failed = |source: io::Error| {
        let file = from.to_path_buf();
        match source.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                let executable = to.with_extension("");
                UpgradeError::Forbidden {
                    file,
                    executable,
                    source,
                }
            }
            _ => UpgradeError::Copy { file, source },
        }
    };
    let metadata = fs::metadata(from).map_err(unreadable)?;
    let is_executable = metadata.permissions().mode() & 0o111 != 0;
    if !metadata.is_file() || !is_executable || metadata.len() > PROGRAM_BYTES_MAX {
        return Err(UpgradeError::NotExecutable(from.to_path_buf()));
    }
    let mut source = fs::File::open(from).map_err(unreadable)?;
    match fs::remove_file(to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        Ok(()) | Err(_) => {}
    }
    let mut target = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(MODE)
        .open(to)
        .map_err(failed)?;
    io::copy(&mut source, &mut target).map_err(failed)?;
    target
        .set_permissions(fs::Permissions::from_mode(MODE))
        .map_err(failed)?;
    target.sync_all().map_err(failed)
}

/// Asks the copy for its version, and has it take in what this image would leave to it, with the arguments
/// that it would get. Messages name the file that the person named.
async fn try_out(copy: &Path, named: &Path, facts: Facts) -> Result<String, UpgradeError> {
    let mut version = Command::new(copy);
    version.args(["version", "--json"]).stdin(Stdio::null());
    let (status, said) = run(version, named, "version").await?;
    let answer = serde_json::from_str(&said)
        .ok()
        .filter(|_| status.success());
    let VersionAnswer { version } = answer.ok_or_else(|| UpgradeError::NotOndol {
        file: named.to_path_buf(),
    })?;
    let memory = facts.for_trial().map_err(UpgradeError::Facts)?;
    let mut take_over = Command::new(copy);
    take_over
        .args(std::env::args_os().skip(1))
        .env("ONDOL_HANDOVER_TRIAL", "0")
        .stdin(memory);
    let (status, said) = run(take_over, named, "run").await?;
    if !status.success() {
        return Err(UpgradeError::Refuses { said });
    }
    Ok(version)
}

/// Runs a verb of the program to its end; what it says on both outputs is returned as one text.
async fn run(
    command: Command,
    named: &Path,
    verb: &'static str,
) -> Result<(ExitStatus, String), UpgradeError> {
    let file = named.to_path_buf();
    let not_started = |source| UpgradeError::NotStarted {
        file: named.to_path_buf(),
        source,
    };
    let (output, child) = start(command).map_err(not_started)?;
    let mut said = Vec::new();
    let heard = hear_out(&child, output, &mut said);
    let Ok(ended) = tokio::time::timeout(TRIAL, heard).await else {
        let _ = child.signal(Signal::KILL); // It may have ended just now.
        let _ = child.ended().await;
        return Err(UpgradeError::Late { file, verb });
    };
    let status = ended.map_err(not_started)?;
    Ok((status, String::from_utf8_lossy(&said).into_owned()))
}

async fn hear_out(
    child: &Child,
    output: pipe::Receiver,
    said: &mut Vec<u8>,
) -> io::Result<ExitStatus> {
    let reading = async move {
        // A part of what it says is as good as all of it for a person.
        let _ = output.take(OUTPUT_BYTES_MAX).read_to_end(said).await;
    };
    let mut reading = std::pin::pin!(reading);
    tokio::select! {
        ended = child.ended() => {
            let _ = tokio::time::timeout(LAST_WORDS, reading).await;
            ended
        }
        () = &mut reading => child.ended().await,
    }
}

fn start(mut command: Command) -> io::Result<(pipe::Receiver, Child)> {
    let (reader, writer) = io::pipe()?;
    let child = command
        .env_remove("NOTIFY_SOCKET")
        .env_remove("ONDOL_HANDOVER")
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .spawn()?;
    let reader = pipe::Receiver::from_owned_fd(OwnedFd::from(reader))?;
    Ok((reader, Child::adopt(child.id())?))
}

/// At every moment one of both programs is at the path.
fn exchange(new: &Path, executable: &Path) -> Result<(), UpgradeError> {
    let kept = previous(executable);
    let replace = || {
        match fs::remove_file(&kept) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        fs::hard_link(executable, &kept)?;
        fs::rename(new, executable)?;
        executable.parent().map_or(Ok(()), file::sync_folder)
    };
    replace().map_err(|source| UpgradeError::Install {
        executable: executable.to_path_buf(),
        source,
    })
}

#[cfg(test)]
mod tests;
