//! Looks into the first message of a TLS handshake for the name that is asked for and the protocols that are
//! offered, and gives it back whole.
//!
//! It is read only where one of them decides what becomes of the handshake. What is no hello, or too long for
//! one, is left for TLS itself to refuse.

use std::io;

use bytes::BytesMut;
use rustls::ServerConnection;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::tls;

/// What is read of a connection for the name: ten times an ordinary hello with keys safe from quantum
/// computers.
const HELLO_MAX: usize = 16 * 1024;
/// Type, version and length of a record (RFC 8446 §5.1).
const RECORD_HEADER: usize = 5;
const RECORD_MAX: usize = 1 << 14;
const RECORD_HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const EXTENSION_SERVER_NAME: u16 = 0;
const NAME_IS_HOST: u8 = 0;
const EXTENSION_PROTOCOLS: u16 = 16;

/// What was read of a handshake.
#[derive(Debug, Default)]
pub(crate) struct Hello {
    /// All of it.
    pub(crate) bytes: BytesMut,
    /// The name that is asked for, in canonical form.
    pub(crate) name: Option<Box<str>>,
    /// Whether it is an issuer's, who wants to see a certificate and nothing else (RFC 8737 §3).
    pub(crate) is_issuers: bool,
}

/// What bytes of a handshake tell.
#[derive(Debug, PartialEq, Eq)]
enum Found<'h> {
    /// More is to come; there are at least so many bytes in all.
    Partial(usize),
    /// All that is to be known.
    Whole(Wishes<'h>),
}

/// What is asked for; nothing by what is no hello.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wishes<'h> {
    /// The name, if there is one.
    name: Option<&'h str>,
    /// See [`Hello::is_issuers`].
    is_issuers: bool,
}

impl Hello {
    /// Hands a session what was read in its place; an error when it refuses that.
    pub(crate) fn give_back(&self, session: &mut ServerConnection) -> io::Result<()> {
        let mut rest = &self.bytes[..];
        while !rest.is_empty() {
            session.read_tls(&mut rest)?;
            session.process_new_packets().map_err(io::Error::other)?;
        }
        Ok(())
    }
}

/// Reads until all is known. An error or the end of the connection is the visitor's.
pub(crate) async fn read(stream: &mut TcpStream) -> io::Result<Hello> {
    let mut bytes = BytesMut::with_capacity(2 * 1024);
    let mut needed = RECORD_HEADER;
    let mut message = Vec::new();
    loop {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if bytes.len() < needed {
            continue;
        }
        let wishes = match find(&bytes, &mut message) {
            Found::Partial(more) if more <= HELLO_MAX => {
                needed = more;
                continue;
            }
            Found::Partial(_) => Wishes::default(),
            Found::Whole(wishes) => wishes,
        };
        let Wishes { name, is_issuers } = wishes;
        return Ok(Hello {
            name: name.and_then(canonical),
            is_issuers,
            bytes,
        });
    }
}

/// A name as handshakes may ask for it, in canonical form.
pub(crate) fn canonical(name: &str) -> Option<Box<str>> {
    let (name, port) = ondol_model::host::authority(name)?;
    port.is_none().then(|| name.into_owned().into_boxed_str())
}

/// Finds what is asked for in records; `message` is the space to put the message together in.
fn find<'m>(bytes: &[u8], message: &'m mut Vec<u8>) -> Found<'m> {
    message.clear();
    let mut rest = bytes;
    loop {
        if let Some([kind, length @ ..]) = message.first_chunk::<4>() {
            let [high, middle, low] = *length;
            let whole = 4 + u32::from_be_bytes([0, high, middle, low]) as usize;
            if *kind != CLIENT_HELLO {
                return Found::Whole(Wishes::default());
            }
            if message.len() >= whole {
                return Found::Whole(wishes(&message[4..whole]).unwrap_or_default());
            }
            let missing = whole - message.len();
            if rest.is_empty() {
                return Found::Partial(bytes.len() + RECORD_HEADER + missing.min(RECORD_MAX));
            }
        }
        let taken = bytes.len() - rest.len();
        let Some((header, after)) = rest.split_first_chunk::<RECORD_HEADER>() else {
            return Found::Partial(taken + RECORD_HEADER);
        };
        let [kind, major, _, high, low] = *header;
        let length = usize::from(u16::from_be_bytes([high, low]));
        if kind != RECORD_HANDSHAKE || major != 3 || length == 0 || length > RECORD_MAX {
            return Found::Whole(Wishes::default());
        }
        let Some((payload, after)) = after.split_at_checked(length) else {
            return Found::Partial(taken + RECORD_HEADER + length);
        };
        message.extend_from_slice(payload);
        rest = after;
    }
}

/// What the body of a hello asks for; `None` when it is none, or has several names.
fn wishes(body: &[u8]) -> Option<Wishes<'_>> {
    let (_, rest) = body.split_at_checked(2 + 32)?; // Version and random bytes.
    let (_, rest) = vector(rest, 1)?; // Session.
    let (_, rest) = vector(rest, 2)?; // Cipher suites.
    let (_, rest) = vector(rest, 1)?; // Compressions.
    let (mut extensions, _) = vector(rest, 2)?;
    let (mut name, mut is_issuers) = (None, None);
    while let Some((kind, rest)) = extensions.split_first_chunk::<2>() {
        let (content, rest) = vector(rest, 2)?;
        let kind = u16::from_be_bytes(*kind);
        if kind == EXTENSION_SERVER_NAME && name.replace(only_name(content)?).is_some() {
            return None;
        }
        if kind == EXTENSION_PROTOCOLS {
            let is_first = is_issuers.is_none();
            is_issuers = Some(is_first && only_protocol(content) == Some(tls::ACME_TLS));
        }
        extensions = rest;
    }
    Some(Wishes {
        name,
        is_issuers: is_issuers.unwrap_or(false),
    })
}

/// The one name of the extension (RFC 6066 §3).
fn only_name(extension: &[u8]) -> Option<&str> {
    let (names, []) = vector(extension, 2)? else {
        return None;
    };
    let (NAME_IS_HOST, name) = names.split_first().map(|(kind, rest)| (*kind, rest))? else {
        return None;
    };
    let (name, []) = vector(name, 2)? else {
        return None;
    };
    std::str::from_utf8(name).ok()
}

/// The one protocol of the extension (RFC 7301 §3.1).
fn only_protocol(extension: &[u8]) -> Option<&[u8]> {
    let (protocols, []) = vector(extension, 2)? else {
        return None;
    };
    let (protocol, []) = vector(protocols, 1)? else {
        return None;
    };
    Some(protocol)
}

/// The bytes behind a length of so many bytes, and what follows them.
fn vector(bytes: &[u8], length_bytes: usize) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_at_checked(length_bytes)?;
    let length = length
        .iter()
        .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests;
