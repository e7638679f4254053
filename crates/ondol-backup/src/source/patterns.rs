//! What the owner leaves out, by name or by path.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Component;
use std::path::Path;

/// What the owner leaves out.
#[derive(Debug, Default)]
pub(super) struct Patterns {
    names: Vec<Vec<u8>>,
    /// The parts of absolute paths.
    paths: Vec<Vec<Vec<u8>>>,
}

impl Patterns {
    pub(super) fn new(patterns: &[String]) -> Self {
        let (paths, names): (Vec<&String>, Vec<&String>) =
            patterns.iter().partition(|it| it.starts_with('/'));
        Self {
            names: names
                .iter()
                .map(|it| it.trim_end_matches('/').as_bytes().to_vec())
                .collect(),
            paths: paths.iter().map(|it| parts(Path::new(it))).collect(),
        }
    }

    /// Whether something is left out by its name.
    pub(super) fn names(&self, name: &OsStr) -> bool {
        let name = name.as_bytes();
        self.names.iter().any(|pattern| matches(pattern, name))
    }

    /// Whether something is left out by where it is.
    pub(super) fn paths(&self, path: &Path) -> bool {
        if self.paths.is_empty() {
            return false;
        }
        let parts = parts(path);
        let is_same = |pattern: &Vec<Vec<u8>>| {
            let mut pairs = pattern.iter().zip(&parts);
            pattern.len() == parts.len() && pairs.all(|(pattern, part)| matches(pattern, part))
        };
        self.paths.iter().any(is_same)
    }
}

fn parts(path: &Path) -> Vec<Vec<u8>> {
    let parts = path.components().filter_map(|part| match part {
        Component::Normal(part) => Some(part.as_bytes().to_vec()),
        Component::RootDir | Component::Prefix(_) | Component::CurDir | Component::ParentDir => {
            None
        }
    });
    parts.collect()
}

/// `*` is any number of characters, `?` is one.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut read) = (0, 0);
    // Where to go on when the last `*` is to hold one byte more.
    let mut back = None;
    while read < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                back = Some((at, read));
                at += 1;
            }
            Some(b'?') => {
                at += 1;
                read += character(&text[read..]);
            }
            Some(byte) if *byte == text[read] => {
                at += 1;
                read += 1;
            }
            _ => {
                let Some((star, held)) = back else {
                    return false;
                };
                back = Some((star, held + 1));
                at = star + 1;
                read = held + 1;
            }
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

/// The bytes of the first character; 1 for what is none.
fn character(text: &[u8]) -> usize {
    let length = match text[0] {
        0xc0..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf7 => 4,
        _ => 1,
    };
    length.min(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(patterns: &[&str], path: &str, expected: bool) {
        let patterns: Vec<String> = patterns.iter().map(ToString::to_string).collect();
        let patterns = Patterns::new(&patterns);
        let path = Path::new(path);
        let found = patterns.names(path.file_name().unwrap()) || patterns.paths(path);
        assert_eq!(found, expected, "{patterns:?} of {path:?}");
    }

    #[test]
    fn names_and_paths_are_left_out() {
        check(&["node_modules"], "/srv/a/node_modules", true);
        check(&["node_modules/"], "/srv/a/node_modules", true);
        check(&["node_modules"], "/srv/a/my_node_modules", false);
        check(&["*.tmp"], "/srv/a.tmp", true);
        check(&["*.tmp"], "/srv/a.tmp.gz", false);
        check(&["a*b*c"], "/srv/axxbyyc", true);
        check(&["a*b*c"], "/srv/axxbyy", false);
        check(&["a*b*c"], "/srv/abcabc", true);
        check(&["?.log"], "/srv/é.log", true);
        check(&["?.log"], "/srv/.log", false);
        check(&["*"], "/srv/anything", true);
        check(&["/srv/cache"], "/srv/cache", true);
        check(&["/srv/cache/"], "/srv/cache", true);
        check(&["/srv/cache"], "/srv/cache/x", false);
        check(&["/srv/*/cache"], "/srv/a/cache", true);
        check(&["/srv/*/cache"], "/srv/a/b/cache", false);
        check(&[], "/srv", false);
    }
}
