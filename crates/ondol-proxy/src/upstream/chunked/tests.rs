//! Codings as tables, and that cutting them anywhere changes nothing.

use proptest::prelude::*;

use super::*;

/// The body that the pieces decode to, and whether its end was reached.
fn decode(pieces: &[&[u8]]) -> Result<(Vec<u8>, bool), ChunkError> {
    let (mut decoder, mut buffer) = (ChunkedDecoder::default(), BytesMut::new());
    let mut body = Vec::new();
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            match decoder.decode(&mut buffer)? {
                Decoded::Data(data) => body.extend_from_slice(&data),
                Decoded::End(_) => return Ok((body, true)),
                Decoded::Incomplete => break,
            }
        }
    }
    Ok((body, false))
}

#[test]
fn bodies_are_put_together() {
    assert_eq!(
        decode(&[b"5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n"]),
        Ok((b"hello world".to_vec(), true))
    );
    assert_eq!(decode(&[b"0\r\nX-Sum: 1\r\n\r\n"]), Ok((vec![], true)));
    assert_eq!(decode(&[b"A\r\n01234"]), Ok((b"01234".to_vec(), false)));
}

#[test]
fn what_is_ambiguous_is_an_error() {
    for coding in [
        &b"5\nhello\r\n0\r\n\r\n"[..],
        b"\r\nhello",
        b"+5\r\nhello\r\n",
        b"0x5\r\nhello\r\n",
        b"5\r\nhelloX\r\n",
        b"11111111111111111\r\n",
        b"5\rx\r\nhello\r\n",
        b"g\r\n",
        b"5 x\r\nhello\r\n",
        b"0\r\nX-Sum: 1\nX-More: 2\r\n\r\n",
        b"0\r\nX-Sum: 1\r\n\n",
    ] {
        assert!(
            decode(&[coding]).is_err(),
            "{:?} was accepted",
            String::from_utf8_lossy(coding)
        );
    }
    assert!(decode(&[&[b'1'; 300]]).is_err());
    assert!(decode(&[b"0\r\n", &[b'x'; 9000]]).is_err());
}

proptest! {
    #[test]
    fn cuts_change_nothing(chunks in proptest::collection::vec("[a-z]{1,40}", 0..8), cut in 0usize..400) {
        let mut coding = Vec::new();
        for chunk in &chunks {
            coding.extend_from_slice(format!("{:x}\r\n{chunk}\r\n", chunk.len()).as_bytes());
        }
        coding.extend_from_slice(b"0\r\n\r\n");
        let (one, two) = coding.split_at(cut.min(coding.len()));
        prop_assert_eq!(decode(&[one, two]), Ok((chunks.concat().into_bytes(), true)));
        let bytes: Vec<&[u8]> = coding.chunks(1).collect();
        prop_assert_eq!(decode(&bytes), Ok((chunks.concat().into_bytes(), true)));
    }

    #[test]
    fn any_bytes_end_in_a_result(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&[&bytes]);
    }
}
