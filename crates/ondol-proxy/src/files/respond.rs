//! The answer that an opened file becomes.

use std::fs::File;
use std::sync::Arc;

use http::HeaderMap;
use http::HeaderValue;
use http::Method;
use http::Response;
use http::StatusCode;
use http::header;

use super::FileRequest;
use super::body::FileBody;
use super::conditions;
use super::conditions::Verdict;
use super::open::OpenFile;
use super::range;
use super::range::Part;
use super::range::Range;
use super::read;
use super::read::CHUNK_BYTES;
use crate::body::Body;
use crate::failure::Failure;

/// The file, the part of it that was asked for, or word that the visitor has it already.
pub(super) async fn file(
    file: OpenFile,
    request: &FileRequest<'_>,
) -> Result<Response<Body>, Failure> {
    match conditions::verdict(request.headers, &file.validators) {
        Verdict::Proceed => {}
        Verdict::NotModified => return Ok(not_modified(&file)),
        Verdict::Failed => return Ok(without_body(&file, StatusCode::PRECONDITION_FAILED)),
    }
    match part(&file, request) {
        Part::Whole => whole(file, request.method).await,
        Part::Range(range) => partial(file, range).await,
        Part::Unsatisfiable => Ok(unsatisfiable(&file)),
    }
}

/// The folder's own page for what is not there. It has no validators: they would be those of the
/// page and not of what was asked for.
pub(super) async fn not_found_page(
    page: OpenFile,
    method: &Method,
) -> Result<Response<Body>, Failure> {
    let mut headers = HeaderMap::with_capacity(2);
    headers.insert(header::CONTENT_TYPE, page.content_type);
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(page.size));
    let body = body(page.descriptor.into(), method, 0, page.size).await?;
    Ok(response(StatusCode::NOT_FOUND, headers, body))
}

/// Ranges are defined for GET alone (RFC 9110 §14.2).
fn part(file: &OpenFile, request: &FileRequest<'_>) -> Part {
    let applies = *request.method == Method::GET
        && request.headers.contains_key(header::RANGE)
        && conditions::range_is_of(request.headers, &file.validators);
    if applies {
        range::wanted(request.headers, file.size)
    } else {
        Part::Whole
    }
}

async fn whole(file: OpenFile, method: &Method) -> Result<Response<Body>, Failure> {
    let headers = headers(&file, file.size);
    let body = body(file.descriptor.into(), method, 0, file.size).await?;
    Ok(response(StatusCode::OK, headers, body))
}

async fn partial(file: OpenFile, range: Range) -> Result<Response<Body>, Failure> {
    let mut headers = headers(&file, range.length());
    let Range { first, last } = range;
    let of = content_range(format!("bytes {first}-{last}/{}", file.size));
    headers.insert(header::CONTENT_RANGE, of);
    let body = body(file.descriptor.into(), &Method::GET, first, range.length()).await?;
    Ok(response(StatusCode::PARTIAL_CONTENT, headers, body))
}

fn unsatisfiable(file: &OpenFile) -> Response<Body> {
    let mut response = without_body(file, StatusCode::RANGE_NOT_SATISFIABLE);
    let of = content_range(format!("bytes */{}", file.size));
    response.headers_mut().insert(header::CONTENT_RANGE, of);
    response
}

fn content_range(text: String) -> HeaderValue {
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("bytes */*"))
}

/// Without `Content-Length`, which would be that of the file (RFC 9110 §15.4.5).
fn not_modified(file: &OpenFile) -> Response<Body> {
    let mut headers = HeaderMap::with_capacity(2);
    file.validators.write(&mut headers);
    response(StatusCode::NOT_MODIFIED, headers, Body::Empty)
}

fn without_body(file: &OpenFile, status: StatusCode) -> Response<Body> {
    let mut headers = HeaderMap::with_capacity(4);
    file.validators.write(&mut headers);
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    response(status, headers, Body::Empty)
}

fn headers(file: &OpenFile, length: u64) -> HeaderMap {
    // Room for what the request path adds as well, so that the map never grows.
    let mut headers = HeaderMap::with_capacity(12);
    headers.insert(header::CONTENT_TYPE, file.content_type.clone());
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    file.validators.write(&mut headers);
    let unit = HeaderValue::from_static("bytes");
    headers.insert(header::ACCEPT_RANGES, unit);
    headers
}

/// The bytes themselves: in memory when they are few, so that they leave together with the head.
async fn body(file: File, method: &Method, offset: u64, length: u64) -> Result<Body, Failure> {
    if length == 0 || *method == Method::HEAD {
        return Ok(Body::Empty);
    }
    let small = usize::try_from(length)
        .ok()
        .filter(|length| *length <= CHUNK_BYTES);
    let Some(length) = small else {
        return Ok(Body::File(FileBody::new(file, offset, length)));
    };
    let cached = read::cached(&file, offset, length).map_err(Failure::File)?;
    if let Some(bytes) = cached.filter(|bytes| bytes.len() == length) {
        return Ok(Body::Full(bytes));
    }
    let bytes = read::waiting(&Arc::new(file), offset, length).await;
    let bytes = bytes.map_err(std::io::Error::from).flatten();
    bytes.map(Body::Full).map_err(Failure::File)
}

fn response(status: StatusCode, headers: HeaderMap, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}
