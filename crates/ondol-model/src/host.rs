//! Names of hosts: as people write them, as requests carry them, and as sites claim them.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

/// The longest host name in bytes (RFC 1035 §2.3.4).
const NAME_BYTES_MAX: usize = 253;
/// The longest label of a host name in bytes (RFC 1035 §2.3.4).
const LABEL_BYTES_MAX: usize = 63;

/// A host name in canonical form: lower-case A-labels without a trailing dot, or an IP address
/// (version 6 in brackets).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hostname(Box<str>);

/// Why a text is not the name of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostnameError {
    /// There is nothing in it.
    Empty,
    /// It is longer than 253 bytes, or one of its labels longer than 63.
    TooLong,
    /// It has a character that no host name can have, or an empty label.
    Character,
    /// `*` stands elsewhere than alone in front (`*.example.com`).
    Wildcard,
}

impl fmt::Display for HostnameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "a host name cannot be empty",
            Self::TooLong => "a host name has at most 253 bytes, and each part of it at most 63",
            Self::Character => {
                "a host name has letters, digits and hyphens, in parts separated by single dots, and no scheme, port or path"
            }
            Self::Wildcard => "`*` can only stand alone in front, as in `*.example.com`",
        })
    }
}

impl std::error::Error for HostnameError {}

impl Hostname {
    /// Reads a name as a person writes it: any case, international letters (IDNA, UTS 46), a
    /// trailing dot, or an IP address with or without brackets.
    pub fn parse(text: &str) -> Result<Self, HostnameError> {
        if text.is_empty() {
            return Err(HostnameError::Empty);
        }
        if let Some(address) = ip_address(text) {
            return Ok(Self::from(address));
        }
        let undotted = text.strip_suffix('.').unwrap_or(text);
        let ascii = idna::domain_to_ascii(undotted).map_err(|_| HostnameError::Character)?;
        if ascii.contains('*') {
            return Err(HostnameError::Wildcard);
        }
        check_labels(&ascii)?;
        Ok(Self(ascii.into_boxed_str()))
    }

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address, when the name is one.
    pub fn ip(&self) -> Option<IpAddr> {
        ip_address(&self.0)
    }

    /// Whether no public issuer vouches for the name as it is: an address (see [`is_public`]), a single
    /// label, or a name under a special-use domain (RFC 6761, RFC 8375, RFC 9476 and the `.internal`
    /// reservation), or under one that homes and offices use, and that belongs to nobody: `lan`, which is
    /// not delegated, and `home` and `corp`, which ICANN will not delegate.
    ///
    /// [`is_public`]: crate::network::is_public
    pub fn is_private(&self) -> bool {
        const PRIVATE: [&str; 10] = [
            "localhost",
            "test",
            "internal",
            "home.arpa",
            "local",
            "invalid",
            "example",
            "lan",
            "home",
            "corp",
        ];
        let name = self.as_str();
        self.ip().is_some()
            || !name.contains('.')
            || PRIVATE.iter().any(|private| {
                name.strip_suffix(private)
                    .is_some_and(|head| head.ends_with('.'))
            })
    }

    /// Whether the name is kept for examples (RFC 2606 §3). It exists, and belongs to nobody who could
    /// show that it is theirs.
    pub fn is_reserved(&self) -> bool {
        const RESERVED: [&str; 3] = ["example.com", "example.net", "example.org"];
        RESERVED.iter().any(|reserved| {
            let head = self.as_str().strip_suffix(reserved);
            head.is_some_and(|head| head.is_empty() || head.ends_with('.'))
        })
    }
}

impl From<IpAddr> for Hostname {
    fn from(address: IpAddr) -> Self {
        Self(match address {
            IpAddr::V4(v4) => v4.to_string().into_boxed_str(),
            IpAddr::V6(v6) => format!("[{v6}]").into_boxed_str(),
        })
    }
}

