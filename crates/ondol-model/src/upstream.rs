//! Servers that requests are forwarded to: where they are, and how they are spoken to.

mod tls;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::plan::ProxyVersion;

pub use tls::ServerName;
pub use tls::Tls;
pub use tls::Verification;

/// A server to forward to. Two that are spoken to differently are two servers, with connections of
/// their own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Upstream {
    /// Where it is.
    pub address: Address,
    /// What it is asked in.
    pub http: HttpVersion,
    /// How it is made sure that it is the one that is meant; `None` is plain text.
    pub tls: Option<Arc<Tls>>,
    /// How it is told of the visitor before the first byte of HTTP, or of TLS.
    pub proxy_protocol: Option<ProxyVersion>,
}

/// Where a server is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// A host and a port. The host is an address or a name that is looked up at each connection.
    Tcp {
        /// A name or address, without brackets.
        host: String,
        /// 1 to 65535.
        port: u16,
    },
    /// The path of a Unix socket.
    Unix(PathBuf),
}

/// The version of HTTP that a server is asked in, or what it is asked in instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HttpVersion {
    /// HTTP/1.1: one request at a time on a connection.
    One,
    /// HTTP/2: without TLS by prior knowledge (RFC 9113 §3.3), with it by ALPN.
    Two,
    /// FastCGI, in which scripts are run.
    FastCgi(KeptConnections),
}

/// How many connections of FastCGI are used for more than one request, of each worker. Who runs scripts has a
/// process for each connection, which does nothing else while that waits for its next request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeptConnections(pub u16);

impl Upstream {
    /// Reads an upstream as the configuration has it: `http://host:port`, `https://host:port`,
    /// `h2c://host:port` or `unix:/path/to/socket`. `None` when it is none.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(path) = text.strip_prefix("unix:") {
            let is_absolute = path.starts_with('/');
            return is_absolute.then(|| Address::Unix(PathBuf::from(path)).into());
        }
        let (scheme, authority) = text.split_once("://")?;
        let (port, http, tls) = match scheme {
            "http" => (80, HttpVersion::One, None),
            "https" => (443, HttpVersion::One, Some(Arc::default())),
            "h2c" => (80, HttpVersion::Two, None),
            _ => return None,
        };
        let address = Address::parse(authority, port)?;
        Some(Self {
            http,
            tls,
            ..Self::from(address)
        })
    }

    /// Whether one connection may carry the requests of several visitors.
    pub fn is_shared(&self) -> bool {
        self.proxy_protocol.is_none()
    }
}

impl Address {
    fn parse(authority: &str, default_port: u16) -> Option<Self> {
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        let (host, port) = crate::host::authority(authority)?;
        let host = host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned();
        Some(Self::Tcp {
            host,
            port: port.unwrap_or(default_port),
        })
    }
}

impl Upstream {
    /// A server that runs scripts.
    pub fn fast_cgi(address: Address, kept: KeptConnections) -> Self {
        Self {
            http: HttpVersion::FastCgi(kept),
            ..Self::from(address)
        }
    }
}

impl From<Address> for Upstream {
    /// A server that is spoken to in plain HTTP/1.1.
    fn from(address: Address) -> Self {
        Self {
            address,
            http: HttpVersion::One,
            tls: None,
            proxy_protocol: None,
        }
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match (&self.tls, self.http) {
            (Some(_), _) => "https",
            (None, HttpVersion::One) => "http",
            (None, HttpVersion::Two) => "h2c",
            (None, HttpVersion::FastCgi(_)) => "fastcgi",
        };
        match &self.address {
            Address::Tcp { host, port } if host.contains(':') => {
                write!(f, "{scheme}://[{host}]:{port}")
            }
            Address::Tcp { host, port } => write!(f, "{scheme}://{host}:{port}"),
            Address::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upstreams_print_as_they_are_written() {
        for text in [
            "http://127.0.0.1:9000",
            "http://[::1]:9000",
            "http://nas.local:80",
            "https://nas.local:443",
            "h2c://127.0.0.1:50051",
            "unix:/run/app.sock",
        ] {
            assert_eq!(
                Upstream::parse(text).map(|u| u.to_string()).as_deref(),
                Some(text)
            );
        }
        for text in [
            "127.0.0.1:9000",
            "https://",
            "http://",
            "http://a/b",
            "h2://a",
            "ws://a",
            "unix:app.sock",
            "http://u@a",
        ] {
            assert_eq!(Upstream::parse(text), None, "{text:?} was accepted");
        }
    }

    #[test]
    fn the_scheme_says_the_port_and_how_it_is_spoken_to() {
        let port = |text| match Upstream::parse(text).map(|upstream| upstream.address) {
            Some(Address::Tcp { host: _, port }) => Some(port),
            _ => None,
        };
        assert_eq!(port("http://a"), Some(80));
        assert_eq!(port("https://a"), Some(443));
        assert_eq!(port("h2c://a"), Some(80));
        let parsed = |text: &str| Upstream::parse(text).expect("an upstream");
        assert!(parsed("https://a").tls.is_some() && parsed("http://a").tls.is_none());
        assert_eq!(parsed("h2c://a").http, HttpVersion::Two);
        assert_eq!(parsed("https://a").http, HttpVersion::One);
    }
}
