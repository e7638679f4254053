//! The Unix socket itself: made for its owner alone, and kept over an `exec`.

use std::ffi::OsString;
use std::fs::Permissions;
use std::io;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::path::PathBuf;

use rustix::io::Errno;
use rustix::net::AddressFamily;
use rustix::net::SocketAddrUnix;
use rustix::net::SocketFlags;
use rustix::net::SocketType;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 64;

/// A listening admin socket. Its file stays when it is dropped, so that an agent that becomes another
/// binary loses nobody; the next [`Socket::bind`] takes its place.
#[derive(Debug)]
pub struct Socket(pub(crate) tokio::net::UnixListener);

/// Why the socket could not be made.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another agent answers there.
    #[error("another agent answers on {}", path.display())]
    Taken {
        /// The socket.
        path: PathBuf,
    },
    /// The system refused; a path of more than 107 bytes is too long for a socket.
    #[error("cannot make the admin socket {}", path.display())]
    Io {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Socket {
    /// Listens at a path (0600). What an ended agent left there is replaced, without a moment in
    /// which others may connect. Must be called in a Tokio runtime.
    pub fn bind(path: &Path) -> Result<Self, BindError> {
        let failed = |source| BindError::Io {
            path: path.to_owned(),
            source,
        };
        if is_taken(path).map_err(failed)? {
            let path = path.to_owned();
            return Err(BindError::Taken { path });
        }
        bind_private(path).map_err(failed)
    }

    /// Goes on with a socket that was open before an `exec`. Must be called in a Tokio runtime.
    pub fn from_inherited(descriptor: OwnedFd) -> io::Result<Self> {
        Self::listening(UnixListener::from(descriptor))
    }

    fn listening(listener: UnixListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self(tokio::net::UnixListener::from_std(listener)?))
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Whether somebody listens there. Does not wait for one who is too busy to accept.
fn is_taken(path: &Path) -> io::Result<bool> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    let connected = rustix::net::connect(&socket, &SocketAddrUnix::new(path)?);
    Ok(matches!(connected, Ok(()) | Err(Errno::AGAIN)))
}

/// Binds beside the path and renames, so that nobody finds the socket before its mode is set.
fn bind_private(path: &Path) -> io::Result<Socket> {
    let mut beside = OsString::from(path);
    beside.push(".new");
    match std::fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let listener = UnixListener::bind(&beside)?;
    std::fs::set_permissions(&beside, Permissions::from_mode(0o600))?;
    rustix::net::listen(&listener, BACKLOG)?;
    std::fs::rename(&beside, path)?;
    Socket::listening(listener)
}
