//! One request from its first phase to the last byte of its answer: counted, timed and logged once.

use std::net::IpAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Context;
use std::task::Poll;

use bytes::Bytes;
use http::HeaderValue;
use http::Method;
use http::Response;
use http::StatusCode;
use http::Uri;
use http::Version;
use http::header;
use http::request::Parts;
use http::uri::PathAndQuery;
use http_body::Body as _;
use http_body::Frame;
use http_body::SizeHint;
use ondol_base::chain::Chain;
use ondol_base::clock;
use ondol_model::plan::Patience;
use ondol_model::watch::CHECK_USER_AGENT;
use tokio::time::Instant;

use crate::access_log::Entry;
use crate::apps::InApp;
use crate::arrival;
use crate::arrival::Visitor;
use crate::body::Body;
use crate::body::BodyError;
use crate::connection::Answer;
use crate::connection::Connection;
use crate::dress::Dress;
use crate::failure::Failure;
use crate::gate::Admitted;
use crate::request_id::RequestId;
use crate::request_id::ShownId;
use crate::upstream::Asked;
use crate::upstream::Script;
use crate::view::RouteIndex;
use crate::view::View;

/// The status in the log for a visitor who left before the end, as nginx has it; never sent.
const VISITOR_LEFT: u16 = 499;

/// What the log says of an answer that ended with the launch of the app that gave it.
const APP_STOPPED: &str =
    "the answer was cut short, because the app was stopped and the time for that was over";

/// A request and what is to be remembered of it.
#[derive(Debug)]
pub(crate) struct Visit {
    pub(crate) connection: Rc<Connection>,
    /// The view that the whole request is answered by, whatever is reloaded meanwhile.
    pub(crate) view: Rc<View>,
    pub(crate) id: RequestId,
    /// What a trusted proxy has given it instead.
    pub(crate) given_id: Option<HeaderValue>,
    /// The site that answers, once it is known.
    pub(crate) site: Option<usize>,
    /// Its route, once it is known.
    pub(crate) route: Option<RouteIndex>,
    /// Who asks, as far as the connection or a trusted proxy tells it.
    pub(crate) visitor: Visitor,
    /// As whom the visitor was let through, where that is asked.
    pub(crate) admitted: Option<Box<Admitted>>,
    /// The script that answers, where one does.
    pub(crate) script: Option<Box<Script>>,
    /// The upstream that was asked, if one was.
    pub(crate) asked: Option<Asked>,
    /// The app that has the request, where Ondol runs it.
    pub(crate) app: Option<InApp>,
    started: Instant,
    method: Method,
    uri: Uri,
    version: Version,
    host: Option<HeaderValue>,
    referer: Option<HeaderValue>,
    user_agent: Option<HeaderValue>,
    failure: Option<String>,
    status: u16,
    body_bytes: u64,
    outcome: Outcome,
    /// Its number on the connection.
    pub(crate) request: usize,
    /// Whether a part of the body is with the protocol.
    has_given: bool,
}

/// Whether the body has been taken whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// The visitor has not taken all of it.
    Open,
    /// All of it.
    Whole,
    /// It was cut short by the file or the upstream.
    Cut,
}

impl Visit {
    pub(crate) fn begin(connection: Rc<Connection>, parts: &Parts) -> Box<Self> {
        let request = connection.state.request_begins();
        let worker = &connection.worker;
        worker.counters.requests.add(1);
        let header = |name| parts.headers.get(name).cloned();
        let view = worker.view();
        Box::new(Self {
            visitor: arrival::visitor(&connection, &view, &parts.headers),
            view,
            id: worker.ids.next(),
            given_id: None,
            site: None,
            route: None,
            admitted: None,
            script: None,
            asked: None,
            app: None,
            started: clock::now(),
            method: parts.method.clone(),
            uri: parts.uri.clone(),
            version: parts.version,
            host: header(header::HOST),
            referer: header(header::REFERER),
            user_agent: header(header::USER_AGENT),
            failure: None,
            status: VISITOR_LEFT,
            body_bytes: 0,
            outcome: Outcome::Open,
            request,
            has_given: false,
            connection,
        })
    }

    /// Whether the box itself asks whether the site answers. Only a peer on this machine is believed.
    pub(crate) fn is_check(&self) -> bool {
        self.connection.peer.ip().is_loopback()
            && self
                .user_agent
                .as_ref()
                .is_some_and(|agent| agent == CHECK_USER_AGENT)
    }

    /// The visitor's address, as far as it is known.
    pub(crate) fn client(&self) -> IpAddr {
        self.visitor.address.unwrap_or(self.connection.peer.ip())
    }

