//! The answer that a file becomes.

use std::collections::VecDeque;
use std::fs::File;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use http::HeaderValue;
use http::Method;
use http::Response;
use http::StatusCode;
use http::header;
use ondol_model::limits::FILES_CACHED_BYTES_MAX;

use super::FileRequest;
use super::body::FileBody;
use super::body::Piece;
use super::conditions;
use super::conditions::Verdict;
use super::known::Located;
use super::multipart::Multipart;
use super::open::Opened;
use super::range;
use super::range::Part;
use super::range::Range;
use super::read;
use super::root::Root;
use super::version::Version;
use crate::body::Body;
use crate::failure::Failure;

/// What becomes of a file that changes while it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Torn {
    /// It is looked up again.
    Refused,
    /// It is sent as it is: a log that is written to all the time is never otherwise.
    Sent,
}

/// Where the bytes of a version are.
#[derive(Debug)]
enum Source {
    /// All of them.
    Memory(Bytes),
    /// To be read as they are taken.
    Disk(Arc<File>),
    /// Nobody wants them.
    Unneeded,
}

/// What a request comes to, before the file's bytes are looked for.
#[derive(Debug)]
enum Plan {
    Answered(Response<Body>),
    Part(Part),
}

/// The file, the part of it that was asked for, or word that the visitor has it already. `None` when it is
/// not the file that it was, and has to be looked up again.
pub(super) async fn file(
    root: &Root,
    (located, version): (&Located, &Version),
    (opened, torn): (Option<Opened>, Torn),
    request: &FileRequest<'_>,
) -> Result<Option<Response<Body>>, Failure> {
    let part = match plan(version, request) {
        Plan::Answered(response) => return Ok(Some(response)),
        Plan::Part(part) => part,
    };
    let source = source(root, (located, version), (opened, torn), request.method).await?;
    Ok(source.map(|source| match part {
        Part::Range(range) => partial(version, &source, range),
        Part::Ranges(ranges) => several(version, &source, &ranges),
        Part::Whole | Part::Unsatisfiable => whole(version, &source),
    }))
}

/// The folder's own page for what is not there. It has no validators: they would be those of the
/// page and not of what was asked for.
pub(super) async fn not_found_page(
    root: &Root,
    (located, version): (&Located, &Version),
    (opened, torn): (Option<Opened>, Torn),
    method: &Method,
) -> Result<Option<Response<Body>>, Failure> {
    let mut headers = HeaderMap::with_capacity(4);
    headers.insert(header::CONTENT_TYPE, version.content_type.clone());
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(version.size));
    let source = source(root, (located, version), (opened, torn), method).await?;
    Ok(source.map(|source| {
        let body = whole_body(version, &source);
        response(StatusCode::NOT_FOUND, headers, body)
    }))
}

fn plan(version: &Version, request: &FileRequest<'_>) -> Plan {
    match conditions::verdict(request.headers, &version.validators) {
        Verdict::Proceed => {}
        Verdict::NotModified => return Plan::Answered(not_modified(version)),
        Verdict::Failed => {
            return Plan::Answered(without_body(version, StatusCode::PRECONDITION_FAILED));
        }
    }
    // Ranges are defined for GET alone (RFC 9110 §14.2).
    let applies = *request.method == Method::GET
        && request.headers.contains_key(header::RANGE)
        && conditions::range_is_of(request.headers, &version.validators);
    if !applies {
        return Plan::Part(Part::Whole);
    }
    match range::wanted(request.headers, version.size) {
        Part::Unsatisfiable => Plan::Answered(unsatisfiable(version)),
        part => Plan::Part(part),
    }
}

