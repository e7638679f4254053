//! Makes broken messages out of whole ones.

/// What breaks parsers: line ends, framing fields, numbers at their limits, and bytes that look like others.
const WORDS: &[&[u8]] = &[
    b"\r\n",
    b"\n",
    b"\r",
    b"\r\n\r\n",
    b"\n\n",
    b" ",
    b"\t",
    b":",
    b",",
    b";",
    b"\0",
    b"\x0b",
    b"\x7f",
    b"\xff",
    b"0\r\n\r\n",
    b"0\r\n",
    b"5\r\nhello\r\n",
    b"5;a=b\r\n",
    b"ffffffffffffffff\r\n",
    b"-1",
    b"+5",
    b"0x5",
    b"5, 5",
    b"05",
    b"18446744073709551616",
    b"Content-Length: 5\r\n",
    b"Content-Length: 6\r\n",
    b"Content-Length:\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: identity\r\n",
    b"Transfer-Encoding: chunked, chunked\r\n",
    b"Transfer-Encoding: gzip, chunked\r\n",
    b"Transfer-Encoding : chunked\r\n",
    b"Transfer-Encoding:\x0bchunked\r\n",
    b"transfer_encoding: chunked\r\n",
    b" Transfer-Encoding: chunked\r\n",
    b"Host: a.test\r\n",
    b"Host: b.test\r\n",
    b"Connection: close\r\n",
    b"Connection: upgrade\r\n",
    b"Connection: content-length\r\n",
    b"Upgrade: websocket\r\n",
    b"Trailer: X\r\n",
    b"TE: trailers\r\n",
    b"Expect: 100-continue\r\n",
    b"HTTP/1.0",
    b"HTTP/1.1",
    b"HTTP/2.0",
    b"GET / ",
    b"GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n",
    b"http://a.test/",
    b"*",
    b"//",
    b"/..",
    b"%00",
    b"100",
    b"101",
    b"204",
    b"304",
];

/// Changes of one message at most.
const CHANGES_MAX: u64 = 3;
/// Messages do not grow beyond this: their limits have tests of their own.
const BYTES_MAX: usize = 4096;

/// Random numbers that are the same each time (SplitMix64).
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 when there is none.
    pub(super) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % (end.max(1) as u64)).unwrap_or(0)
    }

    pub(super) fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

/// A message made of one of the seeds.
pub(super) fn message(random: &mut Random, seeds: &[&[u8]]) -> Vec<u8> {
    let mut message = random.one_of(seeds).to_vec();
    for _ in 0..random.next() % (CHANGES_MAX + 1) {
        change(random, &mut message, seeds);
    }
    message.truncate(BYTES_MAX);
    message
}

fn change(random: &mut Random, message: &mut Vec<u8>, seeds: &[&[u8]]) {
    let at = random.below(message.len() + 1);
    let end = (at + random.below(12)).min(message.len());
    match random.next() % 8 {
        0 => drop(message.splice(at..at, random.one_of(WORDS).iter().copied())),
        1 => drop(message.splice(at..end, random.one_of(WORDS).iter().copied())),
        2 => drop(message.drain(at..end)),
        3 => {
            let again = message[at..end].to_vec();
            message.splice(at..at, again);
        }
        4 => {
            let byte = random.next().to_le_bytes()[0];
            message.splice(at..at, [byte]);
        }
        5 => {
            if let Some(byte) = message.get_mut(at) {
                *byte ^= 1 << (random.next() % 8);
            }
        }
        6 => at_a_line(random, message),
        _ => {
            let other = random.one_of(seeds);
            let from = random.below(other.len());
            message.truncate(at);
            message.extend_from_slice(&other[from..]);
        }
    }
}

/// Puts a word where a line begins, which is where fields belong.
fn at_a_line(random: &mut Random, message: &mut Vec<u8>) {
    let lines: Vec<usize> = memchr::memchr_iter(b'\n', message)
        .map(|at| at + 1)
        .collect();
    if !lines.is_empty() {
        let at = *random.one_of(&lines);
        message.splice(at..at, random.one_of(WORDS).iter().copied());
    }
}

/// The message in pieces, as a network may cut it.
pub(super) fn pieces<'m>(random: &mut Random, mut message: &'m [u8]) -> Vec<&'m [u8]> {
    let mut pieces = Vec::new();
    while !message.is_empty() {
        let length = match random.next() % 3 {
            0 => message.len(),
            1 => 1 + random.below(message.len().min(8)),
            _ => 1 + random.below(message.len()),
        };
        let (piece, rest) = message.split_at(length.min(message.len()));
        pieces.push(piece);
        message = rest;
    }
    pieces
}
