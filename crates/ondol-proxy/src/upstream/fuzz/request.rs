//! Requests of visitors, as they are read here and written anew for the server behind.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Context;
use std::task::Poll;
use std::task::Waker;

use http::Request;
use http::Response;
use http::request::Parts;
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::io::ReadBuf;

use super::each_case;
use super::mutate;
use super::mutate::Random;
use super::reference;
use super::shown;
use crate::answer;
use crate::arrival;
use crate::body::Body;
use crate::http as visitors;
use crate::request_id::RequestIds;
use crate::upstream::Forwarding;
use crate::upstream::Peer;
use crate::upstream::forward;
use crate::upstream::request_head;
use crate::upstream::request_head::RequestFraming;
use crate::upstream::request_head::RequestHead;

const SEEDS: &[&[u8]] = &[
    b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n",
    b"GET /a?b=c HTTP/1.1\r\nHost: a.test\r\nCookie: a=b\r\nCookie: c=d\r\nX-Forwarded-For: 1.2.3.4\r\n\r\nGET /next HTTP/1.1\r\nHost: a.test\r\n\r\n",
    b"POST /form HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n\r\nhelloGET /next HTTP/1.1\r\nHost: a.test\r\n\r\n",
    b"POST /up HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\nGET /next HTTP/1.1\r\nHost: a.test\r\n\r\n",
    b"GET http://a.test/whole HTTP/1.1\r\nHost: a.test\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\n\r\n",
    b"GET /chat HTTP/1.1\r\nHost: a.test\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    b"PUT /x HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nok",
    b"HEAD / HTTP/1.0\r\nHost: a.test\r\nConnection: keep-alive\r\n\r\nDELETE /y HTTP/1.0\r\nHost: a.test\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: a.test\r\n\r\n",
];

/// A visitor whose bytes are given, and who takes every answer.
struct Visitor {
    pieces: VecDeque<Vec<u8>>,
}

impl AsyncRead for Visitor {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(mut piece) = self.pieces.pop_front() {
            let rest = piece.split_off(piece.len().min(buffer.remaining()));
            buffer.put_slice(&piece);
            if !rest.is_empty() {
                self.pieces.push_front(rest);
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Visitor {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// A request that was read whole.
#[derive(Debug)]
struct Seen {
    parts: Parts,
    framing: RequestFraming,
    body: Vec<u8>,
}

/// The requests that these bytes hold, of those that would be forwarded.
fn read(pieces: Vec<Vec<u8>>) -> Vec<Seen> {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let keep = Rc::clone(&seen);
    let service = service_fn(move |request: Request<Incoming>| {
        let keep = Rc::clone(&keep);
        async move {
            let (parts, body) = request.into_parts();
            let framing = forward::framing(&parts, &body);
            let is_well_formed =
                answer::check_form(&parts).is_ok() && arrival::host_text(&parts).is_ok();
            if let Some(body) = whole(body).await
                && is_well_formed
            {
                keep.borrow_mut().push(Seen {
                    parts,
                    framing,
                    body,
                });
            }
            Ok::<_, Infallible>(Response::new(Body::Empty))
        }
    });
    let visitor = Visitor {
        pieces: pieces.into(),
    };
    let mut connection = visitors::http1_builder().serve_connection(TokioIo::new(visitor), service);
    let mut cx = Context::from_waker(Waker::noop());
    // A visitor who never waits keeps nobody waiting: a few polls are enough, or it hangs.
    let ends = (0..100).any(|_| Pin::new(&mut connection).poll(&mut cx).is_ready());
    assert!(ends, "a connection never ends");
    drop(connection);
    Rc::try_unwrap(seen)
        .map(RefCell::into_inner)
        .unwrap_or_default()
}

async fn whole(mut body: Incoming) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        if let Ok(data) = frame.ok()?.into_data() {
            bytes.extend_from_slice(&data);
        }
    }
    Some(bytes)
}

fn target(parts: &Parts) -> &str {
    let target = parts.uri.path_and_query();
    target.map_or("/", http::uri::PathAndQuery::as_str)
}

/// What the server behind gets.
fn forwarded(seen: &Seen, ids: &RequestIds) -> Vec<u8> {
    let host = arrival::host_text(&seen.parts).unwrap_or_default();
    let forwarding = Forwarding {
        client: "192.0.2.1",
        peer: "192.0.2.1",
        scheme: "http",
        host,
        peer_is: Peer::Visitor,
        id: ids.next().into(),
        certificate: None,
        via: None,
    };
    let upgrade = answer::upgrade(&seen.parts);
    let head = RequestHead {
        method: &seen.parts.method,
        target: target(&seen.parts),
        host,
        prefix: None,
        changes: None,
        headers: &seen.parts.headers,
        framing: seen.framing,
        upgrade: upgrade.as_ref(),
        forwarding,
        fields: None,
    };
    let mut bytes = Vec::new();
    request_head::encode(&head, &mut bytes);
    match seen.framing {
        RequestFraming::Records => panic!("this is HTTP"),
        RequestFraming::None => assert!(seen.body.is_empty(), "a body without a frame"),
        RequestFraming::Length(length) => {
            assert_eq!(length, seen.body.len() as u64, "a body of another length");
            bytes.extend_from_slice(&seen.body);
        }
        RequestFraming::Chunked | RequestFraming::ChunkedWithTrailers => {
            if !seen.body.is_empty() {
                bytes.extend_from_slice(format!("{:x}\r\n", seen.body.len()).as_bytes());
                bytes.extend_from_slice(&seen.body);
                bytes.extend_from_slice(b"\r\n");
            }
            bytes.extend_from_slice(b"0\r\n\r\n");
        }
    }
    bytes
}

#[test]
fn a_request_means_to_the_server_behind_what_it_meant_here() {
    let ids = RequestIds::new(1);
    each_case(|number| {
        let mut random = Random::new(number);
        let bytes = mutate::message(&mut random, SEEDS);
        let why = || format!("case {number}: {}", shown(&bytes));
        let pieces = mutate::pieces(&mut random, &bytes);
        let at_once = read(vec![bytes.clone()]);
        let in_pieces = read(pieces.into_iter().map(<[u8]>::to_vec).collect());
        assert_eq!(
            format!("{at_once:?}"),
            format!("{in_pieces:?}"),
            "{}",
            why()
        );
        for seen in &at_once {
            let sent = forwarded(seen, &ids);
            let understood = reference::requests(&sent).unwrap_or_else(|problem| {
                panic!("{problem}: {} became {}", why(), shown(&sent));
            });
            let [understood] = &understood[..] else {
                panic!("{} became {} requests", why(), understood.len());
            };
            assert_eq!(understood.method, seen.parts.method.as_str(), "{}", why());
            assert_eq!(understood.body, seen.body, "{}", why());
            assert_eq!(
                understood.target.trim_start_matches('/'),
                target(&seen.parts).trim_start_matches('/'),
                "{}",
                why()
            );
        }
        !at_once.is_empty()
    });
}
