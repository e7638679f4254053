//! What is in a folder that has no index: as a page, or as JSON.

mod entries;
mod json;
mod page;
mod sort;

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use http::HeaderValue;
use http::Method;
use http::Response;
use http::header;
use ondol_model::plan::Dotfiles;

use super::FileRequest;
use super::read;
use super::root::Root;
use crate::body::Body;
use crate::error_page::Wants;
use crate::failure::Failure;

use entries::Entries;
use sort::Sort;

/// How a list is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Html,
    Json,
}

/// The list of the folder that a path leads to. Read anew for each visitor, off this thread.
pub(super) async fn answer(
    root: &Root,
    request: &FileRequest<'_>,
) -> Result<Response<Body>, Failure> {
    let shape = Shape::of(request.headers);
    let sort = Sort::of(request.original.query().unwrap_or_default());
    let leave = Arc::clone(&root.listings).acquire_owned().await;
    let (folder, files) = (root.folder().await?, Arc::clone(&root.files));
    let path = request.path.to_owned();
    let above = above(request);
    let writing = move || {
        // Until it is done, even when the visitor has left: what goes on then takes its time all the same.
        let _leave = leave;
        let mut entries = Entries::read(&folder, &path, &files)?;
        sort.apply(&mut entries.items);
        Ok(match shape {
            Shape::Html => page::page(&above, &path, &entries, sort),
            Shape::Json => json::json(&path, &entries),
        })
    };
    let text = read::off_thread(writing).await.map_err(why)?;
    Ok(response(shape, text, request.method))
}

/// What a folder that cannot be read means to the visitor.
fn why(error: io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::NotFound => Failure::NotFound,
        io::ErrorKind::PermissionDenied => Failure::Unreadable(error),
        _ => Failure::File(error),
    }
}

/// The part of the address that is not of this folder: the path of the route.
fn above(request: &FileRequest<'_>) -> String {
    let whole = ondol_model::path::normalize(request.original.path()).unwrap_or_default();
    whole
        .strip_suffix(request.path)
        .unwrap_or_default()
        .to_owned()
}

/// Whether a name is kept from visitors.
fn is_hidden(name: &str, path: &str, dotfiles: Dotfiles) -> bool {
    let is_well_known = name == ".well-known" && path == "/";
    dotfiles == Dotfiles::Hidden && name.starts_with('.') && !is_well_known
}

fn response(shape: Shape, text: String, method: &Method) -> Response<Body> {
    let mut headers = HeaderMap::with_capacity(12);
    let mut put = |name, value| headers.insert(name, HeaderValue::from_static(value));
    put(header::VARY, "Accept");
    put(header::CACHE_CONTROL, "no-cache");
    match shape {
        Shape::Html => {
            put(header::CONTENT_TYPE, "text/html; charset=utf-8");
            // Whatever a name is made of, nothing of it is ever run.
            let policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";
            put(header::CONTENT_SECURITY_POLICY, policy);
        }
        Shape::Json => {
            put(header::CONTENT_TYPE, "application/json; charset=utf-8");
        }
    }
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(text.len()));
    let body = if *method == Method::HEAD {
        Body::Empty
    } else {
        Body::Full(Bytes::from(text))
    };
    let mut response = Response::new(body);
    *response.headers_mut() = headers;
    response
}

impl Shape {
    /// JSON is for programs that name it; browsers, which name HTML, and all others get the page.
    fn of(headers: &HeaderMap) -> Self {
        let lists = headers.get_all(header::ACCEPT).iter();
        let mut kinds = lists
            .filter_map(|list| list.to_str().ok())
            .flat_map(|list| list.split(','))
            .map(|range| range.split(';').next().unwrap_or_default().trim());
        let names_json = kinds.any(|kind| kind.eq_ignore_ascii_case("application/json"));
        if names_json && Wants::of(headers) != Wants::Html {
            Self::Json
        } else {
            Self::Html
        }
    }
}

#[cfg(test)]
mod tests;
