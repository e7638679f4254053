//! Visitors by HTTP/2 who send any frame they like (RFC 9113), and see each that comes.

use std::io::Write;
use std::net::Shutdown;
use std::sync::Arc;

use rustls::DEFAULT_VERSIONS;

use super::Plane;
use super::TlsStream;
use super::Wire;
use super::client_config;
use super::handshake;

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const PRIORITY: u8 = 2;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const ACK: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const INITIAL_WINDOW_SIZE: u8 = 4;

/// A connection.
#[derive(Debug)]
pub(crate) struct Frames {
    wire: Wire<TlsStream>,
}

/// A frame as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    /// The first number in it: the reason of a reset, the last stream of a goodbye.
    pub(crate) fn number(&self) -> u32 {
        u32::from_be_bytes(self.payload[..4].try_into().unwrap())
    }
}

/// A frame to be sent.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend_from_slice(&stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// The compressed head of a request, of nothing that compression remembers (RFC 7541 §6.2.2).
pub(crate) fn head(method: &str, host: &str, path: &str) -> Vec<u8> {
    let mut head = vec![0x87]; // :scheme https
    for (index, value) in [(2, method), (1, host), (4, path)] {
        head.push(index);
        head.push(u8::try_from(value.len()).unwrap());
        head.extend_from_slice(value.as_bytes());
    }
    head
}

impl Frames {
    /// One whose streams begin with this window.
    pub(crate) fn connect(plane: &Plane, name: &str, window: u32) -> Self {
        let config = Arc::new(client_config(DEFAULT_VERSIONS, &["h2"]));
        let stream = handshake(plane.connect_tls(), name, &config).unwrap();
        let mut wire = Wire::new(stream);
        let mut settings = vec![0, INITIAL_WINDOW_SIZE];
        settings.extend_from_slice(&window.to_be_bytes());
        wire.send(PREFACE).send(frame(SETTINGS, 0, 0, &settings));
        Self { wire }
    }

    /// Sends bytes, if there is still somebody who takes them.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        let sent = self.wire.stream.write_all(bytes.as_ref());
        sent.and_then(|()| self.wire.stream.flush()).is_ok()
    }

    #[track_caller]
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        assert!(self.try_send(bytes), "the connection is closed");
    }

    /// Sends a GET without a body.
    #[track_caller]
    pub(crate) fn get(&mut self, stream: u32, host: &str, path: &str) {
        let head = head("GET", host, path);
        self.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, &head));
    }

    /// The next frame; `None` at the end of the connection, in whatever way.
    pub(crate) fn next(&mut self) -> Option<Frame> {
        let header = self.wire.try_take(9).ok()?;
        let length = u32::from_be_bytes([0, header[0], header[1], header[2]]);
        let payload = self.wire.try_take(usize::try_from(length).unwrap()).ok()?;
        Some(Frame {
            kind: header[3],
            flags: header[4],
            stream: u32::from_be_bytes(header[5..9].try_into().unwrap()),
            payload,
        })
    }

    /// The next frame of this kind on this stream.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, kind: u8, stream: u32) -> Frame {
        loop {
            let frame = self.next().expect("the connection ended");
            if (frame.kind, frame.stream) == (kind, stream) {
                return frame;
            }
        }
    }

    /// Ends its side of the connection, or all of it, without a word.
    pub(crate) fn shut(&self, how: Shutdown) {
        self.wire.stream.sock.shutdown(how).unwrap();
    }

    /// Reads to the end of the connection.
    #[track_caller]
    pub(crate) fn read_to_end(&mut self) {
        while self.next().is_some() {}
    }
}
