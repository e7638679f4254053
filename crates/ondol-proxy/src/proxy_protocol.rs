//! The PROXY protocol, versions 1 and 2, as HAProxy has it: a header in front of a connection by which a
//! proxy says who the visitor is. Pure; nothing here reads or believes anybody.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;

/// What a header of version 2 begins with; no text and no TLS record does.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, version and command, family and protocol, and the length of the rest.
const V2_FIXED: usize = 16;
/// The rest of version 2: 36 bytes of addresses; what follows are extras of a few hundred bytes (a
/// certificate's names, a token of a cloud), which are skipped.
const V2_REST_MAX: usize = 4 * 1024;
/// The longest line of version 1, with its end.
const V1_MAX: usize = 107;
/// What stands in front of a connection at most.
pub(crate) const HEADER_MAX: usize = V2_FIXED + V2_REST_MAX;

/// Whom a header is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// A visitor, and the address that was visited.
    Visitor {
        /// Who came.
        source: SocketAddr,
        /// Where to.
        destination: SocketAddr,
    },
    /// Nobody: the proxy comes for itself (LOCAL), or can't tell (UNKNOWN, a Unix socket).
    Nobody,
}

/// How far a header has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// It is whole, and so many bytes long.
    Whole(Told, usize),
    /// More is to come, of which at least so many bytes, with what is here, belong to the header.
    Partial(usize),
}

/// There is no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection does not begin with a PROXY header")]
pub(crate) struct NoHeader;

/// How a header is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// Reads the header that a connection begins with.
pub(crate) fn parse(bytes: &[u8]) -> Result<Progress, NoHeader> {
    match version(bytes)? {
        None => Ok(Progress::Partial(bytes.len() + 1)),
        Some(Version::One) => parse_v1(bytes),
        Some(Version::Two) => parse_v2(bytes),
    }
}

/// `None` while it may be either.
fn version(bytes: &[u8]) -> Result<Option<Version>, NoHeader> {
    for (version, start) in [
        (Version::One, &b"PROXY "[..]),
        (Version::Two, SIGNATURE.as_slice()),
    ] {
        if bytes.starts_with(start) {
            return Ok(Some(version));
        }
        if start.starts_with(bytes) {
            return Ok(None);
        }
    }
    Err(NoHeader)
}

fn parse_v1(bytes: &[u8]) -> Result<Progress, NoHeader> {
    let within = bytes.get(..V1_MAX).unwrap_or(bytes);
    let Some(end) = within.iter().position(|byte| *byte == b'\n') else {
        if within.len() == V1_MAX {
            return Err(NoHeader);
        }
        return Ok(Progress::Partial(bytes.len() + 1));
    };
    let line = std::str::from_utf8(&within[..end]).map_err(|_| NoHeader)?;
    let line = line.strip_suffix('\r').ok_or(NoHeader)?;
    let told = told_v1(line).ok_or(NoHeader)?;
    Ok(Progress::Whole(told, end + 1))
}

fn told_v1(line: &str) -> Option<Told> {
    let mut words = line.strip_prefix("PROXY ")?.split(' ');
    let family = words.next()?;
    if family == "UNKNOWN" {
        return Some(Told::Nobody); // What follows must be ignored.
    }
    let (source, destination) = (words.next()?, words.next()?);
    let (source_port, destination_port) = (words.next()?, words.next()?);
    if words.next().is_some() {
        return None;
    }
    let address: fn(&str) -> Option<IpAddr> = match family {
        "TCP4" => |text| text.parse().ok().map(IpAddr::V4),
        "TCP6" => |text| text.parse().ok().map(IpAddr::V6),
        _ => return None,
    };
    Some(Told::Visitor {
        source: SocketAddr::new(address(source)?.to_canonical(), port(source_port)?),
        destination: SocketAddr::new(
            address(destination)?.to_canonical(),
            port(destination_port)?,
        ),
    })
}

/// Without a sign or leading zeros.
fn port(text: &str) -> Option<u16> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let is_short = text == "0" || !text.starts_with('0');
    text.parse().ok().filter(|_| is_plain && is_short)
}

