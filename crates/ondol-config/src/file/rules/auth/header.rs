//! Names of headers that tell an app who a visitor is.

use crate::nearest::repeated;
use crate::report::Report;
use crate::section::Word;

/// Those that frame a request, belong to its visitor, or are told to every app.
const TAKEN: [&str; 20] = [
    "accept-encoding",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "proxy-authorization",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
    "x-request-id",
];

/// The name in lower case; `None` when it can't be one, which is reported.
pub(super) fn name(word: Word<'_>, report: &mut Report) -> Option<String> {
    let name = word.text.to_ascii_lowercase();
    let shown = repeated(word.text);
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_token) {
        let problem = format!("\"{shown}\" is not the name of a header");
        report
            .add(word.at, problem)
            .help("accepted: \"Remote-User\", \"X-Forwarded-User\" and the like");
        return None;
    }
    if TAKEN.contains(&name.as_str()) {
        let problem = format!("the header {shown} cannot tell who a visitor is");
        report
            .add(word.at, problem)
            .help("it has another meaning for every app; choose one like \"Remote-User\"");
        return None;
    }
    Some(name)
}
