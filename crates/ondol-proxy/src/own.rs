//! What the box answers on sites by itself, where their owner wants that: whether it is well, and reports of others'
//! jobs, in the protocol of Healthchecks.
//!
//! It comes and goes apart from everything else that is served, and nothing is looked at while there is none. It knows
//! neither what makes the box well nor what a report means.

use std::cell::Cell;
use std::cell::RefCell;
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;
use http::Method;
use http::Response;
use http::StatusCode;
use http::header;
use http::request::Parts;
use http::uri::PathAndQuery;
use http_body::Body as _;
use hyper::body::Incoming;
use ondol_base::clock;
use ondol_model::watch::PingKind;
use ondol_model::watch::State;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::body::Body;
use crate::failure::Failure;
use crate::visit::Visit;

/// Where reports go, before the token.
const PINGS: &str = "/ping/";
/// What the log has in the place of a token.
const LOGGED: &str = "/ping/REDACTED";
/// As much of what comes with a report as is kept.
const SAID_BYTES_MAX: usize = 10_000;
/// As much as is read of it, so that who sends more still gets its answer.
const READ_BYTES_MAX: usize = 1024 * 1024;
/// How long a report's body may take.
const READ: Duration = Duration::from_secs(10);
/// Reports of one token that one worker takes at once, and how long until it takes one more: enough for begin, remark
/// and end of a job, too few to write to a disk all the time.
const BURST: u32 = 10;
const ONE_MORE: Duration = Duration::from_secs(5);
/// How long a visitor may keep the word on how the box is.
const HEALTH_AGE: HeaderValue = HeaderValue::from_static("max-age=5");
/// What Healthchecks tells its visitors of [`SAID_BYTES_MAX`].
const BODY_LIMIT: HeaderName = HeaderName::from_static("ping-body-limit");

/// What the box answers on sites by itself.
#[derive(Debug)]
pub struct Own {
    state: State,
    /// By path: the main names of the sites that say there how the box is.
    health: Vec<(Box<str>, Vec<Box<str>>)>,
    pings: HashMap<Box<str>, TakesPings>,
    reports: mpsc::Sender<Report>,
}

/// A report of somebody else's job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The name of its heartbeat.
    pub name: String,
    /// What it says.
    pub kind: PingKind,
    /// The first bytes of what came with it, as text.
    pub said: String,
}

struct TakesPings {
    site: Box<str>,
    name: Box<str>,
}

impl std::fmt::Debug for TakesPings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

impl Own {
    /// The main names of sites with the paths at which they say how the box is, and those that take reports, each with
    /// the token and the name of its heartbeat. Reports go to `reports`.
    pub fn new(
        state: State,
        health: impl IntoIterator<Item = (String, String)>,
        pings: impl IntoIterator<Item = (String, String, String)>,
        reports: mpsc::Sender<Report>,
    ) -> Self {
        let mut by_path: Vec<(Box<str>, Vec<Box<str>>)> = Vec::new();
        for (site, path) in health {
            match by_path.iter_mut().find(|(known, _)| **known == *path) {
                Some((_, sites)) => sites.push(site.into()),
                None => by_path.push((path.into(), vec![site.into()])),
            }
        }
        let pings = pings.into_iter().map(|(site, token, name)| {
            let (site, name) = (site.into(), name.into());
            (token.into(), TakesPings { site, name })
        });
        Self {
            state,
            health: by_path,
            pings: pings.collect(),
            reports,
        }
    }

    fn is_empty(&self) -> bool {
        self.health.is_empty() && self.pings.is_empty()
    }

    /// What a path of a site asks of the box itself. Most paths are told by their first bytes.
    fn asked(&self, path: &str, site: &str) -> Option<Asked<'_>> {
        if let Some(rest) = path.strip_prefix(PINGS) {
            let (token, word) = rest.split_once('/').unwrap_or((rest, ""));
            let kind = PingKind::parse(word)?;
            let takes = self.pings.get(token)?;
            return (*takes.site == *site).then_some(Asked::Ping(&takes.name, kind));
        }
        let (_, sites) = self.health.iter().find(|(known, _)| **known == *path)?;
        let is_there = sites.iter().any(|known| **known == *site);
        is_there.then_some(Asked::Health)
    }
}

/// What one worker answers.
#[derive(Debug, Default)]
pub(crate) struct Owned {
    own: RefCell<Option<Arc<Own>>>,
    /// By the name of the heartbeat; what is not there any more is forgotten with the value that named it.
    budgets: RefCell<HashMap<Box<str>, Budget>>,
}

impl Owned {
    pub(crate) fn replace(&self, own: Arc<Own>) {
        let names: HashMap<_, _> = own.pings.values().map(|it| (&it.name, ())).collect();
        self.budgets
            .borrow_mut()
            .retain(|name, _| names.contains_key(name));
        *self.own.borrow_mut() = (!own.is_empty()).then_some(own);
    }

    /// How long somebody must wait whose reports come too fast.
    fn wait(&self, name: &str) -> Option<Duration> {
        let mut budgets = self.budgets.borrow_mut();
        let now = clock::now();
        if let Some(budget) = budgets.get(name) {
            return budget.take(now);
        }
        let budget = Budget::full(now);
        let wait = budget.take(now);
        budgets.insert(name.into(), budget);
        wait
    }
}

/// Reports that may still come at once.
#[derive(Debug)]
struct Budget(Cell<(u32, Instant)>);

impl Budget {
    fn full(now: Instant) -> Self {
        Self(Cell::new((BURST, now)))
    }

