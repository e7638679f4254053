//! That a body comes out as it went in, however it is cut into parts.

use std::io::Read;
use std::pin::pin;
use std::task::Waker;

use ondol_model::plan::CompressionLevel;
use ondol_model::plan::Encoding;
use proptest::prelude::*;

use super::*;

/// All that comes out of a body in memory.
fn drain(body: EncodedBody) -> Vec<u8> {
    let mut body = pin!(Body::Encoded(Box::new(body)));
    let mut cx = Context::from_waker(Waker::noop());
    let mut out = Vec::new();
    loop {
        match body.as_mut().poll_frame(&mut cx) {
            Poll::Ready(Some(frame)) => out.extend_from_slice(&frame.unwrap().into_data().unwrap()),
            Poll::Ready(None) => return out,
            Poll::Pending => {} // It is the others' turn.
        }
    }
}

/// What another implementation makes of it; of zstd there is none here, and its own reader is another part
/// of it.
fn decoded(encoding: Encoding, encoded: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    match encoding {
        Encoding::Brotli => {
            let mut reader = brotli::Decompressor::new(encoded, 4096);
            reader.read_to_end(&mut out).unwrap();
        }
        Encoding::Gzip => {
            let mut reader = flate2::read::MultiGzDecoder::new(encoded);
            reader.read_to_end(&mut out).unwrap();
        }
        Encoding::Zstd => {
            let mut state = zstd_safe::DCtx::create();
            let mut input = zstd_safe::InBuffer::around(encoded);
            let mut hint = 1;
            while hint != 0 {
                out.reserve(64 * 1024);
                let at = out.len();
                let mut output = zstd_safe::OutBuffer::around_pos(&mut out, at);
                hint = state.decompress_stream(&mut output, &mut input).unwrap();
            }
            assert_eq!(input.pos(), encoded.len(), "something follows the end");
        }
    }
    out
}

fn encoder(encoding: Encoding, level: CompressionLevel, size: Option<u64>) -> Encoder {
    Encoder::new(encoding, level, size).expect("few are at work")
}

fn levels() -> impl Strategy<Value = CompressionLevel> {
    prop::sample::select(vec![CompressionLevel::Balanced, CompressionLevel::Fast])
}

/// Bodies with much and with little that repeats.
fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let noise = prop::collection::vec(any::<u8>(), 0..3000);
    (noise, 0..60_usize).prop_map(|(noise, times)| noise.repeat(times))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_body_in_parts_comes_out_as_it_went_in(
        body in bodies(),
        cuts in prop::collection::vec((1..40_000_usize, any::<bool>()), 0..12),
        encoding in prop::sample::select(Encoding::ALL.to_vec()),
        level in levels(),
    ) {
        let mut encoder = encoder(encoding, level, None);
        let mut rest = body.as_slice();
        let mut out = Vec::new();
        for (size, pauses) in cuts {
            let (part, after) = rest.split_at(size.min(rest.len()));
            encoder.write(part, Then::More, &mut out).unwrap();
            if pauses {
                encoder.write(&[], Then::Pause, &mut out).unwrap();
            }
            rest = after;
        }
        encoder.write(rest, Then::End, &mut out).unwrap();
        prop_assert!(decoded(encoding, &out) == body);
    }

    #[test]
    fn a_whole_body_comes_out_as_it_went_in(
        body in bodies(),
        encoding in prop::sample::select(Encoding::ALL.to_vec()),
        level in levels(),
    ) {
        let size = Some(body.len() as u64);
        let at_once = encoder(encoding, level, size).at_once(&body).unwrap();
        prop_assert!(decoded(encoding, &at_once) == body);
        let full = Body::Full(Bytes::from(body.clone()));
        let streamed = drain(EncodedBody::new(full, encoder(encoding, level, size)));
        prop_assert!(decoded(encoding, &streamed) == body);
    }
}

#[test]
fn what_went_in_comes_out_at_a_pause() {
    for encoding in Encoding::ALL {
        let mut encoder = encoder(encoding, CompressionLevel::Balanced, None);
        let mut out = Vec::new();
        let mut seen = String::new();
        for part in ["<head>", "<body>", "", "bye"] {
            encoder
                .write(part.as_bytes(), Then::More, &mut out)
                .unwrap();
            encoder.write(&[], Then::Pause, &mut out).unwrap();
            seen.push_str(part);
            assert_eq!(until_now(encoding, &out), seen, "{encoding:?}");
        }
    }
}

/// What can be read of a stream that has not ended.
fn until_now(encoding: Encoding, encoded: &[u8]) -> String {
    let mut out = vec![0; 64];
    let count = match encoding {
        Encoding::Brotli => brotli::Decompressor::new(encoded, 4096)
            .read(&mut out)
            .unwrap(),
        Encoding::Gzip => {
            let mut state = flate2::Decompress::new_gzip(15);
            let flush = flate2::FlushDecompress::Sync;
            state.decompress(encoded, &mut out, flush).unwrap();
            usize::try_from(state.total_out()).unwrap()
        }
        Encoding::Zstd => {
            let mut input = zstd_safe::InBuffer::around(encoded);
            let mut output = zstd_safe::OutBuffer::around(&mut out[..]);
            let mut state = zstd_safe::DCtx::create();
            state.decompress_stream(&mut output, &mut input).unwrap();
            output.pos()
        }
    };
    out.truncate(count);
    String::from_utf8(out).unwrap()
}

/// Half noise, so that parts come out all the time.
fn noisy(size: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        b'a' + (state >> 28) as u8
    };
    std::iter::repeat_with(&mut next).take(size).collect()
}

#[test]
fn a_large_body_lets_others_have_their_turn() {
    for content in [vec![b'a'; 10 * TURN_BYTES], noisy(10 * TURN_BYTES)] {
        let body = Body::Full(Bytes::from(content));
        let encoder = encoder(Encoding::Zstd, CompressionLevel::Fast, None);
        let mut body = pin!(Body::Encoded(Box::new(EncodedBody::new(body, encoder))));
        let mut cx = Context::from_waker(Waker::noop());
        let mut turns = 0;
        loop {
            match body.as_mut().poll_frame(&mut cx) {
                Poll::Pending => turns += 1,
                Poll::Ready(Some(_)) => {}
                Poll::Ready(None) => break,
            }
        }
        assert!(turns >= 9, "{turns}");
    }
}

#[test]
fn only_so_many_are_encoded_at_once() {
    let encoders: Vec<_> =
        std::iter::repeat_with(|| Encoder::new(Encoding::Gzip, CompressionLevel::Fast, None))
            .take_while(Option::is_some)
            .collect();
    assert!(encoders.len() < 1000);
    drop(encoders);
    assert!(Encoder::new(Encoding::Gzip, CompressionLevel::Fast, None).is_some());
}
