//! Signatures of requests to Route 53.

use bytes::Bytes;
use http::HeaderValue;
use http::Request;
use http::header;
use ondol_base::signature_v4;
use ondol_base::signature_v4::Asked;
use ondol_base::signature_v4::Keys;
use ondol_base::signature_v4::Scope;

/// Route 53 is everywhere; its signatures are those of this region.
const SCOPE: Scope<'_> = Scope {
    region: "us-east-1",
    service: "route53",
};

/// Signs a request, whose path and query are encoded already. `None` when the keys or the URL have signs that no
/// header can have.
pub(super) fn sign(
    request: &mut Request<Bytes>,
    access_key: &str,
    secret_key: &str,
    now: i64,
) -> Option<()> {
    let date = signature_v4::date(now);
    let uri = request.uri();
    let asked = Asked {
        method: request.method().as_str(),
        path: uri.path(),
        query: uri.query().unwrap_or_default(),
        headers: &[("host", uri.authority()?.as_str()), ("x-amz-date", &date)],
        body: &signature_v4::hash(request.body()),
    };
    let keys = Keys {
        access: access_key,
        secret: secret_key,
    };
    let authorization = signature_v4::authorization(keys, SCOPE, asked, &date);
    let mut authorization = HeaderValue::from_str(&authorization).ok()?;
    authorization.set_sensitive(true);
    let headers = request.headers_mut();
    headers.insert("x-amz-date", HeaderValue::from_str(&date).ok()?);
    headers.insert(header::AUTHORIZATION, authorization);
    Some(())
}
