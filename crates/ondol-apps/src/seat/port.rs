//! Ports for apps that must have one: chosen below those that the system gives to outgoing connections, each for one
//! seat at a time.

use std::collections::BTreeSet;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::io;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use rustix::io::Errno;
use rustix::net::AddressFamily;
use rustix::net::SocketFlags;
use rustix::net::SocketType;

/// Below are the ports of known services.
const PORT_MIN: u16 = 20_000;
/// With fewer than these below them, ports above those of outgoing connections are used.
const PORTS_MIN: u16 = 1_000;
/// Where they usually begin.
const OUTGOING: RangeInclusive<u16> = 32_768..=60_999;
/// Ports that are tried. Nearly all are free.
const TRIES_MAX: usize = 200;

/// The ports that seats of this process have.
static TAKEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// A port that no other seat has, until this is dropped.
#[derive(Debug)]
pub(super) struct Port(u16);

impl Port {
    /// One on which nobody listens.
    pub(super) fn free() -> io::Result<Self> {
        let range = range(&outgoing());
        let span = u64::from(range.end() - range.start()) + 1;
        let first = RandomState::new().hash_one(0) % span;
        for step in 0..TRIES_MAX as u64 {
            let offset = u16::try_from((first + step) % span).unwrap_or(0);
            if let Some(port) = take(range.start() + offset)
                && port.is_free()
            {
                return Ok(port);
            }
        }
        Err(io::Error::new(
            io::ErrorKind::AddrInUse,
            format!("somebody listens on each of {TRIES_MAX} ports that were tried"),
        ))
    }

    /// The one that a process has which runs already.
    pub(super) fn of_running(number: u16) -> Self {
        taken().insert(number);
        Self(number)
    }

    /// Its number.
    pub(super) fn number(&self) -> u16 {
        self.0
    }

    /// Whether nobody has it, on any address that a connection to 127.0.0.1 or to `localhost` could reach. Connections
    /// of a process before count too, as they do for apps that do not set `SO_REUSEADDR`.
    pub(super) fn is_free(&self) -> bool {
        let addresses = [
            IpAddr::from(Ipv4Addr::LOCALHOST),
            IpAddr::from(Ipv6Addr::LOCALHOST),
        ];
        let mut addresses = addresses.map(|ip| SocketAddr::new(ip, self.0)).into_iter();
        // A machine without IPv6 has no such address.
        addresses.all(|address| bind(address) != Err(Errno::ADDRINUSE))
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        taken().remove(&self.0);
    }
}

/// This one, whoever listens on it; `None` when another seat has it.
fn take(number: u16) -> Option<Port> {
    // Made only when it is ours: dropping one takes it from the list.
    taken().insert(number).then(|| Port(number))
}

fn bind(address: SocketAddr) -> Result<(), Errno> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, None)?;
    rustix::net::bind(&socket, &address)
}

fn taken() -> MutexGuard<'static, BTreeSet<u16>> {
    TAKEN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn outgoing() -> RangeInclusive<u16> {
    let text = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range");
    text.ok().and_then(|text| parse(&text)).unwrap_or(OUTGOING)
}

fn parse(text: &str) -> Option<RangeInclusive<u16>> {
    let mut numbers = text.split_ascii_whitespace().map(str::parse);
    let (from, to) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    Some(from..=to)
}

fn range(outgoing: &RangeInclusive<u16>) -> RangeInclusive<u16> {
    let below = outgoing.start().saturating_sub(1);
    if below >= PORT_MIN + PORTS_MIN {
        return PORT_MIN..=below;
    }
    if *outgoing.end() <= u16::MAX - PORTS_MIN {
        return outgoing.end() + 1..=u16::MAX;
    }
    // All are for outgoing connections: then one of these may be in use for a moment, and another is taken.
    PORT_MIN..=u16::MAX
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::TcpListener;
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn a_port_with_connections_of_before_is_not_free() {
        let port = Port::free().unwrap();
        let listener = TcpListener::bind(("127.0.0.1", port.number())).unwrap();
        let mut visitor = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        // The side that closes first keeps the port for a while.
        drop(listener.accept().unwrap());
        assert_eq!(visitor.read(&mut [0]).unwrap(), 0);
        drop((visitor, listener));
        assert!(!port.is_free());
    }

    #[test]
    fn ports_are_those_that_outgoing_connections_do_not_get() {
        assert_eq!(parse("32768\t60999\n"), Some(32768..=60999));
        for (outgoing, expected) in [
            (32768..=60999, 20_000..=32_767),
            (1024..=60999, 61_000..=65_535),
            (1024..=65535, 20_000..=65_535),
            (20_500..=60_999, 61_000..=65_535),
        ] {
            assert_eq!(range(&outgoing), expected, "{outgoing:?}");
        }
    }

    #[test]
    fn a_port_is_one_seats_alone_until_it_is_given_back() {
        let port = Port::free().unwrap();
        let number = port.number();
        assert!(port.is_free());
        assert!(take(number).is_none());
        let stranger = TcpListener::bind(("0.0.0.0", number)).unwrap();
        assert!(!port.is_free());
        drop((stranger, port));
        assert!(take(number).is_some());
    }
}
