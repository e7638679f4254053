//! What an HTTP/2 visitor sends, frame by frame (RFC 9113 §4.1): what each costs us beside what it asks.
//!
//! Only the nine bytes before each frame are looked at, wherever reads cut them; what they mean is the
//! business of hyper's h2.

/// The client's preface before its first frame (RFC 9113 §3.4).
const PREFACE_BYTES: usize = 24;
const HEADER_BYTES: usize = 9;

const DATA: u8 = 0;
const SETTINGS: u8 = 4;
const RST_STREAM: u8 = 3;
const CONTINUATION: u8 = 9;
/// DATA: no more follows. SETTINGS: it is the answer to ours.
const END_STREAM_OR_ACK: u8 = 1;
const PADDED: u8 = 8;
/// A padded frame of at most this size may be nothing but padding.
const PADDING_BYTES_MAX: usize = 256;

/// A request that is taken back may have begun to be answered.
const RESET_COST: u32 = 5;
/// Settings change every stream that is open.
const SETTINGS_COST: u32 = 20;
/// A head that fits its limit needs few of these.
const CONTINUATION_COST: u32 = 5;

/// Where in the frames a connection is.
#[derive(Debug)]
pub(crate) struct Frames {
    to_skip: usize,
    header: [u8; HEADER_BYTES],
    header_filled: usize,
}

impl Frames {
    /// Before the preface.
    pub(crate) fn new() -> Self {
        Self {
            to_skip: PREFACE_BYTES,
            header: [0; HEADER_BYTES],
            header_filled: 0,
        }
    }

    /// What the frames cost that begin in these bytes.
    pub(crate) fn cost(&mut self, mut bytes: &[u8]) -> u32 {
        let mut cost = 0_u32;
        loop {
            let skipped = self.to_skip.min(bytes.len());
            self.to_skip -= skipped;
            bytes = &bytes[skipped..];
            let taken = (HEADER_BYTES - self.header_filled).min(bytes.len());
            let (of_header, rest) = bytes.split_at(taken);
            self.header[self.header_filled..][..taken].copy_from_slice(of_header);
            self.header_filled += taken;
            bytes = rest;
            if self.header_filled < HEADER_BYTES {
                return cost;
            }
            let [long, middle, short, kind, flags, ..] = self.header;
            let length = u32::from_be_bytes([0, long, middle, short]) as usize;
            cost = cost.saturating_add(cost_of(kind, flags, length));
            self.to_skip = length;
            self.header_filled = 0;
        }
    }
}

/// Every frame costs a little, a request too: its answer earns that back.
fn cost_of(kind: u8, flags: u8, length: usize) -> u32 {
    match kind {
        DATA => {
            let may_be_empty = length == 0 || flags & PADDED != 0 && length <= PADDING_BYTES_MAX;
            u32::from(may_be_empty && flags & END_STREAM_OR_ACK == 0)
        }
        RST_STREAM => RESET_COST,
        SETTINGS if flags & END_STREAM_OR_ACK == 0 => SETTINGS_COST,
        CONTINUATION => CONTINUATION_COST,
        _ => 1,
    }
}

#[cfg(test)]
mod tests;
