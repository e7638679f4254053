//! Addresses that requests are forwarded to.

use std::fmt;
use std::path::PathBuf;

/// A server to forward to, over HTTP/1.1.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Upstream {
    /// `http://host:port`. The host is an address or a name that is looked up at each connection.
    Tcp {
        /// A name or address, without brackets.
        host: String,
        /// 1 to 65535.
        port: u16,
    },
    /// `unix:/path/to/socket`.
    Unix(PathBuf),
}

impl Upstream {
    /// Reads an upstream as the configuration has it; `None` when it is none.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(path) = text.strip_prefix("unix:") {
            return path
                .starts_with('/')
                .then(|| Self::Unix(PathBuf::from(path)));
        }
        let authority = text.strip_prefix("http://")?;
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        let (host, port) = crate::host::authority(authority)?;
        let host = host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned();
        Some(Self::Tcp {
            host,
            port: port.unwrap_or(80),
        })
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "http://[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "http://{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
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
            "unix:/run/app.sock",
        ] {
            assert_eq!(
                Upstream::parse(text).map(|u| u.to_string()).as_deref(),
                Some(text)
            );
        }
        for text in [
            "127.0.0.1:9000",
            "https://a",
            "http://",
            "http://a/b",
            "unix:app.sock",
            "http://u@a",
        ] {
            assert_eq!(Upstream::parse(text), None, "{text:?} was accepted");
        }
    }
}
