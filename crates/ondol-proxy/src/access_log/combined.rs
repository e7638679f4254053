//! Apache's combined log format: `%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i"`.
//!
//! What GoAccess, fail2ban and AWStats read without being told. Times are in UTC. Everything outside
//! of printable ASCII is escaped as Apache does it, so that a line can neither be forged nor move the
//! cursor of the terminal that shows it, nor read otherwise than it is (CVE-2021-42574).

use std::io::Write;
use std::net::IpAddr;

use ondol_model::limits;

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
) {
    push_address(line, entry.client);
    line.extend_from_slice(b" - ");
    push_user(line, entry.user);
    line.extend_from_slice(b" [");
    stamp.push_apache(line, entry.at);
    line.extend_from_slice(b"] \"");
    push_request_line(line, entry, redaction);
    line.extend_from_slice(b"\" ");
    decimal::push(line, u64::from(entry.status));
    line.push(b' ');
    match entry.body_bytes {
        0 => line.push(b'-'),
        bytes => decimal::push(line, bytes),
    }
    line.extend_from_slice(b" \"");
    push_field(line, entry.referer, |line, referer| {
        redaction.address(referer, |part| push_escaped(line, part));
    });
    line.extend_from_slice(b"\" \"");
    push_field(line, entry.user_agent, push_escaped);
    line.extend_from_slice(b"\"\n");
}

/// Appends an address, without brackets.
pub(super) fn push_address(line: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(v4) => {
            for (place, number) in v4.octets().into_iter().enumerate() {
                if place > 0 {
                    line.push(b'.');
                }
                decimal::push(line, u64::from(number));
            }
        }
        IpAddr::V6(v6) => {
            let written = write!(line, "{v6}");
            debug_assert!(written.is_ok(), "memory takes every write");
        }
    }
}

/// A name stands without quotes, so what could be read as more than one field is escaped too.
fn push_user(line: &mut Vec<u8>, user: Option<&[u8]>) {
    let user = user.unwrap_or_default();
    let kept = user.get(..limits::ACCESS_LOG_FIELD_BYTES_MAX);
    let nobody = user.is_empty() || user == b"-";
    if nobody {
        line.push(b'-');
        return;
    }
    for byte in kept.unwrap_or(user) {
        match byte {
            b'"' | b'\\' | b'[' | b']' => push_hex(line, *byte),
            b'!'..=b'~' => line.push(*byte),
            byte => push_hex(line, *byte),
        }
    }
}

fn push_hex(line: &mut Vec<u8>, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    line.extend_from_slice(b"\\x");
    line.extend(HEX.get(usize::from(byte >> 4)));
    line.extend(HEX.get(usize::from(byte & 15)));
}

/// One that could not be read is a hyphen, as Apache has it.
fn push_request_line(line: &mut Vec<u8>, entry: &Entry<'_>, redaction: &Redaction) {
    if entry.method.is_empty() {
        return line.push(b'-');
    }
    push_escaped(line, entry.method.as_bytes());
    line.push(b' ');
    let target = entry.target.as_bytes();
    if redaction.may_concern(target) {
        redaction.target(target, |part| push_escaped(line, part));
    } else {
        push_escaped(line, target);
    }
    line.push(b' ');
    line.extend_from_slice(version_text(entry.version).as_bytes());
}

/// What is sent by visitors at any length, as `push` writes it.
fn push_field(line: &mut Vec<u8>, field: Option<&[u8]>, push: impl Fn(&mut Vec<u8>, &[u8])) {
    let Some(bytes) = field else {
        line.push(b'-');
        return;
    };
    match bytes.split_at_checked(limits::ACCESS_LOG_FIELD_BYTES_MAX) {
        Some((kept, rest)) if !rest.is_empty() => {
            push(line, kept);
            line.extend_from_slice(b"...");
        }
        Some(_) | None => push(line, bytes),
    }
}

/// As Apache's `ap_escape_logitem`.
fn push_escaped(line: &mut Vec<u8>, text: &[u8]) {
    let mut rest = text;
    while let Some(place) = rest.iter().position(|byte| !is_plain(*byte)) {
        let (plain, special) = rest.split_at(place);
        line.extend_from_slice(plain);
        let Some((byte, after)) = special.split_first() else {
            break;
        };
        match byte {
            b'"' | b'\\' => line.extend_from_slice(&[b'\\', *byte]),
            0x08 => line.extend_from_slice(b"\\b"),
            b'\n' => line.extend_from_slice(b"\\n"),
            b'\r' => line.extend_from_slice(b"\\r"),
            b'\t' => line.extend_from_slice(b"\\t"),
            0x0b => line.extend_from_slice(b"\\v"),
            byte => push_hex(line, *byte),
        }
        rest = after;
    }
    line.extend_from_slice(rest);
}

fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

#[cfg(test)]
mod tests;
