//! Texts with variables of the request in them, read once: `"for $host"`.

use std::fmt;

/// A text with variables in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

/// A part of a [`Template`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// As it is.
    Text(Box<str>),
    /// What the request has there.
    Variable(Variable),
}

/// What a text can have of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variable {
    /// The visitor's address.
    Client,
    /// The host that was asked for, without a port.
    Host,
    /// The method.
    Method,
    /// The path, as the visitor sent it.
    Path,
    /// The query without its `?`; may be empty.
    Query,
    /// The id that the log and the error page have too.
    RequestId,
    /// `http` or `https`, as the visitor came.
    Scheme,
    /// The main name of the site.
    Site,
}

/// All variables, under their names.
const VARIABLES: [(&str, Variable); 8] = [
    ("client", Variable::Client),
    ("host", Variable::Host),
    ("method", Variable::Method),
    ("path", Variable::Path),
    ("query", Variable::Query),
    ("request_id", Variable::RequestId),
    ("scheme", Variable::Scheme),
    ("site", Variable::Site),
];

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplateError {
    /// A `$` that begins no name.
    LoneDollar,
    /// A name that is no variable's.
    Unknown(String),
}

impl Template {
    /// Reads a text: `$name` is a variable, `$$` a dollar sign.
    ///
    /// # Errors
    ///
    /// When a `$` is followed by neither.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
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
            let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let (name, after) = after.split_at(end.unwrap_or(after.len()));
            if name.is_empty() {
                return Err(TemplateError::LoneDollar);
            }
            let known = VARIABLES.iter().find(|(known, _)| *known == name);
            let (_, variable) = known.ok_or_else(|| TemplateError::Unknown(name.to_owned()))?;
            push_text(&mut pieces, &mut plain);
            pieces.push(Piece::Variable(*variable));
            rest = after;
        }
        plain.push_str(rest);
        push_text(&mut pieces, &mut plain);
        Ok(Self(pieces))
    }

    /// Its parts, in order; no two texts follow each other, and none is empty.
    pub fn pieces(&self) -> &[Piece] {
        &self.0
    }
}

fn push_text(pieces: &mut Vec<Piece>, plain: &mut String) {
    if !plain.is_empty() {
        pieces.push(Piece::Text(std::mem::take(plain).into()));
    }
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LoneDollar => write!(f, "a `$` begins a variable; write `$$` for the sign")?,
            Self::Unknown(name) => write!(f, "there is no variable `${name}`")?,
        }
        let names = VARIABLES.map(|(name, _)| format!("${name}"));
        write!(f, ": {}", names.join(" "))
    }
}

impl std::error::Error for TemplateError {}

#[cfg(test)]
mod tests;
