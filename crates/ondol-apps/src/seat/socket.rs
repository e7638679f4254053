//! Where a web process of a seat is asked, and who makes the socket there.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::path::PathBuf;

use ondol_model::plan::AppListen;
use ondol_model::upstream::Address;
use rustix::process::PidfdFlags;
use rustix::process::PidfdGetfdFlags;

use crate::grounds;
use crate::grounds::GroundsError;
use crate::spec::Identity;

use super::Ground;
use super::port::Port;

/// Connections that wait until the app takes them, also while it is started again. The kernel cuts it to
/// `net.core.somaxconn`, which is as much by default.
const BACKLOG: i32 = 4_096;
/// Only the owner and the group of visitors connect.
const MODE: u32 = 0o660;
/// The app makes its socket in it; visitors' group walks through, and is the group of what is made there.
const OWN_FOLDER: u32 = 0o2710;

/// The socket of a seat.
#[derive(Debug)]
pub(super) enum Socket {
    /// It answers nobody.
    None,
    /// Ondol listens; `None` after another agent's end, when its listener could not be had.
    Fd {
        path: PathBuf,
        listener: Option<OwnedFd>,
    },
    /// The process listens on this path.
    Unix(PathBuf),
    /// The process listens on this port.
    Port(Port),
}

impl Socket {
    /// Makes what a process of this kind needs before it starts for the first time. Blocks on the disk.
    pub(super) fn new(listen: Option<AppListen>, ground: &Ground) -> Result<Self, GroundsError> {
        let mut socket = match listen {
            None => Self::None,
            Some(AppListen::Fd) => Self::Fd {
                path: ground.folder.join("socket"),
                listener: None,
            },
            Some(AppListen::Unix) => Self::Unix(own_folder(ground).join("socket")),
            Some(AppListen::Port) => Self::Port(grounds::at(&ground.folder, Port::free())?),
        };
        socket.renew(ground)?;
        Ok(socket)
    }

    /// The socket of a process that runs already. A listener that can't be had is made anew at its next start.
    pub(super) fn of_running(
        listen: Option<AppListen>,
        port: Option<u16>,
        pid: u32,
        ground: &Ground,
    ) -> Self {
        match (listen, port) {
            (Some(AppListen::Port), Some(port)) => Self::Port(Port::of_running(port)),
            (Some(AppListen::Fd), _) => {
                let path = ground.folder.join("socket");
                let listener = listener_of(pid, &path);
                Self::Fd { path, listener }
            }
            (Some(AppListen::Unix), _) => Self::Unix(own_folder(ground).join("socket")),
            (Some(AppListen::Port) | None, _) => Self::None,
        }
    }

    /// Before each start: a listener where there is none, and nothing in the way of the one that the app will make.
    pub(super) fn renew(&mut self, ground: &Ground) -> Result<(), GroundsError> {
        match self {
            Self::None
            | Self::Fd {
                path: _,
                listener: Some(_),
            } => {}
            Self::Fd {
                path,
                listener: empty,
            } => *empty = Some(listen(path, ground)?),
            Self::Unix(path) => {
                make_own_folder(ground)?;
                remove_socket(path)?;
            }
            Self::Port(port) => {
                if !port.is_free() {
                    *port = grounds::at(&ground.folder, Port::free())?;
                }
            }
        }
        Ok(())
    }

    /// What the process gets as descriptor 3.
    pub(super) fn handed(&self) -> io::Result<Vec<OwnedFd>> {
        match self {
            Self::Fd { path: _, listener } => listener.iter().map(OwnedFd::try_clone).collect(),
            Self::None | Self::Unix(_) | Self::Port(_) => Ok(Vec::new()),
        }
    }

    /// Where it is asked.
    pub(super) fn address(&self) -> Option<Address> {
        match self {
            Self::None => None,
            Self::Fd { path, listener: _ } | Self::Unix(path) => Some(Address::Unix(path.clone())),
            Self::Port(port) => Some(Address::Tcp {
                host: "127.0.0.1".to_owned(),
                port: port.number(),
            }),
        }
    }

    /// Its port, where it has one.
    pub(super) fn port(&self) -> Option<u16> {
        match self {
            Self::Port(port) => Some(port.number()),
            Self::None
            | Self::Fd {
                path: _,
                listener: _,
            }
            | Self::Unix(_) => None,
        }
    }

    /// The folder that the process may write to for it.
    pub(super) fn folder(&self) -> Option<&Path> {
        match self {
            Self::Unix(path) => path.parent(),
            Self::None
            | Self::Fd {
                path: _,
                listener: _,
            }
            | Self::Port(_) => None,
        }
    }

    /// What the process is told of it.
    pub(super) fn variables(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::None => Vec::new(),
            Self::Fd { path, listener: _ } => {
                vec![("ONDOL_BIND", format!("unix://{}", path.display()))]
            }
            Self::Unix(path) => {
                let path = path.display();
                vec![
                    ("ONDOL_SOCKET", path.to_string()),
                    ("ONDOL_BIND", format!("unix://{path}")),
                ]
            }
            Self::Port(port) => {
                let port = port.number();
                vec![
                    ("PORT", port.to_string()),
                    ("ONDOL_BIND", format!("tcp://127.0.0.1:{port}")),
                ]
            }
        }
    }
}