/// Where the bytes of a version are now. A small file is kept when it has been the same before and after
/// it was read. `None` when it is another file.
async fn source(
    root: &Root,
    (located, version): (&Located, &Version),
    (opened, torn): (Option<Opened>, Torn),
    method: &Method,
) -> Result<Option<Source>, Failure> {
    if *method == Method::HEAD || version.size == 0 {
        return Ok(Some(Source::Unneeded));
    }
    if let Some(bytes) = version.bytes() {
        return Ok(Some(Source::Memory(bytes.clone())));
    }
    let opened = match opened {
        Some(opened) => Some(opened),
        None => root.open(&version.name).await?,
    };
    let Some(opened) = opened.filter(|opened| version.is(&opened.stat)) else {
        return Ok(None);
    };
    let file = Arc::new(File::from(opened.descriptor));
    let small = usize::try_from(version.size).ok();
    let Some(length) = small.filter(|length| *length <= FILES_CACHED_BYTES_MAX) else {
        return Ok(Some(Source::Disk(file)));
    };
    let bytes = read::whole(&file, length).await;
    let after = rustix::fs::fstat(&*file).map_err(|errno| Failure::File(errno.into()))?;
    if !version.is(&after) {
        // It is being written to.
        return Ok(match torn {
            Torn::Refused => None,
            Torn::Sent => Some(Source::Disk(file)),
        });
    }
    let bytes = bytes.map_err(Failure::File)?;
    if version.keep(bytes.clone()) {
        located.grow(bytes.len());
    }
    Ok(Some(Source::Memory(bytes)))
}

fn whole(version: &Version, source: &Source) -> Response<Body> {
    response(
        StatusCode::OK,
        version.headers(),
        whole_body(version, source),
    )
}

fn whole_body(version: &Version, source: &Source) -> Body {
    match source {
        Source::Memory(bytes) => Body::Full(bytes.clone()),
        Source::Disk(_) => {
            let all = Range {
                first: 0,
                last: version.size.saturating_sub(1),
            };
            streamed(source, all)
        }
        Source::Unneeded => Body::Empty,
    }
}

fn partial(version: &Version, source: &Source, range: Range) -> Response<Body> {
    let mut headers = version.headers();
    let Range { first, last } = range;
    let of = content_range(format!("bytes {first}-{last}/{}", version.size));
    headers.insert(header::CONTENT_RANGE, of);
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(range.length()));
    let body = match piece(source, range) {
        Piece::Ready(bytes) => Body::Full(bytes),
        Piece::Part { .. } => streamed(source, range),
    };
    response(StatusCode::PARTIAL_CONTENT, headers, body)
}

/// Several parts, or the whole where that is less.
fn several(version: &Version, source: &Source, ranges: &[Range]) -> Response<Body> {
    let parts = Multipart::new(ranges, &version.content_type, version.size, |range| {
        piece(source, range)
    });
    let length = parts.length();
    if length >= version.size {
        return whole(version, source);
    }
    let mut headers = version.headers();
    headers.insert(header::CONTENT_TYPE, parts.content_type);
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    let body = Body::File(FileBody::new(parts.pieces));
    response(StatusCode::PARTIAL_CONTENT, headers, body)
}

fn streamed(source: &Source, range: Range) -> Body {
    Body::File(FileBody::new(VecDeque::from([piece(source, range)])))
}

fn piece(source: &Source, range: Range) -> Piece {
    match source {
        Source::Memory(bytes) => {
            let first = usize::try_from(range.first).unwrap_or(usize::MAX);
            let end = usize::try_from(range.last + 1).unwrap_or(usize::MAX);
            let end = end.min(bytes.len());
            Piece::Ready(bytes.slice(first.min(end)..end))
        }
        Source::Disk(file) => Piece::Part {
            file: Arc::clone(file),
            offset: range.first,
            length: range.length(),
        },
        Source::Unneeded => Piece::Ready(Bytes::new()),
    }
}

fn unsatisfiable(version: &Version) -> Response<Body> {
    let mut response = without_body(version, StatusCode::RANGE_NOT_SATISFIABLE);
    let of = content_range(format!("bytes */{}", version.size));
    response.headers_mut().insert(header::CONTENT_RANGE, of);
    response
}

fn content_range(text: String) -> HeaderValue {
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("bytes */*"))
}

/// Without `Content-Length`, which would be that of the file (RFC 9110 §15.4.5).
fn not_modified(version: &Version) -> Response<Body> {
    let mut headers = HeaderMap::with_capacity(8);
    version.write_validity(&mut headers);
    response(StatusCode::NOT_MODIFIED, headers, Body::Empty)
}

/// Of an error, which is not to be kept for as long as the file.
fn without_body(version: &Version, status: StatusCode) -> Response<Body> {
    let mut headers = HeaderMap::with_capacity(8);
    version.validators.write(&mut headers);
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    response(status, headers, Body::Empty)
}

fn response(status: StatusCode, headers: HeaderMap, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}
