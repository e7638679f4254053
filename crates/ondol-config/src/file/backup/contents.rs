//! What is backed up besides what belongs to sites and apps, and what is left out: `include`, `exclude`.

use std::path::Path;
use std::path::PathBuf;

use crate::file::apps::source::paths;
use crate::nearest::repeated;
use crate::report::Report;
use crate::section::Section;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;

/// Each name that is looked at is compared with all of them.
const EXCLUDED_MAX: usize = 256;

pub(super) const INCLUDE: Key = Key {
    name: "include",
    doc: "Files and folders to back up besides what belongs to sites and apps. Relative to this file.",
    shape: Shape::OneOrMore(&Shape::Text(Form {
        what: "a path",
        example: "/home/me/photos",
    })),
    absent: Absent::Default("[]"),
};

pub(super) const EXCLUDE: Key = Key {
    name: "exclude",
    doc: "What is left out: files and folders by their absolute paths, or names wherever they are, with `*` and `?`.",
    shape: Shape::OneOrMore(&Shape::Text(Form {
        what: "an absolute path, or a name",
        example: "*.tmp",
    })),
    absent: Absent::Default("[]"),
};

pub(super) fn include(section: Section<'_>, folder: &Path, report: &mut Report) -> Vec<PathBuf> {
    let paths = paths(section, INCLUDE.name, folder, report);
    without_end(paths)
}

/// `/srv/` is `/srv`.
fn without_end(paths: Vec<PathBuf>) -> Vec<PathBuf> {
    paths
        .into_iter()
        .map(|path| path.components().collect())
        .collect()
}

pub(super) fn exclude(section: Section<'_>, report: &mut Report) -> Vec<String> {
    let words = section.texts(EXCLUDE.name).unwrap_or_default();
    if let Some(word) = words.get(EXCLUDED_MAX) {
        let problem = format!("this is one more than the {EXCLUDED_MAX} that can be left out");
        report.add(word.at, problem);
    }
    let words = words.into_iter().take(EXCLUDED_MAX);
    let read = words.filter_map(|word| match excluded(word.text) {
        Ok(text) => Some(text),
        Err(help) => {
            let problem = format!("`exclude` cannot have \"{}\"", repeated(word.text));
            report.add(word.at, problem).help(help);
            None
        }
    });
    read.collect()
}

fn excluded(text: &str) -> Result<String, &'static str> {
    let kept = text.trim_end_matches('/');
    if text.contains(char::is_control) {
        return Err("accepted: one path or name on one line");
    }
    if kept.is_empty() || kept.chars().all(|c| c == '*') {
        return Err("it would leave everything out");
    }
    if !kept.starts_with('/') && kept.contains('/') {
        return Err(
            "accepted: an absolute path (\"/srv/coffee/cache\"), or a name alone (\"cache\", \"*.tmp\")",
        );
    }
    if kept.starts_with('/') && kept.contains(['*', '?']) {
        return Err(
            "an absolute path is taken as it is written: `*` and `?` are for names alone, such as \"*.tmp\"",
        );
    }
    if Path::new(kept)
        .components()
        .any(|part| part.as_os_str() == "..")
    {
        return Err("accepted: a path without `..`");
    }
    Ok(kept.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_a_path_or_a_name() {
        for (text, expected) in [
            ("*.tmp", "*.tmp"),
            ("node_modules/", "node_modules"),
            ("/srv/cache/", "/srv/cache"),
            ("사진?.jpg", "사진?.jpg"),
            ("...", "..."),
        ] {
            assert_eq!(excluded(text).as_deref(), Ok(expected), "{text}");
        }
        for text in [
            "",
            "/",
            "*",
            "**",
            "a/b",
            "./a",
            "/srv/*.tmp",
            "/srv/../etc",
            "a\nb",
            "..",
        ] {
            assert!(excluded(text).is_err(), "{text}");
        }
    }
}
