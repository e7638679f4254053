//! Addresses of servers that keep backups, as people paste them: without a password in them, and without one that
//! everybody in between could read.

use ondol_model::Hostname;
use ondol_model::host;
use ondol_model::network::is_public;

use crate::file::target::redirect::Address;
use crate::nearest::repeated;
use crate::report::Report;
use crate::section::Word;

/// An address of HTTP.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Url {
    /// `https://host:port`, in canonical form.
    pub(super) origin: String,
    /// The host alone.
    pub(super) host: Hostname,
    /// What stands before the `@`.
    pub(super) user: Option<String>,
    /// The path; empty, or with a slash in front and none at its end.
    pub(super) path: String,
}

/// What an address is for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Purpose {
    /// Its key.
    pub(super) key: &'static str,
    /// One that is accepted.
    pub(super) example: &'static str,
    /// Where its user and password stand.
    pub(super) credential: &'static str,
}

/// Reads an address; `text` is that of the word, or the end of it.
pub(super) fn read(
    word: Word<'_>,
    text: &str,
    purpose: Purpose,
    report: &mut Report,
) -> Option<Url> {
    let Purpose {
        key,
        example,
        credential,
    } = purpose;
    let (user, bare) = without_user(text);
    if user.is_some_and(|user| user.contains(':')) {
        password(word, key, credential, report);
        return None;
    }
    let Some(url) = parse(&bare, user) else {
        // A password with a slash in it looks like anything.
        let is_shown = !text.contains('@');
        let problem = match is_shown {
            true => format!("\"{}\" is not the address of a server", repeated(text)),
            false => format!("`{key}` is not the address of a server"),
        };
        let hint = match bare.contains("://") || bare.starts_with('/') {
            true => String::new(),
            false if is_shown => format!("did you mean \"https://{}\"? ", repeated(&bare)),
            false => String::new(),
        };
        let note = report.add(word.at, problem);
        note.help(format!("{hint}accepted: such as \"{example}\""));
        if !is_shown {
            note.hide_line();
        }
        return None;
    };
    if !is_safe(&url) {
        report
            .add(word.at, format!("\"{}\" is not safe: anyone in between could take its place", url.origin))
            .help("accepted: an address that begins with https://; http:// is for this machine and others in the house");
        return None;
    }
    Some(url)
}

/// Says that a password stands where it must not.
pub(super) fn password(word: Word<'_>, key: &str, credential: &str, report: &mut Report) {
    report
        .add(word.at, format!("`{key}` has a password in it"))
        .help(format!(
            "secrets do not belong in this file: write {credential}, then change that password, which others may have seen"
        ))
        .hide_line();
}

/// What stands before the `@` of an address, and the address without it.
pub(in crate::file) fn without_user(text: &str) -> (Option<&str>, String) {
    let Some((scheme, after)) = text.split_once("://") else {
        return (None, text.to_owned());
    };
    let end = after.find(['/', '?', '#']).unwrap_or(after.len());
    let (authority, rest) = after.split_at(end);
    match authority.rsplit_once('@') {
        Some((user, host)) => (Some(user), format!("{scheme}://{host}{rest}")),
        None => (None, text.to_owned()),
    }
}

fn parse(bare: &str, user: Option<&str>) -> Option<Url> {
    let address = Address::parse(bare)?;
    let (_, authority) = address.origin.split_once("://")?;
    let (name, _) = host::authority(authority)?;
    let is_plain = !address.rest.contains(['?', '#']) && user != Some("");
    is_plain.then_some(())?;
    Some(Url {
        host: Hostname::parse(&name).ok()?,
        path: address.rest.trim_end_matches('/').to_owned(),
        origin: address.origin,
        user: user.map(str::to_owned),
    })
}

/// Whether nobody in between can read along: it is HTTPS, or there is nobody but those in the house.
fn is_safe(url: &Url) -> bool {
    let is_private = match url.host.ip() {
        Some(ip) => !is_public(ip),
        None => url.host.is_private(),
    };
    url.origin.starts_with("https://") || is_private
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_of_an_address_is_what_stands_before_its_host() {
        for (text, user, bare) in [
            ("https://a.test/x@y", None, "https://a.test/x@y"),
            ("https://me@a.test/x", Some("me"), "https://a.test/x"),
            ("https://me:p@a.test", Some("me:p"), "https://a.test"),
            ("https://me:p@ss@a.test", Some("me:p@ss"), "https://a.test"),
            ("a@b", None, "a@b"),
        ] {
            assert_eq!(without_user(text), (user, bare.to_owned()), "{text}");
        }
    }

    #[test]
    fn http_is_for_the_house() {
        for (text, expected) in [
            ("https://backup.example.com", true),
            ("http://127.0.0.1:8000", true),
            ("http://[fd00::1]:8000/x", true),
            ("http://192.168.0.2", true),
            ("http://100.100.1.1", true),
            ("http://nas", true),
            ("http://nas.local", true),
            ("http://backup.example.com", false),
            ("http://8.8.8.8", false),
        ] {
            let url = parse(text, None).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(is_safe(&url), expected, "{text}");
        }
    }
}
