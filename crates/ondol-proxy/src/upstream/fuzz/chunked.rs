//! Chunked bodies of upstreams.

use bytes::BytesMut;

use super::each_case;
use super::mutate;
use super::mutate::Random;
use super::reference;
use super::shown;
use crate::upstream::chunked::ChunkedDecoder;
use crate::upstream::chunked::Decoded;

const SEEDS: &[&[u8]] = &[
    b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
    b"5;name=value\r\nhello\r\n0\r\nX-Sum: 1\r\nX-More: 2\r\n\r\n",
    b"00a \r\n0123456789\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    b"1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n",
    b"1a\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n",
];

/// What came of a coding.
#[derive(Debug, PartialEq, Eq)]
enum Read {
    /// All of the body, and what followed it.
    Whole(Vec<u8>, Vec<u8>),
    /// The body so far.
    Begun(Vec<u8>),
    Broken,
}

fn read(pieces: &[&[u8]]) -> Read {
    let (mut decoder, mut buffer) = (ChunkedDecoder::default(), BytesMut::new());
    let mut body = Vec::new();
    let mut pieces = pieces.iter();
    while let Some(piece) = pieces.next() {
        buffer.extend_from_slice(piece);
        loop {
            match decoder.decode(&mut buffer) {
                Ok(Decoded::Data(data)) => body.extend_from_slice(&data),
                Ok(Decoded::End(_)) => {
                    let rest = std::iter::once(&buffer[..]).chain(pieces.copied());
                    return Read::Whole(body, rest.collect::<Vec<_>>().concat());
                }
                Ok(Decoded::Incomplete) => break,
                Err(_) => return Read::Broken,
            }
        }
    }
    Read::Begun(body)
}

#[test]
fn a_body_is_read_one_way_however_it_arrives() {
    each_case(|number| {
        let mut random = Random::new(number);
        let coding = mutate::message(&mut random, SEEDS);
        let at_once = read(&[&coding]);
        let in_pieces = read(&mutate::pieces(&mut random, &coding));
        assert_eq!(at_once, in_pieces, "case {number}: {}", shown(&coding));
        match (&at_once, reference::chunked(&coding)) {
            (Read::Whole(body, rest), Ok(Some((also, left)))) => {
                assert!(
                    *body == also && rest == left,
                    "case {number}: {}",
                    shown(&coding)
                );
            }
            (Read::Whole(..), other) => panic!("case {number}: {other:?} of {}", shown(&coding)),
            (Read::Begun(_) | Read::Broken, _) => {} // Stricter than the reference may be.
        }
        matches!(at_once, Read::Whole(..))
    });
}
