//! The sockets that accept visitors: opened once by the agent, kept by it, and lent to data planes.
//! It knows addresses and who else may hold them, not what is spoken on them.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::sync::Arc;

use ondol_model::listen::IpVersions;
use ondol_model::listen::ListenAddress;
use ondol_model::listen::Preface;
use ondol_model::plan::Listen;
use rustix::io::Errno;
use socket2::Domain;
use socket2::Protocol;
use socket2::Socket;
use socket2::Type;

use crate::link::SocketProtocol;

mod holder;

use holder::Holder;

/// Visitors that wait to be accepted, per socket: what arrives while a crashed data plane is replaced.
const BACKLOG: i32 = 4_096;

/// What a listener is for; two plans that have the same of these need no other sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ListenerKey {
    pub(crate) protocol: SocketProtocol,
    pub(crate) address: ListenAddress,
    pub(crate) preface: Preface,
}

/// One address, with a socket for each worker.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) key: ListenerKey,
    /// Share the address (SO_REUSEPORT); the kernel spreads visitors over them.
    pub(crate) sockets: Vec<TcpListener>,
}

/// All listeners of a plan. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Listeners(pub(crate) Vec<Arc<Listener>>);

/// An address that can't be listened on.
#[derive(Debug, thiserror::Error)]
#[error("could not listen on {} (listen.{}){}", key.address, key.protocol.word(), Hint(holder.as_ref(), source))]
pub(crate) struct BindError {
    pub(crate) key: ListenerKey,
    /// Who has it, as far as this process may know.
    holder: Option<Holder>,
    #[source]
    source: io::Error,
}

impl BindError {
    /// Whether another process of this program has the address.
    pub(crate) fn is_held_by_ondol(&self) -> bool {
        self.holder.as_ref().is_some_and(Holder::is_ondol)
    }
}

impl Listeners {
    /// Opens what the plan wants; what is open already is kept as it is. `workers` sockets per address.
    pub(crate) fn open(listen: &Listen, held: &Self, workers: usize) -> Result<Self, BindError> {
        Self::each(listen, held, workers)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Has the system refuse visitors from now on, whoever holds the sockets: a stopping box must not
    /// let them wait for an answer that never comes.
    pub(crate) fn refuse(&self) {
        for socket in self.0.iter().flat_map(|listener| &listener.sockets) {
            // A socket that does not listen any more has nobody to refuse.
            let _ = rustix::net::shutdown(socket, rustix::net::Shutdown::Both);
        }
    }

    /// Like [`Listeners::open`], with those alone that can be opened, and why the others can't.
    pub(crate) fn open_possible(
        listen: &Listen,
        held: &Self,
        workers: usize,
    ) -> (Self, Vec<BindError>) {
        let (mut opened, mut missing) = (Vec::new(), Vec::new());
        for each in Self::each(listen, held, workers) {
            match each {
                Ok(listener) => opened.push(listener),
                Err(error) => missing.push(error),
            }
        }
        (Self(opened), missing)
    }

    fn each(
        listen: &Listen,
        held: &Self,
        workers: usize,
    ) -> impl Iterator<Item = Result<Arc<Listener>, BindError>> {
        keys(listen).map(move |key| match held.find(key) {
            Some(listener) if listener.key == key => Ok(Arc::clone(listener)),
            Some(listener) => listener.used_as(key).map(Arc::new),
            None => Listener::open(key, held, workers).map(Arc::new),
        })
    }

    /// Whether the plan's addresses can be listened on, beside those that are open already. Every
    /// address that can't is returned.
    pub(crate) fn probe(listen: &Listen, held: &BTreeSet<ListenerKey>) -> Vec<BindError> {
        // An open port may be wanted in another shape (`:443` as `0.0.0.0:443`), which works.
        let is_held = |address: ListenAddress| {
            let port = address.address.port();
            held.iter()
                .any(|key| port != 0 && key.address.address.port() == port)
        };
        keys(listen)
            .filter(|key| !is_held(key.address))
            .filter_map(|key| {
                exclusive(key.address)
                    .map_err(|error| key.refused(error))
                    .err()
            })
            .collect()
    }

    /// What they are for.
    pub(crate) fn keys(&self) -> BTreeSet<ListenerKey> {
        self.0.iter().map(|listener| listener.key).collect()
    }

    /// Where visitors reach them: with the port that the system chose where the plan says 0.
    pub(crate) fn addresses(&self) -> Vec<(SocketProtocol, SocketAddr)> {
        let each = self.0.iter();
        each.filter_map(|listener| Some((listener.key.protocol, listener.local_address()?)))
            .collect()
    }

    /// The sockets of an address, whatever stands in front of its connections so far.
    fn find(&self, key: ListenerKey) -> Option<&Arc<Listener>> {
        let same = |listener: &&Arc<Listener>| {
            (listener.key.protocol, listener.key.address) == (key.protocol, key.address)
        };
        self.0.iter().find(same)
    }

    fn has_port(&self, port: u16) -> bool {
        let local = |listener: &Arc<Listener>| listener.local_address().map(|local| local.port());
        self.0.iter().any(|listener| local(listener) == Some(port))
    }
}

impl Listener {
    fn open(key: ListenerKey, held: &Listeners, workers: usize) -> Result<Self, BindError> {
        let mut address = key.address;
        let refused = |error| key.refused(error);
        // Sockets that share an address can't tell a stranger from one another, so one that shares with
        // nobody goes first; an address of our own that is about to be given up must not stop it.
        if address.address.port() != 0 && !held.has_port(address.address.port()) {
            exclusive(address).map_err(refused)?;
        }
        let mut sockets = Vec::with_capacity(workers);
        for _ in 0..workers.max(1) {
            let socket = shared(address).map_err(refused)?;
            let local = socket.local_addr().map_err(refused)?;
            address.address.set_port(local.port());
            sockets.push(socket);
        }
        Ok(Self { key, sockets })
    }

