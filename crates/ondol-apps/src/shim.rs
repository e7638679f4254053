//! The shim: a process that is told who, where and what it may touch, gives up everything else, and becomes an app. It
//! decides nothing.
//!
//! It is told by one frame on its standard input, a Unix socket: a length (four bytes, big endian) and as many bytes of
//! JSON, which is a [`Spec`]; the sockets of the app come with the first of them. It answers on the same socket only
//! when it fails; the socket closes when it becomes the program.

use std::convert::Infallible;
use std::io;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use ondol_base::chain::Chain;
use ondol_base::descriptors;

use crate::spec::Output;
use crate::spec::Run;
use crate::spec::Spec;

/// The environment of an app may be large; the kernel takes 2 MiB of it.
const FRAME_BYTES_MAX: usize = 8 * 1024 * 1024;
const LENGTH_BYTES: usize = 4;
/// The first descriptor that is passed on (sd_listen_fds).
const FIRST_SOCKET: i32 = 3;
/// Behind the descriptors that are passed on.
const OUT_OF_THE_WAY: i32 = 64;

/// Why a process did not become an app.
#[derive(Debug, thiserror::Error)]
pub enum ShimError {
    /// It was not started by the agent, or the agent broke off.
    #[error(
        "no orders came on standard input (this command is started by `ondol run`, never by hand)"
    )]
    Orders(#[source] io::Error),
    /// What it was told can't be read.
    #[error("could not read what to become")]
    Unreadable(#[source] serde_json::Error),
    /// Something that it had to do first.
    #[error("could not {0}")]
    Prepare(&'static str, #[source] io::Error),
    /// Something that it had to do first with a file.
    #[error("could not {what} {}", path.display())]
    Path {
        /// What it had to do.
        what: &'static str,
        /// With which file or folder.
        path: PathBuf,
        /// Why that failed.
        #[source]
        source: io::Error,
    },
    /// The program itself.
    #[error("could not start {program}")]
    Start {
        /// As it was named.
        program: String,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Becomes what the agent says on standard input. When nothing is said until the end of it, the process ends silently.
///
/// # Errors
///
/// Why it did not; it was said on the socket too.
pub fn run() -> Result<Infallible, ShimError> {
    let orders = rustix::io::fcntl_dupfd_cloexec(io::stdin(), OUT_OF_THE_WAY);
    let orders = UnixStream::from(orders.map_err(|error| ShimError::Orders(error.into()))?);
    let (spec, sockets) = receive(&orders)?;
    let failed = begin(&spec, sockets);
    if let Err(error) = &failed {
        let _ = (&orders).write_all(Chain(error).to_string().as_bytes());
    }
    failed
}

/// Makes this process what `spec` says, and leaves it its terminal.
///
/// # Errors
///
/// Why it did not.
pub fn become_app(spec: Spec) -> Result<Infallible, ShimError> {
    begin(&spec, Vec::new())
}

/// The frame that tells a shim what to become.
pub(crate) fn frame(spec: &Spec) -> io::Result<Vec<u8>> {
    let text = serde_json::to_vec(spec).map_err(io::Error::other)?;
    let length = u32::try_from(text.len()).map_err(io::Error::other)?;
    if text.len() > FRAME_BYTES_MAX {
        return Err(io::Error::other("its environment is too large"));
    }
    let mut frame = length.to_be_bytes().to_vec();
    frame.extend(text);
    Ok(frame)
}

fn receive(orders: &UnixStream) -> Result<(Spec, Vec<OwnedFd>), ShimError> {
    let mut sockets = Vec::new();
    let mut length = [0; LENGTH_BYTES];
    fill(orders, &mut length, &mut sockets).map_err(ShimError::Orders)?;
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > FRAME_BYTES_MAX {
        return Err(ShimError::Orders(io::ErrorKind::InvalidData.into()));
    }
    let mut text = vec![0; length];
    fill(orders, &mut text, &mut sockets).map_err(ShimError::Orders)?;
    let spec = serde_json::from_slice(&text).map_err(ShimError::Unreadable)?;
    Ok((spec, sockets))
}

fn fill(orders: &UnixStream, mut buffer: &mut [u8], sockets: &mut Vec<OwnedFd>) -> io::Result<()> {
    while !buffer.is_empty() {
        let received = descriptors::try_receive(orders, buffer)?;
        if received.bytes == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        sockets.extend(received.descriptors);
        buffer = &mut buffer[received.bytes..];
    }
    Ok(())
}

fn begin(spec: &Spec, sockets: Vec<OwnedFd>) -> Result<Infallible, ShimError> {
    let pid = rustix::process::getpid()
        .as_raw_nonzero()
        .get()
        .unsigned_abs();
    let mut command = match &spec.run {
        Run::Shell(line) => {
            let mut command = Command::new("sh");
            command.arg("-c").arg(format!("exec {line}"));
            command
        }
        Run::Program(words) => {
            let mut words = words.iter();
            let mut command = Command::new(words.next().map_or("", String::as_str));
            command.args(words);
            command
        }
    };
    command
        .env_clear()
        .envs(&spec.env)
        .current_dir(&spec.folder);
    if !spec.sockets.is_empty() {
        command
            .env("LISTEN_FDS", sockets.len().to_string())
            .env("LISTEN_PID", pid.to_string())
            .env("LISTEN_FDNAMES", spec.sockets.join(":"));
    }
    if let Output::Pipe(path) = &spec.output {
        let failed = |source| ShimError::Path {
            what: "open",
            path: path.clone(),
            source,
        };
        let pipe = std::fs::File::options()
            .read(true)
            .write(true)
            .open(path)
            .map_err(failed)?;
        command
            .stdout(pipe.try_clone().map_err(failed)?)
            .stderr(pipe);
    }
    let record = spec
        .record
        .as_ref()
        .map(|(path, value)| record(path, value, pid));
    record.transpose()?;
    if !sockets.is_empty() {
        descriptors::place(sockets, FIRST_SOCKET)
            .map_err(|error| ShimError::Prepare("hand on the sockets", error))?;
    }
    let source = command.stdin(std::process::Stdio::null()).exec();
    let program = match &spec.run {
        Run::Shell(_) => "sh".to_owned(),
        Run::Program(words) => words.first().cloned().unwrap_or_default(),
    };
    Err(ShimError::Start { program, source })
}

fn record(path: &std::path::Path, value: &serde_json::Value, pid: u32) -> Result<(), ShimError> {
    let failed = |source| ShimError::Path {
        what: "write",
        path: path.to_owned(),
        source,
    };
    let mut value = value.clone();
    let stat = std::fs::read_to_string("/proc/self/stat").map_err(failed)?;
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").map_err(failed)?;
    let ticks = stat
        .rsplit_once(')')
        .and_then(|(_, rest)| rest.split_whitespace().nth(19)?.parse::<u64>().ok());
    if let serde_json::Value::Object(fields) = &mut value {
        fields.insert("pid".to_owned(), pid.into());
        fields.insert("start_ticks".to_owned(), ticks.into());
        fields.insert("boot_id".to_owned(), boot.trim().into());
    }
    ondol_base::file::replace(path, value.to_string().as_bytes(), 0o600).map_err(failed)
}
