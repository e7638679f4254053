//! One page per status, with the request's id, in the visitor's language or the owner's own words.
//!
//! It says what a visitor can do something with, and nothing of what went wrong inside: that is in
//! the log, under the same id.

mod words;

use std::fmt::Display;

use bytes::Bytes;
use http::HeaderMap;
use http::HeaderValue;
use http::Method;
use http::Response;
use http::StatusCode;
use http::header;
use http::request::Parts;
use http_body::Body as _;

use crate::body::Body;
use crate::dress::Dress;
use crate::visit::Visit;

pub(crate) use words::Language;
pub(crate) use words::Topic;

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

/// The page of a status of 400 or more: the owner's, for a browser and where there is one, or ours.
pub(crate) async fn page(topic: Topic, visit: &Visit, parts: &Parts) -> Response<Body> {
    if let Some(page) = owners(topic.status(), visit, parts).await {
        return page;
    }
    let language = Language::of(&parts.headers);
    let page = error_page(topic, visit.shown_id(), Wants::of(&parts.headers), language);
    for_method(page, &parts.method)
}

/// The owner's page for what an app could not answer, where the owner wants that; else the app's answer.
pub(crate) async fn in_place_of(
    response: Response<Body>,
    visit: &Visit,
    parts: &Parts,
) -> Response<Body> {
    if !response.status().is_server_error() || visit.asked.is_none() {
        return response;
    }
    let pages = visit.dress().and_then(Dress::pages);
    if !pages.is_some_and(|pages| pages.replaces_answers) {
        return response;
    }
    let Some(mut page) = owners(response.status(), visit, parts).await else {
        return response;
    };
    if let Some(after) = response.headers().get(header::RETRY_AFTER) {
        page.headers_mut()
            .insert(header::RETRY_AFTER, after.clone());
    }
    page
}

async fn owners(status: StatusCode, visit: &Visit, parts: &Parts) -> Option<Response<Body>> {
    let pages = visit.dress()?.pages()?;
    if Wants::of(&parts.headers) == Wants::Plain {
        return None;
    }
    let body = pages.page(status, visit.shown_id()).await?;
    let page = response(status, "text/html; charset=utf-8", body);
    Some(for_method(page, &parts.method))
}

/// hyper leaves the body of an HTTP/2 answer to a HEAD to us.
fn for_method(mut page: Response<Body>, method: &Method) -> Response<Body> {
    if *method == Method::HEAD {
        let length = HeaderValue::from(page.body().size_hint().lower());
        page.headers_mut().insert(header::CONTENT_LENGTH, length);
        *page.body_mut() = Body::Empty;
    }
    page
}

/// Our own page, under 2 KiB and complete in itself.
pub(crate) fn error_page(
    topic: Topic,
    id: impl Display,
    wants: Wants,
    language: Language,
) -> Response<Body> {
    let (content_type, body) = match wants {
        Wants::Html => ("text/html; charset=utf-8", html(topic, id, language)),
        Wants::Plain => ("text/plain; charset=utf-8", plain(topic, id, language)),
    };
    response(topic.status(), content_type, Bytes::from(body))
}

fn response(status: StatusCode, content_type: &'static str, body: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::Full(body));
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

fn html(topic: Topic, id: impl Display, language: Language) -> String {
    let code = topic.status().as_u16();
    let lang = language.tag();
    let request = language.request();
    let (title, sentence) = language.words(topic);
    format!(
        r#"<!doctype html>
<html lang="{lang}">
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
:lang(ko){{word-break:keep-all}}
footer{{margin-top:2.5rem;padding-top:1rem;border-top:1px solid #8883;color:var(--soft);font-size:.85rem}}
code{{font:.95em ui-monospace,monospace;user-select:all}}
</style>
<main>
<b>{code}</b>
<h1>{title}</h1>
<p>{sentence}</p>
<footer>{request} <code>{id}</code></footer>
</main>
"#
    )
}

fn plain(topic: Topic, id: impl Display, language: Language) -> String {
    let code = topic.status().as_u16();
    let request = language.request();
    let (title, sentence) = language.words(topic);
    format!("{code} {title}\n\n{sentence}\n\n{request} {id}\n")
}

#[cfg(test)]
mod tests;
