//! Reads a kit that was typed from paper, photographed, or pasted with all that stands around it.

use std::collections::BTreeMap;

use crate::kit::Kit;
use crate::kit::block;
use crate::kit::block::Line;
use crate::kit::check;
use crate::kit::fields;
use crate::kit::fields::END;
use crate::kit::fields::Manner;
use crate::kit::words;

/// A kit has about twenty lines; a wrong file may be anything.
const BYTES_MAX: usize = 1024 * 1024;
const LINES_MAX: usize = 99;
/// What is taken for one another on paper.
const ALIKE: [&str; 9] = ["0Oo", "1lI|", "5S", "2Z", "8B", "6G", "vu", "-_", ".,"];

/// Why a kit can't be read. Each is a sentence for the owner, and repeats nothing of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KitError {
    /// There is no numbered line in it.
    #[error(
        "this is no recovery kit: it has no numbered lines, as in ` 1: box …`; give the file with the text of the sheet"
    )]
    None,
    /// Lines are missing.
    #[error("the kit is not complete: line {} is missing", listed(.0))]
    Missing(Vec<usize>),
    /// Its end is missing.
    #[error(
        "the kit is not complete: the last line begins with a number and `end`, and is missing"
    )]
    NoEnd,
    /// Lines are not as they were printed.
    #[error(
        "line {} of the kit is not as it is on the sheet: compare each character there, also the three at the end",
        listed(.0)
    )]
    Mistyped(Vec<usize>),
    /// Each line is right, and all together are not.
    #[error("the lines of the kit are of different sheets: type all of them from one")]
    Mixed,
    /// A field is missing, or has a value that it can't have.
    #[error(
        "the kit has no usable `{0}`: it was made by another version of Ondol, which can read it"
    )]
    Field(&'static str),
}

fn listed(numbers: &[usize]) -> String {
    let numbers: Vec<_> = numbers.iter().map(usize::to_string).collect();
    numbers.join(" and line ")
}

/// Reads a kit.
pub(super) fn kit(text: &str) -> Result<Kit, KitError> {
    let text = text.get(..BYTES_MAX).unwrap_or(text);
    let entries = entries(text);
    if entries.is_empty() {
        return Err(KitError::None);
    }
    let mut lines = Vec::new();
    let mut mistyped = Vec::new();
    for (number, words) in &entries {
        match line(*number, words) {
            Some(line) => lines.push(line),
            None => mistyped.push(*number),
        }
    }
    if !mistyped.is_empty() {
        return Err(KitError::Mistyped(mistyped));
    }
    let end = lines.iter().position(|line| line.field == END);
    let last = end.map_or(entries.keys().last().copied().unwrap_or_default(), |end| {
        lines[end].number
    });
    let missing: Vec<_> = (1..=last)
        .filter(|number| !entries.contains_key(number))
        .collect();
    if !missing.is_empty() {
        return Err(KitError::Missing(missing));
    }
    let end = end.ok_or(KitError::NoEnd)?;
    if check::meant(&lines[end].value) != block::total(&lines[..end]) {
        return Err(KitError::Mixed);
    }
    fields::kit(&joined(&lines[..end])).map_err(KitError::Field)
}

/// The words of each numbered line, with those that a line break has torn off.
fn entries(text: &str) -> BTreeMap<usize, Vec<&str>> {
    let mut entries: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    let mut open = None;
    for text in text.lines() {
        let text = text.trim_matches(|c: char| c.is_whitespace() || ">|*\u{feff}".contains(c));
        if let Some((number, rest)) = numbered(text) {
            entries.insert(number, rest.split_whitespace().collect());
            open = Some(number);
        } else if text.is_empty() || text.starts_with("--") {
            open = None;
        } else if let Some(entry) = open.and_then(|number| entries.get_mut(&number)) {
            entry.extend(text.split_whitespace());
        }
    }
    entries
}

/// The number of a line, and what stands behind it, which begins with a field.
fn numbered(text: &str) -> Option<(usize, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let number = text[..digits].parse().ok()?;
    let rest = text[digits..]
        .trim_start_matches([':', '.', ')'])
        .trim_start();
    let field = rest.split_whitespace().next()?.to_ascii_lowercase();
    let is_line = (1..=LINES_MAX).contains(&number) && (field == END || is_field(&field));
    is_line.then_some((number, rest))
}

fn is_field(word: &str) -> bool {
    fields::manner(word).is_some()
}

/// The line that these words are, when their check says so.
fn line(number: usize, words: &[&str]) -> Option<Line> {
    let (field, words) = words.split_first()?;
    let field = field.to_ascii_lowercase();
    let (typed_check, words) = words.split_last()?;
    let value = match fields::manner(&field) {
        Some(Manner::Words) => {
            let words = words.iter().map(|word| words::meant(word));
            words.collect::<Option<Vec<_>>>()?.join(" ")
        }
        Some(Manner::Plain | Manner::Groups) => words.concat(),
        None => check::meant(&words.concat()),
    };
    let typed_check = check::meant(typed_check);
    let fits = |value: &str| check::of_line(number, &field, value) == typed_check;
    let value = match fits(&value) {
        true => value,
        false => only(alike(&value).filter(|value| fits(value)))?,
    };
    Some(Line {
        number,
        field,
        value,
    })
}

/// The same with one character that looks like the one that was typed. What is wrong all the same is found by the check
/// of all lines.
fn alike(value: &str) -> impl Iterator<Item = String> {
    value.char_indices().flat_map(move |(at, typed)| {
        let sets = ALIKE.iter().filter(move |set| set.contains(typed));
        let others = sets
            .flat_map(|set| set.chars())
            .filter(move |c| *c != typed);
        others.map(move |other| {
            let (before, after) = value.split_at(at);
            format!("{before}{other}{}", &after[typed.len_utf8()..])
        })
    })
}

fn only(mut values: impl Iterator<Item = String>) -> Option<String> {
    let first = values.next()?;
    values.next().is_none().then_some(first)
}

/// Values that were too long for a line, whole again.
fn joined(lines: &[Line]) -> Vec<(String, String)> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in lines {
        let space = match fields::manner(&line.field) {
            Some(Manner::Words) => " ",
            Some(Manner::Plain | Manner::Groups) | None => "",
        };
        match fields.iter_mut().find(|(field, _)| *field == line.field) {
            Some((_, value)) => {
                value.push_str(space);
                value.push_str(&line.value);
            }
            None => fields.push((line.field.clone(), line.value.clone())),
        }
    }
    fields
}

#[cfg(test)]
mod tests;
