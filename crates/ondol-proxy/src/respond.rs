//! Fixed answers.

use bytes::Bytes;
use http::HeaderValue;
use http::Method;
use http::Response;
use http::StatusCode;
use http::header;
use ondol_model::plan::Respond;

use crate::body::Body;

/// A `respond` target, made ready once so that a request copies nothing.
#[derive(Debug)]
pub(crate) struct PreparedRespond {
    status: StatusCode,
    body: Bytes,
    /// `None` where there is no body, or its type can be no header.
    content_type: Option<HeaderValue>,
}

impl PreparedRespond {
    pub(crate) fn new(respond: &Respond) -> Self {
        let content_type = HeaderValue::from_str(&respond.content_type).ok();
        Self {
            status: StatusCode::from_u16(respond.status).unwrap_or(StatusCode::OK),
            body: Bytes::copy_from_slice(respond.body.as_bytes()),
            content_type: content_type.filter(|_| !respond.body.is_empty()),
        }
    }
}

/// The answer of a `respond` target.
pub(crate) fn answer(respond: &PreparedRespond, method: &Method) -> Response<Body> {
    let mut response = Response::new(Body::Full(respond.body.clone()));
    *response.status_mut() = respond.status;
    if *method == Method::HEAD {
        *response.body_mut() = Body::Empty;
        let length = HeaderValue::from(respond.body.len());
        response
            .headers_mut()
            .insert(header::CONTENT_LENGTH, length);
    }
    if let Some(content_type) = &respond.content_type {
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, content_type.clone());
    }
    response
}
