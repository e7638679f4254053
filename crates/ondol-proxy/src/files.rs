//! Files of a folder, as responses.
//!
//! A request for what the kernel has cached never leaves its thread; what may wait for a disk goes to
//! a blocking thread. Sites, routes and error pages are not known here.

mod body;
mod conditions;
mod content_type;
mod encoding;
mod find;
mod known;
mod listing;
mod multipart;
mod open;
mod page;
mod range;
mod read;
mod respond;
mod root;
mod scripts;
mod slash;
mod validators;
mod version;

use http::HeaderMap;
use http::HeaderValue;
use http::Method;
use http::Response;
use http::StatusCode;
use http::header;
use ondol_model::plan::Candidate;

use crate::body::Body;
use crate::failure::Failure;

pub(crate) use body::FileBody;
pub(crate) use find::is_hidden;
pub(crate) use root::Folders;
pub(crate) use root::Root;
pub(crate) use scripts::Place;

use known::Located;
use known::What;
use open::Opened;
use respond::Torn;
use root::Looked;
use version::Document;

/// What a folder answers to.
const METHODS: &str = "GET, HEAD, OPTIONS";
/// What is shown where nothing is, when the folder has it.
const NOT_FOUND_PAGE: &str = "404.html";
/// How often a file is looked up that was another one a moment ago.
const ATTEMPTS: usize = 4;

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
        for attempt in 1..=ATTEMPTS {
            let torn = if attempt < ATTEMPTS {
                Torn::Refused
            } else {
                Torn::Sent
            };
            if let Some(response) = self.attempt(&request, torn).await? {
                return Ok(response);
            }
        }
        Err(Failure::File(std::io::Error::other(
            "it is replaced all the time",
        )))
    }

    /// The answer; `None` where a file has changed since it was looked up.
    async fn attempt(
        &self,
        request: &FileRequest<'_>,
        torn: Torn,
    ) -> Result<Option<Response<Body>>, Failure> {
        let looked = self.look(request.path).await?;
        match &looked.located.what {
            What::File(_) | What::Listing if slash::is_missing(request) => {
                slash::redirect(request.original).map(Some)
            }
            What::Slash => slash::redirect(request.original).map(Some),
            What::File(document) => {
                let found = (document, &*looked.located, looked.opened);
                self.file(request.path, found, torn, request).await
            }
            What::Listing => listing::answer(self, request).await.map(Some),
            What::Instead(place) => self.instead(*place, torn, request).await,
            What::Nothing => self.not_found(torn, request).await,
        }
    }

    async fn file(
        &self,
        key: &str,
        (document, located, mut opened): (&Document, &Located, Vec<Opened>),
        torn: Torn,
        request: &FileRequest<'_>,
    ) -> Result<Option<Response<Body>>, Failure> {
        let place = document.chosen(request.headers);
        let opened = (place < opened.len()).then(|| opened.swap_remove(place));
        let version = &document.versions[place];
        let answer = respond::file(self, (located, version), (opened, torn), request).await?;
        if answer.is_none() {
            self.doubt(key);
        }
        Ok(answer)
    }

    /// The file of a candidate, whatever the path. It stands for many addresses and changes with each
    /// deploy, so visitors ask each time whether they have the newest.
    async fn instead(
        &self,
        place: usize,
        torn: Torn,
        request: &FileRequest<'_>,
    ) -> Result<Option<Response<Body>>, Failure> {
        let Some(Candidate::Fixed(name)) = self.files.candidates.get(place) else {
            return Err(Failure::NotFound);
        };
        let Looked { located, opened } = self.look(name).await?;
        let What::File(document) = &located.what else {
            self.doubt(request.path);
            return Ok(None);
        };
        let mut answer = self
            .file(name, (document, &located, opened), torn, request)
            .await?;
        if let Some(answer) = &mut answer {
            let value = HeaderValue::from_static("no-cache");
            answer.headers_mut().insert(header::CACHE_CONTROL, value);
        }
        Ok(answer)
    }

    async fn not_found(
        &self,
        torn: Torn,
        request: &FileRequest<'_>,
    ) -> Result<Option<Response<Body>>, Failure> {
        // What is wrong with the page is no reason to say more than that nothing is there.
        let looked = self.look(NOT_FOUND_PAGE).await;
        let Looked { located, opened } = looked.map_err(|_| Failure::NotFound)?;
        let What::File(document) = &located.what else {
            return Err(Failure::NotFound);
        };
        let (page, opened) = (&document.versions[0], opened.into_iter().next());
        let answer =
            respond::not_found_page(self, (&located, page), (opened, torn), request.method).await?;
        if answer.is_none() {
            self.doubt(NOT_FOUND_PAGE);
        }
        Ok(answer)
    }
}

/// To the address of a folder, which was asked for without its slash.
pub(crate) fn to_slash(request: &FileRequest<'_>) -> Result<Response<Body>, Failure> {
    slash::redirect(request.original)
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
