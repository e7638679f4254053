//! `sftp`: a folder of another machine, as ssh and restic write it.

use std::path::Path;

use ondol_model::plan;

use crate::file;
use crate::file::backup::url;
use crate::nearest::repeated;
use crate::report::Report;
use crate::section::Either;
use crate::section::Section;
use crate::section::Word;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;
use crate::shape::Table;

const ADDRESS: Form = Form {
    what: "a folder of another machine",
    example: "backup@parents.example.com:/srv/ondol",
};
const ACCEPTED: &str = "accepted: \"user@host:/folder\", \"user@host:folder\" for one in that user's own, or \"sftp://user@host:port//folder\"";

pub(super) const SFTP: Key = Key {
    name: "sftp",
    doc: "A folder of another machine, reached by `ssh` with a key: `user@host:/folder`, `user@host:folder` for one in the user's own, or as a URL, where two slashes begin an absolute path (`sftp://user@host:port//folder`), as with ssh and restic. What `~/.ssh/config` of Ondol's user says counts.",
    shape: Shape::TextOrTable(ADDRESS, &FOLDER),
    absent: Absent::Means,
};

static FOLDER: Table = Table {
    title: "`sftp`",
    doc: "A folder of another machine.",
    keys: &[
        Key {
            name: "host",
            doc: "The machine: a name, an address, or what ssh's own configuration calls it.",
            shape: Shape::Text(Form {
                what: "a host",
                example: "parents.example.com",
            }),
            absent: Absent::Mistake,
        },
        Key {
            name: "user",
            doc: "The user there. Without it, what ssh's own configuration says.",
            shape: Shape::Text(Form {
                what: "the name of a user",
                example: "backup",
            }),
            absent: Absent::Means,
        },
        Key {
            name: "port",
            doc: "Its port. Without it, what ssh's own configuration says, else 22.",
            shape: Shape::Number {
                min: 1,
                max: 65_535,
            },
            absent: Absent::Means,
        },
        Key {
            name: "path",
            doc: "The folder; without a slash in front, it is in the user's own.",
            shape: Shape::Text(Form {
                what: "the path of a folder",
                example: "/srv/ondol",
            }),
            absent: Absent::Mistake,
        },
        Key {
            name: "identity",
            doc: "The private key, without a passphrase. Relative to this file. Without it, what ssh finds by itself.",
            shape: Shape::Text(Form {
                what: "a path",
                example: "/etc/ondol/backup.key",
            }),
            absent: Absent::Means,
        },
    ],
    later: &[],
};

pub(super) fn sftp(target: Section<'_>, folder: &Path, report: &mut Report) -> Option<plan::Sftp> {
    match target.either(SFTP.name)? {
        Either::Short(word) => short(word, report),
        Either::Long(table) => long(table, folder, report),
    }
}

/// A folder in one text, with or without `sftp:` in front.
pub(super) fn short(word: Word<'_>, report: &mut Report) -> Option<plan::Sftp> {
    if has_password(word.text) {
        let credential = "sftp = { host = \"…\", user = \"…\", path = \"…\", identity = \"path\" }: it goes by a key (`ssh-keygen`, `ssh-copy-id`)";
        url::password(word, SFTP.name, credential, report);
        return None;
    }
    let found = parse(word.text);
    if found.is_none() {
        let shown = repeated(word.text);
        let note = match may_have_password(word.text) {
            true => {
                let problem = "`sftp` is not a folder of another machine";
                report.add(word.at, problem).hide_line()
            }
            false => {
                let problem = format!("\"{shown}\" is not a folder of another machine");
                report.add(word.at, problem)
            }
        };
        note.help(ACCEPTED);
    }
    found
}

/// Whether what can't be read may have a password: one with a slash in it looks like anything.
fn may_have_password(text: &str) -> bool {
    let (_, text) = text.split_once("://").unwrap_or(("", text));
    let text = text.strip_prefix("sftp:").unwrap_or(text);
    text.rsplit_once('@')
        .is_some_and(|(before, _)| before.contains(':'))
}

fn has_password(text: &str) -> bool {
    let user = match text.split_once("://") {
        Some(_) => url::without_user(text).0,
        None => {
            let text = text.strip_prefix("sftp:").unwrap_or(text);
            let before_path = text.find('/').and_then(|at| text.get(..at));
            let before_path = before_path.unwrap_or(text);
            before_path.rsplit_once('@').map(|(user, _)| user)
        }
    };
    user.is_some_and(|user| user.contains(':'))
}

fn parse(text: &str) -> Option<plan::Sftp> {
    let (user, host, port, path) = match text.strip_prefix("sftp://") {
        Some(after) => {
            let (authority, path) = after.split_once('/')?;
            let (user, host) = of_user(authority);
            let (host, port) = of_port(host)?;
            // As with ssh and restic: the first slash only ends the host.
            (user, host, port, path.strip_prefix("~/").unwrap_or(path))
        }
        None => {
            let text = text.strip_prefix("sftp:").unwrap_or(text);
            let end = match text.find(']') {
                Some(bracket) => bracket + 1 + text.get(bracket + 1..)?.find(':')?,
                None => text.find(':')?,
            };
            let (user, host) = of_user(text.get(..end)?);
            let path = text.get(end + 1..)?;
            (user, host, None, path.strip_prefix("~/").unwrap_or(path))
        }
    };
    let is_fine = user.is_none_or(is_user) && is_host(host) && is_path(path);
    is_fine.then(|| plan::Sftp {
        user: user.map(str::to_owned),
        host: bare(host).to_owned(),
        port,
        path: folder_of(path),
        identity: None,
    })
}

