//! Tables for people: columns aligned by what the eye sees, long texts wrapped to the width of the screen.

use unicode_width::UnicodeWidthChar;
use unicode_width::UnicodeWidthStr;

use crate::output::Screen;
use crate::output::Tint;

/// Blanks between two columns.
const GAP: usize = 2;
/// No column that wraps is made narrower than this, even when the lines become longer than the screen.
const NARROWEST: usize = 20;
/// After these a long word is broken rather than elsewhere: they join names, paths and addresses.
const JOINTS: [char; 4] = ['/', '.', ',', '-'];

/// A table that is being filled.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

/// What a column is for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    /// Its heading; line breaks are kept.
    pub(crate) head: &'static str,
    /// Where its cells stand.
    pub(crate) align: Align,
    /// What becomes of cells that are wider than the screen allows.
    pub(crate) overflow: Overflow,
}

/// Where the cells of a column stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// What becomes of cells that are wider than the screen allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Overflow {
    /// They stay whole, and the other columns give way.
    Keep,
    /// They go on in the next line.
    Wrap,
}

/// A piece of text in a table. Control characters, which could move the cursor, are made visible.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    text: String,
    tint: Tint,
}

impl Column {
    /// A column of words: states, times.
    pub(crate) const fn word(head: &'static str) -> Self {
        Self {
            head,
            align: Align::Left,
            overflow: Overflow::Keep,
        }
    }

    /// A column of numbers.
    pub(crate) const fn number(head: &'static str) -> Self {
        Self {
            head,
            align: Align::Right,
            overflow: Overflow::Keep,
        }
    }

    /// A column of names, paths or sentences, which may be long.
    pub(crate) const fn text(head: &'static str) -> Self {
        Self {
            head,
            align: Align::Left,
            overflow: Overflow::Wrap,
        }
    }
}

impl Cell {
    /// A text in a tint; line breaks are kept where the column wraps.
    pub(crate) fn new(text: impl AsRef<str>, tint: Tint) -> Self {
        Self {
            text: visible(text.as_ref()),
            tint,
        }
    }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::new(text, Tint::Plain)
    }
}

impl Table {
    /// A table without rows.
    pub(crate) fn new(columns: impl Into<Vec<Column>>) -> Self {
        Self {
            columns: columns.into(),
            rows: Vec::new(),
        }
    }

    /// Adds a row: a cell for each column, in their order.
    pub(crate) fn push(&mut self, row: impl Into<Vec<Cell>>) {
        self.rows.push(row.into());
    }

    /// The lines of the table, the headings first.
    pub(crate) fn render(&self, screen: Screen) -> String {
        let heads: Vec<_> = self
            .columns
            .iter()
            .map(|column| Cell::new(column.head, Tint::Faint))
            .collect();
        let widths = self.widths(screen.width);
        let mut text = String::new();
        let heading = self.columns.iter().map(|column| Column {
            overflow: Overflow::Wrap,
            ..*column
        });
        render_row(
            &heading.collect::<Vec<_>>(),
            &heads,
            &widths,
            screen,
            &mut text,
        );
        for row in &self.rows {
            render_row(&self.columns, row, &widths, screen, &mut text);
        }
        text
    }

    fn widths(&self, screen: Option<usize>) -> Vec<usize> {
        let mut widths: Vec<_> = self
            .columns
            .iter()
            .map(|column| widest(column.head))
            .collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(widest(&cell.text));
            }
        }
        if let Some(screen) = screen {
            let room = screen.saturating_sub(GAP * self.columns.len().saturating_sub(1));
            self.shrink(&mut widths, room);
        }
        widths
    }

    /// Takes from the widest of those that wrap, until all fits or nothing more can give.
    fn shrink(&self, widths: &mut [usize], room: usize) {
        while widths.iter().sum::<usize>() > room {
            let can_give = |index: &usize| match self.columns[*index].overflow {
                Overflow::Keep => false,
                Overflow::Wrap => widths[*index] > NARROWEST,
            };
            let givers = (0..widths.len()).filter(can_give);
            let Some(giver) = givers.max_by_key(|index| widths[*index]) else {
                return;
            };
            widths[giver] -= 1;
        }
    }
}

fn render_row(
    columns: &[Column],
    row: &[Cell],
    widths: &[usize],
    screen: Screen,
    text: &mut String,
) {
    let cells: Vec<_> = row
        .iter()
        .zip(columns)
        .zip(widths)
        .map(|((cell, column), width)| lines(&cell.text, column.overflow, *width))
        .collect();
    let height = cells.iter().map(Vec::len).max().unwrap_or(0);
    for line in 0..height {
        let mut blanks = 0;
        for (index, cell) in cells.iter().enumerate() {
            let piece = cell.get(line).map_or("", String::as_str);
            let padding = widths[index].saturating_sub(piece.width());
            let (before, after) = match columns[index].align {
                Align::Left => (0, padding),
                Align::Right => (padding, 0),
            };
            // Blanks wait for something to follow them, so that no line ends in any.
            blanks += before;
            if !piece.is_empty() {
                text.extend(std::iter::repeat_n(' ', blanks));
                text.push_str(&screen.tinted(piece, row[index].tint));
                blanks = 0;
            }
            blanks += after + GAP;
        }
        text.push('\n');
    }
}

fn widest(text: &str) -> usize {
    let lines = text.lines().map(UnicodeWidthStr::width);
    lines.max().unwrap_or(0)
}

fn lines(text: &str, overflow: Overflow, width: usize) -> Vec<String> {
    match overflow {
        Overflow::Keep => vec![text.replace('\n', " ")],
        Overflow::Wrap => text.lines().flat_map(|line| wrap(line, width)).collect(),
    }
}

/// Breaks between words, and a word that is wider than a line after one of its joints, or anywhere.
/// Blanks in front stay.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    // A wide letter takes two columns; narrower than that nothing would ever fit.
    let width = width.max(2);
    let text = visible(text);
    let mut lines = Vec::new();
    let mut line = String::new();
    for mut word in text.split_inclusive(' ') {
        if !line.trim().is_empty() && line.width() + word.trim_end().width() > width {
            lines.push(std::mem::take(&mut line));
        }
        while line.width() + word.trim_end().width() > width {
            let fitting = head(word, width.saturating_sub(line.width()).max(2));
            let joint = joint(fitting);
            let piece = joint.map_or(fitting, |joint| &fitting[..=joint]);
            line.push_str(piece);
            lines.push(std::mem::take(&mut line));
            word = &word[piece.len()..];
        }
        line.push_str(word);
    }
    lines.push(line);
    for line in &mut lines {
        line.truncate(line.trim_end().len());
    }
    lines
}

/// Where a long word is broken: in the second half of the line after a slash, which stands between larger
/// parts than the others.
fn joint(fitting: &str) -> Option<usize> {
    let slash = fitting.rfind('/');
    let slash = slash.filter(|at| at * 2 >= fitting.len());
    slash.or_else(|| fitting.rfind(JOINTS))
}

/// As much of the beginning as fits.
fn head(text: &str, width: usize) -> &str {
    let mut used = 0;
    for (index, character) in text.char_indices() {
        used += character.width().unwrap_or(0);
        if used > width {
            return &text[..index];
        }
    }
    text
}

/// What others said may be in it: nothing of that moves the cursor.
fn visible(text: &str) -> String {
    text.trim_end()
        .chars()
        .map(|character| match character {
            '\n' => '\n',
            '\t' => ' ',
            control if control.is_control() => char::REPLACEMENT_CHARACTER,
            plain => plain,
        })
        .collect()
}

#[cfg(test)]
mod tests;
