//! Headers that a request loses and gets on its way to an upstream, because of who sent it.

use std::rc::Rc;

use http::HeaderName;
use http::HeaderValue;

/// What differs from the visitor's own headers.
#[derive(Debug)]
pub(crate) struct Changes {
    /// Names, in lower case, whose fields are dropped.
    pub(crate) drop: Rc<[Box<str>]>,
    /// Fields that are added then.
    pub(crate) add: Vec<(HeaderName, HeaderValue)>,
}

impl Changes {
    /// Whether a field of a visitor is dropped.
    pub(super) fn drops(&self, name: &str) -> bool {
        has(&self.drop, name)
    }
}

/// Whether a field is among names that are dropped. Apps behind CGI and its heirs can't tell `-` from `_`,
/// and some not from `.` or other signs: what reads like a name that is dropped is dropped too.
pub(super) fn has(dropped: &[Box<str>], name: &str) -> bool {
    dropped.iter().any(|dropped| reads_like(dropped, name))
}

fn reads_like(one: &str, other: &str) -> bool {
    let is_same = |(a, b): (u8, u8)| match (a.is_ascii_alphanumeric(), b.is_ascii_alphanumeric()) {
        (true, true) => a == b,
        (false, false) => true,
        (true, false) | (false, true) => false,
    };
    one.len() == other.len() && one.bytes().zip(other.bytes()).all(is_same)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reads_like_a_dropped_name_is_dropped() {
        let changes = Changes {
            drop: Rc::new(["remote-user".into()]),
            add: Vec::new(),
        };
        for name in ["remote-user", "remote_user", "remote.user", "remote~user"] {
            assert!(changes.drops(name), "{name}");
        }
        for name in [
            "remote-users",
            "remoteuser",
            "remote-use",
            "remotexuser",
            "x",
        ] {
            assert!(!changes.drops(name), "{name}");
        }
    }
}
