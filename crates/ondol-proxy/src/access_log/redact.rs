//! Leaves secrets out of logged addresses.
//!
//! Values of parameters whose names say that they are secret, in queries, in fragments and after a `;` in
//! paths (`;jsessionid=…`), and user names and passwords in front of a host. What is a secret in a path
//! without a name cannot be told from any other path.

use memchr::memchr;
use memchr::memchr3;
use memchr::memrchr;
use ondol_model::plan::SecretName;

/// What stands in the place of a secret.
const MARK: &[u8] = b"REDACTED";
/// A name with escapes is looked at as far as this.
const NAME_BYTES_MAX: usize = 128;

/// The names of secrets.
#[derive(Debug)]
pub(super) struct Redaction(Box<[SecretName]>);

impl Redaction {
    pub(super) fn of(names: &[SecretName]) -> Self {
        Self(names.into())
    }

    /// Whether a path and query could have a secret at all: most have not.
    pub(super) fn may_concern(&self, target: &[u8]) -> bool {
        !self.0.is_empty() && next_mark(target).is_some()
    }

    /// Gives the parts of a path and query that are logged, in their order.
    pub(super) fn target(&self, text: &[u8], mut push: impl FnMut(&[u8])) {
        let mut kept_from = 0;
        let mut is_query = false;
        let mut at = 0;
        while let Some(begin) = next_parameter(text, at, &mut is_query) {
            at = end_of_parameter(text, begin, is_query);
            let parameter = &text[begin..at];
            if let Some(equals) = memchr(b'=', parameter)
                && equals + 1 < parameter.len()
                && self.is_secret(&parameter[..equals])
            {
                push(&text[kept_from..=begin + equals]);
                push(MARK);
                kept_from = at;
            }
        }
        push(&text[kept_from..]);
    }

    /// Gives the parts of a whole address that are logged, in their order.
    pub(super) fn address(&self, text: &[u8], mut push: impl FnMut(&[u8])) {
        let mut rest = text;
        if let Some(colon) = memchr(b':', text)
            && let (scheme, after) = text.split_at(colon + 1)
            && let Some(after) = after.strip_prefix(b"//")
        {
            let is_end = |byte: &u8| matches!(byte, b'/' | b'?' | b'#');
            let authority = after.iter().position(is_end).unwrap_or(after.len());
            if let Some(at_sign) = memrchr(b'@', &after[..authority]) {
                push(scheme);
                push(b"//");
                push(MARK);
                rest = &after[at_sign..];
            }
        }
        if self.may_concern(rest) {
            self.target(rest, push);
        } else {
            push(rest);
        }
    }

    fn is_secret(&self, name: &[u8]) -> bool {
        let mut buffer = [0; NAME_BYTES_MAX];
        let name = unescaped(name, &mut buffer);
        let mut names = self.0.iter();
        names.any(|secret| {
            // `user[password]` and `token[]`, as forms have it.
            let mut parts = name.split(|byte| matches!(byte, b'[' | b']'));
            secret.is(name) || parts.any(|part| secret.is(part))
        })
    }
}

/// Where the next parameter begins, from the end of the last one or the beginning of the text.
fn next_parameter(text: &[u8], from: usize, is_query: &mut bool) -> Option<usize> {
    let mark = if *is_query {
        (from < text.len()).then_some(from)?
    } else {
        from + next_mark(&text[from..])?
    };
    *is_query |= matches!(text[mark], b'?' | b'#');
    Some(mark + 1)
}

/// Where parameters begin for the first time: in a fragment they are written as in a query.
fn next_mark(text: &[u8]) -> Option<usize> {
    memchr3(b'?', b';', b'#', text)
}

fn end_of_parameter(text: &[u8], begin: usize, is_query: bool) -> usize {
    let is_end = |byte: &u8| match byte {
        b'&' => is_query,
        b'/' => !is_query,
        b';' | b'?' | b'#' => true,
        _ => false,
    };
    let rest = &text[begin..];
    begin + rest.iter().position(is_end).unwrap_or(rest.len())
}

/// Without `%`-escapes, where it has any and fits.
fn unescaped<'n>(name: &'n [u8], buffer: &'n mut [u8; NAME_BYTES_MAX]) -> &'n [u8] {
    if memchr(b'%', name).is_none() {
        return name;
    }
    let digit = |byte: Option<&u8>| char::from(*byte?).to_digit(16);
    let mut length = 0;
    let mut at = 0;
    while let (Some(byte), Some(place)) = (name.get(at), buffer.get_mut(length)) {
        let escaped = match (byte, digit(name.get(at + 1)), digit(name.get(at + 2))) {
            (b'%', Some(high), Some(low)) => u8::try_from(high * 16 + low).ok(),
            _ => None,
        };
        at += if escaped.is_some() { 3 } else { 1 };
        *place = escaped.unwrap_or(*byte);
        length += 1;
    }
    &buffer[..length]
}

#[cfg(test)]
mod tests;
