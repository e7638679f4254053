//! Speaks HTTP with a visitor: the connection's life around hyper.

use std::future::Future;
use std::pin::Pin;
use std::pin::pin;
use std::rc::Rc;

use bytes::Bytes;
use http::Request;
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::http1;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::rt::TokioTimer;
use ondol_base::tasks;
use ondol_model::limits;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::time::Duration;

use crate::abuse;
use crate::abuse::Abuse;
use crate::answer;
use crate::connection::Connection;
use crate::connection::ConnectionState;
use crate::connection::Order;
use crate::connection::Speaks;
use crate::counters::Open;
use crate::refusal::Refusal;
use crate::tunnel;
use crate::tunnel::Ended;
use crate::tunnel::Tunnel;
use crate::visitor_stream::VisitorStream;

/// A visitor who still sends when its connection ends is listened to for this long, so that it reads
/// the last answer before it sees the connection reset (RFC 9112 §9.6).
const LINGER: Duration = Duration::from_secs(2);
/// What is read of such a visitor at most.
const LINGER_BYTES_MAX: usize = 256 * 1024;
/// How a visitor begins who knows beforehand that HTTP/2 is spoken (RFC 9113 §3.4), such as one of gRPC
/// without TLS. hyper's parser refuses it and answers nothing.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Response bytes that hyper keeps for a visitor who is slow to take them.
const SEND_BUFFER_BYTES: usize = 64 * 1024;
/// The same for HTTP/1.1, where a part of any size is taken when there is less than this.
const HTTP1_BUFFER_BYTES: usize = 32 * 1024;

/// What a visitor may send of one body by HTTP/2 before any of it is taken on.
const H2_STREAM_WINDOW_BYTES: u32 = 256 * 1024;
/// And of all bodies of a connection: more than of one, so that an unread upload does not stall others.
const H2_CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;
const H2_FRAME_BYTES_MAX: u32 = 16 * 1024;
/// The decoded head of a request: one that is larger is refused, one of four times that ends the connection.
const H2_HEAD_BYTES_MAX: u32 = 16 * 1024;
/// What a visitor's header compression may make us remember.
const H2_HEADER_TABLE_BYTES: u32 = 4 * 1024;
/// Requests that were taken back before they were looked at (CVE-2023-44487).
const H2_UNHEARD_RESETS_MAX: usize = 20;
/// Streams that a visitor made us reset by breaking the protocol (CVE-2025-8671), over a connection's life.
const H2_OWN_RESETS_MAX: usize = 200;
/// A connection is asked for a sign of life this often,
const H2_PING: Duration = Duration::from_secs(20);
/// and has this long to give it.
const H2_PONG: Duration = Duration::from_secs(10);

/// The whole of a connection that speaks HTTP/1.1.
pub(crate) async fn http1(connection: Rc<Connection>, stream: VisitorStream) {
    let state = Rc::clone(&connection.state);
    let asking = Rc::clone(&connection);
    let service = service_fn(move |request: Request<Incoming>| {
        // Right here, because hyper looks for the end of the connection before it polls the answer.
        if request.body().is_end_stream() {
            asking.state.asked();
        }
        answer::answer(Rc::clone(&asking), request)
    });
    let mut http = http1_builder().serve_connection(TokioIo::new(stream), service);
    let mut told = Order::Serve;
    let result = std::future::poll_fn(|cx| {
        if state.poll_order(cx) == Order::Finish && told == Order::Serve {
            told = Order::Finish;
            Pin::new(&mut http).graceful_shutdown();
        }
        Pin::new(&mut http).poll(cx)
    })
    .await;
    let parts = http.into_parts();
    let mut stream = parts.io.into_inner();
    let was_refused = stream.end_refusal();
    if let Err(error) = &result
        && error.is_parse()
    {
        let is_first = !state.has_asked() && connection.tls_version.is_none();
        if is_first && parts.read_buf.starts_with(PREFACE) {
            stream.begin_http2(parts.read_buf);
            state.handshake_done(Speaks::Http2);
            return Box::pin(http2(connection, stream)).await;
        }
        let refusal = Refusal::record(&connection, error, &parts.read_buf);
        if was_refused {
            let answer = refusal.answer(&connection, &parts.read_buf);
            let _ = tokio::time::timeout(LINGER, stream.write_all(&answer)).await;
        }
    }
    match state.take_tunnel() {
        Some(tunnel) if result.is_ok() => {
            let _presence = Open::new(&connection.worker, |counters| &counters.tunnels);
            through_tunnel((stream, &state), parts.read_buf, tunnel).await;
        }
        _ => linger(stream, &state).await,
    }
}

