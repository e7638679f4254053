//! One JSON object a line.
//!
//! | key | what |
//! |---|---|
//! | `time` | when the request's head had arrived, RFC 3339 in UTC with milliseconds |
//! | `client` | the visitor's address |
//! | `user` | the name it was let through by, or `null` |
//! | `method`, `target`, `version` | the request line: `GET`, `/a?b=c`, `HTTP/1.1`; `""` and `null` when it could not be read |
//! | `host` | the host that was asked for |
//! | `site` | the site that answered, `""` when there was none |
//! | `route` | the path of its route, `/` of its own target, or `null` when none was asked |
//! | `status` | of the response, a number |
//! | `bytes` | of the response's body as far as it was sent |
//! | `duration_us` | until the last byte of the response, in microseconds |
//! | `request_id` | as on the error page and in the header to the upstream |
//! | `tls` | `"1.2"`, `"1.3"`, or `null` on plain HTTP |
//! | `client_certificate` | who the visitor's certificate is for, or `null` |
//! | `referer`, `user_agent` | as sent, or `null`; bytes that are not UTF-8 become U+FFFD |
//! | `upstream`, `upstream_us` | who was asked and how long the head took, or `null` |
//! | `failure` | what went wrong, or `null` |
//! | `sample` | the share of such requests that have a line: each stands for `1 / sample` of them |
//!
//! GoAccess reads it with `--date-format=%Y-%m-%d --time-format=%H:%M:%S` and
//! `--log-format={"time":"%dT%t.%^Z","client":"%h","method":"%m","target":"%U","version":"%H","host":"%v","status":"%s","bytes":"%b","duration_us":"%D","referer":"%R","user_agent":"%u"}`.
//!
//! All keys are always there, in this order; new ones may come, and none changes its meaning. Everything
//! outside of printable ASCII is escaped, so that a line is safe to look at in a terminal, and reads as
//! it is (CVE-2021-42574). Values of secret parameters in `target` and `referer` are `REDACTED`; cookies,
//! `Authorization` and bodies are never logged.

use std::io::Write;

use memchr::memrchr;
use ondol_model::limits;
use ondol_model::plan::Share;
use rustls::ProtocolVersion;

use super::combined::push_address;
use super::decimal;
use super::entry::Entry;
use super::entry::version_text;
use super::redact::Redaction;
use super::stamp::Stamp;

/// Appends the line of a request, with its end.
pub(super) fn push(
    line: &mut Vec<u8>,
    stamp: &mut Stamp,
    entry: &Entry<'_>,
    redaction: &Redaction,
    sample: Share,
) {
    line.extend_from_slice(b"{\"time\":\"");
    stamp.push_rfc3339(line, entry.at);
    line.extend_from_slice(b"\",\"client\":\"");
    push_address(line, entry.client);
    line.push(b'"');
    push_bytes(line, b",\"user\":", entry.user, push_escaped_bytes);
    push_text(line, b",\"method\":", entry.method);
    push_target(line, entry.target, redaction);
    push_text(line, b",\"version\":", version_text(entry.version));
    push_text(line, b",\"host\":", without_user(entry.host));
    push_text(line, b",\"site\":", entry.site);
    push_optional_text(line, b",\"route\":", entry.route);
    push_number(line, b",\"status\":", u64::from(entry.status));
    push_number(line, b",\"bytes\":", entry.body_bytes);
    push_number(line, b",\"duration_us\":", microseconds(entry));
    let written = write!(line, ",\"request_id\":\"{}\"", entry.request_id);
    debug_assert!(written.is_ok(), "memory takes every write");
    push_optional_text(line, b",\"tls\":", entry.tls.map(tls_text));
    push_optional_text(line, b",\"client_certificate\":", entry.client_certificate);
    push_bytes(line, b",\"referer\":", entry.referer, |line, referer| {
        redaction.address(referer, |part| push_escaped_bytes(line, part));
    });
    push_bytes(
        line,
        b",\"user_agent\":",
        entry.user_agent,
        push_escaped_bytes,
    );
    push_optional_text(line, b",\"upstream\":", entry.upstream);
    match entry.upstream_us {
        Some(time) => push_number(line, b",\"upstream_us\":", time),
        None => line.extend_from_slice(b",\"upstream_us\":null"),
    }
    push_optional_text(line, b",\"failure\":", entry.failure);
    push_share(line, sample);
    line.extend_from_slice(b"}\n");
}