fn parse_v2(bytes: &[u8]) -> Result<Progress, NoHeader> {
    let Some((fixed, rest)) = bytes.split_first_chunk::<V2_FIXED>() else {
        return Ok(Progress::Partial(V2_FIXED));
    };
    let [.., command, family, high, low] = *fixed;
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length > V2_REST_MAX {
        return Err(NoHeader);
    }
    let whole = V2_FIXED + length;
    // What is wrong already is not waited for.
    let addresses_bytes = addresses_bytes(command, family)?;
    if length < addresses_bytes {
        return Err(NoHeader);
    }
    let Some(rest) = rest.get(..length) else {
        return Ok(Progress::Partial(whole));
    };
    let told = match command {
        0x21 => told_v2(family, rest)?,
        _ => Told::Nobody,
    };
    Ok(Progress::Whole(told, whole))
}

/// How many bytes the addresses of a family take, where the command wants them.
fn addresses_bytes(command: u8, family: u8) -> Result<usize, NoHeader> {
    match (command, family) {
        (0x20, _) => Ok(0),      // LOCAL: whatever follows.
        (0x21, 0x11) => Ok(12),  // TCP over IPv4.
        (0x21, 0x21) => Ok(36),  // TCP over IPv6.
        (0x21, 0x31) => Ok(216), // A Unix stream.
        (0x21, 0x00) => Ok(0),   // Unspecified.
        _ => Err(NoHeader),      // Datagrams, and versions and commands that nobody has defined.
    }
}

fn told_v2(family: u8, rest: &[u8]) -> Result<Told, NoHeader> {
    match family {
        0x11 => {
            let (addresses, ports) = rest.split_first_chunk::<8>().ok_or(NoHeader)?;
            let [a, b, c, d, e, f, g, h] = *addresses;
            let source = Ipv4Addr::new(a, b, c, d);
            told_of(source.into(), Ipv4Addr::new(e, f, g, h).into(), ports)
        }
        0x21 => {
            let (source, rest) = rest.split_first_chunk::<16>().ok_or(NoHeader)?;
            let (destination, ports) = rest.split_first_chunk::<16>().ok_or(NoHeader)?;
            let (source, destination) = (Ipv6Addr::from(*source), Ipv6Addr::from(*destination));
            told_of(source.to_canonical(), destination.to_canonical(), ports)
        }
        _ => Ok(Told::Nobody),
    }
}

fn told_of(source: IpAddr, destination: IpAddr, ports: &[u8]) -> Result<Told, NoHeader> {
    let [a, b, c, d] = *ports.first_chunk::<4>().ok_or(NoHeader)?;
    Ok(Told::Visitor {
        source: SocketAddr::new(source, u16::from_be_bytes([a, b])),
        destination: SocketAddr::new(destination, u16::from_be_bytes([c, d])),
    })
}

/// The header of version 1 for a visitor.
pub(crate) fn v1(source: SocketAddr, destination: SocketAddr) -> Vec<u8> {
    let (source, destination) = same_family(source, destination);
    let family = if source.is_ipv4() { "TCP4" } else { "TCP6" };
    let (from, to) = (source.ip(), destination.ip());
    let (from_port, to_port) = (source.port(), destination.port());
    format!("PROXY {family} {from} {to} {from_port} {to_port}\r\n").into_bytes()
}

/// The header of version 2 for a visitor.
pub(crate) fn v2(source: SocketAddr, destination: SocketAddr) -> Vec<u8> {
    let (source, destination) = same_family(source, destination);
    let mut header = Vec::with_capacity(V2_FIXED + 36);
    header.extend_from_slice(SIGNATURE);
    let (family, length) = if source.is_ipv4() {
        (0x11, 12)
    } else {
        (0x21, 36)
    };
    header.extend_from_slice(&[0x21, family, 0, length]);
    for address in [source.ip(), destination.ip()] {
        match address {
            IpAddr::V4(address) => header.extend_from_slice(&address.octets()),
            IpAddr::V6(address) => header.extend_from_slice(&address.octets()),
        }
    }
    for port in [source.port(), destination.port()] {
        header.extend_from_slice(&port.to_be_bytes());
    }
    header
}

/// Both as version 6 where one of them is: a header has one family.
fn same_family(source: SocketAddr, destination: SocketAddr) -> (SocketAddr, SocketAddr) {
    if source.is_ipv4() == destination.is_ipv4() {
        return (source, destination);
    }
    let widen = |address: SocketAddr| match address.ip() {
        IpAddr::V4(ip) => SocketAddr::new(ip.to_ipv6_mapped().into(), address.port()),
        IpAddr::V6(_) => address,
    };
    (widen(source), widen(destination))
}

#[cfg(test)]
mod tests;
