//! One connection to a server: requests go out many at a time, for a line has a delay, and answers are matched to
//! them by their numbers.

use std::collections::HashMap;
use std::collections::VecDeque;

use bytes::Bytes;

use super::super::Pace;
use super::super::TargetError;
use super::super::Trouble;
use super::complaint;
use super::ssh::Reach;
use super::ssh::Ssh;
use super::wire::Answer;
use super::wire::Attributes;
use super::wire::CLOSE;
use super::wire::PIECE_BYTES;
use super::wire::READ;
use super::wire::Request;
use super::wire::STAT;
use super::wire::WRITE;
use super::wire::read_answer;

/// Requests without an answer yet: as many pieces as fill a line of 100 Mbit/s and 150 ms.
const WINDOW: usize = 64;

pub(super) const OK: u32 = 0;
pub(super) const EOF: u32 = 1;
pub(super) const MISSING: u32 = 2;
pub(super) const FAILURE: u32 = 4;

/// Why a request did not do what it should.
#[derive(Debug)]
pub(super) enum Fault {
    /// The server says so; the connection is as good as before.
    Status { code: u32, message: String },
    /// What was found is not what it should be; the same holds.
    Wrong(TargetError),
    /// The connection is of no use any more.
    Broken(TargetError),
}

impl Fault {
    pub(super) fn wrong(what: impl Into<String>) -> Self {
        Self::Wrong(TargetError::new(Trouble::Wrong, what))
    }

    pub(super) fn is_missing(&self) -> bool {
        matches!(self, Self::Status { code: MISSING, .. })
    }

    /// What it means for what was to be done.
    pub(super) fn explain(self, action: &str) -> TargetError {
        match self {
            Self::Status { code, message } => complaint::of_status(action, code, &message),
            Self::Wrong(error) | Self::Broken(error) => error,
        }
    }
}

/// One connection.
#[derive(Debug)]
pub(super) struct Session {
    ssh: Ssh,
    able: Vec<String>,
    next: u32,
    /// Requests whose answers nobody waits for.
    unheeded: Vec<u32>,
    /// Whether folders can't be synced there.
    pub(super) has_no_folder_sync: bool,
}

/// What stands for an open file or folder.
pub(super) type Handle = Bytes;

impl Session {
    pub(super) fn start(reach: &Reach) -> Result<Self, TargetError> {
        let (ssh, able) = Ssh::start(reach)?;
        Ok(Self {
            ssh,
            able,
            next: 0,
            unheeded: Vec::new(),
            has_no_folder_sync: false,
        })
    }

    /// Whether the server knows a request that not all do.
    pub(super) fn can(&self, extension: &str) -> bool {
        self.able.iter().any(|able| able == extension)
    }

    pub(super) fn ask(&mut self, request: &Request) -> Result<Answer, Fault> {
        let asked = self.send(request)?;
        let (id, answer) = self.receive()?;
        if id != asked {
            return Err(Fault::Broken(self.ssh.babble()));
        }
        Ok(answer)
    }

    /// The answers to all of these, in the same order. Each is made when it can go out.
    pub(super) fn ask_all(
        &mut self,
        requests: impl IntoIterator<Item = Request>,
    ) -> Result<Vec<Answer>, Fault> {
        let mut requests = requests.into_iter().fuse();
        let mut answers = Vec::new();
        let mut asked = HashMap::new();
        loop {
            while asked.len() < WINDOW
                && let Some(request) = requests.next()
            {
                asked.insert(self.send(&request)?, answers.len());
                answers.push(None);
            }
            if asked.is_empty() {
                break;
            }
            let (id, answer) = self.receive()?;
            let place = asked.remove(&id).and_then(|place| answers.get_mut(place));
            match place {
                Some(place) => *place = Some(answer),
                None => return Err(Fault::Broken(self.ssh.babble())),
            }
        }
        Ok(answers.into_iter().flatten().collect())
    }

    /// Sends a request whose answer changes nothing.
    pub(super) fn tell(&mut self, request: &Request) -> Result<(), Fault> {
        let id = self.send(request)?;
        self.unheeded.push(id);
        Ok(())
    }

    pub(super) fn stat(&mut self, path: &str) -> Result<Attributes, Fault> {
        let answer = self.ask(&Request::new(STAT).bytes(path.as_bytes()))?;
        self.attributes(answer)
    }

    /// Writes a file from its beginning.
    pub(super) fn write(
        &mut self,
        handle: &Handle,
        content: &[Bytes],
        pace: Option<&Pace>,
    ) -> Result<(), Fault> {
        let pieces = Pieces {
            content,
            at: 0,
            written: 0,
        };
        let requests = pieces.map(|(offset, piece)| {
            if let Some(pace) = pace {
                pace.up(piece.len());
            }
            Request::new(WRITE).bytes(handle).long(offset).bytes(&piece)
        });
        for answer in self.ask_all(requests)? {
            self.done(answer)?;
        }
        Ok(())
    }

