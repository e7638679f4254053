//! Heads as tables: how the body ends, and what does not reach the visitor.

use proptest::prelude::*;

use super::*;

fn read(text: &str, method: &Method) -> Result<Option<ResponseHead>, HeadError> {
    take(&mut BytesMut::from(text), method)
}

#[track_caller]
fn check(text: &str, framing: BodyFraming, after: AfterResponse) {
    let head = read(text, &Method::GET)
        .expect("a good head")
        .expect("a whole head");
    assert_eq!((head.framing, head.after), (framing, after), "{text:?}");
}

#[test]
fn framing_follows_the_rules() {
    use AfterResponse::{Close, Keep};
    check(
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
        BodyFraming::Length(5),
        Keep,
    );
    check(
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        BodyFraming::None,
        Keep,
    );
    check(
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
        BodyFraming::Length(5),
        Keep,
    );
    check(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n",
        BodyFraming::Chunked,
        Keep,
    );
    check("HTTP/1.1 200 OK\r\n\r\n", BodyFraming::UntilClose, Close);
    check("HTTP/1.1 204 No Content\r\n\r\n", BodyFraming::None, Keep);
    check(
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
        BodyFraming::None,
        Keep,
    );
    check(
        "HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 1\r\n\r\n",
        BodyFraming::Length(1),
        Close,
    );
    check(
        "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n",
        BodyFraming::Length(1),
        Close,
    );
    check(
        "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\n",
        BodyFraming::Length(1),
        Keep,
    );
    check(
        "HTTP/1.1 200 OK\nContent-Length: 2\n\n",
        BodyFraming::Length(2),
        Keep,
    );
}

#[test]
fn what_can_be_read_two_ways_is_refused() {
    for head in [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5,5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nBad Name: x\r\n\r\n",
        "nonsense\r\n\r\n",
    ] {
        assert!(read(head, &Method::GET).is_err(), "{head:?} was accepted");
    }
    assert!(
        read(
            &format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(70_000)),
            &Method::GET
        )
        .is_err()
    );
}

#[test]
fn chunked_wins_over_a_length_that_is_dropped() {
    let text = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n";
    let head = read(text, &Method::GET)
        .expect("a good head")
        .expect("a whole head");
    assert_eq!(head.framing, BodyFraming::Chunked);
    assert!(head.headers.is_empty());
}

#[test]
fn hop_by_hop_headers_stay_behind() {
    let text = "HTTP/1.1 200 OK\r\nConnection: X-Own, keep-alive\r\nX-Own: 1\r\nKeep-Alive: 5\r\n\
                Upgrade: h2c\r\nX-Kept: 2\r\nContent-Length: 0\r\n\r\n";
    let head = read(text, &Method::GET)
        .expect("a good head")
        .expect("a whole head");
    let mut names: Vec<_> = head.headers.keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["content-length", "x-kept"]);
    assert_eq!(head.upgrade, Some(HeaderValue::from_static("h2c")));
}

#[test]
fn an_answer_to_head_has_a_length_but_no_body() {
    let head = read(
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
        &Method::HEAD,
    );
    let head = head.expect("a good head").expect("a whole head");
    assert_eq!(head.framing, BodyFraming::None);
    assert_eq!(head.headers[header::CONTENT_LENGTH], "5");
}

proptest! {
    #[test]
    fn any_bytes_end_in_a_result(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut buffer = BytesMut::from(&b"HTTP/1.1 200 OK\r\n"[..]);
        buffer.extend_from_slice(&bytes);
        buffer.extend_from_slice(b"\r\n\r\n");
        let _ = take(&mut buffer, &Method::GET);
    }
}