fn push_target(line: &mut Vec<u8>, target: &str, redaction: &Redaction) {
    if target.is_empty() {
        return push_null(line, b",\"target\":");
    }
    if !redaction.may_concern(target.as_bytes()) {
        return push_text(line, b",\"target\":", target);
    }
    line.extend_from_slice(b",\"target\":\"");
    redaction.target(target.as_bytes(), |part| push_escaped_bytes(line, part));
    line.push(b'"');
}

/// The host of `user:password@host`.
fn without_user(host: &str) -> &str {
    memrchr(b'@', host.as_bytes()).map_or(host, |place| host.split_at(place + 1).1)
}

/// As a number: `1`, `0.1`.
fn push_share(line: &mut Vec<u8>, share: Share) {
    line.extend_from_slice(b",\"sample\":");
    if share == Share::ALL {
        line.push(b'1');
        return;
    }
    line.extend_from_slice(b"0.");
    decimal::push_padded(line, u64::from(share.millionths()), 6);
    while line.last() == Some(&b'0') {
        line.pop();
    }
}

fn microseconds(entry: &Entry<'_>) -> u64 {
    u64::try_from(entry.duration.as_micros()).unwrap_or(u64::MAX)
}

fn tls_text(version: ProtocolVersion) -> &'static str {
    match version {
        ProtocolVersion::TLSv1_2 => "1.2",
        ProtocolVersion::TLSv1_3 => "1.3",
        _ => "other",
    }
}

fn push_number(line: &mut Vec<u8>, key: &[u8], number: u64) {
    line.extend_from_slice(key);
    decimal::push(line, number);
}

fn push_text(line: &mut Vec<u8>, key: &[u8], text: &str) {
    line.extend_from_slice(key);
    line.push(b'"');
    push_escaped(line, text);
    line.push(b'"');
}

fn push_optional_text(line: &mut Vec<u8>, key: &[u8], text: Option<&str>) {
    match text {
        Some(text) => push_text(line, key, text),
        None => push_null(line, key),
    }
}

fn push_null(line: &mut Vec<u8>, key: &[u8]) {
    line.extend_from_slice(key);
    line.extend_from_slice(b"null");
}

/// What is sent by visitors at any length, as `push` writes it.
fn push_bytes(
    line: &mut Vec<u8>,
    key: &[u8],
    bytes: Option<&[u8]>,
    push: impl Fn(&mut Vec<u8>, &[u8]),
) {
    let Some(bytes) = bytes else {
        return push_null(line, key);
    };
    line.extend_from_slice(key);
    line.push(b'"');
    let split = bytes.split_at_checked(limits::ACCESS_LOG_FIELD_BYTES_MAX);
    let (kept, cut) = split.unwrap_or((bytes, b""));
    push(line, kept);
    if !cut.is_empty() {
        line.extend_from_slice(b"...");
    }
    line.push(b'"');
}

fn push_escaped_bytes(line: &mut Vec<u8>, bytes: &[u8]) {
    for chunk in bytes.utf8_chunks() {
        push_escaped(line, chunk.valid());
        if !chunk.invalid().is_empty() {
            line.extend_from_slice(b"\\ufffd");
        }
    }
}

/// RFC 8259 §7; what is beyond U+FFFF becomes two escapes.
fn push_escaped(line: &mut Vec<u8>, text: &str) {
    let mut rest = text;
    while let Some(place) = rest.bytes().position(|byte| !is_plain(byte)) {
        let (plain, special) = rest.split_at(place);
        line.extend_from_slice(plain.as_bytes());
        let mut letters = special.chars();
        match letters.next() {
            Some(quoted @ ('"' | '\\')) => line.extend([b'\\', quoted as u8]),
            Some(letter) => push_units(line, letter),
            None => {}
        }
        rest = letters.as_str();
    }
    line.extend_from_slice(rest.as_bytes());
}

fn push_units(line: &mut Vec<u8>, letter: char) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    for unit in letter.encode_utf16(&mut [0; 2]) {
        line.extend_from_slice(b"\\u");
        for shift in [12, 8, 4, 0] {
            line.extend(HEX.get(usize::from(*unit >> shift & 15)));
        }
    }
}

fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

#[cfg(test)]
mod tests;
