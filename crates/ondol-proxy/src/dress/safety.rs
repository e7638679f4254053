//! What browsers are told about safety.

use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;
use http::header;
use ondol_model::plan::Hsts;
use ondol_model::plan::Scheme;
use ondol_model::plan::Security;

use crate::visit::Visit;

/// What no common app breaks by. A content security policy is not among it: only an app knows its own.
const USUAL: [(HeaderName, HeaderValue); 3] = [
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (
        header::X_FRAME_OPTIONS,
        HeaderValue::from_static("SAMEORIGIN"),
    ),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("strict-origin-when-cross-origin"),
    ),
];

/// The header fields about safety, ready to be sent.
#[derive(Debug)]
pub(super) struct Safety {
    has_usual: bool,
    hsts: Option<HeaderValue>,
}

impl Safety {
    pub(super) fn new(security: &Security) -> Self {
        let hsts = security.hsts.as_ref().map(Hsts::value);
        Self {
            has_usual: security.has_usual_headers,
            hsts: hsts.and_then(|value| HeaderValue::try_from(value).ok()),
        }
    }

    pub(super) fn is_nothing(&self) -> bool {
        !self.has_usual && self.hsts.is_none()
    }

    pub(super) fn put(&self, visit: &Visit, headers: &mut HeaderMap) {
        if self.has_usual {
            for (name, value) in USUAL {
                headers.entry(name).or_insert(value);
            }
        }
        let Some(hsts) = &self.hsts else { return };
        // Exactly one, and never over plain HTTP (RFC 6797 §7.2).
        if visit.visitor.scheme == Scheme::Https {
            headers.insert(header::STRICT_TRANSPORT_SECURITY, hsts.clone());
        } else {
            headers.remove(header::STRICT_TRANSPORT_SECURITY);
        }
    }
}
