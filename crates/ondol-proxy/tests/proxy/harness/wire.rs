//! One end of a connection, byte by byte, with just enough HTTP/1.1 to tell where a message ends.

use std::io;
use std::io::Read;
use std::io::Write;

/// A connection and what was read of it and not yet used.
#[derive(Debug)]
pub(crate) struct Wire<S> {
    pub(crate) stream: S,
    buffer: Vec<u8>,
}

/// A request or a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    /// Its first line and fields as they came, to the empty line.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// The connection ended inside a message; what had come of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Cut(pub(crate) Vec<u8>);

impl Message {
    /// The status of a response.
    #[track_caller]
    pub(crate) fn status(&self) -> u16 {
        self.head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .unwrap_or_else(|| panic!("no response: {:?}", self.head))
    }

    /// The values of a field.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(':'))
            .filter(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
            .collect()
    }

    /// The value of a field that is there once or not at all.
    #[track_caller]
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let all = self.all(name);
        assert!(all.len() <= 1, "several {name}: {}", self.head);
        all.first().copied()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The first line.
    pub(crate) fn line(&self) -> &str {
        self.head.lines().next().unwrap_or_default()
    }
}

impl<S: Read + Write> Wire<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self {
            stream,
            buffer: Vec::new(),
        }
    }

    /// Sends exactly this.
    #[track_caller]
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.stream.write_all(bytes.as_ref()).unwrap();
        self.stream.flush().unwrap();
        self
    }

    /// Sends a GET, and reads the answer.
    #[track_caller]
    pub(crate) fn get(&mut self, host: &str, target: &str) -> Message {
        self.send(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"))
            .message()
    }

    /// Reads a head.
    #[track_caller]
    pub(crate) fn head(&mut self) -> Message {
        self.try_head().unwrap()
    }

    /// Reads a message to its end.
    #[track_caller]
    pub(crate) fn message(&mut self) -> Message {
        self.try_message().unwrap()
    }

    /// Reads a message to its end, if it has one.
    pub(crate) fn try_message(&mut self) -> Result<Message, Cut> {
        let mut message = self.try_head()?;
        let is_response = message.head.starts_with("HTTP/");
        let length = message
            .field("content-length")
            .map(|length| length.parse().unwrap());
        if message.field("transfer-encoding") == Some("chunked") {
            message.body = self.try_chunks()?;
        } else if is_response && matches!(message.status(), 100..=199 | 204 | 304) {
            message.body = Vec::new();
        } else if let Some(length) = length {
            message.body = self.try_take(length)?;
        } else if is_response {
            message.body = self.rest();
        }
        Ok(message)
    }

    /// Reads so many bytes.
    #[track_caller]
    pub(crate) fn take(&mut self, count: usize) -> Vec<u8> {
        self.try_take(count).unwrap()
    }

    /// Reads until the other side ends the connection, in whatever way.
    #[track_caller]
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        while self.read_more() {}
        std::mem::take(&mut self.buffer)
    }

    fn try_head(&mut self) -> Result<Message, Cut> {
        let end = loop {
            if let Some(at) = find(&self.buffer, b"\r\n\r\n") {
                break at + 4;
            }
            self.need_more()?;
        };
        let head = self.buffer.drain(..end).collect();
        Ok(Message {
            head: String::from_utf8(head).unwrap(),
            body: Vec::new(),
        })
    }

    /// Reads so many bytes, if there are so many.
    pub(crate) fn try_take(&mut self, count: usize) -> Result<Vec<u8>, Cut> {
        while self.buffer.len() < count {
            self.need_more()?;
        }
        Ok(self.buffer.drain(..count).collect())
    }

    fn try_chunks(&mut self) -> Result<Vec<u8>, Cut> {
        let mut body = Vec::new();
        loop {
            let line = self.try_line()?;
            let size = usize::from_str_radix(&line, 16).unwrap();
            if size == 0 {
                while !self.try_line()?.is_empty() {}
                return Ok(body);
            }
            body.extend(self.try_take(size)?);
            assert_eq!(self.try_take(2)?, b"\r\n");
        }
    }

    fn try_line(&mut self) -> Result<String, Cut> {
        let end = loop {
            if let Some(at) = find(&self.buffer, b"\r\n") {
                break at;
            }
            self.need_more()?;
        };
        let line: Vec<u8> = self.buffer.drain(..end + 2).take(end).collect();
        Ok(String::from_utf8(line).unwrap())
    }

    fn need_more(&mut self) -> Result<(), Cut> {
        if self.read_more() {
            return Ok(());
        }
        Err(Cut(std::mem::take(&mut self.buffer)))
    }

    /// Whether there was more; time that runs out is a failed test.
    #[track_caller]
    fn read_more(&mut self) -> bool {
        let mut bytes = [0; 16 * 1024];
        match self.stream.read(&mut bytes) {
            Ok(count) => {
                self.buffer.extend_from_slice(&bytes[..count]);
                count > 0
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let so_far = String::from_utf8_lossy(&self.buffer);
                panic!("nothing more comes after {so_far:?}")
            }
            Err(_) => false,
        }
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
