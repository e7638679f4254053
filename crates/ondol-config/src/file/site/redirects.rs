//! `redirects`: paths of a site that have moved.

use std::collections::HashMap;

use ondol_model::limits::REDIRECT_PATTERNS_MAX;
use ondol_model::limits::REDIRECTS_MAX;
use ondol_model::path::normalize;
use ondol_model::plan::MovedPath;
use ondol_model::plan::MovedPiece;
use ondol_model::plan::MovedTo;
use ondol_model::plan::PathPattern;
use ondol_model::plan::STARS_MAX;

use crate::file::target::redirect;
use crate::file::target::redirect::Address;
use crate::nearest::repeated;
use crate::report::Report;
use crate::section::Section;
use crate::section::Word;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;
use crate::shape::Table;
use crate::text::Place;

pub(super) const REDIRECTS: Key = Key {
    name: "redirects",
    doc: "Paths that have moved, looked at before the routes: an exact path before a pattern, and of the patterns the first that fits.",
    shape: Shape::List(&Shape::Table(&MOVED)),
    absent: Absent::Default("[]"),
};

static MOVED: Table = Table {
    title: "a redirect",
    doc: "A path that has moved. The query goes along, unless `to` has one.",
    keys: &[
        Key {
            name: "from",
            doc: "The path, in plain letters; each `*` stands for any characters.",
            shape: Shape::Text(Form {
                what: "a path",
                example: "/blog/*",
            }),
            absent: Absent::Mistake,
        },
        Key {
            name: "to",
            doc: "Where it is now: a path of the same site, or a whole address. `$1` is what the first `*` stood for, `$2` the second, and `$$` a dollar sign.",
            shape: Shape::Text(Form {
                what: "an address",
                example: "/posts/$1",
            }),
            absent: Absent::Mistake,
        },
        Key {
            name: "status",
            doc: "301, 302, 303, 307 or 308.",
            shape: Shape::Number { min: 301, max: 308 },
            absent: Absent::Default("308"),
        },
    ],
    later: &[],
};

/// The moved paths of a site, and where they stand. What is wrong is reported and left out.
pub(super) fn redirects(site: Section<'_>, report: &mut Report) -> (Vec<MovedPath>, Vec<Place>) {
    let sections = site.tables(REDIRECTS.name);
    if let Some(section) = sections.get(REDIRECTS_MAX) {
        let problem = format!("this is one more than the {REDIRECTS_MAX} that a site can have");
        report.add(section.at(), problem);
    }
    let mut taken = HashMap::new();
    let mut patterns = 0;
    let mut moved = Vec::new();
    for section in sections.into_iter().take(REDIRECTS_MAX) {
        let from = section.text("from").and_then(|word| from(word, report));
        let to = section.text("to").and_then(|word| {
            let stars = from.as_ref().map_or(STARS_MAX, |(from, _)| from.stars());
            to(word, stars, report)
        });
        let status = redirect::status(section, report);
        let Some((from, at)) = from else { continue };
        patterns += usize::from(from.exact().is_none());
        if patterns == REDIRECT_PATTERNS_MAX + 1 {
            let problem = format!(
                "this is one pattern more than the {REDIRECT_PATTERNS_MAX} that a site can have"
            );
            report
                .add(at, problem)
                .help("each request is compared with them; paths without `*` cost nothing");
        }
        if let Some(first) = taken.insert(from.clone(), at) {
            report
                .add(at, "this path has moved already")
                .help("remove one of the two")
                .related(first, "it has moved here");
            continue;
        }
        moved.extend(to.map(|to| (MovedPath { from, to, status }, at)));
    }
    moved.into_iter().unzip()
}

/// A path as it is compared: decoded, without doubled slashes and dots.
fn from(word: Word<'_>, report: &mut Report) -> Option<(PathPattern, Place)> {
    let is_plain = normalize(word.text).is_some_and(|normal| normal == word.text)
        && !word
            .text
            .contains(|c: char| c.is_control() || matches!(c, '?' | '#'));
    let pattern = PathPattern::parse(word.text).filter(|_| is_plain);
    if pattern.is_none() {
        let normal = normalize(word.text).filter(|normal| normal != word.text);
        let help = match normal {
            Some(normal) => format!("write it as it is compared: \"{}\"", repeated(&normal)),
            None if word.text.starts_with('^') || word.text.contains(".*") => {
                "this is no regular expression: `*` is any text, as in \"/blog/*\", and $1 in `to` what it stood for"
                    .to_owned()
            }
            None => format!(
                "a path begins with `/`, has no `?` or `#`, and at most {STARS_MAX} stars; what a query says cannot be asked"
            ),
        };
        let problem = format!("\"{}\" is not a path of a site", repeated(word.text));
        report.add(word.at, problem).help(help);
    }
    Some((pattern?, word.at))
}

fn to(word: Word<'_>, stars: usize, report: &mut Report) -> Option<MovedTo> {
    let shown = repeated(word.text);
    let Some(address) = Address::parse(word.text) else {
        let help = "accepted: \"/posts/$1\", \"https://example.com/$1\"; what a `*` stood for can be no part of a host";
        report
            .add(
                word.at,
                format!("\"{shown}\" is not an address to redirect to"),
            )
            .help(help);
        return None;
    };
    match pieces(&address.rest, stars) {
        Ok(pieces) => Some(MovedTo {
            origin: address.origin.into(),
            pieces,
        }),
        Err(help) => {
            let problem = format!("\"{shown}\" has a `$` that stands for nothing");
            report.add(word.at, problem).help(help);
            None
        }
    }
}

fn pieces(text: &str, stars: usize) -> Result<Vec<MovedPiece>, String> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        plain.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            plain.push('$');
            rest = after;
            continue;
        }
        let number = after.chars().next().and_then(|digit| digit.to_digit(10));
        let index = number.and_then(|number| usize::try_from(number).ok()?.checked_sub(1));
        let Some(index) = index.filter(|index| *index < stars) else {
            return Err(match stars {
                0 => "`from` has no `*`; write `$$` for a dollar sign".to_owned(),
                1 => "`$1` is what the `*` of `from` stood for; `$$` is a dollar sign".to_owned(),
                _ => format!(
                    "`$1` to `${stars}` are what the stars of `from` stood for; `$$` is a dollar sign"
                ),
            });
        };
        if !plain.is_empty() {
            pieces.push(MovedPiece::Text(std::mem::take(&mut plain).into()));
        }
        pieces.push(MovedPiece::Star(index));
        rest = &after[1..];
    }
    plain.push_str(rest);
    if !plain.is_empty() {
        pieces.push(MovedPiece::Text(plain.into()));
    }
    Ok(pieces)
}
