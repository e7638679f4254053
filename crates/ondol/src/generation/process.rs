//! Starts the process of a data plane: its sockets, its user, its environment.

use std::ffi::OsString;
use std::io;
use std::os::fd::AsFd;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use ondol_base::descriptors;
use ondol_base::process::Child;
use ondol_certs::Challenges;

use crate::generation::Phase;
use crate::generation::Wanted;
use crate::generation::convert;
use crate::generation::roster::Number;
use crate::link;
use crate::link::Link;
use crate::listeners::Listeners;
use crate::sandbox::ServeUser;

/// This program, also when its file was replaced or is not readable for the data plane's user.
const OWN_PROGRAM: &str = "/proc/self/exe";

/// What every data plane is started with.
#[derive(Debug, Clone)]
pub(crate) struct Surroundings {
    pub(crate) user: ServeUser,
    /// As given to `--log`.
    pub(crate) log: String,
    /// The variables that it gets; there are no others.
    pub(crate) environment: Vec<(&'static str, OsString)>,
    /// The access log's file.
    pub(crate) access_log: PathBuf,
}

/// A data plane that one image of the agent leaves to the next.
#[derive(Debug)]
pub(crate) struct Adopted {
    pub(crate) number: Number,
    pub(crate) pid: u32,
    /// [`Phase::Serving`] or [`Phase::Draining`].
    pub(crate) phase: Phase,
    pub(crate) link: OwnedFd,
    /// What was read from the link and is no whole frame yet.
    pub(crate) unread: Vec<u8>,
}

/// Why a data plane could not be started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error("could not make its link")]
    Link(#[source] io::Error),
    #[error("could not hand it its sockets")]
    Sockets(#[source] io::Error),
    #[error("could not start its process")]
    Spawn(#[source] io::Error),
    #[error("could not tell it what to serve")]
    Tell(#[from] link::LinkError),
}

/// Starts a data plane; it says by its link when it is ready.
pub(super) fn start(
    number: Number,
    wanted: &Wanted,
    challenges: &Challenges,
    endpoints: link::Endpoints,
    own: &link::Own,
    surroundings: &Surroundings,
) -> Result<(Child, Link), StartError> {
    let (ours, theirs) = UnixStream::pair().map_err(StartError::Link)?;
    let sockets = hand_sockets(&ours, &wanted.listeners).map_err(StartError::Sockets)?;
    let child = spawn(number, theirs.into(), surroundings).map_err(StartError::Spawn)?;
    let mut link = Link::new(ours, &[]).map_err(StartError::Link)?;
    link.send(&link::Down::Start(link::Start {
        sockets,
        texts: convert::texts_of(&wanted.sources),
        certificates: convert::certificates_of(&wanted.certificates.entries),
        client_authorities: convert::authorities_of(&wanted.certificates),
        upstream_files: convert::upstream_files_of(&wanted.certificates.upstream_files),
        challenges: convert::challenges_of(challenges),
        endpoints,
        own: own.clone(),
        access_log: surroundings.access_log.clone(),
        roots: wanted
            .roots
            .iter()
            .map(|folder| folder.path.clone())
            .collect(),
    }))?;
    Ok((child, link))
}

/// Puts the sockets into the link, before its first frame: messages of one byte, the number of sockets
/// in it, and at the end a byte 0.
fn hand_sockets(link: &UnixStream, listeners: &Listeners) -> io::Result<Vec<link::SocketUse>> {
    let mut uses = Vec::new();
    let mut sockets = Vec::new();
    for listener in &listeners.0 {
        for (worker, socket) in listener.sockets.iter().enumerate() {
            let protocol = listener.key.protocol;
            uses.push(link::SocketUse {
                worker,
                protocol,
                preface: listener.key.preface.into(),
            });
            sockets.push(socket.as_fd());
        }
    }
    for batch in sockets.chunks(descriptors::PER_MESSAGE_MAX) {
        let count = u8::try_from(batch.len()).map_err(io::Error::other)?;
        descriptors::try_send(link, &[count], batch)?;
    }
    descriptors::try_send(link, &[0], &[])?;
    Ok(uses)
}

/// The other end of [`hand_sockets`].
pub(crate) fn receive_sockets(link: &UnixStream) -> io::Result<Vec<OwnedFd>> {
    let mut sockets = Vec::new();
    loop {
        let mut count = [0];
        let received = descriptors::try_receive(link, &mut count)?;
        if received.bytes == 0 || received.descriptors.len() != usize::from(count[0]) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if count == [0] {
            return Ok(sockets);
        }
        sockets.extend(received.descriptors);
    }
}

fn spawn(number: Number, link: OwnedFd, surroundings: &Surroundings) -> io::Result<Child> {
    let Surroundings {
        user,
        log,
        environment,
        access_log: _,
    } = surroundings;
    let mut command = Command::new(OWN_PROGRAM);
    command
        .arg0("ondol")
        .args(["serve", "--generation", &number.to_string(), "--log", log])
        .env_clear()
        .envs(environment.iter().cloned())
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::from(link))
        .stdout(Stdio::null());
    match user {
        ServeUser::Own => {}
        ServeUser::Other { name: _, uid, gid } => {
            command.uid(*uid).gid(*gid);
        }
    }
    let child = command.spawn()?;
    Child::adopt(child.id())
}
