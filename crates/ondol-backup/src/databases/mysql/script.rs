//! Reads along in a dump of MariaDB or MySQL: which rows it has, which server it is of, and whether it is whole.

use std::collections::BTreeMap;

/// Every whole dump ends with a line that begins so.
const TRAILER: &[u8] = b"-- Dump completed";
/// The line with the version of the server.
const VERSION: &[u8] = b"-- Server version";
const CREATE: &[u8] = b"CREATE TABLE `";
const INSERT: &[u8] = b"INSERT INTO `";
const VALUES: &[u8] = b"VALUES";
const DELIMITER: &[u8] = b"DELIMITER ";
/// So much of a line is looked at to tell what it is: the longest name has 64 characters, each of up to 4 bytes, all
/// of them perhaps doubled quotes.
const HEAD_BYTES_MAX: usize = 600;

/// What is known of a dump so far.
#[derive(Debug, Default)]
pub(crate) struct Script {
    rows: BTreeMap<String, u64>,
    version: Option<String>,
    is_whole: bool,
    /// The start of the line that is read.
    head: Vec<u8>,
    state: State,
    /// Whether statements end with something other than `;`: then they are those of triggers and routines.
    is_program: bool,
}

#[derive(Debug, Default, Clone, PartialEq, Eq)]
enum State {
    /// In a line that is no `INSERT`, or not yet known to be one.
    #[default]
    Line,
    /// Between the name of a table and its rows: there may be names of columns.
    Columns {
        table: String,
        is_name: bool,
        /// How much of `VALUES` has come.
        seen: usize,
    },
    /// In the rows of a table.
    Rows {
        table: String,
        /// How many brackets are open.
        depth: u32,
        inside: Inside,
    },
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Inside {
    #[default]
    Nothing,
    Text,
    /// After a backslash in a text.
    Escape,
}

impl Script {
    /// The next bytes of it.
    pub(crate) fn read(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match &mut self.state {
                State::Line => self.line_byte(*byte),
                State::Columns {
                    table,
                    is_name,
                    seen,
                } => {
                    if column_byte(*byte, is_name, seen) {
                        self.state = State::Rows {
                            table: std::mem::take(table),
                            depth: 0,
                            inside: Inside::Nothing,
                        };
                    }
                }
                State::Rows {
                    table,
                    depth,
                    inside,
                } => match row_byte(*byte, depth, inside) {
                    Step::On => {}
                    Step::Row => count(&mut self.rows, table),
                    Step::End => self.state = State::Line,
                },
            }
        }
    }

    /// Whether its last line has come.
    pub(crate) fn is_whole(&self) -> bool {
        self.is_whole || self.head.starts_with(TRAILER)
    }

    /// The version of the server that wrote it.
    pub(crate) fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// How many rows each table has in it.
    pub(crate) fn into_rows(self) -> BTreeMap<String, u64> {
        self.rows
    }

    fn line_byte(&mut self, byte: u8) {
        if byte == b'\n' {
            let head = std::mem::take(&mut self.head);
            self.line_end(&head);
            self.head = head;
            self.head.clear();
            return;
        }
        if self.head.len() >= HEAD_BYTES_MAX {
            return;
        }
        self.head.push(byte);
        // A quote that ends a name is known by what follows: two are one of the name.
        if byte == b' '
            && !self.is_program
            && let Some(table) = quoted(&self.head, INSERT)
        {
            self.head.clear();
            self.is_whole = false;
            self.state = State::Columns {
                table,
                is_name: false,
                seen: 0,
            };
        }
    }

    fn line_end(&mut self, line: &[u8]) {
        self.is_whole = line.starts_with(TRAILER) || (self.is_whole && line.is_empty());
        if let Some(delimiter) = line.strip_prefix(DELIMITER) {
            self.is_program = delimiter.trim_ascii() != b";";
        } else if let Some(version) = line.strip_prefix(VERSION) {
            let version = String::from_utf8_lossy(version.trim_ascii()).into_owned();
            self.version.get_or_insert(version);
        } else if !self.is_program
            && let Some(table) = quoted(line, CREATE)
        {
            self.rows.entry(table).or_default();
        }
    }
}

fn count(rows: &mut BTreeMap<String, u64>, table: &str) {
    match rows.get_mut(table) {
        Some(count) => *count += 1,
        None => drop(rows.insert(table.to_owned(), 1)),
    }
}

/// Whether the rows begin after this byte.
fn column_byte(byte: u8, is_name: &mut bool, seen: &mut usize) -> bool {
    if byte == b'`' {
        *is_name = !*is_name;
    }
    let is_next = !*is_name && VALUES.get(*seen) == Some(&byte);
    *seen = if is_next { *seen + 1 } else { 0 };
    *seen == VALUES.len()
}

enum Step {
    On,
    /// A row has ended.
    Row,
    /// The statement has.
    End,
}

fn row_byte(byte: u8, depth: &mut u32, inside: &mut Inside) -> Step {
    match (*inside, byte) {
        (Inside::Escape, _) => *inside = Inside::Text,
        (Inside::Text, b'\\') => *inside = Inside::Escape,
        // A doubled quote ends a text and begins the next, which comes to the same.
        (Inside::Text, b'\'') => *inside = Inside::Nothing,
        (Inside::Text, _) => {}
        (Inside::Nothing, b'\'') => *inside = Inside::Text,
        (Inside::Nothing, b'(') => *depth += 1,
        (Inside::Nothing, b')') => {
            *depth = depth.saturating_sub(1);
            if *depth == 0 {
                return Step::Row;
            }
        }
        (Inside::Nothing, b';') if *depth == 0 => return Step::End,
        (Inside::Nothing, _) => {}
    }
    Step::On
}

/// The name in quotes after the start of a line; `None` while it has not ended.
fn quoted(line: &[u8], start: &[u8]) -> Option<String> {
    let rest = line.strip_prefix(start)?;
    let mut name = Vec::new();
    let mut bytes = rest.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if byte != b'`' {
            name.push(byte);
        } else if bytes.peek() == Some(&b'`') {
            bytes.next();
            name.push(byte);
        } else {
            return Some(String::from_utf8_lossy(&name).into_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests;