    /// The id of the request.
    pub(crate) fn shown_id(&self) -> ShownId<'_> {
        ShownId::new(self.given_id.as_ref(), self.id)
    }

    /// What its answer gets on its way out.
    pub(crate) fn dress(&self) -> Option<&Dress> {
        self.view.dress(self.site?, self.route)
    }

    /// Takes up that it is for this site.
    pub(crate) fn is_for(&mut self, site: usize) {
        self.site = Some(site);
        self.view.counters(self.site).begins();
    }

    /// Has the log say something else than what was asked for, which is a secret.
    pub(crate) fn is_logged_as(&mut self, target: PathAndQuery) {
        let mut parts = std::mem::take(&mut self.uri).into_parts();
        parts.path_and_query = Some(target);
        self.uri = Uri::from_parts(parts).unwrap_or_default();
    }

    /// Remembers why the request failed, for the log.
    pub(crate) fn failed(&mut self, failure: &Failure) {
        self.failure = Some(Chain(failure).to_string());
    }

    /// Takes up how long the visitor is waited for.
    pub(crate) fn wait_as(&self, patience: Patience) {
        self.connection.state.has_patience(self.request, patience);
    }

    /// Ties the visit to the response: it ends with the body.
    pub(crate) fn finish(mut self: Box<Self>, response: Response<Body>) -> Response<Visited> {
        self.status = response.status().as_u16();
        self.connection.state.has_words();
        if self.app.is_some() {
            self.connection.state.is_answered(self.request);
        }
        response.map(|body| Visited {
            body,
            visit: Some(self),
        })
    }

    fn end(&self) {
        let worker = &self.connection.worker;
        let is_slow = self.connection.state.is_cut(self.request);
        let answer = match self.outcome {
            Outcome::Whole => Answer::Whole,
            Outcome::Open | Outcome::Cut => Answer::Unfinished,
        };
        self.connection.state.request_ends(self.request, answer);
        let now = clock::now();
        let is_stopped =
            self.outcome != Outcome::Whole && self.app.as_ref().is_some_and(InApp::is_cut);
        let status = if self.outcome == Outcome::Open && !is_stopped {
            VISITOR_LEFT
        } else {
            self.status
        };
        let class = usize::from(status / 100).saturating_sub(1);
        if let Some(counter) = worker.counters.responses.get(class) {
            counter.add(1);
        }
        worker.counters.bytes_sent.add(self.body_bytes);
        let took = now.duration_since(self.started);
        let counters = self.view.counters(self.site);
        counters.ends(status, took, self.body_bytes);
        let authority = self.uri.authority().map(http::uri::Authority::as_str);
        let host = authority.or_else(|| self.host.as_ref().and_then(|host| host.to_str().ok()));
        let cut = (self.outcome == Outcome::Cut).then_some("the answer was cut short");
        let slow = is_slow.then_some("the visitor took the answer too slowly");
        let stopped = is_stopped.then_some(APP_STOPPED);
        let failure = self.failure.as_deref().or(stopped).or(slow).or(cut);
        let site = self.site.map(|site| self.view.site_name(site));
        let entry = Entry {
            at: worker.wall(self.started),
            client: self.client(),
            user: self
                .admitted
                .as_ref()
                .and_then(|admitted| admitted.user.as_deref()),
            method: self.method.as_str(),
            target: self.uri.path_and_query().map_or("", PathAndQuery::as_str),
            version: self.version,
            status,
            body_bytes: self.body_bytes,
            duration: took,
            host: host.unwrap_or_default(),
            site: site.unwrap_or_default(),
            route: self.route.map(|at| self.view.route(at).path.as_str()),
            referer: self.referer.as_ref().map(HeaderValue::as_bytes),
            user_agent: self.user_agent.as_ref().map(HeaderValue::as_bytes),
            request_id: self.shown_id(),
            upstream: self.asked.as_ref().map(|asked| asked.pool.label()),
            upstream_us: self.asked.as_ref().and_then(Asked::microseconds),
            tls: self.connection.tls_version,
            client_certificate: self
                .connection
                .client
                .as_ref()
                .map(|client| &*client.subject),
            failure,
        };
        let log = self.view.log(self.site, self.route);
        worker.log.borrow_mut().record(&entry, log);
        if let Some(failure) = failure.filter(|_| status >= 500 || self.outcome == Outcome::Cut)
            && worker.may_warn()
        {
            let (id, site) = (self.shown_id(), site.unwrap_or_default());
            tracing::warn!(status, site, request_id = %id, "{failure}");
        }
    }
}

impl Drop for Visit {
    /// Without a response it is a visitor who left while the answer was awaited.
    fn drop(&mut self) {
        self.end();
    }
}

/// The body of a response together with its visit.
#[derive(Debug)]
pub(crate) struct Visited {
    body: Body,
    visit: Option<Box<Visit>>,
}

impl http_body::Body for Visited {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(visit) = &mut self.visit
            && std::mem::take(&mut visit.has_given)
        {
            visit.connection.state.asked_for_more(visit.request);
        }
        let Self { body, visit } = &mut *self;
        if let (Body::File(file), Some(visit)) = (&mut *body, visit) {
            file.in_pieces_of(visit.connection.piece_bytes(visit.request));
        }
        let polled = Pin::new(body).poll_frame(cx);
        if let (Poll::Ready(polled), Some(visit)) = (&polled, &mut self.visit) {
            match polled {
                Some(Ok(frame)) => {
                    let bytes = frame.data_ref().map_or(0, Bytes::len);
                    visit.body_bytes += bytes as u64;
                    visit.has_given = true;
                    visit.connection.gave(visit.request, bytes);
                }
                Some(Err(error)) => {
                    visit.outcome = Outcome::Cut;
                    if let Some(app) = &mut visit.app {
                        app.has_broken_off();
                    }
                    visit.failure = Some(format!("the answer was cut short: {}", Chain(error)));
                }
                None => visit.outcome = Outcome::Whole,
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Visited {
    /// hyper drops a body when all of it has been handed to the connection, or the visitor has left.
    fn drop(&mut self) {
        if let Some(mut visit) = self.visit.take() {
            let nothing_left = visit.outcome == Outcome::Open
                && (self.body.is_end_stream()
                    || self.body.size_hint().exact() == Some(0)
                    || has_no_body(&visit.method, visit.status));
            if nothing_left {
                visit.outcome = Outcome::Whole;
            }
        }
    }
}

/// Whether a response of this kind is whole without its body (RFC 9110 §6.4.1).
fn has_no_body(method: &Method, status: u16) -> bool {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    *method == Method::HEAD
        || status.is_informational()
        || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}
