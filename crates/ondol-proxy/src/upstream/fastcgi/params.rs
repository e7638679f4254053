//! What a script is told of its request: the variables of CGI (RFC 3875 §4.1), as the common servers set them.

use std::io::Write;
use std::os::unix::ffi::OsStrExt;

use http::Version;

use super::script::Script;
use crate::upstream::connector::VisitorEnds;
use crate::upstream::request_head;
use crate::upstream::request_head::Forwarding;
use crate::upstream::request_head::RequestHead;

/// What is said in variables of their own, and what would make a script look for a proxy in front of it: Ondol
/// is its server, so the address, the scheme and the host that it is told are the visitor's own.
const SAID_OTHERWISE: [&[u8]; 14] = [
    b"content-length",
    b"content-type",
    b"connection",
    b"te",
    b"transfer-encoding",
    b"trailer",
    b"x-forwarded-for",
    b"x-forwarded-host",
    b"x-forwarded-port",
    b"x-forwarded-prefix",
    b"x-forwarded-proto",
    b"x-forwarded-server",
    b"x-real-ip",
    b"forwarded",
];

/// Appends the parameters of a request.
///
/// The fields of its head are those that a server of HTTP/1.1 would get, so that the rules about what is passed
/// on stand in one place.
pub(super) fn encode(
    head: &RequestHead<'_>,
    (script, visitor): (&Script, VisitorEnds),
    buffer: &mut Vec<u8>,
) {
    let mut text = Vec::with_capacity(1024);
    let as_http = RequestHead {
        upgrade: None,
        prefix: None,
        forwarding: Forwarding {
            via: None,
            ..head.forwarding
        },
        ..*head
    };
    request_head::encode(&as_http, &mut text);
    let fields = || fields(&text);
    let field = |wanted: &[u8]| fields().find(|(name, _)| *name == wanted);
    about_server(head, script, visitor, buffer);
    about_script(head, script, buffer);
    for (name, variable) in [
        (&b"content-type"[..], &b"CONTENT_TYPE"[..]),
        (b"content-length", b"CONTENT_LENGTH"),
    ] {
        let value = field(name).map_or(&b""[..], |(_, value)| value);
        put(buffer, variable, &[value]);
    }
    for (at, (name, value)) in fields().enumerate() {
        let is_first = || !fields().take(at).any(|(earlier, _)| earlier == name);
        if is_variable(name) && is_first() {
            let more = fields().skip(at + 1).filter(|(later, _)| *later == name);
            put_field(buffer, name, value, more.map(|(_, value)| value));
        }
    }
}

fn about_server(
    head: &RequestHead<'_>,
    script: &Script,
    visitor: VisitorEnds,
    buffer: &mut Vec<u8>,
) {
    let Forwarding {
        client,
        scheme,
        host,
        ..
    } = head.forwarding;
    let is_secure = scheme == "https";
    let usual = if is_secure { 443 } else { 80 };
    let (name, port) = ondol_model::host::authority(host).unwrap_or_default();
    let version = match script.version {
        Version::HTTP_2 => "HTTP/2.0",
        Version::HTTP_10 => "HTTP/1.0",
        _ => "HTTP/1.1",
    };
    put(buffer, b"GATEWAY_INTERFACE", &[b"CGI/1.1"]);
    put(buffer, b"SERVER_SOFTWARE", &[b"ondol"]);
    put(buffer, b"SERVER_PROTOCOL", &[version.as_bytes()]);
    put(buffer, b"SERVER_NAME", &[name.as_bytes()]);
    put_shown(buffer, b"SERVER_PORT", port.unwrap_or(usual));
    if !visitor.to.ip().is_unspecified() {
        put_shown(buffer, b"SERVER_ADDR", visitor.to.ip().to_canonical());
    }
    put(buffer, b"REMOTE_ADDR", &[client.as_bytes()]);
    if visitor.from.port() != 0 {
        put_shown(buffer, b"REMOTE_PORT", visitor.from.port());
    }
    if let Some(user) = &script.user {
        put(buffer, b"REMOTE_USER", &[user]);
    }
    put(buffer, b"REQUEST_SCHEME", &[scheme.as_bytes()]);
    if is_secure {
        put(buffer, b"HTTPS", &[b"on"]);
    }
}