fn own_folder(ground: &Ground) -> PathBuf {
    ground.folder.join("own")
}

fn make_own_folder(ground: &Ground) -> Result<(), GroundsError> {
    let owner = ground.identity.as_ref().map(|Identity { uid, gid, .. }| {
        let group = ground.visitors_group.unwrap_or(*gid);
        (*uid, group)
    });
    let folder = own_folder(ground);
    grounds::own(&folder, OWN_FOLDER, owner)?;
    // To give a folder away may take the bit that hands its group on.
    let mode = fs::Permissions::from_mode(OWN_FOLDER);
    grounds::at(&folder, fs::set_permissions(&folder, mode))
}

fn listen(path: &Path, ground: &Ground) -> Result<OwnedFd, GroundsError> {
    remove_socket(path)?;
    let listener = grounds::at(path, UnixListener::bind(path))?;
    let mode = fs::Permissions::from_mode(MODE);
    grounds::at(path, fs::set_permissions(path, mode))?;
    if let Some(group) = ground.visitors_group {
        let own = rustix::process::geteuid().as_raw();
        grounds::give(path, own, group)?;
    }
    let deeper = rustix::net::listen(&listener, BACKLOG);
    grounds::at(path, deeper.map_err(io::Error::from))?;
    Ok(listener.into())
}

/// Removes what a process before has left. What is no socket stays, and is an error: the folder may be the app's.
fn remove_socket(path: &Path) -> Result<(), GroundsError> {
    let found = fs::symlink_metadata(path);
    let removed = match found {
        Ok(found) if found.file_type().is_socket() => fs::remove_file(path),
        Ok(_) => Err(io::Error::other("it is there, and no socket")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    };
    grounds::at(path, removed)
}

/// The listener on this path that a process was handed, where this process may have it.
fn listener_of(pid: u32, path: &Path) -> Option<OwnedFd> {
    let inode = inode_of(path)?;
    let folder = fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
    let wanted = format!("socket:[{inode}]");
    let entry = folder.flatten().find(|entry| {
        fs::read_link(entry.path()).is_ok_and(|target| target.as_os_str() == &*wanted)
    })?;
    let number = entry.file_name().to_str()?.parse().ok()?;
    let pid = i32::try_from(pid)
        .ok()
        .and_then(rustix::process::Pid::from_raw)?;
    let process = rustix::process::pidfd_open(pid, PidfdFlags::empty()).ok()?;
    rustix::process::pidfd_getfd(process, number, PidfdGetfdFlags::empty()).ok()
}

/// The number of the socket that listens on this path (`/proc/net/unix`).
fn inode_of(path: &Path) -> Option<u64> {
    const LISTENS: &str = "00010000"; // SO_ACCEPTCON
    let text = fs::read_to_string("/proc/net/unix").ok()?;
    text.lines().find_map(|line| {
        // Flags, type, state and inode stand before the path, which may have spaces in it.
        let (fields, found) = line.split_once(" /")?;
        let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
        let is_it = fields.get(3) == Some(&LISTENS) && Path::new("/").join(found) == path;
        is_it.then(|| fields.get(6)?.parse().ok()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    fn ground(folder: &Path) -> Ground {
        Ground {
            folder: folder.to_owned(),
            identity: None,
            visitors_group: None,
        }
    }

    #[test]
    fn a_listener_stays_over_starts_and_is_found_in_the_process_that_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let ground = ground(folder.path());
        let mut socket = Socket::new(Some(AppListen::Fd), &ground).unwrap();
        let path = folder.path().join("socket");
        let _waiting = UnixStream::connect(&path).unwrap();
        socket.renew(&ground).unwrap();
        assert_eq!(socket.handed().unwrap().len(), 1);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, MODE);
        let again = Socket::of_running(Some(AppListen::Fd), None, std::process::id(), &ground);
        let Socket::Fd {
            path: _,
            listener: Some(listener),
        } = again
        else {
            panic!("the listener was not found: {again:?}");
        };
        drop(socket);
        let listener = UnixListener::from(listener);
        listener.accept().expect("the connection that waits");
    }

    #[test]
    fn what_is_in_the_way_of_an_apps_socket_is_removed_if_it_is_a_socket() {
        let folder = tempfile::tempdir().unwrap();
        let ground = ground(folder.path());
        let mut socket = Socket::new(Some(AppListen::Unix), &ground).unwrap();
        let path = folder.path().join("own/socket");
        drop(UnixListener::bind(&path).unwrap());
        socket.renew(&ground).unwrap();
        assert!(!path.exists());
        ondol_base::file::replace(&path, b"", 0o600).unwrap();
        assert!(socket.renew(&ground).is_err());
        assert!(
            socket
                .variables()
                .contains(&("ONDOL_SOCKET", path.display().to_string()))
        );
    }

    #[test]
    fn a_port_that_was_taken_meanwhile_is_left_to_who_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let ground = ground(folder.path());
        let mut socket = Socket::new(Some(AppListen::Port), &ground).unwrap();
        let port = socket.port().unwrap();
        socket.renew(&ground).unwrap();
        assert_eq!(socket.port(), Some(port));
        let _stranger = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
        socket.renew(&ground).unwrap();
        assert_ne!(socket.port(), Some(port));
    }
}
