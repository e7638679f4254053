//! Records, however they arrive.

use proptest::prelude::*;

use super::*;

fn record(kind: u8, content: &[u8], padding: u8) -> Vec<u8> {
    let mut record = header(kind, content.len()).to_vec();
    record[6] = padding;
    record.extend_from_slice(content);
    record.extend(std::iter::repeat_n(0xff, usize::from(padding)));
    record
}

fn end(status: u8) -> Vec<u8> {
    record(END_REQUEST, &[0, 0, 0, 1, status, 0, 0, 0], 0)
}

/// All output and all messages, and how it ended.
fn read_all(pieces: &[&[u8]]) -> (Vec<u8>, Vec<u8>, Result<bool, RecordError>) {
    let (mut reader, mut buffer) = (Reader::default(), BytesMut::new());
    let (mut output, mut messages) = (Vec::new(), Vec::new());
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            match reader.read(&mut buffer) {
                Ok(Read::Output(part)) => output.extend_from_slice(&part),
                Ok(Read::Message(part)) => messages.extend_from_slice(&part),
                Ok(Read::End) => return (output, messages, Ok(buffer.is_empty())),
                Ok(Read::Incomplete) => break,
                Err(error) => return (output, messages, Err(error)),
            }
        }
    }
    (output, messages, Ok(false))
}

#[test]
fn large_parameters_take_several_records() {
    for length in [0, 1, RECORD_BYTES_MAX, RECORD_BYTES_MAX + 1, 200_000] {
        let mut buffer = b"before".to_vec();
        begin(After::Close, &mut buffer, |buffer| {
            buffer.extend(std::iter::repeat_n(b'x', length));
        });
        let mut rest = &buffer[6..];
        let mut found = Vec::new();
        while let Some((header, after)) = rest.split_first_chunk::<HEADER_BYTES>() {
            let length = usize::from(u16::from_be_bytes([header[4], header[5]]));
            found.push((header[1], length));
            rest = &after[length..];
        }
        assert!(rest.is_empty());
        assert_eq!(found[0], (BEGIN_REQUEST, 8));
        assert_eq!(found.last(), Some(&(PARAMS, 0)));
        assert!(found[1..].iter().all(|(kind, _)| *kind == PARAMS));
        let all: usize = found[1..].iter().map(|(_, length)| length).sum();
        assert_eq!(all, length);
    }
}

#[test]
fn what_is_not_fastcgi_is_refused() {
    let check = |bytes: &[u8], expected| {
        assert_eq!(read_all(&[bytes]).2, Err(expected), "{bytes:?}");
    };
    check(
        b"HTTP/1.1 400 Bad Request\r\n",
        RecordError::Broken("a record has another version"),
    );
    let mut other = record(STDOUT, b"x", 0);
    other[3] = 2;
    let nobodys = RecordError::Broken("a record of a request that there is not");
    check(&other, nobodys);
    check(&end(2), RecordError::Overloaded);
    check(&end(1), RecordError::Refused);
    check(
        &record(END_REQUEST, b"", 0),
        RecordError::Broken("its end is no end"),
    );
}

proptest! {
    #[test]
    fn records_mean_the_same_however_they_arrive(
        parts in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..40), 0_u8..9), 0..8),
        size in 1_usize..20,
    ) {
        let (mut bytes, mut output, mut messages) = (Vec::new(), Vec::new(), Vec::new());
        for (is_output, content, padding) in &parts {
            let kind = if *is_output { STDOUT } else { STDERR };
            if *is_output { &mut output } else { &mut messages }.extend_from_slice(content);
            bytes.extend(record(kind, content, *padding));
        }
        bytes.extend(end(0));
        let pieces: Vec<_> = bytes.chunks(size).collect();
        prop_assert_eq!(read_all(&pieces), (output, messages, Ok(true)));
    }
}
