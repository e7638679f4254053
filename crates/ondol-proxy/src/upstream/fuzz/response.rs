//! Heads of upstreams' responses.

use bytes::BytesMut;
use http::HeaderMap;
use http::Method;
use http::StatusCode;
use http::header;

use super::each_case;
use super::mutate;
use super::mutate::Random;
use super::shown;
use crate::headers;
use crate::upstream::response_head;
use crate::upstream::response_head::AfterResponse;
use crate::upstream::response_head::BodyFraming;
use crate::upstream::response_head::ResponseHead;

const SEEDS: &[&[u8]] = &[
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\nhello",
    b"HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nContent-Length: 7\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n\x81\x05hello",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\n\r\n",
    b"HTTP/1.1 502 \r\nConnection: close, X-Hop\r\nX-Hop: 1\r\n\r\n",
];

/// The head when its bytes come in these pieces, and what is left of them.
fn read(pieces: &[&[u8]], method: &Method) -> Result<Option<(ResponseHead, Vec<u8>)>, ()> {
    let mut buffer = BytesMut::new();
    for (index, piece) in pieces.iter().enumerate() {
        buffer.extend_from_slice(piece);
        if let Some(head) = response_head::take(&mut buffer, method).map_err(drop)? {
            let rest = std::iter::once(&buffer[..]).chain(pieces[index + 1..].iter().copied());
            return Ok(Some((head, rest.collect::<Vec<_>>().concat())));
        }
    }
    Ok(None)
}

#[test]
fn a_head_is_read_one_way_however_it_arrives() {
    each_case(|number| {
        let mut random = Random::new(number);
        let bytes = mutate::message(&mut random, SEEDS);
        let method = random
            .one_of(&[Method::GET, Method::HEAD, Method::POST])
            .clone();
        let at_once = read(&[&bytes], &method);
        let in_pieces = read(&mutate::pieces(&mut random, &bytes), &method);
        let why = || format!("case {number}: {}", shown(&bytes));
        assert_eq!(
            format!("{at_once:?}"),
            format!("{in_pieces:?}"),
            "{}",
            why()
        );
        let Ok(Some((head, rest))) = &at_once else {
            return false;
        };
        let raw = &bytes[..bytes.len() - rest.len()];
        is_consistent(head, raw, &method).unwrap_or_else(|problem| panic!("{problem}: {}", why()));
        true
    });
}

/// What must hold of every head that was accepted.
fn is_consistent(head: &ResponseHead, raw: &[u8], method: &Method) -> Result<(), &'static str> {
    let ResponseHead {
        status,
        headers,
        framing,
        after,
        ..
    } = head;
    let bodiless = *method == Method::HEAD
        || status.is_informational()
        || matches!(*status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if bodiless != (*framing == BodyFraming::None)
        && !(*framing == BodyFraming::None && length(headers) == Some(0))
    {
        return Err("a body where there is none, or the reverse");
    }
    if headers
        .keys()
        .any(|name| headers::is_hop_by_hop(name.as_str()) && *name != header::TRAILER)
    {
        return Err("a field of the connection is passed on");
    }
    let says = |what: &str| {
        String::from_utf8_lossy(raw)
            .to_ascii_lowercase()
            .contains(what)
    };
    match framing {
        BodyFraming::Length(bytes) if length(headers).is_some_and(|length| length != *bytes) => {
            Err("the length differs from the field")
        }
        BodyFraming::Chunked if headers.contains_key(header::CONTENT_LENGTH) => {
            Err("a length beside the chunks")
        }
        BodyFraming::Chunked if says("\ncontent-length:") && *after == AfterResponse::Keep => {
            Err("a connection is kept that someone may read differently")
        }
        BodyFraming::UntilClose if *after == AfterResponse::Keep => {
            Err("a body without an end on a kept connection")
        }
        BodyFraming::None
        | BodyFraming::Length(_)
        | BodyFraming::Chunked
        | BodyFraming::UntilClose => Ok(()),
    }
}

fn length(headers: &HeaderMap) -> Option<u64> {
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    let length = lengths.next()?.to_str().ok()?.parse().ok();
    length.filter(|_| lengths.next().is_none())
}
