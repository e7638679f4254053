//! Whose something is: the numbers that names have on this machine, for on another one they had others.

use std::collections::HashMap;
use std::path::Path;

use rustic_core::repofile::Metadata;
use rustix::fs::Gid;
use rustix::fs::Uid;

const PASSWD: &str = "/etc/passwd";
const GROUP: &str = "/etc/group";

/// Users and groups of this machine, by name.
#[derive(Debug, Default)]
pub(super) struct Owners {
    users: HashMap<String, u32>,
    groups: HashMap<String, u32>,
}

impl Owners {
    /// Those of this machine; a file that can't be read has none.
    pub(super) fn here() -> Self {
        Self {
            users: numbers(&read(Path::new(PASSWD))),
            groups: numbers(&read(Path::new(GROUP))),
        }
    }

    /// The owner of something, by name, and by number where the name means nobody here.
    pub(super) fn of(&self, meta: &Metadata) -> (Option<Uid>, Option<Gid>) {
        let user = number(&self.users, meta.user.as_ref(), meta.uid);
        let group = number(&self.groups, meta.group.as_ref(), meta.gid);
        (user.map(Uid::from_raw), group.map(Gid::from_raw))
    }
}

fn number(known: &HashMap<String, u32>, name: Option<&String>, number: Option<u32>) -> Option<u32> {
    let by_name = name.and_then(|name| known.get(name)).copied();
    // The number that stands for nobody: the system takes it for "leave it as it is".
    by_name.or(number).filter(|number| *number != u32::MAX)
}

fn read(path: &Path) -> String {
    std::fs::read(path)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default()
}

/// Names and numbers of lines like `name:x:1000:…`; the first of a name counts.
fn numbers(text: &str) -> HashMap<String, u32> {
    let mut known = HashMap::new();
    for line in text.lines() {
        let mut fields = line.split(':');
        let (Some(name), Some(number)) = (fields.next(), fields.nth(1)) else {
            continue;
        };
        if let Ok(number) = number.parse() {
            known.entry(name.to_owned()).or_insert(number);
        }
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_counts_more_than_a_number() {
        let owners = Owners {
            users: numbers("root:x:0:0::/root:/bin/sh\nweb:x:990:980::/:/bin/false\nbad line\n"),
            groups: numbers("root:x:0:\nweb:x:980:\n"),
        };
        let meta = |user: &str, uid| Metadata {
            user: Some(user.to_owned()),
            uid: Some(uid),
            gid: Some(7),
            ..Metadata::default()
        };
        let of = |user, uid| {
            let (user, group) = owners.of(&meta(user, uid));
            (user.map(Uid::as_raw), group.map(Gid::as_raw))
        };
        assert_eq!(of("web", 1234), (Some(990), Some(7)));
        assert_eq!(of("gone", 1234), (Some(1234), Some(7)));
        assert_eq!(of("gone", u32::MAX), (None, Some(7)));
    }
}
