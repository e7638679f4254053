//! Paths of requests and of routes.
//!
//! A path is decoded and normalized once; matching a route and opening a file use that one string,
//! while an upstream gets the bytes that the visitor sent (RFC 3986 §6.2.2).

use std::borrow::Cow;
use std::fmt;

/// A slash that is part of a segment; it is never decoded.
const ENCODED_SLASH: &str = "%2F";

/// The path prefix of a route: begins with `/`, is decoded and has no `.` or `..` segments.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoutePath(Box<str>);

impl RoutePath {
    /// The whole site.
    pub fn root() -> Self {
        Self("/".into())
    }

    /// Reads a route's path; `None` when it does not begin with `/` or is not in normal form.
    pub fn parse(text: &str) -> Option<Self> {
        let normal = normalize(text)?;
        (text.starts_with('/') && normal == text && !text.contains(['?', '#', '*']))
            .then(|| Self(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a normalized path is under this prefix: `/api` covers `/api` and `/api/x` but not
    /// `/apix`; `/api/` covers `/api/x` but not `/api`.
    pub fn covers(&self, path: &str) -> bool {
        let Some(rest) = path.strip_prefix(&*self.0) else {
            return false;
        };
        rest.is_empty() || rest.starts_with('/') || self.0.ends_with('/')
    }

    /// The part of a covered path after this prefix, beginning with `/`.
    pub fn rest<'p>(&self, path: &'p str) -> &'p str {
        let head = self.0.strip_suffix('/').unwrap_or(&self.0).len();
        let rest = path.get(head..).unwrap_or_default();
        if rest.is_empty() { "/" } else { rest }
    }
}

impl fmt::Display for RoutePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Decodes and normalizes the path of a request: percent-encoding undone once, `.` and `..`
/// segments resolved, repeated slashes made one.
///
/// `None` for what no honest visitor sends: a path that does not begin with `/`, climbs above the
/// root, has a broken escape, a NUL, or bytes that are not UTF-8. An encoded slash (`%2F`) stays
/// encoded, so that it never becomes a separator.
pub fn normalize(path: &str) -> Option<Cow<'_, str>> {
    if is_normal(path) {
        return Some(Cow::Borrowed(path));
    }
    Some(Cow::Owned(resolve(&decode(path)?)?))
}

/// Whether those who read a path otherwise come to the same place, which `is_same` says of a path that is
/// read so. `sent` is the path as the visitor sent it, `normal` what [`normalize`] made of it.
///
/// An upstream gets the bytes that were sent. It may take an encoded slash or a backslash for a separator, or
/// drop what follows a `;` in a segment, or leave `..` where it is: then `/admin%2Fx`, which is one segment
/// here, would be below `/admin` there, and have gone around who guards that.
pub fn is_clear(sent: &str, normal: &str, is_same: impl Fn(&str) -> bool) -> bool {
    let is_loose = normal.contains([';', '\\']) || normal.contains(ENCODED_SLASH);
    if is_loose && !loosen(normal).is_some_and(|loose| is_same(&loose)) {
        return false;
    }
    let has_changed = sent.len() != normal.len();
    let unresolved = has_changed.then(|| decode(sent)).flatten();
    unresolved.is_none_or(|path| !path.split('/').any(|segment| segment == "..") || is_same(&path))
}

/// A normal path as the most generous reader takes it; `None` when it climbs above the root then.
fn loosen(normal: &str) -> Option<String> {
    let split = normal.replace(ENCODED_SLASH, "/").replace('\\', "/");
    let bare: Vec<_> = split
        .split('/')
        .map(|segment| segment.split(';').next().unwrap_or_default())
        .collect();
    resolve(&bare.join("/"))
}

fn resolve(decoded: &str) -> Option<String> {
    let mut normal = String::with_capacity(decoded.len());
    let mut segments = decoded.strip_prefix('/')?.split('/').peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            "" if !is_last => {}
            "." if !is_last => {}
            ".." => normal.truncate(normal.rfind('/')?),
            "" | "." => {}
            _ => {
                normal.push('/');
                normal.push_str(segment);
                continue;
            }
        }
        if is_last {
            normal.push('/');
        }
    }
    Some(normal)
}

/// Whether nothing of [`normalize`] applies, so that the common path costs one pass and no copy.
fn is_normal(path: &str) -> bool {
    let bytes = path.as_bytes();
    bytes.first() == Some(&b'/')
        && !bytes.iter().any(|byte| matches!(byte, b'%' | 0))
        && !bytes.windows(2).any(|pair| pair == b"//" || pair == b"/.")
}

fn decode(path: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        if byte == 0 {
            return None;
        }
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let high = char::from(bytes.next()?).to_digit(16)?;
        let low = char::from(bytes.next()?).to_digit(16)?;
        match u8::try_from(high * 16 + low).ok()? {
            0 => return None,
            b'/' => decoded.extend_from_slice(ENCODED_SLASH.as_bytes()),
            plain => decoded.push(plain),
        }
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests;