    /// Exactly so many bytes from there on.
    pub(super) fn read(
        &mut self,
        handle: &Handle,
        offset: u64,
        length: usize,
        pace: Option<&Pace>,
    ) -> Result<Vec<u8>, Fault> {
        let mut content = vec![0; length];
        let mut wanted: VecDeque<_> = (0..length)
            .step_by(PIECE_BYTES)
            .map(|at| (at, PIECE_BYTES.min(length - at)))
            .collect();
        let mut asked = HashMap::new();
        let mut fault = None;
        while !(wanted.is_empty() && asked.is_empty()) {
            while asked.len() < WINDOW
                && let Some((at, count)) = wanted.pop_front()
            {
                if let Some(pace) = pace {
                    pace.down(count);
                }
                let request = Request::new(READ).bytes(handle).long(offset + at as u64);
                let request = request.number(u32::try_from(count).unwrap_or(u32::MAX));
                asked.insert(self.send(&request)?, (at, count));
            }
            let (id, answer) = self.receive()?;
            let Some((at, count)) = asked.remove(&id) else {
                return Err(Fault::Broken(self.ssh.babble()));
            };
            match answer {
                Answer::Data(piece) if !piece.is_empty() && piece.len() <= count => {
                    content[at..at + piece.len()].copy_from_slice(&piece);
                    if piece.len() < count {
                        wanted.push_front((at + piece.len(), count - piece.len()));
                    }
                }
                // What was asked for besides is still answered.
                other => {
                    wanted.clear();
                    fault = Some(self.unexpected(other));
                }
            }
        }
        match fault {
            Some(Fault::Status { code: EOF, .. }) => Err(Fault::wrong(format!(
                "it has fewer than the {length} bytes from {offset} on that were wanted"
            ))),
            Some(fault) => Err(fault),
            None => Ok(content),
        }
    }

    /// An answer that says that it worked.
    pub(super) fn done(&self, answer: Answer) -> Result<(), Fault> {
        match answer {
            Answer::Status { code: OK, .. } => Ok(()),
            other => Err(self.unexpected(other)),
        }
    }

    pub(super) fn handle(&self, answer: Answer) -> Result<Handle, Fault> {
        match answer {
            Answer::Handle(handle) => Ok(handle),
            other => Err(self.unexpected(other)),
        }
    }

    pub(super) fn attributes(&self, answer: Answer) -> Result<Attributes, Fault> {
        match answer {
            Answer::Attributes(is) => Ok(is),
            other => Err(self.unexpected(other)),
        }
    }

    /// Why an answer is not the one that was hoped for.
    pub(super) fn unexpected(&self, answer: Answer) -> Fault {
        match answer {
            Answer::Status { code, message } if code != OK => Fault::Status { code, message },
            Answer::Status { .. }
            | Answer::Handle(_)
            | Answer::Data(_)
            | Answer::Names(_)
            | Answer::Attributes(_)
            | Answer::Extended(_) => Fault::Broken(self.ssh.babble()),
        }
    }

    pub(super) fn close_unheeded(&mut self, handle: &Handle) -> Result<(), Fault> {
        self.tell(&Request::new(CLOSE).bytes(handle))
    }

    fn send(&mut self, request: &Request) -> Result<u32, Fault> {
        self.next = self.next.wrapping_add(1);
        self.ssh.send(self.next, request).map_err(Fault::Broken)?;
        Ok(self.next)
    }

    /// The next answer that somebody waits for.
    fn receive(&mut self) -> Result<(u32, Answer), Fault> {
        loop {
            let message = self.ssh.receive().map_err(Fault::Broken)?;
            let Some((id, answer)) = read_answer(&message) else {
                return Err(Fault::Broken(self.ssh.babble()));
            };
            match self.unheeded.iter().position(|unheeded| *unheeded == id) {
                Some(place) => drop(self.unheeded.swap_remove(place)),
                None => return Ok((id, answer)),
            }
        }
    }
}

/// A content in pieces of the size that goes into a message, however it comes.
struct Pieces<'c> {
    content: &'c [Bytes],
    /// How much of the first one is out.
    at: usize,
    written: u64,
}

impl Iterator for Pieces<'_> {
    type Item = (u64, Vec<u8>);

    fn next(&mut self) -> Option<Self::Item> {
        let mut piece = Vec::with_capacity(PIECE_BYTES);
        while let Some(first) = self.content.first() {
            let rest = &first[self.at..];
            let room = PIECE_BYTES - piece.len();
            if rest.len() > room {
                piece.extend_from_slice(&rest[..room]);
                self.at += room;
                break;
            }
            piece.extend_from_slice(rest);
            self.content = &self.content[1..];
            self.at = 0;
        }
        let offset = self.written;
        self.written += piece.len() as u64;
        (!piece.is_empty()).then_some((offset, piece))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_is_cut_into_pieces_whatever_it_is_made_of() {
        let content = [0, 1, PIECE_BYTES, 0, 5, 3 * PIECE_BYTES, PIECE_BYTES - 6]
            .map(|length| Bytes::from(vec![length as u8; length]));
        let pieces = Pieces {
            content: &content,
            at: 0,
            written: 0,
        };
        let pieces: Vec<_> = pieces.collect();
        assert_eq!(pieces.len(), 5);
        for (number, (offset, piece)) in pieces.iter().enumerate() {
            assert_eq!(*offset, (number * PIECE_BYTES) as u64);
            assert_eq!(piece.len(), PIECE_BYTES);
        }
        let whole: Vec<u8> = pieces.into_iter().flat_map(|(_, piece)| piece).collect();
        assert!(whole == content.concat());
    }
}