fn long(table: Section<'_>, folder: &Path, report: &mut Report) -> Option<plan::Sftp> {
    let mut checked = |key, is_fine: fn(&str) -> bool, what: &str| {
        let word = table.text(key)?;
        let is_fine = is_fine(word.text);
        if !is_fine {
            let problem = format!("\"{}\" is not {what}", repeated(word.text));
            let example = FOLDER.key(key).map(|key| key.shape.accepted());
            let help = format!("accepted: {}", example.unwrap_or_default());
            report.add(word.at, problem).help(help);
        }
        is_fine.then_some(word.text)
    };
    let host = checked("host", is_host, "a host");
    let user = checked("user", is_user, "the name of a user");
    let path = checked("path", is_path, "the path of a folder");
    let identity = table.text("identity");
    let identity = identity.and_then(|word| file::path(word, folder, report));
    let port = table.number("port").and_then(|port| port.try_into().ok());
    Some(plan::Sftp {
        user: user.map(str::to_owned),
        host: bare(host?).to_owned(),
        port,
        path: folder_of(path?),
        identity,
    })
}

fn of_user(text: &str) -> (Option<&str>, &str) {
    match text.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, text),
    }
}

/// A host, and its port; `None` when that is none.
fn of_port(text: &str) -> Option<(&str, Option<u16>)> {
    let end = text.rfind(':').filter(|at| !text[*at..].contains(']'));
    let Some(end) = end else {
        return Some((text, None));
    };
    let port = text.get(end + 1..)?.parse::<u16>().ok();
    let port = port.filter(|port| *port != 0)?;
    Some((text.get(..end)?, Some(port)))
}

/// What ssh takes for a host, and not for a flag.
fn is_host(text: &str) -> bool {
    let text = bare(text);
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:%".contains(&byte);
    text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == ':')
        && text.len() <= 253
        && text.bytes().all(is_known)
}

/// An address of version 6 without its brackets.
fn bare(host: &str) -> &str {
    let inner = host.strip_prefix('[');
    inner
        .and_then(|inner| inner.strip_suffix(']'))
        .unwrap_or(host)
}

fn is_user(text: &str) -> bool {
    let is_known = |c: char| c.is_alphanumeric() || "._-+@\\".contains(c);
    text.starts_with(|c: char| c.is_alphanumeric() || c == '_') && text.chars().all(is_known)
}

fn is_path(text: &str) -> bool {
    let folder = folder_of(text);
    !matches!(&*folder, "" | "/" | "." | "~")
        && !folder.starts_with('~')
        && !folder.contains(char::is_control)
        && !folder.split('/').any(|part| part == "..")
}

fn folder_of(path: &str) -> String {
    match path.trim_end_matches('/') {
        "" if path.starts_with('/') => "/".to_owned(),
        path => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: (Option<&str>, &str, Option<u16>, &str)) {
        let (user, host, port, path) = expected;
        let expected = plan::Sftp {
            user: user.map(str::to_owned),
            host: host.to_owned(),
            port,
            path: path.to_owned(),
            identity: None,
        };
        assert_eq!(parse(text), Some(expected), "{text}");
    }

    #[test]
    fn folders_are_named_as_ssh_and_restic_do() {
        check("me@nas:/srv/a/", (Some("me"), "nas", None, "/srv/a"));
        check("me@nas:a", (Some("me"), "nas", None, "a"));
        check("nas:~/a", (None, "nas", None, "a"));
        check("sftp:me@nas:/srv/a", (Some("me"), "nas", None, "/srv/a"));
        check("me@[fd00::1]:/a", (Some("me"), "fd00::1", None, "/a"));
        check(
            "sftp://me@nas:2222//srv/a",
            (Some("me"), "nas", Some(2222), "/srv/a"),
        );
        check("sftp://me@nas/a/b", (Some("me"), "nas", None, "a/b"));
        check("sftp://me@nas:23/~/a", (Some("me"), "nas", Some(23), "a"));
        check("sftp://[fd00::1]:22//a", (None, "fd00::1", Some(22), "/a"));
        check(
            "sftp://u1-sub1@u1.example.com:23/a",
            (Some("u1-sub1"), "u1.example.com", Some(23), "a"),
        );
    }

    #[test]
    fn what_ssh_would_take_for_a_flag_is_no_folder() {
        for text in [
            "",
            "nas",
            "nas:",
            "me@nas:/",
            "me@nas:~",
            "me@nas:~other/a",
            "-oProxyCommand=x:/a",
            "-x@nas:/a",
            "me@-x:/a",
            "me@nas:/a/../b",
            "me@nas:/a\nb",
            "sftp://nas",
            "sftp://nas/",
            "sftp://nas:0//a",
            "sftp://nas:x//a",
            "sftp://nas:99999//a",
            "na s:/a",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        for text in ["sftp://me:p@nas//a", "me:p@nas:/a", "sftp:me:p@nas:/a"] {
            assert!(has_password(text), "{text}");
        }
        for text in ["sftp://me@nas:22//a", "me@nas:/a@b:c", "nas:a"] {
            assert!(!has_password(text), "{text}");
        }
    }
}
