//! URLs that others are told something by: webhooks, topics, heartbeats. What is in one may be a secret.

use ondol_model::Hostname;
use ondol_model::host;
use ondol_model::network::is_public;

use crate::file::backup::without_user;
use crate::file::target::redirect::Address;
use crate::file::value::Wrong;

/// The longest URL; that of a webhook has some hundred bytes.
const BYTES_MAX: usize = 2_048;

/// Whether a text is such a URL.
pub(super) fn check(text: &str) -> Result<(), Wrong> {
    path(text).map(|_| ())
}

/// What follows the host of such a URL.
pub(super) fn path(text: &str) -> Result<String, Wrong> {
    let (user, bare) = without_user(text);
    if user.is_some() {
        return Err(Wrong::new(
            "has a user or a password in it",
            "write the URL without what stands before the `@`; who must be let in has a token, or a header",
        ));
    }
    let Some((host, address)) = parsed(&bare).filter(|_| text.len() <= BYTES_MAX) else {
        let help = match text.contains("://") {
            true => "accepted: such as \"https://example.com/path\"",
            false => "a URL begins with https://",
        };
        return Err(Wrong::new("is not a URL", help));
    };
    let is_private = match host.ip() {
        Some(ip) => !is_public(ip),
        None => host.is_private(),
    };
    if !address.origin.starts_with("https://") && !is_private {
        return Err(Wrong::new(
            "is not safe: anyone in between could read it, and take its place",
            "accepted: a URL that begins with https://; http:// is for this machine and others in the house",
        ));
    }
    Ok(address.rest)
}

fn parsed(bare: &str) -> Option<(Hostname, Address)> {
    let address = Address::parse(bare)?;
    let (_, authority) = address.origin.split_once("://")?;
    let (name, _) = host::authority(authority)?;
    let is_plain = !address.rest.contains('#');
    let host = Hostname::parse(&name).ok().filter(|_| is_plain)?;
    Some((host, address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_goes_by_https_or_stays_in_the_house() {
        for (text, path_of_it) in [
            ("https://hc-ping.com/3f9c", "/3f9c"),
            ("https://example.com", ""),
            (
                "https://kuma.example.com/api/push/x?status=up",
                "/api/push/x?status=up",
            ),
            ("http://127.0.0.1:8000/ping/x", "/ping/x"),
            ("http://[::1]:8000/x", "/x"),
            ("http://192.168.0.7:8123/api", "/api"),
            ("http://nas.local/x", "/x"),
        ] {
            assert_eq!(path(text).as_deref(), Ok(path_of_it), "{text}");
        }
        for (text, problem) in [
            ("http://example.com/x", "is not safe"),
            ("http://8.8.8.8/x", "is not safe"),
            ("https://me:secret@example.com/x", "has a user"),
            ("example.com/x", "is not a URL"),
            ("ftp://example.com/x", "is not a URL"),
            ("https://example.com/x#y", "is not a URL"),
            ("https://exa mple.com", "is not a URL"),
            ("", "is not a URL"),
        ] {
            let wrong = path(text).expect_err(text);
            assert!(wrong.problem.starts_with(problem), "{text}: {wrong:?}");
        }
    }
}
