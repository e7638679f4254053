//! Bytes that make no sense: the data plane answers the next visitor all the same.

use std::io::Write;
use std::net::Shutdown;

use crate::harness::Identity;
use crate::harness::Plane;
use crate::harness::Upstream;
use crate::harness::Wire;
use crate::harness::plan;
use crate::harness::proxy_to_all;
use crate::harness::secure_site;
use crate::harness::site;
use crate::harness::wait_until;

const ROUNDS: u64 = 400;
/// What requests are made of, so that garbage gets past the first check now and then.
const WORDS: &[&[u8]] = &[
    b"GET ",
    b"POST ",
    b"/",
    b" HTTP/1.1\r\n",
    b" HTTP/1.0\r\n",
    b"Host: a.test\r\n",
    b"\r\n",
    b"\r\n\r\n",
    b"Content-Length: ",
    b"5",
    b"99999999999999999999",
    b"Transfer-Encoding: chunked\r\n",
    b"Connection: upgrade\r\nUpgrade: x\r\n",
    b"Connection: close\r\n",
    b"0\r\n\r\n",
    b"5\r\nhello\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"Expect: 100-continue\r\n",
    b"%00",
    b"..",
    b"//",
    b"\x16\x03\x01",
    b":",
    b",",
    b"\0",
    b"\n",
    b"\xff",
    b"x",
    b"http://a.test/",
    b"*",
    b"TE: trailers\r\n",
];

/// Numbers that are the same in every run (xorshift64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % most as u64).unwrap()
    }

    fn garbage(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let begins_well = self.below(2) == 0;
        if begins_well {
            bytes.extend_from_slice(b"POST /p HTTP/1.1\r\nHost: a.test\r\n");
        }
        for _ in 0..self.below(24) {
            bytes.extend_from_slice(WORDS[self.below(WORDS.len())]);
        }
        if self.below(4) == 0 && !bytes.is_empty() {
            let at = self.below(bytes.len());
            bytes[at] = u8::try_from(self.below(256)).unwrap();
        }
        bytes
    }
}

fn start() -> (Plane, Identity) {
    let address = Upstream::answering(|request| {
        let length = request.body.len();
        let body = String::from_utf8_lossy(&request.body);
        format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}")
    });
    let identity = Identity::new(&["b.test"]);
    let target = proxy_to_all([address]);
    let sites = [
        site("a.test", target.clone()),
        secure_site("b.test", target),
    ];
    (Plane::start_with(plan(sites), &[&identity]), identity)
}

/// Nothing is left behind: no connection, and no request that was begun and not ended.
fn all_have_left(plane: &Plane) {
    wait_until("all have left", || plane.counters().connections == 0);
    let counters = plane.counters();
    assert!(counters.requests > 0, "no garbage was good enough");
    assert_eq!(counters.requests, counters.responses.iter().sum::<u64>());
}

#[test]
fn garbage_by_plain_http_kills_nothing() {
    let (plane, _identity) = start();
    let mut numbers = Numbers(0x6f6e_646f_6c21);
    for _ in 0..ROUNDS {
        let mut visitor = plane.visit();
        let bytes = numbers.garbage();
        let _ = visitor.stream.write_all(&bytes);
        let _ = visitor.stream.shutdown(Shutdown::Write);
        visitor.rest();
    }
    all_have_left(&plane);
    assert_eq!(plane.visit().get("a.test", "/").status(), 200);
}

#[test]
fn garbage_inside_and_instead_of_tls_kills_nothing() {
    let (plane, _identity) = start();
    let mut numbers = Numbers(0x7467_6172_6261);
    for round in 0..ROUNDS / 4 {
        let bytes = numbers.garbage();
        if round % 2 == 0 {
            let mut stream = plane.connect_tls();
            let _ = stream.write_all(&bytes);
            let _ = stream.shutdown(Shutdown::Write);
            Wire::new(stream).rest();
        } else {
            let mut visitor = plane.visit_tls("b.test");
            let _ = visitor.stream.write_all(&bytes);
            let _ = visitor.stream.sock.shutdown(Shutdown::Write);
            visitor.rest();
        }
    }
    all_have_left(&plane);
    assert_eq!(plane.visit_tls("b.test").get("b.test", "/").status(), 200);
}
