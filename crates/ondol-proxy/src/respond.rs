//! Fixed answers.

use bytes::Bytes;
use http::HeaderValue;
use http::Method;
use http::Response;
use http::StatusCode;
use http::header;
use ondol_model::plan::Respond;

use crate::body::Body;
use crate::failure::Failure;

/// The answer of a `respond` target.
pub(crate) fn answer(respond: &Respond, method: &Method) -> Result<Response<Body>, Failure> {
    let body = Bytes::copy_from_slice(respond.body.as_bytes());
    let length = HeaderValue::from(body.len());
    let mut response = Response::new(Body::Full(body));
    *response.status_mut() = StatusCode::from_u16(respond.status).unwrap_or(StatusCode::OK);
    if *method == Method::HEAD {
        *response.body_mut() = Body::Empty;
        response
            .headers_mut()
            .insert(header::CONTENT_LENGTH, length);
    }
    if let Ok(content_type) = HeaderValue::from_str(&respond.content_type)
        && !respond.body.is_empty()
    {
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, content_type);
    }
    Ok(response)
}
