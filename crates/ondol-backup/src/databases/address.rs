//! The address of a database server, read as far as its programs need it in parts.

use std::fmt::Write;
use std::path::PathBuf;

use crate::failure::Failure;
use crate::failure::FailureKind;

/// `scheme://user@host:port/database?key=value`, in parts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Address {
    /// Who asks; `None` when the address does not say.
    pub(super) user: Option<String>,
    /// The machine; `None` for this one.
    pub(super) host: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) database: String,
    /// The socket, or the folder that has it, when the address names one.
    pub(super) socket: Option<PathBuf>,
    /// What else the address says, as it was written: `sslmode=require`.
    pub(super) rest: Vec<String>,
}

impl Address {
    /// Reads one.
    pub(super) fn parse(url: &str) -> Result<Self, Failure> {
        parse(url).ok_or_else(|| {
            let sentence = format!(
                "`{url}` is no address of a database: write it as `postgresql://user@host/database`."
            );
            Failure::new(FailureKind::Here, sentence)
        })
    }

    /// Whether the server is asked through a socket of this machine.
    pub(super) fn is_here(&self) -> bool {
        self.socket.is_some() || self.host.is_none()
    }

    /// The address as libpq understands it.
    pub(super) fn postgres_url(&self) -> String {
        let mut url = "postgresql://".to_owned();
        if let Some(user) = &self.user {
            url.push_str(&encoded(user));
            url.push('@');
        }
        match &self.host {
            Some(host) if host.contains(':') => {
                let _ = write!(url, "[{host}]");
            }
            Some(host) => url.push_str(&encoded(host)),
            None => {}
        }
        url.push('/');
        url.push_str(&encoded(&self.database));
        let socket = self.socket.as_ref().map(|socket| {
            let socket = encoded(&socket.to_string_lossy());
            format!("host={socket}")
        });
        let port = self.port.map(|port| format!("port={port}"));
        let rest = socket.into_iter().chain(port).chain(self.rest.clone());
        for (number, pair) in rest.enumerate() {
            url.push(if number == 0 { '?' } else { '&' });
            url.push_str(&pair);
        }
        url
    }
}

/// The same address with another database; all else stays as it is written.
pub(crate) fn with_database(url: &str, name: &str) -> String {
    let (place, query) = url.split_once('?').unwrap_or((url, ""));
    let start = place.find("://").map_or(0, |at| at + 3);
    let end = place[start..]
        .find('/')
        .map_or(place.len(), |at| start + at);
    let mut other = format!("{}/{}", &place[..end], encoded(name));
    let pairs = query.split('&');
    let pairs = pairs.filter(|pair| !pair.is_empty() && !pair.starts_with("dbname="));
    for (number, pair) in pairs.enumerate() {
        other.push(if number == 0 { '?' } else { '&' });
        other.push_str(pair);
    }
    other
}

/// With `%20`s for what has a meaning in addresses.
fn encoded(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if is_plain(byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

fn parse(url: &str) -> Option<Address> {
    let (_, rest) = url.split_once("://")?;
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    let (user, place) = match authority.rsplit_once('@') {
        Some((user, place)) => (Some(decoded(user)?), place),
        None => (None, authority),
    };
    let (host, port) = host_and_port(place)?;
    let mut address = Address {
        user,
        database: decoded(database)?,
        port,
        ..Address::default()
    };
    address.set_host(host);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=')?;
        let value = decoded(value)?;
        address.set(key, value, pair)?;
    }
    Some(address)
}

impl Address {
    /// A host that is a path is where the socket is.
    fn set_host(&mut self, host: String) {
        if host.starts_with('/') {
            self.socket = Some(PathBuf::from(host));
        } else if !host.is_empty() {
            self.host = Some(host);
        }
    }

    fn set(&mut self, key: &str, value: String, pair: &str) -> Option<()> {
        match key {
            "host" => self.set_host(value),
            "socket" => self.socket = Some(PathBuf::from(value)),
            "port" => self.port = Some(value.parse().ok()?),
            "user" => self.user = Some(value),
            "dbname" => self.database = value,
            _ => self.rest.push(pair.to_owned()),
        }
        Some(())
    }
}

fn host_and_port(place: &str) -> Option<(String, Option<u16>)> {
    let is_v6 = place.starts_with('[');
    let end = if is_v6 { place.find(']')? + 1 } else { 0 };
    let Some(colon) = place[end..].rfind(':') else {
        let host = place.trim_start_matches('[').trim_end_matches(']');
        return Some((decoded(host)?, None));
    };
    let (host, port) = place.split_at(end + colon);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let port = &port[1..];
    let port = if port.is_empty() {
        None
    } else {
        Some(port.parse().ok()?)
    };
    Some((decoded(host)?, port))
}

/// Without its `%20`s.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &rest[2..];
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests;
