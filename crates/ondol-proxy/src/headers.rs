//! Which headers concern one connection alone, and stay behind (RFC 9110 §7.6.1).

use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;

/// Whether a header concerns only the connection it came on. `TE` is one too; a request may get its
/// `trailers` back. So is `Alt-Svc`: it names ports and protocols of the upstream, where no visitor is.
pub(crate) fn is_hop_by_hop(name: &str) -> bool {
    matches!(
        name,
        "alt-svc"
            | "connection"
            | "keep-alive"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
    )
}

/// Whether a comma-separated list has a token, whatever its case.
pub(crate) fn has_token(list: &HeaderValue, token: &str) -> bool {
    tokens(list).any(|candidate| candidate.eq_ignore_ascii_case(token))
}

/// Removes the headers that a `Connection` header names.
pub(crate) fn remove_nominated(headers: &mut HeaderMap, connection: &HeaderValue) {
    for name in tokens(connection) {
        headers.remove(name);
    }
}

/// Whether a `Connection` header names this one.
pub(crate) fn nominates(connection: &HeaderMap, name: &HeaderName) -> bool {
    connection
        .get_all(http::header::CONNECTION)
        .iter()
        .any(|list| has_token(list, name.as_str()))
}

/// Whether a value has a space or tab at one of its ends, which HTTP/1.1 leaves out as it is read.
pub(crate) fn is_padded(value: &HeaderValue) -> bool {
    let is_space = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    is_space(value.as_bytes().first()) || is_space(value.as_bytes().last())
}

fn tokens(list: &HeaderValue) -> impl Iterator<Item = &str> {
    let text = list.to_str().unwrap_or_default();
    text.split(',')
        .map(|token| token.trim_matches([' ', '\t']))
        .filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_found_whatever_their_case_and_spacing() {
        let list = HeaderValue::from_static(" Keep-Alive ,\tUPGRADE");
        assert!(has_token(&list, "upgrade") && has_token(&list, "keep-alive"));
        assert!(!has_token(&list, "close") && !has_token(&list, "up"));
    }
}
