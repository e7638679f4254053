//! The files that `include` names.

use std::ffi::OsStr;
use std::path::Path;
use std::path::PathBuf;

use ondol_model::limits::CONFIG_FILES_MAX;
use toml::de::DeTable;

use super::ReadError;
use super::SourceFile;
use crate::section::Section;
use crate::text::Place;

/// The files that the `include` of a main file names, in the order of its patterns and sorted within
/// each; each file once, and never the main file itself.
pub(super) fn paths(main: &SourceFile) -> Result<Vec<PathBuf>, ReadError> {
    let folder = main.path.parent().unwrap_or(Path::new("/"));
    let mut paths = Vec::new();
    let mut seen = std::collections::HashSet::from([main.path.clone()]);
    for pattern in patterns(&main.text) {
        let found = matching(&folder.join(pattern))?;
        paths.extend(found.into_iter().filter(|path| seen.insert(path.clone())));
        if paths.len() > CONFIG_FILES_MAX {
            return Err(ReadError::TooManyFiles);
        }
    }
    Ok(paths)
}

fn patterns(text: &str) -> Vec<String> {
    let (document, _) = DeTable::parse_recoverable(text);
    let root = Section::new(0, Place::top(0), document.get_ref());
    let words = root.texts("include").unwrap_or_default();
    words.iter().map(|word| word.text.to_owned()).collect()
}

/// The files that a pattern names. Only the name of a file can have `*` and `?`; one without them
/// names itself, whether it exists or not.
fn matching(pattern: &Path) -> Result<Vec<PathBuf>, ReadError> {
    let (Some(folder), Some(name)) = (pattern.parent(), pattern.file_name()) else {
        return Ok(vec![pattern.to_path_buf()]);
    };
    let name = name.to_string_lossy();
    if !name.contains(['*', '?']) {
        return Ok(vec![pattern.to_path_buf()]);
    }
    let failed = |source| ReadError::Folder {
        path: folder.to_path_buf(),
        source,
    };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let found = entry.map_err(failed)?.file_name();
        if is_match(&name, &found) {
            paths.push(folder.join(found));
        }
    }
    paths.sort();
    Ok(paths)
}

fn is_match(pattern: &str, name: &OsStr) -> bool {
    let Some(name) = name.to_str() else {
        return false;
    };
    let is_hidden = name.starts_with('.') && !pattern.starts_with('.');
    let (pattern, name): (Vec<_>, Vec<_>) = (pattern.chars().collect(), name.chars().collect());
    !is_hidden && wildcard(&pattern, &name)
}

/// `*` is any number of characters, `?` is one. After a failure only the last `*` takes more, so the
/// work is bounded by the product of both lengths.
fn wildcard(pattern: &[char], name: &[char]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut last_star = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                last_star = Some((p, n));
                p += 1;
            }
            Some(wanted) if *wanted == '?' || *wanted == name[n] => {
                p += 1;
                n += 1;
            }
            Some(_) | None => {
                let Some((star, taken)) = last_star else {
                    return false;
                };
                last_star = Some((star, taken + 1));
                p = star + 1;
                n = taken + 1;
            }
        }
    }
    pattern[p..].iter().all(|rest| *rest == '*')
}
