//! Addresses to accept visitors on.

use std::fmt;
use std::net::Ipv6Addr;
use std::net::SocketAddr;

/// One entry of `listen.http` or `listen.https`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Listener {
    /// Where visitors come in.
    pub address: ListenAddress,
    /// What stands in front of each connection.
    pub preface: Preface,
}

/// What stands in front of a connection, before HTTP or TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Preface {
    /// Nothing: it is the visitor's own.
    None,
    /// The header of the PROXY protocol, by which a trusted proxy says who the visitor is. A connection
    /// without it is closed.
    ProxyProtocol,
}

impl From<ListenAddress> for Listener {
    /// One that visitors come to themselves.
    fn from(address: ListenAddress) -> Self {
        Self {
            address,
            preface: Preface::None,
        }
    }
}

/// An address to listen on: `":443"` (every address of the box, both versions of IP),
/// `"127.0.0.1:8080"` or `"[::1]:8080"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ListenAddress {
    /// The address and port; port 0 lets the system choose one.
    pub address: SocketAddr,
    /// Whether a version 6 socket accepts version 4 visitors too.
    pub versions: IpVersions,
}

/// Which versions of IP a socket accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IpVersions {
    /// The version of its address alone.
    Own,
    /// Both; falls back to version 4 on a machine without version 6.
    Both,
}

impl ListenAddress {
    /// Reads an address as the configuration has it; `None` when it is none.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(port) = text.strip_prefix(':') {
            let port = port.parse().ok()?;
            let address = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
            return Some(Self {
                address,
                versions: IpVersions::Both,
            });
        }
        Some(Self {
            address: text.parse().ok()?,
            versions: IpVersions::Own,
        })
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.versions {
            IpVersions::Both => write!(f, ":{}", self.address.port()),
            IpVersions::Own => self.address.fmt(f),
        }
    }
}
