//! The answer to a request whose head can't be read: hyper has none but an empty page, so its words are
//! held back and ours are sent.

use bytes::BufMut;
use http::StatusCode;
use http::Version;
use http_body::Body as _;
use memchr::memchr;
use memchr::memmem;
use ondol_base::chain::Chain;
use ondol_base::clock;
use ondol_model::limits::TARGET_BYTES_MAX;
use ondol_model::plan::SiteLog;
use tokio::time::Duration;

use crate::access_log::Entry;
use crate::body::Body;
use crate::connection::Connection;
use crate::error_page::Language;
use crate::error_page::Topic;
use crate::error_page::Wants;
use crate::error_page::error_page;
use crate::request_id::RequestId;

/// What a request line has besides its target, at most: a method, two spaces, the version.
const LINE_BYTES: usize = 48;

/// A request that was refused before it became one.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    id: RequestId,
    why: String,
}

impl Refusal {
    /// Logs and counts it; `head` is what came of it.
    pub(crate) fn record(connection: &Connection, error: &hyper::Error, head: &[u8]) -> Self {
        let worker = &connection.worker;
        let refusal = Self {
            status: status(error, head),
            id: worker.ids.next(),
            why: Chain(error).to_string(),
        };
        worker.counters.requests.add(1);
        worker.counters.responses[3].add(1);
        let nowhere = worker.view();
        let nowhere = nowhere.counters(None);
        nowhere.ends(refusal.status.as_u16(), Duration::ZERO, 0);
        let entry = Entry {
            at: worker.wall(clock::now()),
            client: connection.peer.ip(),
            user: None,
            method: "",
            target: "",
            version: Version::HTTP_11,
            status: refusal.status.as_u16(),
            body_bytes: 0,
            duration: Duration::ZERO,
            host: "",
            site: "",
            route: None,
            referer: None,
            user_agent: None,
            request_id: refusal.id.into(),
            upstream: None,
            upstream_us: None,
            tls: connection.tls_version,
            client_certificate: None,
            failure: Some(&refusal.why),
        };
        worker.log.borrow_mut().record(&entry, &SiteLog::BOX);
        refusal
    }

    /// The whole answer. Where the request ends can't be told, so the connection ends with it.
    pub(crate) fn answer(&self, connection: &Connection, head: &[u8]) -> Vec<u8> {
        let wants = if memmem::find(head, b"text/html").is_some() {
            Wants::Html
        } else {
            Wants::Plain
        };
        let topic = Topic::Status(self.status);
        let page = error_page(topic, self.id, wants, Language::of_unread(head));
        let date = httpdate::fmt_http_date(connection.worker.wall(clock::now()));
        let length = page.body().size_hint().lower();
        let mut answer = Vec::with_capacity(4096);
        answer.put_slice(format!("HTTP/1.1 {}\r\n", self.status).as_bytes());
        for (name, value) in page.headers() {
            put_field(&mut answer, name.as_str(), value.as_bytes());
        }
        put_field(&mut answer, "content-length", length.to_string().as_bytes());
        put_field(&mut answer, "connection", b"close");
        put_field(&mut answer, "date", date.as_bytes());
        answer.put_slice(b"\r\n");
        if let Body::Full(text) = page.into_body()
            && !head.starts_with(b"HEAD ")
        {
            answer.put_slice(&text);
        }
        answer
    }
}

fn status(error: &hyper::Error, head: &[u8]) -> StatusCode {
    if !error.is_parse_too_large() {
        return StatusCode::BAD_REQUEST;
    }
    let begin = head.get(..TARGET_BYTES_MAX + LINE_BYTES).unwrap_or(head);
    if memchr(b'\n', begin).is_none() {
        StatusCode::URI_TOO_LONG
    } else {
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
    }
}

fn put_field(answer: &mut Vec<u8>, name: &str, value: &[u8]) {
    for part in [name.as_bytes(), b": ", value, b"\r\n"] {
        answer.put_slice(part);
    }
}
