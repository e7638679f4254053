//! Files of a folder, as responses.
//!
//! A request for what the kernel has cached never leaves its thread; what may wait for a disk goes to
//! a blocking thread. Sites, routes and error pages are not known here.

mod body;
mod conditions;
mod content_type;
mod open;
mod range;
mod read;
mod respond;
mod root;
mod slash;
mod validators;

use std::borrow::Cow;
use std::sync::Arc;

use http::HeaderMap;
use http::HeaderValue;
use http::Method;
use http::Response;
use http::StatusCode;
use http::header;

use crate::body::Body;
use crate::failure::Failure;

pub(crate) use body::FileBody;
pub(crate) use root::Root;

use open::Folder;
use open::Found;

/// What a folder answers to.
const METHODS: &str = "GET, HEAD, OPTIONS";
/// What a folder's own address shows.
const INDEX: &str = "index.html";
/// What is shown where nothing is, when the folder has it.
const NOT_FOUND_PAGE: &str = "404.html";

/// What of a request decides which file answers it, and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FileRequest<'a> {
    /// Anything but GET, HEAD and OPTIONS is refused.
    pub(crate) method: &'a Method,
    /// Conditions and ranges.
    pub(crate) headers: &'a HeaderMap,
    /// Decoded and normalized, without the route's path; begins with `/`.
    pub(crate) path: &'a str,
    /// As the visitor sent it: where the redirect that adds a slash leads back to.
    pub(crate) original: &'a http::Uri,
}

impl Root {
    /// The answer to a request. Errors are those that an error page is shown for; a folder's own
    /// `404.html` is an answer. Dropping the future is safe at any point.
    pub(crate) async fn answer(&self, request: FileRequest<'_>) -> Result<Response<Body>, Failure> {
        match *request.method {
            Method::GET | Method::HEAD => {}
            Method::OPTIONS => return Ok(methods()),
            _ => return Err(Failure::MethodNotAllowed(METHODS)),
        }
        let folder = self.folder().await?;
        match find(&folder, request.path).await {
            Ok(Found::File(_)) if slash::is_missing(&request) => slash::redirect(request.original),
            Ok(Found::File(file)) => respond::file(file, &request).await,
            Ok(Found::Folder) => slash::redirect(request.original),
            Err(Failure::NotFound) => not_found(&folder, &request).await,
            Err(failure) => Err(failure),
        }
    }
}

async fn find(folder: &Arc<Folder>, path: &str) -> Result<Found, Failure> {
    if is_hidden(path) {
        return Err(Failure::NotFound);
    }
    let name = file_name(path);
    match open::open(folder, &name).await? {
        Found::Folder if path.ends_with('/') => Err(Failure::NotFound),
        found => Ok(found),
    }
}

/// The name below the root: of a folder, its index.
fn file_name(path: &str) -> Cow<'_, str> {
    match path.trim_start_matches('/') {
        "" => Cow::Borrowed(INDEX),
        folder if folder.ends_with('/') => Cow::Owned(format!("{folder}{INDEX}")),
        file => Cow::Borrowed(file),
    }
}

/// Whether a part of the path begins with a dot, as in `.git` or `.env`: nothing that was meant to
/// be shown. The one exception is `/.well-known/` (RFC 8615).
fn is_hidden(path: &str) -> bool {
    let path = path.trim_start_matches('/');
    let public = path
        .strip_prefix(".well-known")
        .filter(|rest| rest.is_empty() || rest.starts_with('/'))
        .unwrap_or(path);
    public.split('/').any(|segment| segment.starts_with('.'))
}

async fn not_found(
    folder: &Arc<Folder>,
    request: &FileRequest<'_>,
) -> Result<Response<Body>, Failure> {
    match open::open(folder, NOT_FOUND_PAGE).await {
        Ok(Found::File(page)) => respond::not_found_page(page, request.method).await,
        Ok(Found::Folder) | Err(_) => Err(Failure::NotFound),
    }
}

fn methods() -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = StatusCode::NO_CONTENT;
    let allow = HeaderValue::from_static(METHODS);
    response.headers_mut().insert(header::ALLOW, allow);
    response
}

#[cfg(test)]
mod tests;
