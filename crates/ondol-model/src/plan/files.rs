//! A folder that is served, and how.

mod name_pattern;

use std::path::PathBuf;

pub use name_pattern::NamePattern;

/// A folder to serve.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Files {
    /// An absolute path.
    pub root: PathBuf,
    /// What a folder's own address shows: the first of these names that is there.
    pub index: Vec<String>,
    /// What answers a path: the first of these that is there. Empty means the path alone.
    pub candidates: Vec<Candidate>,
    /// What a folder without an index shows.
    pub listing: Listing,
    /// Whether `x.js.br`, `x.js.zst` and `x.js.gz` stand in for `x.js`.
    pub precompressed: Precompressed,
    /// `Cache-Control` by name; of those that fit a file the longest wins.
    pub cache_control: Vec<CacheRule>,
    /// Said of text; `None` says nothing.
    pub charset: Option<String>,
    /// `Content-Type` by the end of a name, in lower case and without its dot. Before those that are known.
    pub types: Vec<(String, String)>,
    /// Which symbolic links are followed.
    pub symlinks: Symlinks,
    /// What becomes of names that begin with a dot.
    pub dotfiles: Dotfiles,
}

impl Files {
    /// A folder, served as one that asks for nothing special.
    pub fn at(root: PathBuf) -> Self {
        Self {
            root,
            index: vec!["index.html".to_owned()],
            candidates: Vec::new(),
            listing: Listing::Off,
            precompressed: Precompressed::Used,
            cache_control: Vec::new(),
            charset: Some("utf-8".to_owned()),
            types: Vec::new(),
            symlinks: Symlinks::Beneath,
            dotfiles: Dotfiles::Hidden,
        }
    }

    /// The `Cache-Control` of a file: its name below the root, without a slash before it.
    pub fn cache_control(&self, name: &str) -> Option<&str> {
        let fitting = self
            .cache_control
            .iter()
            .filter(|rule| rule.pattern.fits(name));
        let most = fitting.max_by_key(|rule| rule.pattern.length())?;
        Some(&most.value)
    }
}

/// One thing that may answer a path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Candidate {
    /// What has the path for its name, between these two texts.
    Path {
        /// Empty, or begins with `/`.
        before: String,
        /// As `.html`; may be empty.
        after: String,
    },
    /// Always this file, by its name below the root without a slash before it.
    Fixed(String),
    /// Nothing: 404.
    NotFound,
}

impl Candidate {
    /// Reads `$path`, `$path.html`, `/index.html` or `=404`; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "=404" {
            return Some(Self::NotFound);
        }
        if let Some((before, after)) = text.split_once("$path") {
            let is_fine = (before.is_empty() || is_name(before)) && !after.contains(['$', '/']);
            return is_fine.then(|| Self::Path {
                before: before.to_owned(),
                after: after.to_owned(),
            });
        }
        let name = text.strip_prefix('/')?;
        (is_name(text) && !name.is_empty() && !name.ends_with('/') && !text.contains('$'))
            .then(|| Self::Fixed(name.to_owned()))
    }
}

/// Whether a text is a path in its normal form, as it is below the root.
fn is_name(text: &str) -> bool {
    crate::path::RoutePath::parse(text).is_some()
}

/// What a folder without an index shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Listing {
    /// Nothing: 404.
    Off,
    /// What is in it.
    On,
}

/// Whether compressed files stand in for those beside them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Precompressed {
    /// For visitors who accept their encoding.
    Used,
    /// They are files like any other.
    Ignored,
}

/// The `Cache-Control` of some files.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CacheRule {
    /// Of which.
    pub pattern: NamePattern,
    /// The header's value.
    pub value: String,
}

/// Which symbolic links in a folder are followed. The folder itself may be one in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Symlinks {
    /// Those that stay in the folder.
    Beneath,
    /// None.
    None,
    /// All, as far as the data plane may read.
    All,
}

/// What becomes of names that begin with a dot; `/.well-known/` is shown in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dotfiles {
    /// They are not there.
    Hidden,
    /// They are files like any other.
    Shown,
}

#[cfg(test)]
mod tests;
