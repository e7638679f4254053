//! What an app gets of the path that a visitor asked for: all of it, what follows a prefix, or another one.
//!
//! The visitor's own bytes go on wherever they can: a path that is decoded and encoded again may be another
//! one to the app (RFC 3986 §2.2).

use crate::path::RoutePath;
use crate::path::normalize;

/// Ends of a path that are tried for a prefix that is not written plainly, such as `/./%61pi`.
const ENDS_MAX: usize = 32;
/// A longer text is no path of an app.
const BYTES_MAX: usize = 1024;
/// Variables in one text: each may be as long as a request's path.
const VARIABLES_MAX: usize = 4;

/// A path of which the part after a prefix is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest<'p> {
    /// It follows the prefix: empty, or beginning with one `/`.
    Is(&'p str),
    /// The prefix does not cover the path.
    NotCovered,
    /// The prefix covers the path, but is nowhere to be cut off.
    Hidden,
}

/// A path as it is written for an app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewrite {
    /// What `$rest` comes after.
    prefix: RoutePath,
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(Box<str>),
    Path,
    Rest,
    Query,
}

/// What follows a prefix in a path as the visitor sent it; `normal` is the same path, normalized. It leads to
/// the same place as what follows the prefix in that.
pub fn rest<'p>(path: &'p str, normal: &str, prefix: &RoutePath) -> Rest<'p> {
    if !prefix.covers(normal) {
        return Rest::NotCovered;
    }
    let prefix_text = prefix.as_str().strip_suffix('/');
    let head = prefix_text.unwrap_or(prefix.as_str());
    if path == normal || head.is_empty() {
        let rest = path.get(head.len()..).unwrap_or_default();
        return Rest::Is(with_one_slash(rest));
    }
    let slashes = path.match_indices('/').map(|(at, _)| at).skip(1);
    let mut ends = slashes.chain([path.len()]).take(ENDS_MAX);
    let found = ends.find_map(|end| {
        let (start, rest) = path.split_at(end);
        let rest = with_one_slash(rest);
        let leads_to = if rest.is_empty() { "/" } else { rest };
        let is_it = normalize(start)? == head && normalize(leads_to)? == prefix.rest(normal);
        is_it.then_some(rest)
    });
    found.map_or(Rest::Hidden, Rest::Is)
}

impl Rewrite {
    /// Reads a text such as `/app$path`; the error says what is wrong. `prefix` is what `$rest` comes after.
    pub fn parse(text: &str, prefix: RoutePath) -> Result<Self, String> {
        if text.len() > BYTES_MAX {
            return Err(format!("a path has at most {BYTES_MAX} characters"));
        }
        let is_plain = |c: char| c.is_ascii_graphic() && !matches!(c, '#' | '"' | '<' | '>' | '\\');
        if !text.chars().all(is_plain) {
            return Err("what is not visible ASCII is percent-encoded, and there is no `#`".into());
        }
        let pieces = pieces(text)?;
        let begins_well = match pieces.first() {
            Some(Piece::Text(text)) => text.starts_with('/') && !text.starts_with("//"),
            Some(Piece::Path | Piece::Rest) => true,
            Some(Piece::Query) | None => false,
        };
        if !begins_well {
            return Err("it begins with `/`, `$path` or `$rest`".into());
        }
        let variables = pieces.iter().filter(|one| !matches!(one, Piece::Text(_)));
        if variables.count() > VARIABLES_MAX {
            return Err(format!("it has at most {VARIABLES_MAX} variables"));
        }
        Ok(Self { prefix, pieces })
    }

    /// The target for an app: path and query. `None` when `$rest` is nowhere to be found in the path.
    pub fn apply(&self, path: &str, normal: &str, query: Option<&str>) -> Option<String> {
        let mut target = String::with_capacity(path.len() + 64);
        let mut has_query = false;
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => {
                    has_query |= text.contains('?');
                    target.push_str(text);
                }
                Piece::Path => push_path(&mut target, path),
                Piece::Rest => match rest(path, normal, &self.prefix) {
                    Rest::Is(rest) => push_path(&mut target, rest),
                    Rest::NotCovered => push_path(&mut target, path),
                    Rest::Hidden => return None,
                },
                Piece::Query => {
                    has_query = true;
                    target.push_str(query.unwrap_or_default());
                }
            }
        }
        if let (Some(query), false) = (query, has_query) {
            target.push('?');
            target.push_str(query);
        }
        if !target.starts_with('/') {
            target.insert(0, '/');
        }
        let begin = target.len() - with_one_slash(&target).len();
        target.drain(..begin);
        Some(target)
    }
}

fn push_path(target: &mut String, path: &str) {
    let path = with_one_slash(path);
    let is_doubled = target.ends_with('/') && path.starts_with('/');
    target.push_str(if is_doubled { &path[1..] } else { path });
}

fn pieces(text: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut left = text;
    while let Some(at) = left.find('$') {
        plain.push_str(&left[..at]);
        let after = &left[at + 1..];
        if let Some(after) = after.strip_prefix('$') {
            plain.push('$');
            left = after;
            continue;
        }
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let end = after.find(|c| !is_name(c)).unwrap_or(after.len());
        let (name, rest) = after.split_at(end);
        let piece = match name {
            "path" => Piece::Path,
            "rest" => Piece::Rest,
            "query" => Piece::Query,
            _ => {
                let accepted = "`$path`, `$rest` and `$query`; `$$` is a dollar sign";
                return Err(format!("there is no `${name}`; accepted: {accepted}"));
            }
        };
        if !plain.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut plain).into()));
        }
        pieces.push(piece);
        left = rest;
    }
    plain.push_str(left);
    if !plain.is_empty() {
        pieces.push(Piece::Text(plain.into()));
    }
    Ok(pieces)
}

/// Two slashes at the beginning of a target would make what follows a host (RFC 3986 §4.2).
fn with_one_slash(path: &str) -> &str {
    let more = path.len() - path.trim_start_matches('/').len();
    &path[more.saturating_sub(1)..]
}

#[cfg(test)]
mod tests;
