//! What proxies in front say of a visitor, read from the right: what a trusted proxy has added stands behind
//! what the visitor may have made up.

use std::net::IpAddr;
use std::net::SocketAddr;

use crate::plan::Scheme;

/// The header by which trusted proxies tell who the visitor is. There is one: a proxy that keeps one of
/// them passes the other on as its visitors wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientIpHeader {
    /// `X-Forwarded-For`, with `X-Forwarded-Proto` for the scheme.
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// One step of a visitor's way, as the proxy at its end tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hop {
    /// Who came; `None` when it is not told, or can't be understood.
    pub address: Option<IpAddr>,
    /// How; `None` when it is not told.
    pub scheme: Option<Scheme>,
}

/// The visitor at the beginning of a way whose last step comes first: the first that is no trusted proxy. It
/// ends where nothing is told; nothing before that is believed.
pub fn visitor(hops: impl Iterator<Item = Hop>, trusts: impl Fn(IpAddr) -> bool) -> Hop {
    let mut visitor = Hop::default();
    for hop in hops {
        let Some(address) = hop.address else { break };
        visitor = hop;
        if !trusts(address) {
            break;
        }
    }
    visitor
}

/// The steps in a line of `X-Forwarded-For`, the last first. The scheme is told elsewhere.
pub fn x_forwarded_for(line: &str) -> impl Iterator<Item = Hop> {
    line.rsplit(',').map(|text| Hop {
        address: address(text.trim_matches([' ', '\t'])),
        scheme: None,
    })
}

/// The scheme in `X-Forwarded-Proto`: what the last proxy says.
pub fn x_forwarded_proto(line: &str) -> Option<Scheme> {
    scheme(line.rsplit(',').next()?.trim_matches([' ', '\t']))
}

/// The steps in a line of `Forwarded`, the last first.
pub fn forwarded(line: &str) -> impl Iterator<Item = Hop> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let (before, element) = last_element(rest?);
        rest = before;
        Some(element.trim_matches([' ', '\t']))
    })
    .filter(|element| !element.is_empty()) // RFC 9110 §5.6.1.2.
    .map(|element| hop(element).unwrap_or_default())
}

/// The last element of a list, and what stands before its comma. Quotes are paired from the right: one
/// that the visitor has left open hides nothing that a proxy has added behind it.
fn last_element(list: &str) -> (Option<&str>, &str) {
    let mut is_quoted = false;
    let comma = list.bytes().rposition(|byte| {
        is_quoted ^= byte == b'"';
        byte == b',' && !is_quoted
    });
    match comma {
        Some(at) => (Some(&list[..at]), &list[at + 1..]),
        None => (None, list),
    }
}

/// `for=192.0.2.43;proto=https`; `None` when it is not what RFC 7239 §4 says.
fn hop(element: &str) -> Option<Hop> {
    let (mut node, mut proto) = (None, None);
    // No value that is understood has a `;` in it.
    for pair in element.split(';') {
        let (name, value) = pair.trim_matches([' ', '\t']).split_once('=')?;
        let value = unquoted(value)?;
        let is_new = match name.to_ascii_lowercase().as_str() {
            "for" => node.replace(value).is_none(),
            "proto" => proto.replace(value).is_none(),
            _ => true,
        };
        if !is_new {
            return None;
        }
    }
    Some(Hop {
        address: address(node?),
        scheme: proto.and_then(scheme),
    })
}

/// A token, or a text in quotes that escapes nothing.
fn unquoted(value: &str) -> Option<&str> {
    match value.strip_prefix('"') {
        Some(rest) => {
            let text = rest.strip_suffix('"')?;
            (!text.contains(['"', '\\'])).then_some(text)
        }
        None => {
            let is_token =
                |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
            (!value.is_empty() && value.bytes().all(is_token)).then_some(value)
        }
    }
}

/// An address, with or without a port, version 6 with or without brackets. `unknown` and obfuscated names
/// (`_hidden`) are none.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text
        .strip_prefix('[')
        .map_or(Some(text), |rest| rest.strip_suffix(']'));
    let bare = bare.and_then(|bare| bare.parse::<IpAddr>().ok());
    let bare = bare.filter(|it| it.is_ipv6() || !text.starts_with('['));
    let with_port = || text.parse::<SocketAddr>().ok().map(|it| it.ip());
    let with_hidden_port = || {
        let (host, _) = text.rsplit_once(":_")?;
        host.trim_matches(['[', ']']).parse().ok()
    };
    let address: IpAddr = bare.or_else(with_port).or_else(with_hidden_port)?;
    Some(address.to_canonical())
}

fn scheme(text: &str) -> Option<Scheme> {
    [Scheme::Http, Scheme::Https]
        .into_iter()
        .find(|scheme| scheme.word().eq_ignore_ascii_case(text))
}

#[cfg(test)]
mod tests;