/// How HTTP/1.1 is read, whoever sends it.
pub(crate) fn http1_builder() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .max_headers(limits::HEADERS_MAX)
        .max_header_size(limits::HEAD_BYTES_MAX)
        .max_buf_size(HTTP1_BUFFER_BYTES);
    builder
}

async fn through_tunnel(
    (stream, state): (VisitorStream, &ConnectionState),
    from_visitor: Bytes,
    tunnel: Tunnel,
) {
    match tunnel::run(stream, from_visitor, tunnel).await {
        Ok(Ended::WithApp(stream)) => linger(stream, state).await,
        // A tunnel that breaks off is the business of its two ends; nobody is left to tell.
        Ok(Ended::ByItself) | Err(_) => {}
    }
}

/// Reads and forgets what a visitor still sends.
async fn linger(mut stream: VisitorStream, state: &ConnectionState) {
    let mut left = LINGER_BYTES_MAX;
    let mut buffer = vec![0; 4096]; // A part of the connection's task otherwise, for all its life.
    let listen = async {
        let _ = stream.shutdown().await; // The visitor must see the end of the answer first.
        while !state.has_reached_end() && left > 0 {
            match stream.read(&mut buffer).await {
                Ok(count) if count > 0 => left = left.saturating_sub(count),
                _ => return,
            }
        }
    };
    let _ = tokio::time::timeout(LINGER, listen).await;
}

/// The whole of a connection that speaks HTTP/2.
pub(crate) async fn http2(connection: Rc<Connection>, stream: VisitorStream) {
    let state = Rc::clone(&connection.state);
    let worker = Rc::clone(&connection.worker);
    let _presence = Open::new(&worker, |counters| &counters.http2);
    let peer = connection.peer;
    let service = service_fn(move |request| {
        // Boxed, because hyper and the runtime move it on several times.
        Box::pin(answer::answer(Rc::clone(&connection), request))
    });
    let mut http = std::pin::pin!(
        http2::Builder::new(OnThisThread(Rc::clone(&state)))
            .timer(TokioTimer::new())
            .max_concurrent_streams(limits::H2_STREAMS_MAX)
            .initial_stream_window_size(H2_STREAM_WINDOW_BYTES)
            .initial_connection_window_size(H2_CONNECTION_WINDOW_BYTES)
            .max_frame_size(H2_FRAME_BYTES_MAX)
            .max_send_buf_size(SEND_BUFFER_BYTES)
            .max_header_list_size(H2_HEAD_BYTES_MAX)
            .header_table_size(H2_HEADER_TABLE_BYTES)
            .max_pending_accept_reset_streams(H2_UNHEARD_RESETS_MAX)
            .max_local_error_reset_streams(H2_OWN_RESETS_MAX)
            .keep_alive_interval(H2_PING)
            .keep_alive_timeout(H2_PONG)
            .serve_connection(TokioIo::new(stream), service)
    );
    let mut told = Order::Serve;
    let result = std::future::poll_fn(|cx| {
        if state.poll_order(cx) == Order::Finish && told == Order::Serve {
            told = Order::Finish;
            http.as_mut().graceful_shutdown();
        }
        http.as_mut().poll(cx)
    })
    .await;
    let is_flood = state.is_overdrawn() || result.is_err_and(|error| abuse::is_by_http2(&error));
    if is_flood {
        worker.counters.glitches.add(1);
        worker.abused_by(peer.ip(), Abuse::Frames);
    }
}

/// Runs the streams of an HTTP/2 connection on its worker's own thread.
#[derive(Debug, Clone)]
struct OnThisThread(Rc<ConnectionState>);

impl<F> Executor<F> for OnThisThread
where
    F: Future<Output = ()> + 'static,
{
    fn execute(&self, stream: F) {
        let state = Rc::clone(&self.0);
        drop(tasks::spawn_local(async move {
            let mut stream = pin!(stream);
            let mut request = None;
            std::future::poll_fn(|cx| {
                state.poll_stream(cx, &mut request, |cx| stream.as_mut().poll(cx))
            })
            .await;
        }));
    }
}