fn about_script(head: &RequestHead<'_>, script: &Script, buffer: &mut Vec<u8>) {
    let Script {
        root,
        base,
        name,
        path_info,
        user: _,
        version: _,
    } = script;
    let root = root.as_os_str().as_bytes();
    let (base, name, path_info) = (base.as_bytes(), name.as_bytes(), path_info.as_bytes());
    let slash = if head.target.starts_with('/') {
        ""
    } else {
        "/"
    };
    let query = head.target.split_once('?').map_or("", |(_, query)| query);
    put(
        buffer,
        b"REQUEST_METHOD",
        &[head.method.as_str().as_bytes()],
    );
    let target = [slash.as_bytes(), head.target.as_bytes()];
    put(buffer, b"REQUEST_URI", &target);
    put(buffer, b"QUERY_STRING", &[query.as_bytes()]);
    put(buffer, b"DOCUMENT_ROOT", &[root]);
    put(buffer, b"SCRIPT_FILENAME", &[root, b"/", name]);
    put(buffer, b"SCRIPT_NAME", &[base, b"/", name]);
    put(buffer, b"DOCUMENT_URI", &[base, b"/", name]);
    put(buffer, b"PATH_INFO", &[path_info]);
    if !path_info.is_empty() {
        put(buffer, b"PATH_TRANSLATED", &[root, path_info]);
    }
    put(buffer, b"REDIRECT_STATUS", &[b"200"]); // php-cgi runs nothing without.
}

/// The fields of a head that was written here: name and value of each.
fn fields(text: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> + Clone {
    let lines = text.split(|byte| *byte == b'\n').skip(1);
    lines.filter_map(|line| {
        let line = line.strip_suffix(b"\r")?;
        let colon = memchr::memchr(b':', line)?;
        let (name, rest) = line.split_at(colon);
        Some((name, rest.strip_prefix(b": ").unwrap_or(&rest[1..])))
    })
}

/// Whether a field becomes a variable `HTTP_…`. A name with another sign than `-` does not: PHP has a meaning of
/// its own for some (`[`), and takes others for `_`, which is how it reads `-`.
fn is_variable(name: &[u8]) -> bool {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
    name.iter().all(is_plain) && !SAID_OTHERWISE.contains(&name)
}

/// `HTTP_NAME`, with the values of all fields of this name (RFC 3875 §4.1.18).
fn put_field<'v>(
    buffer: &mut Vec<u8>,
    name: &[u8],
    first: &[u8],
    more: impl Iterator<Item = &'v [u8]> + Clone,
) {
    let length = first.len() + more.clone().map(|value| value.len() + 2).sum::<usize>();
    put_length(buffer, b"HTTP_".len() + name.len());
    put_length(buffer, length);
    buffer.extend_from_slice(b"HTTP_");
    let variable = name.iter().map(|byte| match byte {
        b'-' => b'_',
        other => other.to_ascii_uppercase(),
    });
    buffer.extend(variable);
    buffer.extend_from_slice(first);
    for value in more {
        buffer.extend_from_slice(b", ");
        buffer.extend_from_slice(value);
    }
}

fn put(buffer: &mut Vec<u8>, name: &[u8], value: &[&[u8]]) {
    put_length(buffer, name.len());
    put_length(buffer, value.iter().map(|part| part.len()).sum());
    buffer.extend_from_slice(name);
    for part in value {
        buffer.extend_from_slice(part);
    }
}

fn put_shown(buffer: &mut Vec<u8>, name: &[u8], value: impl std::fmt::Display) {
    let mut text = Vec::with_capacity(40);
    let written = write!(text, "{value}");
    debug_assert!(written.is_ok(), "a vector takes all bytes");
    put(buffer, name, &[&text]);
}

/// In one byte, or in four with the highest bit set (FastCGI 1.0 §3.4).
fn put_length(buffer: &mut Vec<u8>, length: usize) {
    match u8::try_from(length) {
        Ok(length) if length < 0x80 => buffer.push(length),
        _ => {
            let length = u32::try_from(length).unwrap_or(u32::MAX) | 0x8000_0000;
            buffer.extend_from_slice(&length.to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests;
