//! The messages of SFTP, version 3, which every server speaks (draft-ietf-secsh-filexfer-02), as far as targets need
//! them. Pure.

use bytes::BufMut;
use bytes::Bytes;

/// The version that is asked for.
pub(super) const VERSION: u32 = 3;
/// No message of a server is longer; the longest are listings and data that were asked for.
pub(super) const MESSAGE_BYTES_MAX: usize = 1024 * 1024;
/// As much as one message writes or asks for: what all servers take.
pub(super) const PIECE_BYTES: usize = 32 * 1024;

pub(super) const INIT: u8 = 1;
pub(super) const VERSION_IS: u8 = 2;
pub(super) const OPEN: u8 = 3;
pub(super) const CLOSE: u8 = 4;
pub(super) const READ: u8 = 5;
pub(super) const WRITE: u8 = 6;
pub(super) const FSTAT: u8 = 8;
pub(super) const OPENDIR: u8 = 11;
pub(super) const READDIR: u8 = 12;
pub(super) const REMOVE: u8 = 13;
pub(super) const MKDIR: u8 = 14;
pub(super) const STAT: u8 = 17;
pub(super) const RENAME: u8 = 18;
pub(super) const EXTENDED: u8 = 200;
const STATUS: u8 = 101;
const HANDLE: u8 = 102;
const DATA: u8 = 103;
const NAME: u8 = 104;
const ATTRS: u8 = 105;
const EXTENDED_REPLY: u8 = 201;

/// How a file is opened.
pub(super) const TO_READ: u32 = 0x01;
/// New, to be written.
pub(super) const TO_MAKE: u32 = 0x02 | 0x08 | 0x20;

/// What is asked; the number of the request is put in when it is sent.
#[derive(Debug)]
pub(super) struct Request {
    kind: u8,
    body: Vec<u8>,
}

impl Request {
    pub(super) fn new(kind: u8) -> Self {
        let body = Vec::with_capacity(64);
        Self { kind, body }
    }

    /// One that not all servers know.
    pub(super) fn extended(name: &str) -> Self {
        Self::new(EXTENDED).bytes(name.as_bytes())
    }

    /// A text, a path or a handle.
    pub(super) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.body.put_u32(length(bytes));
        self.body.put_slice(bytes);
        self
    }

    pub(super) fn number(mut self, number: u32) -> Self {
        self.body.put_u32(number);
        self
    }

    pub(super) fn long(mut self, number: u64) -> Self {
        self.body.put_u64(number);
        self
    }

    /// What a new file or folder is to have: its mode.
    pub(super) fn mode(self, mode: u32) -> Self {
        self.number(HAS_MODE).number(mode)
    }

    pub(super) fn nothing_special(self) -> Self {
        self.number(0)
    }

    /// The whole message.
    pub(super) fn put(&self, id: u32, out: &mut Vec<u8>) {
        let after_length = 1 + 4 + self.body.len();
        out.put_u32(u32::try_from(after_length).unwrap_or(u32::MAX));
        out.put_u8(self.kind);
        out.put_u32(id);
        out.put_slice(&self.body);
    }
}

/// The first message, which has no number.
pub(super) fn put_init(out: &mut Vec<u8>) {
    out.put_u32(5);
    out.put_u8(INIT);
    out.put_u32(VERSION);
}

/// What a server answers.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It worked, or did not.
    Status { code: u32, message: String },
    /// What stands for an open file or folder.
    Handle(Bytes),
    /// A piece of a file.
    Data(Bytes),
    /// Names in a folder.
    Names(Vec<Name>),
    /// What a file is.
    Attributes(Attributes),
    /// To a request that not all servers know.
    Extended(Bytes),
}

/// A name in a folder.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) name: String,
    pub(super) is: Attributes,
}

/// What a file is, as far as the server tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Attributes {
    pub(super) bytes: Option<u64>,
    pub(super) mode: Option<u32>,
    /// In seconds since the Unix epoch.
    pub(super) modified_at: Option<u32>,
}

impl Attributes {
    /// Whether it is a file, as far as that is known.
    pub(super) fn is_file(&self) -> bool {
        self.mode.is_none_or(|mode| mode & 0o170_000 == 0o100_000)
    }

    /// Whether it is a folder, as far as that is known.
    pub(super) fn is_folder(&self) -> bool {
        self.mode.is_none_or(|mode| mode & 0o170_000 == 0o040_000)
    }
}

const HAS_SIZE: u32 = 0x1;
const HAS_OWNER: u32 = 0x2;
const HAS_MODE: u32 = 0x4;
const HAS_TIMES: u32 = 0x8;
const HAS_MORE: u32 = 0x8000_0000;

/// An answer and the number of its request; `None` for what is none.
pub(super) fn read_answer(message: &Bytes) -> Option<(u32, Answer)> {
    let mut rest = Rest(message.clone());
    let kind = rest.byte()?;
    let id = rest.number()?;
    let answer = match kind {
        STATUS => {
            let code = rest.number()?;
            // Old servers say no more.
            let message = rest.text().unwrap_or_default();
            Answer::Status { code, message }
        }
        HANDLE => Answer::Handle(rest.bytes()?),
        DATA => Answer::Data(rest.bytes()?),
        NAME => Answer::Names(rest.names()?),
        ATTRS => Answer::Attributes(rest.attributes()?),
        EXTENDED_REPLY => Answer::Extended(rest.0),
        _ => return None,
    };
    Some((id, answer))
}

