//! What went wrong with an issuer, from the owner's side: which kind of failure it is, and a sentence that
//! says what happened and what to do. It decides nothing about the next try.

use std::fmt::Write as _;
use std::io;

use http::StatusCode;
use instant_acme::Error;
use instant_acme::Problem;
use instant_acme::Subproblem;
use ondol_base::chain::Chain;
use ondol_base::clock;
use ondol_base::https::HttpsError;
use ondol_model::issuing::FailureKind;
use rustls::CertificateError;
use serde::Deserialize;

use super::client::Answer;
use super::client::Seen;
use crate::failure::Failure;
use problems::Meaning;

mod problems;

pub(super) use problems::check_failed;

/// What all types of ACME's problems begin with (RFC 8555 §6.7).
const TYPES: &str = "urn:ietf:params:acme:error:";
/// How much of an issuer's own words is shown.
const WORDS_MAX: usize = 300;
/// How much of an answer that is no ACME is shown.
const GARBAGE_MAX: usize = 100;
/// Names of a problem that are spoken of one by one.
const NAMES_MAX: usize = 5;

/// The failure that an error of the ACME library is; `issuer` is what the owner calls it.
pub(super) fn failure(issuer: &str, error: &Error, seen: &Seen) -> Failure {
    let failure = match error {
        Error::Api(problem) => said(issuer, problem, seen),
        Error::Other(other) => match other.downcast_ref::<HttpsError>() {
            Some(error) => return unreachable(issuer, error),
            None => not_acme(issuer, seen),
        },
        Error::Crypto | Error::KeyRejected => Failure::new(
            FailureKind::Account,
            format!("the key of the account at {issuer} cannot be used: {error}"),
        ),
        _ => not_acme(issuer, seen),
    };
    retrying(failure, seen)
}

/// The same failure, with the moment before which the issuer does not want to be asked again.
pub(super) fn retrying(mut failure: Failure, seen: &Seen) -> Failure {
    let refused = seen.last.as_ref().filter(|last| is_refusal(last.status));
    failure.retry_at = refused.and_then(|last| last.retry_at);
    failure
}

/// An issuer that gave no answer.
pub(super) fn unreachable(issuer: &str, error: &HttpsError) -> Failure {
    let mut sentence = format!("{issuer} cannot be reached: {}", Chain(error));
    match error {
        HttpsError::Tls { source, .. } if is_about_time(source) => {
            let now = clock::rfc3339(clock::unix_seconds());
            // Which second it was does not help; whose clock it is does.
            sentence = format!(
                "{issuer} cannot be reached: {error}, because its own certificate has ended or is of the future; this machine's clock says {now}: if that is wrong, set it"
            );
        }
        HttpsError::Connect { source, .. } if source.kind() == io::ErrorKind::ConnectionRefused => {
            sentence.push_str("; see whether it runs there, or whether a firewall is in the way");
        }
        HttpsError::Lookup { .. } | HttpsError::Connect { .. } => {
            sentence.push_str("; see whether this box has a way to the internet");
        }
        _ => {}
    }
    Failure::new(FailureKind::Unreachable, sentence)
}

/// An answer that is none of an issuer.
pub(super) fn not_acme(issuer: &str, seen: &Seen) -> Failure {
    let Some(Answer { status, body, .. }) = &seen.last else {
        let sentence = format!("{issuer} did not answer what it was asked");
        return Failure::new(FailureKind::Unreachable, sentence);
    };
    let number = status.as_u16();
    let failure = match *status {
        StatusCode::TOO_MANY_REQUESTS => Failure::new(
            FailureKind::RateLimited,
            format!("{issuer} takes no more requests for now (HTTP {number})"),
        ),
        StatusCode::SERVICE_UNAVAILABLE => Failure::new(
            FailureKind::Unreachable,
            format!("{issuer} has too much to do for now (HTTP {number})"),
        ),
        _ => {
            let text = match readable(&String::from_utf8_lossy(body)) {
                text if text.is_empty() => String::new(),
                text => format!(": {text}"),
            };
            let sentence = if status.is_server_error() {
                format!("{issuer} has trouble of its own (HTTP {number}{text})")
            } else {
                format!(
                    "{issuer} answered something that is no ACME (HTTP {number}{text}); if that lasts, see whether its URL in `issuers` is right"
                )
            };
            Failure::new(FailureKind::Unreachable, sentence)
        }
    };
    retrying(failure, seen)
}

/// The issuer's own words, as part of a sentence; empty when it has none.
pub(super) fn words(problem: &Problem) -> String {
    match &problem.detail {
        Some(detail) => format!(": “{}”", printable(detail, WORDS_MAX)),
        None => String::new(),
    }
}