    fn take(&self, now: Instant) -> Option<Duration> {
        let (left, since) = self.0.get();
        let passed = now.saturating_duration_since(since);
        let more = u32::try_from(passed.as_millis() / ONE_MORE.as_millis()).unwrap_or(BURST);
        let left = left.saturating_add(more).min(BURST);
        let since = since + ONE_MORE * more.min(BURST);
        let since = if left == BURST { now } else { since };
        if left == 0 {
            self.0.set((left, since));
            return Some(ONE_MORE.saturating_sub(now.saturating_duration_since(since)));
        }
        self.0.set((left - 1, since));
        None
    }
}

/// What a request asks of the box itself.
enum Asked<'o> {
    Health,
    /// A report, with the name of its heartbeat.
    Ping(&'o str, PingKind),
}

/// What a request that is for the box itself gets; it takes the body of a report with it.
pub(crate) enum Answering {
    Health(State),
    Ping(Pinged),
}

/// A report on its way.
pub(crate) struct Pinged {
    own: Arc<Own>,
    name: Box<str>,
    kind: PingKind,
}

/// Whether a request is for the box itself; `None` for everybody else. A token that is not here may be that of an app.
pub(crate) fn asked(visit: &mut Visit, site: usize, parts: &Parts) -> Option<Answering> {
    let pinged = {
        let own = visit.connection.worker.own.own.borrow();
        let own = own.as_ref()?;
        let path = parts.uri.path();
        match own.asked(path, visit.view.site_name(site))? {
            Asked::Health => return Some(Answering::Health(own.state)),
            Asked::Ping(name, kind) => Pinged {
                own: Arc::clone(own),
                name: name.into(),
                kind,
            },
        }
    };
    visit.is_logged_as(PathAndQuery::from_static(LOGGED));
    Some(Answering::Ping(pinged))
}

/// Answers it.
pub(crate) async fn answer(
    answering: Answering,
    visit: &Visit,
    method: &Method,
    body: Incoming,
) -> Result<Response<Body>, Failure> {
    match answering {
        Answering::Health(state) => health(state, method),
        Answering::Ping(pinged) => ping(pinged, visit, method, body).await,
    }
}

/// The public word on how the box is (draft-inadarei-api-health-check-06): no more than the word.
fn health(state: State, method: &Method) -> Result<Response<Body>, Failure> {
    if !matches!(*method, Method::GET | Method::HEAD) {
        return Err(Failure::MethodNotAllowed("GET, HEAD"));
    }
    let (status, word) = match state {
        State::Pass | State::Unknown => (StatusCode::OK, "pass"),
        State::Warn => (StatusCode::OK, "warn"),
        State::Fail => (StatusCode::SERVICE_UNAVAILABLE, "fail"),
    };
    let text = format!("{{\"status\":\"{word}\"}}");
    let mut response = plain(status, Bytes::from(text), method);
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static("application/health+json");
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(header::CACHE_CONTROL, HEALTH_AGE);
    Ok(response)
}

async fn ping(
    pinged: Pinged,
    visit: &Visit,
    method: &Method,
    body: Incoming,
) -> Result<Response<Body>, Failure> {
    if !matches!(*method, Method::GET | Method::HEAD | Method::POST) {
        return Err(Failure::MethodNotAllowed("GET, HEAD, POST"));
    }
    let Pinged { own, name, kind } = pinged;
    if let Some(wait) = visit.connection.worker.own.wait(&name) {
        return Ok(later(StatusCode::TOO_MANY_REQUESTS, wait, method));
    }
    let mut said = Vec::new();
    // A report that goes on too slowly, or breaks off, is one all the same.
    let _ = tokio::time::timeout(READ, read(body, &mut said)).await;
    let report = Report {
        name: name.into(),
        kind,
        said: String::from_utf8_lossy(&said).into_owned(),
    };
    if own.reports.try_send(report).is_err() {
        return Ok(later(StatusCode::SERVICE_UNAVAILABLE, ONE_MORE, method));
    }
    let mut response = plain(StatusCode::OK, Bytes::from_static(b"OK"), method);
    let limit = HeaderValue::from(SAID_BYTES_MAX);
    response.headers_mut().insert(BODY_LIMIT, limit);
    Ok(response)
}

/// Reads a body to its end, or as far as is sensible, and keeps its beginning.
async fn read(mut body: Incoming, kept: &mut Vec<u8>) {
    let mut read = 0;
    while read < READ_BYTES_MAX {
        let frame = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await;
        let Some(Ok(frame)) = frame else { break };
        if let Some(data) = frame.data_ref() {
            read += data.len();
            let room = SAID_BYTES_MAX - kept.len();
            kept.extend_from_slice(&data[..data.len().min(room)]);
        }
    }
}

fn later(status: StatusCode, wait: Duration, method: &Method) -> Response<Body> {
    let text = match status {
        StatusCode::TOO_MANY_REQUESTS => "too many reports\n",
        _ => "try again\n",
    };
    let mut response = plain(status, Bytes::from_static(text.as_bytes()), method);
    let seconds = HeaderValue::from(wait.as_secs().max(1));
    response.headers_mut().insert(header::RETRY_AFTER, seconds);
    response
}

fn plain(status: StatusCode, text: Bytes, method: &Method) -> Response<Body> {
    let length = HeaderValue::from(text.len());
    let is_head = *method == Method::HEAD;
    let mut response = Response::new(if is_head {
        Body::Empty
    } else {
        Body::Full(text)
    });
    *response.status_mut() = status;
    let headers: &mut HeaderMap = response.headers_mut();
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(header::CONTENT_LENGTH, length);
    let kept_by_nobody = HeaderValue::from_static("no-store");
    headers.insert(header::CACHE_CONTROL, kept_by_nobody);
    response
}