/// The version of a server and the names of what it can do besides, from its first message.
pub(super) fn read_version(message: &Bytes) -> Option<(u32, Vec<String>)> {
    let mut rest = Rest(message.clone());
    if rest.byte()? != VERSION_IS {
        return None;
    }
    let version = rest.number()?;
    let mut able = Vec::new();
    while let Some(name) = rest.text() {
        rest.bytes()?;
        able.push(name);
    }
    Some((version, able))
}

/// Free bytes, from the answer to `statvfs@openssh.com`.
pub(super) fn read_room(answer: &Bytes) -> Option<u64> {
    let mut rest = Rest(answer.clone());
    let (_, unit) = (rest.long()?, rest.long()?);
    let (_blocks, _free, available) = (rest.long()?, rest.long()?, rest.long()?);
    Some(available.saturating_mul(unit))
}

struct Rest(Bytes);

impl Rest {
    fn take(&mut self, count: usize) -> Option<Bytes> {
        (count <= self.0.len()).then(|| self.0.split_to(count))
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn number(&mut self) -> Option<u32> {
        let bytes = self.take(4)?;
        Some(u32::from_be_bytes(bytes[..].try_into().ok()?))
    }

    fn long(&mut self) -> Option<u64> {
        let bytes = self.take(8)?;
        Some(u64::from_be_bytes(bytes[..].try_into().ok()?))
    }

    fn bytes(&mut self) -> Option<Bytes> {
        let length = self.number()?;
        self.take(usize::try_from(length).ok()?)
    }

    fn text(&mut self) -> Option<String> {
        let bytes = self.bytes()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn names(&mut self) -> Option<Vec<Name>> {
        let count = self.number()?;
        let mut names = Vec::new();
        for _ in 0..count {
            let name = self.text()?;
            // For people: a line of `ls -l`.
            self.bytes()?;
            let is = self.attributes()?;
            names.push(Name { name, is });
        }
        Some(names)
    }

    fn attributes(&mut self) -> Option<Attributes> {
        let flags = self.number()?;
        let has = |flag| flags & flag != 0;
        let mut is = Attributes::default();
        if has(HAS_SIZE) {
            is.bytes = Some(self.long()?);
        }
        if has(HAS_OWNER) {
            self.long()?;
        }
        if has(HAS_MODE) {
            is.mode = Some(self.number()?);
        }
        if has(HAS_TIMES) {
            self.number()?;
            is.modified_at = Some(self.number()?);
        }
        if has(HAS_MORE) {
            for _ in 0..self.number()? {
                self.bytes()?;
                self.bytes()?;
            }
        }
        Some(is)
    }
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_request_is_as_the_draft_has_it() {
        let mut out = Vec::new();
        let request = Request::new(OPEN).bytes(b"/a").number(TO_READ);
        request.nothing_special().put(7, &mut out);
        let expected = [
            0, 0, 0, 19, OPEN, 0, 0, 0, 7, 0, 0, 0, 2, b'/', b'a', 0, 0, 0, 1, 0, 0, 0, 0,
        ];
        assert_eq!(out, expected);
    }

    #[test]
    fn answers_are_read() {
        let answer = |bytes: &'static [u8]| read_answer(&Bytes::from_static(bytes));
        let status = Answer::Status {
            code: 2,
            message: "no".to_owned(),
        };
        let bytes = b"\x65\0\0\0\x05\0\0\0\x02\0\0\0\x02no\0\0\0\0";
        assert_eq!(answer(bytes), Some((5, status)));
        let names = b"\x68\0\0\0\x01\0\0\0\x01\0\0\0\x01a\0\0\0\x01l\x80\0\0\x0f\
            \0\0\0\0\0\0\0\x09\0\0\0\x01\0\0\0\x02\0\0\x81\xa4\0\0\0\x03\0\0\0\x04\
            \0\0\0\x01\0\0\0\x01k\0\0\0\x01v";
        let is = Attributes {
            bytes: Some(9),
            mode: Some(0o100_644),
            modified_at: Some(4),
        };
        let name = "a".to_owned();
        assert_eq!(
            answer(names),
            Some((1, Answer::Names(vec![Name { name, is }])))
        );
        assert!(is.is_file() && !is.is_folder());
        assert_eq!(answer(b"\x65\0\0"), None);
        assert_eq!(answer(b"\x67\0\0\0\x01\xff\xff\xff\xffx"), None);
    }

    #[test]
    fn the_version_tells_what_a_server_can_do_besides() {
        let message = b"\x02\0\0\0\x03\0\0\0\x11fsync@openssh.com\0\0\0\x011";
        let read = read_version(&Bytes::from_static(message));
        assert_eq!(read, Some((3, vec!["fsync@openssh.com".to_owned()])));
        assert_eq!(read_version(&Bytes::from_static(b"Welcome!")), None);
    }

    proptest! {
        #[test]
        fn no_answer_is_too_strange(message: Vec<u8>) {
            let message = Bytes::from(message);
            let _ = read_answer(&message);
            let _ = read_version(&message);
            let _ = read_room(&message);
        }

        #[test]
        fn no_listing_is_too_strange(rest: Vec<u8>, count: u32) {
            let mut message = vec![NAME, 0, 0, 0, 1];
            message.put_u32(count);
            message.extend(rest);
            let _ = read_answer(&message.into());
        }
    }
}
