//! Which files a setting is for.

/// Some names of a folder.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NamePattern {
    /// As it was written.
    text: Box<str>,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    /// `html`, `.html`: the end of a name, whatever its case.
    Extension,
    /// `*.js`: the last part of a name.
    Last,
    /// `/assets/*`: the whole name.
    Whole,
}

impl NamePattern {
    /// Reads an ending (`html` or `.html`), a pattern of file names (`*.min.js`) or, beginning with `/`,
    /// of whole names below the root (`/assets/*`). `*` is any text. `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let is_fine = !text.is_empty() && !text.contains(char::is_control);
        let kind = if text.starts_with('/') {
            Kind::Whole
        } else if text.contains('*') {
            Kind::Last
        } else {
            Kind::Extension
        };
        let is_fine = is_fine && (kind == Kind::Whole || !text.contains('/'));
        let is_fine = is_fine && text != ".";
        is_fine.then(|| Self {
            text: text.into(),
            kind,
        })
    }

    /// Whether it is for the file of this name: below the root, without a slash before it.
    pub fn fits(&self, name: &str) -> bool {
        let last = name.rsplit_once('/').map_or(name, |(_, last)| last);
        match self.kind {
            Kind::Extension => {
                let wanted = self.text.strip_prefix('.').unwrap_or(&self.text);
                let cut = last.len().checked_sub(wanted.len() + 1);
                let end = cut.and_then(|cut| last.get(cut..));
                end.and_then(|end| end.strip_prefix('.'))
                    .is_some_and(|end| end.eq_ignore_ascii_case(wanted))
            }
            Kind::Last => glob(&self.text, last),
            Kind::Whole => glob(self.text.strip_prefix('/').unwrap_or_default(), name),
        }
    }

    /// How much it says: of two that fit the longer is meant.
    pub fn length(&self) -> usize {
        self.text.len()
    }
}

/// Whether a text is as a pattern says, where `*` is any text. Without recursion: after a mismatch only
/// the last `*` takes one byte more.
fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut read) = (0, 0);
    let mut star = None;
    while let Some(byte) = text.get(read) {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, read));
                at += 1;
            }
            Some(wanted) if wanted == byte => {
                at += 1;
                read += 1;
            }
            _ => {
                let Some((star_at, taken)) = star else {
                    return false;
                };
                star = Some((star_at, taken + 1));
                at = star_at + 1;
                read = taken + 1;
            }
        }
    }
    pattern
        .get(at..)
        .is_some_and(|rest| rest.iter().all(|byte| *byte == b'*'))
}
