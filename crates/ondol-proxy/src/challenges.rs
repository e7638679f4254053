//! What issuers of certificates are shown when they look whether a name is the owner's: a text by HTTP
//! (RFC 8555 §8.3), or a certificate in a TLS handshake (RFC 8737, RFC 8738).
//!
//! It comes and goes apart from everything else that is served, and nothing is looked at while there is none.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;
use http::Method;
use http::Response;
use http::Uri;
use http::header;
use http::request::Parts;
use rustls::ServerConfig;

use crate::answer;
use crate::arrival;
use crate::body::Body;
use crate::certificates;
use crate::certificates::CertificateError;
use crate::certificates::KeyPair;
use crate::client_hello;
use crate::failure::Failure;
use crate::tls;
use crate::visit::Visit;

/// Where issuers ask for the answer to a token.
const PATH: &str = "/.well-known/acme-challenge/";

/// All answers that issuers may ask for now.
#[derive(Default)]
pub struct Challenges {
    http: HashMap<Box<str>, Bytes>,
    tls_alpn: HashMap<Box<str>, Arc<ServerConfig>>,
}

impl Challenges {
    /// Texts by their tokens, and certificates by the names that handshakes ask for. A certificate that can't
    /// be used is left out and named.
    pub fn new(
        http: impl IntoIterator<Item = (String, String)>,
        tls_alpn: impl IntoIterator<Item = (String, KeyPair)>,
    ) -> (Self, Vec<(String, CertificateError)>) {
        let http = http.into_iter();
        let http = http.map(|(token, answer)| (token.into(), answer.into()));
        let mut challenges = Self {
            http: http.collect(),
            tls_alpn: HashMap::new(),
        };
        let mut problems = Vec::new();
        for (name, pair) in tls_alpn {
            let config = certificates::certified_key_for_issuers(&pair)
                .and_then(|key| tls::server_config_for_issuers(key).map_err(CertificateError::Tls));
            match config {
                Ok(config) => {
                    let key = client_hello::canonical(&name).unwrap_or_else(|| name.into());
                    challenges.tls_alpn.insert(key, config);
                }
                Err(error) => problems.push((name, error)),
            }
        }
        (challenges, problems)
    }

    fn is_empty(&self) -> bool {
        let Self { http, tls_alpn } = self;
        http.is_empty() && tls_alpn.is_empty()
    }
}

impl fmt::Debug for Challenges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Challenges")
            .field("http", &self.http.len())
            .field("tls_alpn", &self.tls_alpn.keys())
            .finish()
    }
}

/// What one worker shows.
#[derive(Debug, Default)]
pub(crate) struct Shown(RefCell<Option<Arc<Challenges>>>);

impl Shown {
    pub(crate) fn new(challenges: Arc<Challenges>) -> Self {
        let shown = Self::default();
        shown.replace(challenges);
        shown
    }

    pub(crate) fn replace(&self, challenges: Arc<Challenges>) {
        *self.0.borrow_mut() = (!challenges.is_empty()).then_some(challenges);
    }

    /// Whether an issuer may come by a TLS handshake.
    pub(crate) fn has_certificates(&self) -> bool {
        let shown = self.0.borrow();
        shown.as_ref().is_some_and(|it| !it.tls_alpn.is_empty())
    }

    /// How an issuer who asks for this name in a handshake is answered.
    pub(crate) fn certificate(&self, name: &str) -> Option<Arc<ServerConfig>> {
        self.0.borrow().as_ref()?.tls_alpn.get(name).cloned()
    }

    /// Looks at nothing of a request while there is nothing to show.
    fn text(&self, uri: &Uri) -> Option<Bytes> {
        let shown = self.0.borrow();
        let challenges = shown.as_ref()?;
        let token = uri.path().strip_prefix(PATH)?;
        challenges.http.get(token).cloned()
    }
}

/// The answer to an issuer, whatever host it asks for and wherever that host's visitors are led; `None` for
/// everybody else. A token that is not here may be that of an app, which gets its certificates by itself.
pub(crate) fn answer(visit: &mut Visit, parts: &Parts) -> Option<Response<Body>> {
    let text = visit.connection.worker.challenges.text(&parts.uri)?;
    let is_head = parts.method == Method::HEAD;
    if !is_head && parts.method != Method::GET {
        return None;
    }
    if let Some(site) = asked_site(visit, parts)? {
        visit.is_for(site);
    }
    let length = HeaderValue::from(text.len());
    let mut response = Response::new(if is_head {
        Body::Empty
    } else {
        Body::Full(text)
    });
    let headers = response.headers_mut();
    let octets = HeaderValue::from_static("application/octet-stream");
    headers.insert(header::CONTENT_TYPE, octets);
    headers.insert(header::CONTENT_LENGTH, length);
    let kept_by_nobody = HeaderValue::from_static("no-store");
    headers.insert(header::CACHE_CONTROL, kept_by_nobody);
    Some(response)
}

/// The site that is asked, if it is one, for the log; `None` when the request is none.
fn asked_site(visit: &Visit, parts: &Parts) -> Option<Option<usize>> {
    answer::check_form(parts).ok()?;
    let host = match arrival::host_text(parts) {
        Ok(text) => ondol_model::host::authority(text)?.0,
        Err(Failure::UnknownHost) => return Some(None), // HTTP/1.0 without one.
        Err(_) => return None,
    };
    let found = visit.view.snapshot.routing.find(&host);
    Some(found.map(|found| found.site.0))
}
