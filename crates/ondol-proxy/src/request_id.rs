//! The id of a request: in the error page, the access log and the header to the upstream.

use std::cell::Cell;
use std::fmt;

/// 64 bits that tell a request from the others of this box, printed as 16 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RequestId(pub(crate) u64);

impl RequestId {
    /// Appends the digits to a buffer.
    pub(crate) fn put(self, buffer: &mut Vec<u8>) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        for byte in self.0.to_be_bytes() {
            for digit in [byte >> 4, byte & 15] {
                buffer.push(DIGITS[usize::from(digit)]);
            }
        }
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Makes ids: a counter from a random start, mixed so that neighbors don't look alike.
#[derive(Debug)]
pub(crate) struct RequestIds(Cell<u64>);

impl RequestIds {
    /// Ids from a seed that differs between workers and starts.
    pub(crate) fn new(seed: u64) -> Self {
        Self(Cell::new(seed))
    }

    /// The next id. The mixing is a bijection (SplitMix64), so one worker's ids never repeat.
    pub(crate) fn next(&self) -> RequestId {
        let count = self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.0.set(count);
        let mixed = (count ^ (count >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        RequestId(mixed ^ (mixed >> 31))
    }
}
