//! What frames cost, however they are cut.

use proptest::collection::vec;
use proptest::prelude::any;
use proptest::prop_assert_eq;
use proptest::proptest;

use super::*;

const PREFACE: &[u8; PREFACE_BYTES] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEADERS: u8 = 1;
const PING: u8 = 6;

fn frame(kind: u8, flags: u8, length: usize) -> Vec<u8> {
    let size = u32::try_from(length).unwrap().to_be_bytes();
    let mut frame = vec![size[1], size[2], size[3], kind, flags, 0, 0, 0, 1];
    frame.resize(HEADER_BYTES + length, 0xff);
    frame
}

fn cost(frames: &[Vec<u8>]) -> u32 {
    let bytes = [&PREFACE[..], &frames.concat()].concat();
    Frames::new().cost(&bytes)
}

#[test]
fn the_preface_and_what_a_body_is_made_of_cost_nothing() {
    assert_eq!(cost(&[]), 0);
    assert_eq!(cost(&[frame(DATA, 0, 16_384), frame(DATA, 0, 1)]), 0);
    let empty_end = frame(DATA, END_STREAM_OR_ACK, 0);
    assert_eq!(cost(&[empty_end]), 0);
}

#[test]
fn what_asks_for_nothing_costs_the_more_the_more_it_makes_us_do() {
    assert_eq!(cost(&[frame(DATA, 0, 0)]), 1);
    assert_eq!(cost(&[frame(DATA, PADDED, 200)]), 1);
    assert_eq!(cost(&[frame(HEADERS, 5, 50)]), 1);
    assert_eq!(cost(&[frame(PING, 0, 8), frame(PING, 1, 8)]), 2);
    assert_eq!(cost(&[frame(RST_STREAM, 0, 4)]), RESET_COST);
    assert_eq!(cost(&[frame(SETTINGS, 0, 6)]), SETTINGS_COST);
    assert_eq!(cost(&[frame(SETTINGS, END_STREAM_OR_ACK, 0)]), 1);
    assert_eq!(cost(&[frame(CONTINUATION, 0, 0)]), CONTINUATION_COST);
    assert_eq!(cost(&[frame(0x2f, 0xff, 3)]), 1);
}

proptest! {
    #[test]
    fn it_does_not_matter_where_reads_cut(
        frames in vec((any::<u8>(), any::<u8>(), 0_usize..40), 0..30),
        cuts in vec(1_usize..20, 1..200),
    ) {
        let frames: Vec<_> = frames.iter().map(|(kind, flags, length)| frame(kind % 12, *flags, *length)).collect();
        let bytes = [&PREFACE[..], &frames.concat()].concat();
        let mut rest = &bytes[..];
        let mut walker = Frames::new();
        let mut sum = 0;
        for cut in cuts {
            let (part, later) = rest.split_at(cut.min(rest.len()));
            sum += walker.cost(part);
            rest = later;
        }
        sum += walker.cost(rest);
        prop_assert_eq!(sum, cost(&frames));
    }
}
