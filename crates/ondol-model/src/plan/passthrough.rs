//! Sites that another machine serves, with certificates of its own.

use std::fmt;
use std::net::SocketAddr;

use crate::host;
use crate::upstream::Address;
use crate::upstream::Upstream;

/// Where the TLS connections of a site go, as they come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passthrough {
    /// At least one; several are used in turn.
    pub tls: Vec<Destination>,
    /// The PROXY header that tells the other machine who the visitor is; `None` means none.
    pub proxy_protocol: Option<ProxyVersion>,
}

/// A port of another machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// A name or address, without brackets.
    host: String,
    port: u16,
}

/// A version of the PROXY protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProxyVersion {
    /// A line of text.
    One,
    /// Binary.
    Two,
}

impl Destination {
    /// Reads `192.168.0.20:443`, `[fd00::20]:443` or `other.lan:443`; `None` when it is none of them.
    pub fn parse(text: &str) -> Option<Self> {
        let (host, port) = host::authority(text)?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        Some(Self {
            host: host.to_owned(),
            port: port?,
        })
    }

    /// As an address, where it is none that has to be looked up.
    pub fn address(&self) -> Option<SocketAddr> {
        Some(SocketAddr::new(self.host.parse().ok()?, self.port))
    }

    /// The same for connections that are counted among those to upstreams.
    pub fn upstream(&self) -> Upstream {
        let address = Address::Tcp {
            host: self.host.clone(),
            port: self.port,
        };
        address.into()
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') {
            write!(f, "[{host}]:{port}")
        } else {
            write!(f, "{host}:{port}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_print_as_they_are_written() {
        for text in ["192.168.0.20:443", "[fd00::20]:8443", "other.lan:1"] {
            let parsed = Destination::parse(text).map(|it| it.to_string());
            assert_eq!(parsed.as_deref(), Some(text));
        }
        for text in [
            "192.168.0.20",
            "https://a:443",
            "a:443/b",
            ":443",
            "a:0",
            "",
        ] {
            assert_eq!(Destination::parse(text), None, "{text:?} was accepted");
        }
    }
}
