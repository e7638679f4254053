//! Addresses that have moved: where a path of a site leads now.

use std::collections::HashMap;

/// A pattern of paths, and where they lead now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovedPath {
    /// The paths.
    pub from: PathPattern,
    /// The new address, with what the stars of the pattern stood for.
    pub to: MovedTo,
    /// 301, 302, 303, 307 or 308.
    pub status: u16,
}

/// A path in which each `*` stands for any characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PathPattern {
    /// The texts between the stars; one for a path without any.
    texts: Vec<Box<str>>,
}

/// A new address with places for what the stars stood for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovedTo {
    /// `https://host`, or nothing for a path of the same site.
    pub origin: Box<str>,
    /// The path, and a query or fragment if it has one.
    pub pieces: Vec<MovedPiece>,
}

/// A part of a new address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MovedPiece {
    /// As it is.
    Text(Box<str>),
    /// What the star of this number stood for, counted from 0.
    Star(usize),
}

/// The most stars of a pattern: `$1` to `$9`.
pub const STARS_MAX: usize = 9;

impl PathPattern {
    /// Reads a pattern: a path as it is compared, decoded. `None` when it does not begin with `/`, or has
    /// too many stars.
    pub fn parse(text: &str) -> Option<Self> {
        let texts: Vec<Box<str>> = text.split('*').map(Box::from).collect();
        (text.starts_with('/') && texts.len() <= STARS_MAX + 1).then_some(Self { texts })
    }

    /// How many stars it has.
    pub fn stars(&self) -> usize {
        self.texts.len() - 1
    }

    /// The path itself, when it is one alone.
    pub fn exact(&self) -> Option<&str> {
        match &*self.texts {
            [path] => Some(path),
            _ => None,
        }
    }

    /// What each star stands for in a path, as little as can be; `None` when the path is another.
    /// Takes time in proportion to the path.
    pub fn matches<'p>(&self, path: &'p str) -> Option<Stars<'p>> {
        let mut stars = Stars::default();
        let (first, others) = self.texts.split_first()?;
        let mut rest = path.strip_prefix(&**first)?;
        let Some((last, between)) = others.split_last() else {
            return rest.is_empty().then_some(stars);
        };
        for text in between {
            let (star, after) = rest.split_once(&**text)?;
            stars.push(star);
            rest = after;
        }
        stars.push(rest.strip_suffix(&**last)?);
        Some(stars)
    }

    /// A path that it matches, with this in place of each star.
    pub fn sample(&self, star: &str) -> String {
        self.texts.join(star)
    }
}

/// What the stars of a pattern stood for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stars<'p> {
    texts: [&'p str; STARS_MAX],
    count: usize,
}

impl<'p> Stars<'p> {
    fn push(&mut self, text: &'p str) {
        if let Some(place) = self.texts.get_mut(self.count) {
            *place = text;
            self.count += 1;
        }
    }

    /// What the star of this number stood for, counted from 0.
    pub fn get(&self, index: usize) -> &'p str {
        self.texts.get(index).copied().unwrap_or_default()
    }
}

impl MovedTo {
    /// Whether it has a query of its own, so that the visitor's is dropped.
    pub fn has_query(&self) -> bool {
        self.has('?')
    }

    fn has(&self, character: char) -> bool {
        self.pieces.iter().any(|piece| match piece {
            MovedPiece::Text(text) => text.contains(character),
            MovedPiece::Star(_) => false,
        })
    }

    /// The new address of a request. A path of the same site never leads to another host, whatever the
    /// stars stood for.
    pub fn address(&self, stars: &Stars<'_>, query: Option<&str>) -> String {
        let mut path = String::new();
        let mut part = Part::Path;
        for piece in &self.pieces {
            match piece {
                MovedPiece::Text(text) => {
                    path.push_str(text);
                    if text.contains('?') {
                        part = Part::Query;
                    }
                }
                MovedPiece::Star(index) => push_encoded(&mut path, stars.get(*index), part),
            }
        }
        let fragment_at = path.find('#').unwrap_or(path.len());
        let fragment = path.split_off(fragment_at);
        let query = query.filter(|_| !self.has_query());
        let question = if query.is_some() { "?" } else { "" };
        let query = query.unwrap_or_default();
        let origin = &self.origin;
        if origin.is_empty() {
            let path = path.trim_start_matches(['/', '\\']);
            return format!("/{path}{question}{query}{fragment}");
        }
        format!("{origin}{path}{question}{query}{fragment}")
    }
}

impl MovedPath {
    /// The new address of a normalized path, if this is about it.
    pub fn address(&self, path: &str, query: Option<&str>) -> Option<String> {
        let stars = self.from.matches(path)?;
        Some(self.to.address(&stars, query))
    }
}

/// Where in an address a text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Path,
    Query,
}

impl Part {
    /// Whether a byte can stand there as it is (RFC 3986 §3.3). In a query, what separates its parameters
    /// or stands for a space cannot: a text is one value, and stays that.
    fn has_plain(self, byte: u8) -> bool {
        let is_plain = byte.is_ascii_alphanumeric() || b"-._~!$'()*,:@/".contains(&byte);
        is_plain || self == Self::Path && b"&+;=".contains(&byte)
    }
}

/// As this part of a URL can carry it. A normalized path has an encoded slash still encoded.
fn push_encoded(path: &mut String, text: &str, part: Part) {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F',
    ];
    let mut rest = text;
    while let Some(byte) = rest.bytes().next() {
        if let Some(after) = rest.strip_prefix("%2F") {
            path.push_str("%2F");
            rest = after;
            continue;
        }
        let length = rest.chars().next().map_or(1, char::len_utf8);
        let (character, after) = rest.split_at(length);
        rest = after;
        if part.has_plain(byte) {
            path.push_str(character);
            continue;
        }
        for byte in character.bytes() {
            path.push('%');
            path.push(DIGITS[usize::from(byte >> 4)]);
            path.push(DIGITS[usize::from(byte & 15)]);
        }
    }
}

/// All moved paths of a site, ready to be looked up.
#[derive(Debug, Clone, Default)]
pub struct Moved {
    exact: HashMap<Box<str>, usize>,
    patterns: Vec<usize>,
}

impl Moved {
    /// Of two for one path the first is kept.
    pub fn new(paths: &[MovedPath]) -> Self {
        let mut moved = Self::default();
        for (index, path) in paths.iter().enumerate() {
            match path.from.exact() {
                Some(exact) => {
                    moved.exact.entry(exact.into()).or_insert(index);
                }
                None => moved.patterns.push(index),
            }
        }
        moved
    }

    /// Where the new address of a normalized path is told: an exact path before a pattern, and of the
    /// patterns the first.
    pub fn find<'m>(&self, paths: &'m [MovedPath], path: &str) -> Option<&'m MovedPath> {
        let exact = self.exact.get(path).and_then(|index| paths.get(*index));
        let mut patterns = self.patterns.iter().filter_map(|index| paths.get(*index));
        exact.or_else(|| patterns.find(|moved| moved.from.matches(path).is_some()))
    }
}

#[cfg(test)]
mod tests;