impl fmt::Display for Hostname {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A name that a site claims: one host, or every host one label below a domain.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HostPattern {
    /// Exactly this host.
    Exact(Hostname),
    /// Every host one label below this domain (`*.example.com`), as in a certificate (RFC 6125 §6.4.3).
    Wildcard(Hostname),
}

impl HostPattern {
    /// Reads `example.com` or `*.example.com`.
    pub fn parse(text: &str) -> Result<Self, HostnameError> {
        let Some(domain) = text.strip_prefix("*.") else {
            return Hostname::parse(text).map(Self::Exact);
        };
        let domain = Hostname::parse(domain)?;
        if domain.ip().is_some() {
            return Err(HostnameError::Wildcard);
        }
        Ok(Self::Wildcard(domain))
    }

    /// The host, when the pattern is exactly one.
    pub fn exact(&self) -> Option<&Hostname> {
        match self {
            Self::Exact(host) => Some(host),
            Self::Wildcard(_) => None,
        }
    }

    /// The host, or the domain that the hosts are below.
    pub fn domain(&self) -> &Hostname {
        match self {
            Self::Exact(host) | Self::Wildcard(host) => host,
        }
    }

    /// The wildcard that covers it; `None` for a wildcard and for what none can cover.
    pub fn covering_wildcard(&self) -> Option<Self> {
        let host = self.exact().filter(|host| host.ip().is_none())?;
        let (_, domain) = host.as_str().split_once('.')?;
        Hostname::parse(domain).ok().map(Self::Wildcard)
    }

    /// Whether no public issuer can vouch for it; see [`Hostname::is_private`].
    pub fn is_private(&self) -> bool {
        self.domain().is_private()
    }

    /// Whether it is kept for examples; see [`Hostname::is_reserved`].
    pub fn is_reserved(&self) -> bool {
        self.domain().is_reserved()
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(host) => host.fmt(f),
            Self::Wildcard(domain) => write!(f, "*.{domain}"),
        }
    }
}

/// The host of a request's `Host` or `:authority`, in canonical form, and its port.
///
/// `None` when the text is no authority (RFC 9110 §4.2.1, RFC 9112 §3.2): user information, a port
/// that is not 1 to 65535, or characters that no host has.
pub fn authority(text: &str) -> Option<(Cow<'_, str>, Option<u16>)> {
    let (host, port) = split_port(text)?;
    if host.starts_with('[') {
        let address = ip_address(host)?;
        return Some((
            Cow::Owned(Hostname::from(address).as_str().to_owned()),
            port,
        ));
    }
    let host = host.strip_suffix('.').unwrap_or(host);
    if host.is_empty() || host.len() > NAME_BYTES_MAX {
        return None;
    }
    let mut upper = false;
    for byte in host.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' => {}
            b'A'..=b'Z' => upper = true,
            _ => return None,
        }
    }
    let host = if upper {
        Cow::Owned(host.to_ascii_lowercase())
    } else {
        Cow::Borrowed(host)
    };
    Some((host, port))
}

fn split_port(text: &str) -> Option<(&str, Option<u16>)> {
    let after_host = if text.starts_with('[') {
        text.find(']')? + 1
    } else {
        text.find(':').unwrap_or(text.len())
    };
    let (host, rest) = text.split_at(after_host);
    let Some(digits) = rest.strip_prefix(':') else {
        return rest.is_empty().then_some((host, None));
    };
    if digits.is_empty() {
        return Some((host, None)); // RFC 3986 §3.2.3 allows `host:`.
    }
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let port = digits.parse().ok().filter(|port| *port != 0)?;
    Some((host, Some(port)))
}

fn ip_address(text: &str) -> Option<IpAddr> {
    let unbracketed = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    match unbracketed {
        Some(inner) => inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => text
            .parse::<Ipv4Addr>()
            .map(IpAddr::V4)
            .or_else(|_| text.parse::<Ipv6Addr>().map(IpAddr::V6))
            .ok(),
    }
}

fn check_labels(ascii: &str) -> Result<(), HostnameError> {
    if ascii.is_empty() {
        return Err(HostnameError::Empty);
    }
    if ascii.len() > NAME_BYTES_MAX || ascii.split('.').any(|label| label.len() > LABEL_BYTES_MAX) {
        return Err(HostnameError::TooLong);
    }
    let fine = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    if !ascii.split('.').all(fine) {
        return Err(HostnameError::Character);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