    /// The same sockets for another purpose: nobody who waits in them is turned away.
    fn used_as(&self, key: ListenerKey) -> Result<Self, BindError> {
        let sockets = self.sockets.iter().map(TcpListener::try_clone);
        let sockets = sockets.collect::<Result<_, _>>();
        let sockets = sockets.map_err(|error| key.refused(error))?;
        Ok(Self { key, sockets })
    }

    fn local_address(&self) -> Option<SocketAddr> {
        self.sockets.first()?.local_addr().ok()
    }
}

impl ListenerKey {
    fn refused(self, source: io::Error) -> BindError {
        let in_use = source.raw_os_error() == Some(Errno::ADDRINUSE.raw_os_error());
        let port = self.address.address.port();
        BindError {
            key: self,
            holder: in_use.then(|| holder::of_port(port)).flatten(),
            source,
        }
    }
}

impl SocketProtocol {
    /// The word for it: its key under `listen`, and the scheme of its addresses.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

struct Hint<'a>(Option<&'a Holder>, &'a io::Error);

impl fmt::Display for Hint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(holder, error) = self;
        if let Some(holder) = holder {
            return write!(f, ", which {holder} holds");
        }
        match error.kind() {
            io::ErrorKind::AddrInUse => f.write_str(", which another program holds"),
            io::ErrorKind::PermissionDenied => f.write_str(
                ", because ports under 1024 are for root: start as root, or choose higher ports",
            ),
            io::ErrorKind::AddrNotAvailable => f.write_str(", which is no address of this machine"),
            _ => Ok(()),
        }
    }
}

/// What the plan listens on.
pub(crate) fn keys(listen: &Listen) -> impl Iterator<Item = ListenerKey> {
    let http = listen
        .http
        .iter()
        .map(|listener| (SocketProtocol::Http, *listener));
    let https = listen
        .https
        .iter()
        .map(|listener| (SocketProtocol::Https, *listener));
    http.chain(https).map(|(protocol, listener)| ListenerKey {
        protocol,
        address: listener.address,
        preface: listener.preface,
    })
}

fn shared(address: ListenAddress) -> io::Result<TcpListener> {
    with_fallback(address, |socket, local| {
        socket.set_reuse_port(true)?;
        socket.bind(&local.into())?;
        socket.listen(BACKLOG)
    })
}

fn exclusive(address: ListenAddress) -> io::Result<TcpListener> {
    with_fallback(address, |socket, local| {
        socket.bind(&local.into())?;
        socket.listen(1)
    })
}

/// Tries both versions of IP where the address says so, and version 4 alone on a machine without 6.
fn with_fallback(
    address: ListenAddress,
    open: impl Fn(&Socket, SocketAddr) -> io::Result<()>,
) -> io::Result<TcpListener> {
    let attempt = |local: SocketAddr| {
        let socket = Socket::new(
            Domain::for_address(local),
            Type::STREAM,
            Some(Protocol::TCP),
        )?;
        socket.set_reuse_address(true)?;
        if local.is_ipv6() {
            socket.set_only_v6(address.versions == IpVersions::Own)?;
        }
        socket.set_nonblocking(true)?;
        open(&socket, local)?;
        Ok(socket.into())
    };
    let local = address.address;
    match attempt(local) {
        Err(error) if address.versions == IpVersions::Both && lacks_version_6(&error) => {
            attempt(SocketAddr::from((Ipv4Addr::UNSPECIFIED, local.port())))
        }
        outcome => outcome,
    }
}

fn lacks_version_6(error: &io::Error) -> bool {
    let lacking = [Errno::AFNOSUPPORT, Errno::ADDRNOTAVAIL].map(Errno::raw_os_error);
    error
        .raw_os_error()
        .is_some_and(|code| lacking.contains(&code))
}

#[cfg(test)]
mod tests;
