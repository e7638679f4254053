//! Another server says who is let through (Authelia, Authentik, oauth2-proxy): it is asked about each request, and
//! answers 2xx to let it through; everything else is the visitor's answer.

use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use http::HeaderName;
use http::HeaderValue;
use http::Method;
use http::Response;
use http::Uri;
use http::header;
use http::request::Parts;
use http_body::Body as _;
use ondol_model::plan::Timeouts;
use ondol_model::plan::auth::ForwardAuth;

use super::Admitted;
use crate::arrival;
use crate::body::Body;
use crate::failure::Failure;
use crate::upstream;
use crate::upstream::Changes;
use crate::upstream::Forwarding;
use crate::upstream::Pool;
use crate::upstream::Question;
use crate::via;
use crate::view::Pools;
use crate::visit::Visit;

/// What is read of an answer that lets a visitor through, so that its connection can be used again.
const UNUSED_BYTES_MAX: u64 = 64 * 1024;

const METHOD: HeaderName = HeaderName::from_static("x-forwarded-method");
const TARGET: HeaderName = HeaderName::from_static("x-forwarded-uri");
const ORIGINAL_METHOD: HeaderName = HeaderName::from_static("x-original-method");
const ORIGINAL_URL: HeaderName = HeaderName::from_static("x-original-url");

/// What the server does not see of a visitor: fields that are ours; what a proxy in front may have taken from
/// its visitor of the host and the path, because the server decides about those that are served; and those
/// that would make its answer a part of something (RFC 9110 §13, §14).
const NOT_ASKED: [&str; 16] = [
    "x-forwarded-method",
    "x-forwarded-uri",
    "x-original-method",
    "x-original-url",
    "x-original-uri",
    "x-original-host",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-server",
    "x-forwarded-prefix",
    "if-match",
    "if-none-match",
    "if-modified-since",
    "if-unmodified-since",
    "if-range",
    "range",
];

/// A route's `forward_auth`, made ready once.
#[derive(Debug)]
pub(super) struct Forward {
    pool: Rc<Pool>,
    uri: Uri,
    copy: Vec<HeaderName>,
    /// Which of them is the name of the user.
    user: Option<HeaderName>,
    not_asked: Rc<[Box<str>]>,
    timeouts: Timeouts,
}

impl Forward {
    pub(super) fn new(forward: &ForwardAuth, pools: &Pools, timeouts: Timeouts) -> Self {
        let names = forward.copy.iter();
        let copy: Vec<_> = names
            .filter_map(|name| HeaderName::try_from(name).ok())
            .collect();
        let is_user = |name: &&HeaderName| {
            name.as_str().ends_with("user") || name.as_str().ends_with("username")
        };
        // A visitor's own word about who it is; what it shows to prove it goes along.
        let claimed = copy
            .iter()
            .filter(|name| **name != header::AUTHORIZATION && **name != header::COOKIE)
            .map(HeaderName::as_str);
        Self {
            pool: pools.of(&forward.to),
            uri: forward.target.parse().unwrap_or_default(),
            user: copy.iter().find(is_user).cloned(),
            not_asked: NOT_ASKED
                .into_iter()
                .chain(claimed)
                .map(Box::from)
                .collect(),
            copy,
            timeouts: Timeouts {
                response: forward.timeout,
                ..timeouts
            },
        }
    }

    /// Asks; `None` lets the request through.
    pub(super) async fn check(
        &self,
        visit: &Visit,
        parts: &Parts,
        admitted: &mut Admitted,
    ) -> Result<Option<Response<Body>>, Failure> {
        let mut answer = self
            .ask(visit, parts)
            .await
            .map_err(|failure| Failure::AuthServer(Box::new(failure)))?;
        if !answer.status().is_success() {
            if parts.method == Method::HEAD {
                *answer.body_mut() = Body::Empty; // It was asked by GET.
            }
            return Ok(Some(answer));
        }
        let headers = answer.headers();
        for name in &self.copy {
            let values = headers.get_all(name).iter();
            admitted
                .changes
                .add
                .extend(values.map(|value| (name.clone(), value.clone())));
        }
        let user = self.user.as_ref().and_then(|name| headers.get(name));
        admitted.user = user.map(|user| user.as_bytes().into());
        let cookies = headers.get_all(header::SET_COOKIE).iter();
        admitted.cookies = cookies.cloned().collect();
        read_rest(answer.into_body(), self.timeouts.response).await;
        Ok(None)
    }

    async fn ask(&self, visit: &Visit, parts: &Parts) -> Result<Response<Body>, Failure> {
        let connection = &visit.connection;
        let via = &connection.worker.via;
        via.check(&parts.headers)?; // The server may lead back here.
        let client = visit.client().to_string();
        let host = arrival::host_text(parts)?;
        let scheme = visit.visitor.scheme.word();
        let changes = Changes {
            drop: Rc::clone(&self.not_asked),
            add: about(parts, scheme, host)?,
        };
        let question = Question {
            uri: &self.uri,
            headers: &parts.headers,
            changes: &changes,
            forwarding: Forwarding {
                client: &client,
                peer: &connection.peer_text,
                scheme,
                host,
                peer_is: visit.visitor.peer_is,
                id: visit.shown_id(),
                certificate: connection.client.as_ref().map(|client| &*client.headers),
                via: Some((via::version(parts.version), via.name())),
            },
            timeouts: self.timeouts,
        };
        upstream::ask(&self.pool, question).await
    }
}

/// What is asked about, in the words of those who forward (`X-Forwarded-…`) and of nginx's `auth_request`.
fn about(
    parts: &Parts,
    scheme: &str,
    host: &str,
) -> Result<Vec<(HeaderName, HeaderValue)>, Failure> {
    let malformed = |_| Failure::Malformed("its target is none");
    let target = parts
        .uri
        .path_and_query()
        .map_or("/", |target| target.as_str());
    let slash = if target.starts_with('/') { "" } else { "/" };
    let method = HeaderValue::try_from(parts.method.as_str()).map_err(malformed)?;
    let url = format!("{scheme}://{host}{slash}{target}");
    let target = HeaderValue::try_from(format!("{slash}{target}")).map_err(malformed)?;
    Ok(vec![
        (METHOD, method.clone()),
        (TARGET, target),
        (ORIGINAL_METHOD, method),
        (ORIGINAL_URL, HeaderValue::try_from(url).map_err(malformed)?),
    ])
}

/// Reads what nobody needs, within bounds; the connection of a longer one is closed.
async fn read_rest(mut body: Body, within: Duration) {
    let read = async {
        let mut left = UNUSED_BYTES_MAX;
        while let Some(Ok(frame)) =
            std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await
        {
            let length = frame.data_ref().map_or(0, |data| data.len() as u64);
            match left.checked_sub(length) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    };
    let _ = tokio::time::timeout(within, read).await;
}
