//! One page per status, with the request's id.

use bytes::Bytes;
use http::Response;
use http::request::Parts;

use crate::body::Body;
use crate::failure::Failure;
use crate::request_id::RequestId;

pub(crate) fn of_failure(failure: &Failure, id: RequestId, _parts: &Parts) -> Response<Body> {
    let mut r = Response::new(Body::Full(Bytes::from(format!(
        "{} {id}\n",
        failure.status()
    ))));
    *r.status_mut() = failure.status();
    r
}
