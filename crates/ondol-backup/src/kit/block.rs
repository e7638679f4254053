//! The numbered lines of a kit: what a person types from paper, and a camera reads from the picture.

use crate::kit::Kit;
use crate::kit::check;
use crate::kit::fields;
use crate::kit::fields::END;
use crate::kit::fields::Manner;
use crate::kit::words;

/// Characters of a group, and groups of a line: what an eye holds.
const GROUP: usize = 4;
const GROUPS: usize = 6;
/// Characters of a line that is not in groups.
const PLAIN: usize = 40;
const WORDS: usize = 4;

/// A numbered line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// Counted from 1.
    pub(super) number: usize,
    pub(super) field: String,
    /// A part of the value, or all of it; words with one space between, all else without.
    pub(super) value: String,
}

/// The lines of a kit, the last of which is its end.
pub(super) fn lines(kit: &Kit) -> Vec<Line> {
    let fields = fields::of(kit);
    let pieces = fields.iter().flat_map(|(field, value)| {
        let pieces = pieces(fields::manner(field).unwrap_or(Manner::Plain), value);
        pieces.into_iter().map(move |piece| (*field, piece))
    });
    numbered(pieces)
}

fn numbered(pieces: impl Iterator<Item = (&'static str, String)>) -> Vec<Line> {
    let numbered = (1..).zip(pieces).map(|(number, (field, value))| Line {
        number,
        field: field.to_owned(),
        value,
    });
    let mut lines: Vec<Line> = numbered.collect();
    lines.push(Line {
        number: lines.len() + 1,
        field: END.to_owned(),
        value: total(&lines),
    });
    lines
}

/// What stands in the last line.
pub(super) fn total(lines: &[Line]) -> String {
    check::of_all(lines.iter().map(|line| (&*line.field, &*line.value)))
}

/// The lines as they are printed.
pub(super) fn of(kit: &Kit) -> String {
    let lines = lines(kit);
    let texts: Vec<_> = lines.iter().map(Line::text).collect();
    texts.join("\n") + "\n"
}

/// The lines as they are in the picture, which is the easier to photograph the less there is in it.
pub(super) fn squeezed(kit: &Kit) -> String {
    let whole = numbered(fields::of(kit).into_iter());
    let lines = whole.into_iter().map(|line| {
        let check = line.check();
        let Line {
            number,
            field,
            value,
        } = line;
        let value = match fields::manner(&field) {
            Some(Manner::Words) => words::shortest(&value),
            Some(Manner::Plain | Manner::Groups) | None => value,
        };
        format!("{number}:{field} {value} {check}")
    });
    lines.collect::<Vec<_>>().join("\n")
}

impl Line {
    /// As it is printed.
    pub(super) fn text(&self) -> String {
        let Self {
            number,
            field,
            value,
        } = self;
        let check = self.check();
        let value = match fields::manner(field) {
            Some(Manner::Groups) => groups(value),
            Some(Manner::Plain | Manner::Words) | None => value.clone(),
        };
        format!("{number:>2}: {field:<11} {value:<40} {check}")
    }

    fn check(&self) -> String {
        check::of_line(self.number, &self.field, &self.value)
    }
}

/// The parts of a value, one for each line: of about the same length.
fn pieces(manner: Manner, value: &str) -> Vec<String> {
    let (group, longest) = match manner {
        Manner::Plain => (1, PLAIN),
        Manner::Groups => (GROUP, GROUP * GROUPS),
        Manner::Words => {
            let words: Vec<&str> = value.split(' ').collect();
            return words.chunks(WORDS).map(|words| words.join(" ")).collect();
        }
    };
    let characters: Vec<char> = value.chars().collect();
    let lines = characters.len().div_ceil(longest).max(1);
    let length = characters.len().div_ceil(lines).next_multiple_of(group);
    let pieces = characters.chunks(length.max(1));
    pieces.map(|piece| piece.iter().collect()).collect()
}

fn groups(value: &str) -> String {
    let characters: Vec<char> = value.chars().collect();
    let groups = characters.chunks(GROUP).map(|it| it.iter().collect());
    groups.collect::<Vec<String>>().join(" ")
}
