//! Who runs scripts: a test takes the requests itself and says what the scripts say.

use std::collections::BTreeMap;
use std::path::Path;

use ondol_model::Target;
use ondol_model::plan::Dotfiles;
use ondol_model::plan::Php;
use ondol_model::plan::PhpVia;

use super::UpstreamStream;
use super::Wire;

const BEGIN: u8 = 1;
const END: u8 = 3;
const PARAMS: u8 = 4;
const STDIN: u8 = 5;
const STDOUT: u8 = 6;
const STDERR: u8 = 7;

/// What a script is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) variables: BTreeMap<String, String>,
    /// Whether the connection is to stay.
    pub(crate) is_kept: bool,
}

impl Asked {
    #[track_caller]
    pub(crate) fn is(&self, name: &str, value: &str) {
        let found = self.variables.get(name).map(String::as_str);
        assert_eq!(found, Some(value), "{name}");
    }
}

/// A PHP application in this folder.
pub(crate) fn php(root: &Path, via: PhpVia) -> Target {
    Target::Php(Php {
        root: root.to_owned(),
        index: "index.php".to_owned(),
        via,
        dotfiles: Dotfiles::Hidden,
    })
}

/// A record.
pub(crate) fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    let mut record = vec![1, kind, 0, 1, length[0], length[1], 3, 0];
    record.extend_from_slice(content);
    record.extend_from_slice(b"pad");
    record
}

/// What ends a request; 0 is well.
pub(crate) fn end(status: u8) -> Vec<u8> {
    record(END, &[0, 0, 0, 0, status, 0, 0, 0])
}

/// What a script says.
pub(crate) fn output(text: impl AsRef<[u8]>) -> Vec<u8> {
    record(STDOUT, text.as_ref())
}

/// What a script says to its owner.
pub(crate) fn complaint(text: &str) -> Vec<u8> {
    record(STDERR, text.as_bytes())
}

impl Wire<UpstreamStream> {
    /// Reads a request up to its body.
    #[track_caller]
    pub(crate) fn asked(&mut self) -> Asked {
        let begin = self.record(BEGIN);
        assert_eq!(begin[..2], [0, 1], "a responder is asked");
        let mut params = Vec::new();
        loop {
            let part = self.record(PARAMS);
            if part.is_empty() {
                break;
            }
            params.extend(part);
        }
        Asked {
            variables: variables(&params),
            is_kept: begin[2] == 1,
        }
    }

    /// Reads a part of the body; empty at its end.
    #[track_caller]
    pub(crate) fn input(&mut self) -> Vec<u8> {
        self.record(STDIN)
    }

    /// Reads the whole body.
    #[track_caller]
    pub(crate) fn whole_input(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let part = self.input();
            if part.is_empty() {
                return body;
            }
            body.extend(part);
        }
    }

    /// Reads a request without a body, and says this to it.
    #[track_caller]
    pub(crate) fn answer(&mut self, text: &str) -> Asked {
        let asked = self.asked();
        self.whole_input();
        self.send([output(text), end(0)].concat());
        asked
    }

    /// Reads a request without a body, and sends exactly this.
    #[track_caller]
    pub(crate) fn answer_raw(&mut self, bytes: &[u8]) {
        self.asked();
        self.whole_input();
        self.send(bytes);
    }

    #[track_caller]
    fn record(&mut self, kind: u8) -> Vec<u8> {
        let header = self.take(8);
        assert_eq!(header[..4], [1, kind, 0, 1], "another record");
        let length = usize::from(u16::from_be_bytes([header[4], header[5]]));
        let content = self.take(length);
        self.take(usize::from(header[6]));
        content
    }
}

fn variables(mut bytes: &[u8]) -> BTreeMap<String, String> {
    let length = |bytes: &mut &[u8]| {
        let (first, rest) = bytes.split_first().unwrap();
        if *first < 0x80 {
            *bytes = rest;
            return usize::from(*first);
        }
        let (four, rest) = bytes.split_first_chunk::<4>().unwrap();
        *bytes = rest;
        (u32::from_be_bytes(*four) & 0x7fff_ffff) as usize
    };
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let mut variables = BTreeMap::new();
    while !bytes.is_empty() {
        let (name, value) = (length(&mut bytes), length(&mut bytes));
        let (pair, rest) = bytes.split_at(name + value);
        let (name, value) = pair.split_at(name);
        let earlier = variables.insert(text(name), text(value));
        assert_eq!(earlier, None, "{} comes twice", text(name));
        bytes = rest;
    }
    variables
}
