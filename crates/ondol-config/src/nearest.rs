//! The word that was probably meant.

/// Longer texts are no typing error of a known word.
const WORD_BYTES_MAX: usize = 64;

/// The word most like the given one, when it is close enough to be meant.
pub(crate) fn nearest<'w>(given: &str, words: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    if given.len() > WORD_BYTES_MAX {
        return None;
    }
    let given = given.to_lowercase().replace('-', "_");
    let distances = words.map(|word| (strsim::damerau_levenshtein(&given, word), word));
    let (distance, word) = distances.min()?;
    let most = 1 + word.chars().count() / 4;
    (distance <= most && distance < given.chars().count()).then_some(word)
}

/// What keys of ours are called by other servers.
const OTHER_WORDS: &[(&str, &str)] = &[
    ("add_header", "headers"),
    ("auth_basic", "basic_auth"),
    ("auth_request", "forward_auth"),
    ("authtype", "basic_auth"),
    ("autoindex", "listing"),
    ("browse", "listing"),
    ("client_max_body_size", "limits"),
    ("documentroot", "files"),
    ("encode", "compression"),
    ("error_page", "error_pages"),
    ("errordocument", "error_pages"),
    ("expires", "cache_control"),
    ("file_server", "files"),
    ("gzip", "compression"),
    ("includesubdomains", "subdomains"),
    ("lb_policy", "balance"),
    ("limitrequestbody", "limits"),
    ("location", "routes"),
    ("path", "root"),
    ("proxy_pass", "proxy"),
    ("proxy_set_header", "request_headers"),
    ("proxypass", "proxy"),
    ("reverse_proxy", "proxy"),
    ("rewrite", "redirects"),
    ("root", "files"),
    ("server_name", "aliases"),
    ("serveralias", "aliases"),
    ("ssl_certificate", "certificate"),
    ("ssl_client_certificate", "client_ca"),
    ("try_files", "try"),
    ("upstream", "proxy"),
    ("uri", "path"),
    ("url", "path"),
];

/// Our key for what another server calls so.
pub(crate) fn elsewhere_called(given: &str) -> Option<&'static str> {
    let given = given.to_ascii_lowercase().replace('-', "_");
    let mut words = OTHER_WORDS.iter();
    words
        .find(|(theirs, _)| *theirs == given)
        .map(|(_, ours)| *ours)
}

/// A text of a file as messages repeat it: short, and on one line.
pub(crate) fn repeated(text: &str) -> String {
    let mut shown: String = text.chars().take(WORD_BYTES_MAX).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    let is_plain = |c: char| {
        !c.is_control() && !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    shown
        .chars()
        .map(|c| if is_plain(c) { c } else { '\u{fffd}' })
        .collect()
}
