//! Takes lines out of a pipe: each is in the file before it leaves the pipe, so that an agent that is killed leaves
//! what it had not written to the next one.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use ondol_base::clock;
use ondol_model::app::Launch;
use rustix::io::Errno;
use rustix::pipe::PipeFlags;
use rustix::pipe::SpliceFlags;

use super::AppLog;
use super::LogLine;
use super::flood::Flood;
use super::text;

/// As much as is looked at in one go; what a new pipe holds.
const PART_BYTES: usize = 64 * 1024;
/// As much as is taken in one look; then others have their turn.
const LOOK_BYTES_MAX: usize = 1024 * 1024;
/// The longest that a line without an end is left alone, where nothing tells that it got one.
const UNFINISHED: Duration = Duration::from_secs(1);

/// When to look again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// There is more.
    AtOnce,
    /// When something comes.
    Wait,
    /// When something comes, and after so long.
    Within(Duration),
}

/// What reads one pipe.
#[derive(Debug)]
pub(super) struct Intake {
    log: AppLog,
    instance: Arc<str>,
    launch: Option<Launch>,
    pipe: Arc<OwnedFd>,
    /// What is looked at is copied through this pipe, which leaves it where it is.
    copy: (OwnedFd, OwnedFd),
    part: Box<[u8]>,
    /// Whether what comes is the rest of a line that was cut.
    is_inside_cut: bool,
    flood: Flood,
    has_finished: bool,
}

impl Intake {
    pub(super) fn new(
        log: AppLog,
        pipe: Arc<OwnedFd>,
        (instance, launch): (&str, Option<Launch>),
    ) -> io::Result<Self> {
        Ok(Self {
            log,
            instance: instance.into(),
            launch,
            pipe,
            copy: rustix::pipe::pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?,
            part: vec![0; PART_BYTES].into(),
            is_inside_cut: false,
            flood: Flood::new(clock::now()),
            has_finished: false,
        })
    }

    /// Takes what is there; `None` when nothing is to be taken any more. Blocks on the disk.
    pub(super) fn look(&mut self) -> Option<Next> {
        if self.has_finished {
            return None;
        }
        let mut taken = 0;
        while taken < LOOK_BYTES_MAX {
            if self.flood.is_shut(clock::now()) {
                match self.skip() {
                    0 => return Some(Next::Within(UNFINISHED)),
                    skipped => taken += skipped,
                }
                continue;
            }
            self.tell_left_out();
            let there = self.peek();
            let whole = self.take_lines(there);
            if whole == 0 {
                let is_done = there == 0 && !self.flood.has_left_out();
                return Some(if is_done {
                    Next::Wait
                } else {
                    Next::Within(UNFINISHED)
                });
            }
            self.log.write();
            self.remove(whole);
            taken += whole;
        }
        Some(Next::AtOnce)
    }

    /// Takes all that is there, the last line without an end too, and then nothing any more.
    pub(super) fn finish(&mut self) {
        self.has_finished = true;
        let mut taken = 0;
        // Somebody that the process started may go on writing.
        while taken < 2 * LOOK_BYTES_MAX {
            let there = self.peek();
            if there == 0 {
                break;
            }
            let mut whole = self.take_lines(there);
            if whole == 0 {
                self.take_line(0, there);
                whole = there;
            }
            self.remove(whole);
            taken += whole;
        }
        self.tell_left_out();
        self.log.elsewhere(AppLog::write);
    }

    pub(super) fn log(&self) -> AppLog {
        self.log.clone()
    }

    /// Copies what the pipe begins with; it stays there. How much that is.
    fn peek(&mut self) -> usize {
        let flags = SpliceFlags::NONBLOCK;
        let copied = rustix::pipe::tee(&*self.pipe, &self.copy.1, PART_BYTES, flags);
        let copied = copied.unwrap_or(0);
        let mut read = 0;
        while read < copied {
            match rustix::io::read(&self.copy.0, &mut self.part[read..copied]) {
                Ok(0) => break,
                Ok(count) => read += count,
                Err(Errno::INTR) => {}
                Err(_) => break,
            }
        }
        read
    }

    /// Takes the whole lines among the first bytes of the part; how many bytes they are.
    fn take_lines(&mut self, there: usize) -> usize {
        let mut begin = 0;
        loop {
            let rest = &self.part[begin..there];
            let end = memchr::memchr(b'\n', rest);
            if self.is_inside_cut {
                self.is_inside_cut = end.is_none();
                begin += end.map_or(rest.len(), |end| end + 1);
            } else if let Some(end) = end {
                self.take_line(begin, begin + end);
                begin += end + 1;
            } else if rest.len() > text::LINE_BYTES_MAX {
                self.is_inside_cut = true;
                self.take_line(begin, there);
                begin = there;
            } else {
                return begin;
            }
            if begin == there {
                return begin;
            }
        }
    }

    fn take_line(&mut self, begin: usize, end: usize) {
        if !self.flood.admits(end - begin, clock::now()) {
            return;
        }
        let line = Arc::new(LogLine {
            at_ms: clock::unix_milliseconds(),
            instance: Arc::clone(&self.instance),
            launch: self.launch,
            text: text::readable(&self.part[begin..end]),
        });
        self.log.add(&line);
    }

    /// Reads a part of what is too much; how many bytes.
    fn skip(&mut self) -> usize {
        let Ok(count @ 1..) = rustix::io::read(&*self.pipe, &mut self.part[..]) else {
            return 0;
        };
        let part = &self.part[..count];
        let lines = memchr::memchr_iter(b'\n', part).count();
        self.flood.leave_out(lines as u64, count as u64);
        self.is_inside_cut = !part.ends_with(b"\n");
        count
    }

    fn tell_left_out(&mut self) {
        if let Some(left_out) = self.flood.take_left_out() {
            self.log.note(&left_out.of(&self.instance));
        }
    }

    /// Removes from the pipe what was looked at.
    fn remove(&mut self, mut bytes: usize) {
        while bytes > 0 {
            match rustix::io::read(&*self.pipe, &mut self.part[..bytes]) {
                Ok(0) => return,
                Ok(count) => bytes -= count,
                Err(Errno::INTR) => {}
                // Somebody else has read it.
                Err(_) => return,
            }
        }
    }
}
