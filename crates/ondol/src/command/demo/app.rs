//! The sample app: what stands behind a `proxy` site. It shows each request as it saw it, and counts.
//!
//! It knows nothing of Ondol but that it is behind something.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper::Response;
use hyper::body::Incoming;
use hyper::header::ACCEPT;
use hyper::header::CONTENT_TYPE;
use hyper::header::HeaderMap;
use hyper::header::HeaderValue;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use ondol_base::tasks::Group;
use tokio::net::TcpListener;

/// Longer than a proxy keeps its connections, so that the app is not the one to close.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
const CONNECTIONS_MAX: usize = 256;

/// A running app; dropping it ends it.
#[derive(Debug)]
pub(super) struct App {
    address: SocketAddr,
    _tasks: Group,
}

impl App {
    /// Listens on a free port of this machine alone.
    pub(super) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.context("the sample app could not listen")?;
        let address = listener.local_addr()?;
        let mut tasks = Group::default();
        tasks.spawn("sample app", serve(listener));
        Ok(Self {
            address,
            _tasks: tasks,
        })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn serve(listener: TcpListener) {
    let requests = Arc::new(AtomicU64::new(0));
    let mut connections = Group::default();
    loop {
        if connections.len() >= CONNECTIONS_MAX {
            connections.next_end().await;
        }
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors, most likely; connections that end make room.
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let requests = Arc::clone(&requests);
        connections.spawn("sample connection", async move {
            let answer = service_fn(move |request| {
                let number = requests.fetch_add(1, Ordering::Relaxed) + 1;
                std::future::ready(Ok::<_, Infallible>(answer(&request, number)))
            });
            let connection = hyper::server::conn::http1::Builder::new();
            // A visitor who went away is no news to a sample.
            let _ = connection
                .serve_connection(TokioIo::new(stream), answer)
                .await;
        });
    }
}

fn answer(request: &Request<Incoming>, number: u64) -> Response<Full<Bytes>> {
    let text = seen(request, number);
    let accepts = request
        .headers()
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok());
    let is_browser = accepts.is_some_and(|accepts| accepts.contains("text/html"));
    let (kind, body) = if is_browser {
        ("text/html; charset=utf-8", page(&text))
    } else {
        ("text/plain; charset=utf-8", text)
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// The request as it arrived here, which shows what a proxy adds.
fn seen(request: &Request<Incoming>, number: u64) -> String {
    let mut text = format!(
        "Hello from the sample app behind Ondol. This is request {number}, and this is how it arrived:\n\n{} {} {:?}\n",
        request.method(),
        request.uri(),
        request.version(),
    );
    push_headers(&mut text, request.headers());
    text
}

fn push_headers(text: &mut String, headers: &HeaderMap) {
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        let _infallible = writeln!(text, "{name}: {value}");
    }
}

fn page(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;");
    format!(
        "<!doctype html><meta charset=\"utf-8\"><title>A sample app behind Ondol</title>\
         <body style=\"max-width: 50rem; margin: 4rem auto; color: #2b2723; background: #fbf7f2\"><pre>{escaped}</pre>"
    )
}
