//! One line of a file with a part of it underlined, as a terminal shows it.
//!
//! A file is not trusted to be kind to the terminal: control characters, which could move the
//! cursor or turn the writing direction, are shown as `�`.

use std::ops::Range;

use unicode_width::UnicodeWidthChar;

/// What is shown of a long line, in characters.
const SHOWN_MAX: usize = 160;
/// What is shown of a long line before the marked part, in characters.
const CONTEXT_MAX: usize = 40;

/// A line as it is shown. The widths are in columns of a terminal, in which a Korean letter takes two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Excerpt {
    pub(crate) text: String,
    /// The width before the marked part.
    pub(crate) before: usize,
    /// The width of the marked part; at least 1.
    pub(crate) mark: usize,
}

impl Excerpt {
    /// `marked` are bytes of the line, at character boundaries.
    pub(crate) fn new(line: &str, marked: Range<usize>) -> Self {
        let window = window(line, marked.start);
        let end = marked.end.min(window.end);
        let lead = if window.start > 0 { "…" } else { "" };
        let trail = if window.end < line.len() { "…" } else { "" };
        let before = format!("{lead}{}", harmless(&line[window.start..marked.start]));
        let mark = harmless(&line[marked.start..end]);
        let after = harmless(&line[end..window.end]);
        Self {
            before: width(&before),
            mark: width(&mark).max(1),
            text: format!("{before}{mark}{after}{trail}"),
        }
    }
}

/// The bytes of a line to show: all of it, or what surrounds a place in a long one.
fn window(line: &str, place: usize) -> Range<usize> {
    if line.len() <= SHOWN_MAX {
        return 0..line.len();
    }
    let before = line[..place].char_indices().rev().take(CONTEXT_MAX);
    let start = before.last().map_or(place, |(at, _)| at);
    let end = line[start..].char_indices().nth(SHOWN_MAX);
    start..end.map_or(line.len(), |(at, _)| start + at)
}

fn harmless(text: &str) -> String {
    let shown = |character: char| match character {
        '\t' => ' ',
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        other if other.is_control() => '\u{fffd}',
        other => other,
    };
    text.chars().map(shown).collect()
}

fn width(text: &str) -> usize {
    text.chars().filter_map(UnicodeWidthChar::width).sum()
}
