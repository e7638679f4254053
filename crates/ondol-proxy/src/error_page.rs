//! One page per status, with the request's id.
//!
//! It says what a visitor can do something with, and nothing of what went wrong inside: that is in
//! the log, under the same id.

use std::fmt::Display;

use bytes::Bytes;
use http::HeaderMap;
use http::HeaderValue;
use http::Response;
use http::StatusCode;
use http::header;

use crate::body::Body;

/// What a client can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wants {
    /// A browser.
    Html,
    /// A program, or a person at a terminal.
    Plain,
}

impl Wants {
    /// HTML is for those who name it (RFC 9110 §12.5.1), as browsers do; `*/*` is said by programs.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let accepts_html = headers
            .get_all(header::ACCEPT)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|list| list.split(','))
            .any(is_wanted_html);
        if accepts_html {
            Self::Html
        } else {
            Self::Plain
        }
    }
}

/// The page of a status of 400 or more, under 2 KiB and complete in itself.
pub(crate) fn error_page(status: StatusCode, id: impl Display, wants: Wants) -> Response<Body> {
    let (content_type, body) = match wants {
        Wants::Html => ("text/html; charset=utf-8", html(status, id)),
        Wants::Plain => ("text/plain; charset=utf-8", plain(status, id)),
    };
    let mut response = Response::new(Body::Full(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn is_wanted_html(range: &str) -> bool {
    let mut parts = range.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default();
    let is_html = kind.eq_ignore_ascii_case("text/html")
        || kind.eq_ignore_ascii_case("application/xhtml+xml");
    let is_refused = parts.any(|part| matches!(part.trim_end_matches(['0', '.']), "q=" | "Q="));
    is_html && !is_refused
}

fn html(status: StatusCode, id: impl Display) -> String {
    let code = status.as_u16();
    let (title, sentence) = words(status);
    format!(
        r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
:root{{--back:#faf8f5;--text:#2b2622;--soft:#6f665e;--warm:#b4532a}}
@media(prefers-color-scheme:dark){{:root{{--back:#1b1816;--text:#ece6df;--soft:#a0968c;--warm:#e8935f}}}}
body{{margin:0;min-height:100vh;display:grid;place-items:center;background:var(--back);color:var(--text);font:1.05rem/1.6 system-ui,sans-serif}}
main{{max-width:32rem;padding:2rem}}
b{{color:var(--warm);font-size:.95rem;letter-spacing:.12em}}
h1{{margin:.2em 0 .5em;font-size:1.9rem;line-height:1.25;font-weight:650}}
p{{margin:0}}
footer{{margin-top:2.5rem;padding-top:1rem;border-top:1px solid #8883;color:var(--soft);font-size:.85rem}}
code{{font:.95em ui-monospace,monospace;user-select:all}}
</style>
<main>
<b>{code}</b>
<h1>{title}</h1>
<p>{sentence}</p>
<footer>Request <code>{id}</code></footer>
</main>
"#
    )
}

fn plain(status: StatusCode, id: impl Display) -> String {
    let code = status.as_u16();
    let (title, sentence) = words(status);
    format!("{code} {title}\n\n{sentence}\n\nRequest {id}\n")
}

/// A title, and a sentence for the visitor. Neither has characters that HTML would read as its own.
fn words(status: StatusCode) -> (&'static str, &'static str) {
    match status.as_u16() {
        400 => (
            "Bad request",
            "Your browser sent something that this server could not understand.",
        ),
        401 => (
            "Login needed",
            "This page is only for those who log in with a name and a password.",
        ),
        403 => ("Forbidden", "You are not allowed to see this page."),
        404 => (
            "Not found",
            "There is nothing at this address. It may have moved, or the link may have a typo.",
        ),
        405 => (
            "Method not allowed",
            "This address does not accept that kind of request.",
        ),
        408 => (
            "Request timeout",
            "Your request took too long to arrive. Please try again.",
        ),
        413 => (
            "Too large",
            "What you tried to send is larger than this site accepts.",
        ),
        414 => (
            "Address too long",
            "The address you asked for is longer than this server accepts.",
        ),
        421 => (
            "Misdirected request",
            "This server does not serve that site over this connection. Please reload the page.",
        ),
        429 => (
            "Too many requests",
            "Please wait a moment before you try again.",
        ),
        431 => (
            "Headers too large",
            "Your browser sent too many or too large headers. Clearing the cookies of this site may help.",
        ),
        500 => (
            "Server error",
            "Something went wrong on this server, and it is not your fault. Please try again later.",
        ),
        502 => (
            "Bad gateway",
            "This site is not answering properly at the moment. Please try again in a minute.",
        ),
        503 => (
            "Unavailable",
            "This site is busy or being worked on. Please try again in a moment.",
        ),
        504 => (
            "Gateway timeout",
            "This site took too long to answer. Please try again in a minute.",
        ),
        code if code < 500 => (
            "Request refused",
            "This server could not accept your request.",
        ),
        _ => (
            "Server error",
            "This server could not answer your request. Please try again later.",
        ),
    }
}

#[cfg(test)]
mod tests;
