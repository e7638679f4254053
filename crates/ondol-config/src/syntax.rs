//! Syntax errors of a file, without the false ones that follow a true one.
//!
//! The parser goes on after an error, so that several can be shown at once. Where a bracket is missing
//! it takes the rest of the file for a part of a list, or the keys of a table for those of another:
//! nothing that is found there is believed.

use std::collections::HashSet;
use std::ops::Range;

use ondol_model::limits::MISTAKES_MAX;

use crate::nearest::repeated;
use crate::report::About;
use crate::report::Note;
use crate::report::Report;
use crate::text::Place;
use crate::text::Texts;

/// The parser's words for a key that stands twice.
const DUPLICATE: &str = "duplicate key";

/// What is broken in one file.
#[derive(Debug)]
pub(crate) struct Broken {
    file: usize,
    lines: HashSet<usize>,
    /// Where nothing is believed, in order.
    doubted: Vec<Range<usize>>,
}

/// Reports the errors of one file; `None` when there are none.
pub(crate) fn report(
    errors: Vec<toml::de::Error>,
    (file, text): (usize, &str),
    texts: &Texts,
    report: &mut Report,
) -> Option<Broken> {
    if errors.is_empty() {
        return None;
    }
    let end = text.len()..text.len();
    let spanned = errors
        .iter()
        .map(|error| (error.span().unwrap_or(end.clone()), error.message()));
    let mut spanned: Vec<(Range<usize>, &str)> = spanned.collect();
    spanned.sort_by_key(|(span, _)| span.start);
    let mut broken = Broken {
        file,
        lines: HashSet::new(),
        doubted: Vec::new(),
    };
    for (span, message) in spanned {
        let at = Place::new(file, span);
        let line = texts.line(at);
        if broken.doubts(at.start) || !broken.lines.insert(line) {
            continue;
        }
        let rest = text.get(at.start..).unwrap_or_default();
        let named = text.get(at.start..at.end).unwrap_or_default();
        let note = report.syntax(at, problem(message, named));
        if message.contains("array") || message.contains("inline table") {
            broken.doubted.push(at.start..usize::MAX);
            note.help("a bracket that was opened here or above may not be closed");
        } else if message.contains("table") {
            let next = rest.find("\n[").unwrap_or(rest.len());
            broken.doubted.push(at.start..at.start + next);
            note.help("a header is a name in brackets; a name with other signs than letters, digits, - and _ needs quotes");
        } else if message == DUPLICATE {
            note.help("a key, or the header of a table, stands once in a file");
            let first =
                (broken.lines.len() <= MISTAKES_MAX).then(|| first_of(text, &(at.start..at.end)));
            if let Some(first) = first.flatten() {
                note.related(Place::new(file, first), "it is here first");
            }
            if is_header(text, at.start) {
                // The parser takes the keys below for more of the first table.
                let next = rest.find("\n[").unwrap_or(rest.len());
                broken.doubted.push(at.start..at.start + next);
            }
        }
    }
    Some(broken)
}

impl Broken {
    fn doubts(&self, offset: usize) -> bool {
        let before = self.doubted.partition_point(|range| range.start <= offset);
        let last = self.doubted.iter().take(before).next_back();
        last.is_some_and(|range| range.contains(&offset))
    }

    /// Whether a mistake may be a consequence of what is broken.
    pub(crate) fn explains(&self, note: &Note, texts: &Texts) -> bool {
        let is_here = note.at.file == self.file;
        let line = texts.line(note.at);
        let is_broken = self.lines.contains(&line) || self.doubts(note.at.start);
        match note.about {
            About::Syntax => false,
            About::Lack => is_here,
            About::Value => is_here && is_broken,
        }
    }
}

/// Whether a place is in the header of a table.
fn is_header(text: &str, at: usize) -> bool {
    let before = text.get(..at).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default();
    line.trim_start().starts_with('[')
}

/// Where a key or a header that stands twice stands first; `None` when it is written otherwise there.
fn first_of(text: &str, second: &Range<usize>) -> Option<Range<usize>> {
    let named = text.get(second.clone())?;
    let start = text.get(..second.start)?.rfind('\n').map_or(0, |at| at + 1);
    let lead = text.get(start..second.start)?;
    let above = text.get(..start)?;
    let from = if is_header(text, second.start) {
        0
    } else {
        // A key stands twice in one table, which begins at the last header.
        above.rfind("\n[").map_or(0, |at| at + 1)
    };
    let mut at = from;
    for line in above.get(from..)?.split_inclusive('\n') {
        let rest = line
            .strip_prefix(lead)
            .and_then(|line| line.strip_prefix(named));
        if rest.is_some_and(|rest| rest.trim_start().starts_with(['=', ']'])) {
            let first = at + lead.len();
            return Some(first..first + named.len());
        }
        at += line.len();
    }
    None
}

fn problem(message: &str, named: &str) -> String {
    match message {
        DUPLICATE => format!("`{}` is here a second time", repeated(named)),
        other => format!("this is not TOML: {other}"),
    }
}