/// The word for a problem, without what all have in common.
pub(super) fn word(problem: &Problem) -> &str {
    short(problem.r#type.as_deref())
}

/// Whether a problem is of this type.
pub(super) fn is(error: &Error, word: &str) -> bool {
    matches!(error, Error::Api(problem) if self::word(problem) == word)
}

/// A text on one line, with what can't be printed left out, and an end.
pub(super) fn printable(text: &str, max: usize) -> String {
    let shown: String = text
        .chars()
        .map(|letter| if letter.is_whitespace() { ' ' } else { letter })
        .filter(|letter| !is_unprintable(*letter))
        .collect();
    let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    match shown.char_indices().nth(max) {
        Some((end, _)) => format!("{}…", &shown[..end]),
        None => shown,
    }
}

/// What moves a cursor, or turns what stands beside it around (Unicode's bidirectional controls).
fn is_unprintable(letter: char) -> bool {
    letter.is_control()
        || matches!(
            letter,
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | char::REPLACEMENT_CHARACTER
        )
}

/// A page without its tags, or what else there is.
fn readable(text: &str) -> String {
    let mut is_tag = false;
    let words = text.chars().filter_map(|letter| {
        let was_tag = is_tag;
        is_tag = (is_tag || letter == '<') && letter != '>';
        match (was_tag, is_tag) {
            (false, false) => Some(letter),
            (false, true) => Some(' '),
            (true, _) => None,
        }
    });
    printable(&words.collect::<String>(), GARBAGE_MAX)
}

/// What an issuer said in so many words.
fn said(issuer: &str, problem: &Problem, seen: &Seen) -> Failure {
    if let Some(url) = paused(problem) {
        let sentence = format!(
            "{issuer} does not look at these names any more, because too many tries have failed; after the cause is mended, open {url}"
        );
        return Failure::new(FailureKind::RateLimited, sentence);
    }
    let (about, word) = match problem.subproblems.first() {
        // What is said of all names together is said of each.
        Some(first) => (of_names(problem), short(first.r#type.as_deref())),
        None => (words(problem), word(problem)),
    };
    let status = seen.last.as_ref().map(|last| last.status);
    let meaning = problems::meaning(word).unwrap_or_else(|| by_status(status));
    let mut sentence = format!("{issuer} {}{about}", meaning.said);
    if let Some(url) = instance(seen).filter(|_| word == "userActionRequired") {
        let _infallible = write!(sentence, "; see {url}");
    }
    if !meaning.advice.is_empty() {
        let _infallible = write!(sentence, "; {}", meaning.advice);
    }
    Failure::new(meaning.kind, sentence)
}

/// What is said of each name of a problem (RFC 8555 §6.7.1).
fn of_names(problem: &Problem) -> String {
    let parts = problem.subproblems.iter().take(NAMES_MAX).map(|part| {
        let Subproblem {
            identifier, detail, ..
        } = part;
        let name = identifier.as_ref();
        let name = name.map_or_else(String::new, |name| name.authorized(false).to_string());
        let name = printable(&name, WORDS_MAX);
        let detail = detail.as_deref().unwrap_or("no reason given");
        format!("{name} (“{}”)", printable(detail, WORDS_MAX))
    });
    let mut text = format!(": {}", parts.collect::<Vec<_>>().join(", "));
    if let more @ 1.. = problem.subproblems.len().saturating_sub(NAMES_MAX) {
        let _infallible = write!(text, " and {more} more");
    }
    text
}

/// Where an account or a name is taken up again that Let's Encrypt has stopped to look at.
fn paused(problem: &Problem) -> Option<String> {
    let detail = problem.detail.as_deref()?;
    let url = detail
        .split_whitespace()
        .find(|word| word.starts_with("https://") && word.contains("unpause"))?;
    Some(printable(
        url.trim_end_matches(['.', ',', ')']),
        4 * WORDS_MAX,
    ))
}

/// The page that a problem names, which the ACME library leaves out.
fn instance(seen: &Seen) -> Option<String> {
    #[derive(Deserialize)]
    struct Page {
        instance: Option<String>,
    }
    let body = &seen.last.as_ref()?.body;
    let page: Page = serde_json::from_slice(body).ok()?;
    Some(printable(&page.instance?, WORDS_MAX))
}

/// What a problem of a type that nobody knows means.
fn by_status(status: Option<StatusCode>) -> &'static Meaning {
    match status {
        Some(StatusCode::TOO_MANY_REQUESTS) => &problems::LIMITED,
        Some(status) if status.is_server_error() => &problems::TROUBLE,
        Some(_) | None => &problems::REFUSED,
    }
}

fn short(kind: Option<&str>) -> &str {
    let kind = kind.unwrap_or_default();
    kind.strip_prefix(TYPES).unwrap_or(kind)
}

fn is_refusal(status: StatusCode) -> bool {
    status.is_client_error() || status.is_server_error()
}

/// Whether a handshake failed over the dates of a certificate.
fn is_about_time(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    matches!(
        inner,
        Some(rustls::Error::InvalidCertificate(
            CertificateError::Expired
                | CertificateError::ExpiredContext { .. }
                | CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. }
        ))
    )
}

#[cfg(test)]
mod tests;
