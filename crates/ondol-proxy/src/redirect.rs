//! Redirects: those of a site, and those that every site has (to HTTPS, to its main name).

use std::borrow::Cow;

use http::HeaderValue;
use http::Response;
use http::StatusCode;
use http::Uri;
use http::header;
use http::uri::PathAndQuery;
use ondol_model::plan::MovedPath;
use ondol_model::plan::Redirect;
use ondol_model::plan::RedirectPath;
use ondol_model::plan::Scheme;

use crate::body::Body;
use crate::failure::Failure;

/// The answer of a `redirect` target.
pub(crate) fn answer(redirect: &Redirect, uri: &Uri) -> Result<Response<Body>, Failure> {
    let status = StatusCode::from_u16(redirect.status).unwrap_or(StatusCode::PERMANENT_REDIRECT);
    let location = match redirect.path {
        RedirectPath::Drop => redirect.to.clone(),
        RedirectPath::Keep => {
            let base = redirect.to.strip_suffix('/').unwrap_or(&redirect.to);
            let target = target(uri);
            if base.is_empty() {
                // `//host` and `/\host` would lead to another host.
                format!("/{}", target.trim_start_matches(['/', '\\']))
            } else {
                format!("{base}{target}")
            }
        }
    };
    to(status, &location)
}

/// Where a normalized path has moved to.
pub(crate) fn moved(moved: &MovedPath, path: &str, uri: &Uri) -> Result<Response<Body>, Failure> {
    let status = StatusCode::from_u16(moved.status).unwrap_or(StatusCode::PERMANENT_REDIRECT);
    let address = moved.address(path, uri.query());
    to(status, &address.ok_or(Failure::NotFound)?)
}

/// A permanent redirect to the same path of a host.
pub(crate) fn to_site(
    scheme: Scheme,
    host: &str,
    port: Option<u16>,
    uri: &Uri,
) -> Result<Response<Body>, Failure> {
    let usual_port = match scheme {
        Scheme::Http => 80,
        Scheme::Https => 443,
    };
    let scheme = scheme.word();
    let target = target(uri);
    let location = match port.filter(|port| *port != usual_port) {
        Some(port) => format!("{scheme}://{host}:{port}{target}"),
        None => format!("{scheme}://{host}{target}"),
    };
    to(StatusCode::PERMANENT_REDIRECT, &location)
}

/// Path and query; always begins with `/`, so that it can't become part of the host.
fn target(uri: &Uri) -> Cow<'_, str> {
    let target = uri.path_and_query().map_or("", PathAndQuery::as_str);
    if target.starts_with('/') {
        Cow::Borrowed(target)
    } else {
        Cow::Owned(format!("/{target}")) // `http://host?query` has no path.
    }
}

fn to(status: StatusCode, location: &str) -> Result<Response<Body>, Failure> {
    let location =
        HeaderValue::from_str(location).map_err(|_| Failure::Malformed("its path is none"))?;
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = status;
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}
