//! Texts with their lines: a byte range of a file → line, column and the line itself.
//!
//! Knows nothing of TOML.

use std::ops::Range;
use std::path::Path;
use std::path::PathBuf;

use crate::sources::Sources;

/// A range of bytes in one of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) file: usize,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Place {
    pub(crate) fn new(file: usize, span: Range<usize>) -> Self {
        Self {
            file,
            start: span.start,
            end: span.end,
        }
    }

    /// The first character of a file.
    pub(crate) fn top(file: usize) -> Self {
        Self::new(file, 0..0)
    }
}

/// The texts of a configuration, with an index of their lines.
#[derive(Debug)]
pub(crate) struct Texts(Vec<Text>);

#[derive(Debug)]
struct Text {
    path: PathBuf,
    text: String,
    line_starts: Vec<usize>,
}

/// A place as people count: from 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spot<'t> {
    pub(crate) path: &'t Path,
    pub(crate) line: usize,
    pub(crate) column: usize,
    /// The line, without its end.
    pub(crate) text: &'t str,
    /// The bytes of `text` that are meant; empty for a place between two characters.
    pub(crate) marked: Range<usize>,
}

impl Texts {
    pub(crate) fn new(sources: &Sources) -> Self {
        let indexed = sources.files.iter().map(|file| Text {
            path: file.path.clone(),
            text: file.text.clone(),
            line_starts: std::iter::once(0)
                .chain(file.text.match_indices('\n').map(|(at, _)| at + 1))
                .collect(),
        });
        Self(indexed.collect())
    }

    /// The line of a place, counted from 0, without counting its columns.
    pub(crate) fn line(&self, place: Place) -> usize {
        let file = self.0.get(place.file);
        file.map_or(0, |file| file.line(place.start))
    }

    /// Where a place is; of a range over several lines, its part in the first. A place outside of
    /// the text is moved to its end.
    pub(crate) fn spot(&self, place: Place) -> Option<Spot<'_>> {
        let file = self.0.get(place.file)?;
        let start = floor_char(&file.text, place.start);
        let index = file.line(start);
        let line_start = *file.line_starts.get(index)?;
        let line = file.text.get(line_start..)?.lines().next().unwrap_or("");
        let from = (start - line_start).min(line.len());
        let end = floor_char(&file.text, place.end).saturating_sub(line_start);
        Some(Spot {
            path: &file.path,
            line: index + 1,
            column: line.get(..from)?.chars().count() + 1,
            text: line,
            marked: from..end.clamp(from, line.len()),
        })
    }
}

impl Text {
    fn line(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|at| *at <= offset) - 1
    }
}

fn floor_char(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}
