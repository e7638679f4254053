//! What others said and where they are, fit for a sentence: short, on one line, without secrets.

use http::HeaderValue;

/// As much of an answer as fits into a sentence.
const QUOTED_CHARS_MAX: usize = 160;
/// Shorter texts are no secrets, and may be part of anything.
const SECRET_CHARS_MIN: usize = 6;
/// The parts of web pages that say least, to their ends.
const UNSEEN: [(&str, &str); 2] = [("<style", "</style>"), ("<script", "</script>")];

/// A receiver by the name of its kind and its host: `ntfy at ntfy.sh`.
pub(super) fn called(kind: &str, url: &str) -> String {
    format!("{kind} at {}", host_of(url))
}

/// The host in a URL, which is no secret; with its port, where that is written.
pub(super) fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    match host.is_empty() {
        true => "the same host",
        false => host,
    }
}

/// The URL without a user and password before the host, and the field by which these are sent (RFC 7617).
pub(crate) fn without_user(url: &str) -> (String, Option<HeaderValue>) {
    let whole = || (url.to_owned(), None);
    let Some((scheme, rest)) = url.split_once("://") else {
        return whole();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let Some((user, _)) = rest[..end].rsplit_once('@') else {
        return whole();
    };
    let mut encoded = ondol_model::base64::encode(decoded(user).as_bytes());
    while !encoded.len().is_multiple_of(4) {
        encoded.push('=');
    }
    let field = HeaderValue::from_str(&format!("Basic {encoded}"));
    let field = field.ok().map(|mut value| {
        value.set_sensitive(true);
        value
    });
    (format!("{scheme}://{}", &rest[user.len() + 1..]), field)
}

/// What must be in no sentence: these, and what follows the host in the URL, whole and in parts.
pub(super) fn secrets_of(url: &str, more: &[&str]) -> Vec<String> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let parts = rest.split(['/', '?', '&', '=', '#', '@', ':']).skip(1);
    let user = rest.rsplit_once('@').map(|(user, _)| user);
    let user = user.into_iter().flat_map(|user| user.split(':'));
    let path = rest.split_once('/').map(|(_, path)| path);
    let mut secrets: Vec<_> = more
        .iter()
        .copied()
        .chain(path)
        .chain(parts)
        .chain(user)
        .filter(|secret| secret.chars().count() >= SECRET_CHARS_MIN)
        .map(str::to_owned)
        .collect();
    // The longest first: a part of one that was replaced is not found any more.
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets
}

/// The first words of an answer; `None` when there are none.
pub(super) fn quoted(body: &[u8], secrets: &[String]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let text = match is_page(body) {
        true => words_of_page(&text),
        false => text.into_owned(),
    };
    let text = secrets
        .iter()
        .fold(text, |text, secret| text.replace(secret, "***"));
    let words: Vec<_> = text.split_whitespace().collect();
    let line = words.join(" ").replace('`', "'");
    let line: String = line.chars().filter(|letter| !letter.is_control()).collect();
    let line = super::parcel::cut(&line, QUOTED_CHARS_MAX, |_| 1);
    (!line.is_empty()).then_some(line)
}

/// Whether an answer is a web page, which is what those answer who are not who was asked.
pub(super) fn is_page(body: &[u8]) -> bool {
    let start = body.trim_ascii_start();
    let start = start
        .strip_prefix("\u{feff}".as_bytes())
        .unwrap_or(start)
        .trim_ascii_start();
    let start = start[..start.len().min(14)].to_ascii_lowercase();
    [&b"<!doctype html"[..], b"<html", b"<head", b"<body"]
        .iter()
        .any(|tag| start.starts_with(tag))
}

fn words_of_page(page: &str) -> String {
    let mut page = page.to_owned();
    for (begin, end) in UNSEEN {
        while let Some(at) = page.find(begin) {
            let rest = page[at..].find(end).map(|found| at + found + end.len());
            page.replace_range(at..rest.unwrap_or(page.len()), " ");
        }
    }
    let mut words = String::new();
    let mut is_inside = false;
    for letter in page.chars() {
        match letter {
            '<' => is_inside = true,
            '>' => {
                is_inside = false;
                words.push(' ');
            }
            _ if is_inside => {}
            _ => words.push(letter),
        }
    }
    words
}

/// A text of a URL without percents (RFC 3986 §2.1); what is none stays as it is.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let byte = match (first, after) {
            (b'%', [high, low, ..]) => {
                let digits = [*high, *low];
                let digits = std::str::from_utf8(&digits).ok();
                digits.and_then(|digits| u8::from_str_radix(digits, 16).ok())
            }
            _ => None,
        };
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_told_by_its_words_and_without_secrets() {
        let page = b" <!DOCTYPE html><html><head><style>a { }</style><title>Hotel WiFi</title></head>\n<body>Log in</body>";
        assert_eq!(quoted(page, &[]).as_deref(), Some("Hotel WiFi Log in"));
        let secrets = secrets_of("https://x.example/hooks/T0KEN-1?key=S3CRET9", &["ABCDEF"]);
        let said = b"no hook T0KEN-1 with S3CRET9 for ABCDEF in /hooks/T0KEN-1?key=S3CRET9";
        let said = quoted(said, &secrets).unwrap();
        assert_eq!(said, "no hook *** with *** for *** in /***");
        assert_eq!(quoted(b" \n", &[]), None);
        assert_eq!(
            quoted("가".repeat(500).as_bytes(), &[])
                .unwrap()
                .chars()
                .count(),
            QUOTED_CHARS_MAX
        );
    }

    #[test]
    fn a_user_in_a_url_is_sent_in_a_field() {
        let (url, field) = without_user("https://me:p%40ss@ntfy.example:8443/topic?a@b");
        assert_eq!(url, "https://ntfy.example:8443/topic?a@b");
        assert_eq!(field.unwrap(), "Basic bWU6cEBzcw==");
        let plain = "https://ntfy.example/topic@x";
        assert_eq!(without_user(plain), (plain.to_owned(), None));
    }

    #[test]
    fn a_host_is_all_that_is_told_of_a_url() {
        assert_eq!(
            host_of("https://me:pw@ntfy.example:8443/t"),
            "ntfy.example:8443"
        );
        assert_eq!(host_of("/login"), "the same host");
    }
}
