//! Bytes that a program writes, as lines that a person can be shown.

use std::collections::VecDeque;

/// A longer line is cut: whoever has no line ends must not fill the memory.
const LINE_BYTES_MAX: usize = 4 * 1024;
/// The last lines that are kept, for a message that says why something failed.
const LAST_LINES: usize = 50;

/// Makes lines of pieces of bytes.
#[derive(Debug)]
pub(super) struct Lines<F> {
    on_line: F,
    begun: Vec<u8>,
    /// Whether the line that is begun is longer than what is kept of it.
    is_cut: bool,
    /// Whether the line before ended with a carriage return.
    has_returned: bool,
    last: VecDeque<String>,
}

impl<F: FnMut(&str)> Lines<F> {
    /// Tells each line, without its end.
    pub(super) fn new(on_line: F) -> Self {
        Self {
            on_line,
            begun: Vec::new(),
            is_cut: false,
            has_returned: false,
            last: VecDeque::new(),
        }
    }

    /// More bytes. A carriage return ends a line too: progress that overwrites itself is told as it goes on.
    pub(super) fn take(&mut self, mut piece: &[u8]) {
        let is_end = |byte: &u8| matches!(byte, b'\n' | b'\r');
        while let Some(end) = piece.iter().position(is_end) {
            self.begin(&piece[..end]);
            let returns = piece[end] == b'\r';
            // `\r\n` is one end.
            if !self.begun.is_empty() || !(returns || self.has_returned) {
                self.tell();
            }
            self.has_returned = returns;
            piece = &piece[end + 1..];
        }
        self.begin(piece);
    }

    /// The end: what stands without a line end is a line too. The last lines.
    pub(super) fn finish(mut self) -> Vec<String> {
        if !self.begun.is_empty() {
            self.tell();
        }
        self.last.into()
    }

    fn begin(&mut self, piece: &[u8]) {
        let room = LINE_BYTES_MAX - self.begun.len();
        self.is_cut |= piece.len() > room;
        self.begun
            .extend_from_slice(&piece[..piece.len().min(room)]);
    }

    fn tell(&mut self) {
        let mut text = readable(&self.begun);
        if self.is_cut {
            text.push('…');
        }
        self.begun.clear();
        self.is_cut = false;
        (self.on_line)(&text);
        if self.last.len() == LAST_LINES {
            self.last.pop_front();
        }
        self.last.push_back(text);
    }
}

/// The text without what would do something to a terminal: colors are left out, other control characters are shown
/// as `?`.
fn readable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut shown = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        match character {
            '\u{1b}' => skip_sequence(&mut rest),
            '\t' => shown.push('\t'),
            control if control.is_control() => shown.push('?'),
            plain => shown.push(plain),
        }
    }
    shown
}

/// Leaves out what follows an escape: to the letter of a CSI sequence, the end of an OSC one, or one character.
fn skip_sequence(rest: &mut std::str::Chars<'_>) {
    match rest.next() {
        Some('[') => {
            rest.find(|character| matches!(character, '\u{40}'..='\u{7e}'));
        }
        Some(']') => {
            let mut before = ' ';
            rest.find(|&character| {
                let is_end = character == '\u{7}' || (before == '\u{1b}' && character == '\\');
                before = character;
                is_end
            });
        }
        Some(_) | None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pieces: &[&[u8]], expected: &[&str]) {
        let mut told = Vec::new();
        let mut lines = Lines::new(|line: &str| told.push(line.to_owned()));
        for piece in pieces {
            lines.take(piece);
        }
        let last = lines.finish();
        assert_eq!(told, expected);
        assert_eq!(last, expected);
    }

    #[test]
    fn pieces_become_lines() {
        check(&[], &[]);
        check(&[b"one\ntwo"], &["one", "two"]);
        check(&[b"o", b"ne\r", b"\ntw", b"o\n"], &["one", "two"]);
        check(&[b"a\n\nb\n"], &["a", "", "b"]);
        check(
            &[b"10%\r50%\r100%\ndone\n"],
            &["10%", "50%", "100%", "done"],
        );
    }

    #[test]
    fn nothing_reaches_a_terminal_that_is_no_text() {
        check(&[b"\x1b[1;31mred\x1b[0m plain\n"], &["red plain"]);
        check(
            &[b"\x1b]0;title\x07text\x1b]8;;x\x1b\\more\n"],
            &["textmore"],
        );
        check(&[b"bell\x07 tab\t\xff\n"], &["bell? tab\t\u{fffd}"]);
        check(&[b"cut \x1b[3\n"], &["cut "]);
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let long = [b'x'; 3 * LINE_BYTES_MAX];
        let cut = format!("{}…", "x".repeat(LINE_BYTES_MAX));
        check(&[&long, &long, b"\nnext\n"], &[&cut, "next"]);
    }

    #[test]
    fn the_last_lines_are_kept() {
        let mut lines = Lines::new(|_: &str| {});
        for number in 0..2 * LAST_LINES {
            lines.take(format!("{number}\n").as_bytes());
        }
        let last = lines.finish();
        assert_eq!((last.len(), &*last[0]), (LAST_LINES, "50"));
    }
}
