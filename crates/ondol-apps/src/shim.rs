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
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use ondol_base::chain::Chain;
use ondol_base::descriptors;
use ondol_base::signals;
use rustix::fs::Mode;

use crate::spec::Identity;
use crate::spec::Reach;
use crate::spec::Run;
use crate::spec::Spec;

mod confine;
mod limits;
mod mounts;
mod output;
mod record;
mod shell;
mod user;
mod view;

use confine::Confinement;

pub(crate) use confine::is_possible as can_confine;

/// The environment of an app may be large; the kernel takes 2 MiB of it.
const FRAME_BYTES_MAX: usize = 8 * 1024 * 1024;
const LENGTH_BYTES: usize = 4;
/// The first descriptor that is passed on (sd_listen_fds).
const FIRST_SOCKET: i32 = 3;
/// Behind the descriptors that are passed on.
const OUT_OF_THE_WAY: i32 = 64;
/// What an app makes may be read by its group, so by those who were let into it, and by nobody else.
const UMASK: Mode = Mode::from_raw_mode(0o027);
const SHELL: &str = "sh";

/// Why a process did not become an app.
#[derive(Debug, thiserror::Error)]
pub enum ShimError {
    /// Nothing was said: the agent has changed its mind, or has ended.
    #[error("nobody says what to become")]
    Nobody,
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
    /// It could not become the user that it runs as.
    #[error("could not become the user {name}")]
    User {
        /// The user.
        name: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The kernel did not take what the process may touch.
    #[error("could not confine the process to its folders")]
    Landlock(#[source] landlock::RulesetError),
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

/// Becomes what the agent says on standard input. To be called before the process has a second thread.
///
/// # Errors
///
/// Why it did not; it was said on the socket too.
pub fn run() -> Result<Infallible, ShimError> {
    let orders = rustix::io::fcntl_dupfd_cloexec(io::stdin(), OUT_OF_THE_WAY);
    let orders = UnixStream::from(orders.map_err(|error| ShimError::Orders(error.into()))?);
    let (spec, sockets) = receive(&orders)?;
    let failed = begin(&spec, sockets, Terminal::None);
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
    begin(&spec, Vec::new(), Terminal::Kept)
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
    fill(orders, &mut length, &mut sockets).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => ShimError::Nobody,
        _ => ShimError::Orders(error),
    })?;
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

/// Whether the process belongs to somebody at a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Terminal {
    /// It runs by itself.
    None,
    /// It keeps session, input and output.
    Kept,
}

/// Everything on the way, in the order that it must come in: what takes root's rights comes before they are given up.
fn begin(spec: &Spec, sockets: Vec<OwnedFd>, terminal: Terminal) -> Result<Infallible, ShimError> {
    rustix::process::umask(UMASK);
    signals::reset()
        .map_err(|error| ShimError::Prepare("let signals have their usual effect", error))?;
    if terminal == Terminal::None {
        // Fails for one that leads its session already.
        let _ = rustix::process::setsid();
        output::turn(&spec.output)?;
    }
    if let Some((path, value)) = &spec.record {
        record::write(path, value).map_err(|error| on_path("write", path, error))?;
    }
    limits::set(&spec.limits, spec.identity.is_some())
        .map_err(|error| ShimError::Prepare("set its limits", error.into()))?;
    let confinement = spec
        .reach
        .as_ref()
        .map(|reach| look(spec, reach))
        .transpose()?;
    become_user(spec.identity.as_ref())?;
    std::env::set_current_dir(&spec.folder)
        .map_err(|error| on_path("enter its folder", &spec.folder, error))?;
    if let Some(confinement) = confinement.flatten() {
        confinement.begin().map_err(ShimError::Landlock)?;
    }
    let count = sockets.len();
    pass_on(sockets).map_err(|error| ShimError::Prepare("hand on the sockets", error))?;
    Err(start(spec, count))
}

/// Prepares its view of the disk.
fn look(spec: &Spec, reach: &Reach) -> Result<Option<Confinement>, ShimError> {
    let needed = [
        &reach.read[..],
        &reach.write[..],
        std::slice::from_ref(&spec.folder),
    ]
    .concat();
    if spec.identity.is_some() {
        let separated = mounts::separate(reach, &needed, &spec.stand_ins);
        separated.map_err(|error| {
            ShimError::Prepare("give it a view of the disk of its own", error.into())
        })?;
    }
    confine::prepare(&view::of(reach)).map_err(ShimError::Landlock)
}

fn become_user(identity: Option<&Identity>) -> Result<(), ShimError> {
    if let Some(identity) = identity.filter(|identity| !user::is_already(identity)) {
        user::become_user(identity).map_err(|error| ShimError::User {
            name: identity.name.clone(),
            source: error.into(),
        })?;
    }
    user::give_up_privileges()
        .map_err(|error| ShimError::Prepare("give up privileges", error.into()))
}

fn pass_on(sockets: Vec<OwnedFd>) -> io::Result<()> {
    let behind = FIRST_SOCKET + i32::try_from(sockets.len()).map_err(io::Error::other)?;
    descriptors::close_on_exec_from(behind)?;
    descriptors::place(sockets, FIRST_SOCKET)
}

/// Becomes the program; returns only when that fails.
fn start(spec: &Spec, sockets: usize) -> ShimError {
    let mut command = match &spec.run {
        Run::Shell(line) => {
            let mut command = Command::new(SHELL);
            command.arg("-c").arg(shell::giving_way(line));
            command
        }
        Run::Program(words) => {
            let mut words = words.iter();
            let mut command = Command::new(words.next().map_or("", String::as_str));
            command.args(words);
            command
        }
    };
    command.env_clear().envs(&spec.env);
    if sockets > 0 {
        command
            .env("LISTEN_FDS", sockets.to_string())
            .env("LISTEN_PID", own_pid().to_string())
            .env("LISTEN_FDNAMES", spec.sockets.join(":"));
    }
    let program = command.get_program().to_string_lossy().into_owned();
    let source = command.exec();
    ShimError::Start { program, source }
}

fn own_pid() -> u32 {
    std::process::id()
}

fn on_path(what: &'static str, path: &Path, source: io::Error) -> ShimError {
    let path = path.to_owned();
    ShimError::Path { what, path, source }
}
