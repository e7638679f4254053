//! The pages that a visitor sees instead of an answer.

use std::path::PathBuf;

/// An owner's own pages for errors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorPages {
    /// The folder with `404.html`, `50x.html`, `5xx.html` and the like; an absolute path.
    pub folder: PathBuf,
    /// Whether they also stand in for what apps answer with a status of 500 or more.
    pub replaces_answers: bool,
}

impl ErrorPages {
    /// The names of the page for a status, the most particular first.
    pub fn names(status: u16) -> [String; 3] {
        [
            format!("{status}.html"),
            format!("{}x.html", status / 10),
            format!("{}xx.html", status / 100),
        ]
    }
}
