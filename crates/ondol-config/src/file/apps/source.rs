//! Where an app comes from, and what it may write: `dir`, `git`, `write`, `data`.

use std::path::Path;
use std::path::PathBuf;

use ondol_model::plan::App;

use crate::file;
use crate::nearest::repeated;
use crate::report::Report;
use crate::section::Section;
use crate::section::Word;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;

const FOLDER: Form = Form {
    what: "the path of a folder",
    example: "/srv/coffee",
};

const ACCEPTED: &str = "accepted: \"https://host/path\", \"ssh://user@host/path\", \"user@host:path\", or the path of a repository on this machine";

pub(super) const DIR: Key = Key {
    name: "dir",
    doc: "Its folder. It runs there until its first deploy, which copies from there when nothing else is named. Relative to this file. Without it, and without `git`, it waits for its first deploy.",
    shape: Shape::Text(FOLDER),
    absent: Absent::Means,
};

pub(super) const GIT: Key = Key {
    name: "git",
    doc: "The repository that it is deployed from, in place of `dir`: a URL, `user@host:path`, or a path relative to this file.",
    shape: Shape::Text(Form {
        what: "a repository",
        example: "https://github.com/me/coffee.git",
    }),
    absent: Absent::Means,
};

pub(super) const WRITE: Key = Key {
    name: "write",
    doc: "Files and folders that it may write besides its data folder (`$ONDOL_DATA`), and `log` and `tmp` of its release. Relative to this file.",
    shape: Shape::OneOrMore(&Shape::Text(FOLDER)),
    absent: Absent::Means,
};

pub(super) const DATA: Key = Key {
    name: "data",
    doc: "What a backup of it must hold besides its data folder. Relative to this file.",
    shape: Shape::OneOrMore(&Shape::Text(FOLDER)),
    absent: Absent::Means,
};

pub(super) fn read(section: Section<'_>, folder: &Path, app: &mut App, report: &mut Report) {
    let dir = section.text(DIR.name);
    app.dir = dir.and_then(|word| file::path(word, folder, report));
    let git = section.text(GIT.name);
    app.git = git.and_then(|word| repository(word, folder, report));
    if section.has(DIR.name) && section.has(GIT.name) {
        report
            .add(section.key_at(GIT.name), "`git` stands beside `dir`")
            .help("an app comes from one of them: keep that")
            .related(section.key_at(DIR.name), "`dir` is here");
    }
    app.write = paths(section, WRITE.name, folder, report);
    app.data = paths(section, DATA.name, folder, report);
}

pub(in crate::file) fn paths(
    section: Section<'_>,
    key: &str,
    folder: &Path,
    report: &mut Report,
) -> Vec<PathBuf> {
    let words = section.texts(key).unwrap_or_default().into_iter();
    words
        .filter_map(|word| file::path(word, folder, report))
        .collect()
}

/// What git takes for a repository, without what it would run as a command (`ext::…`) or take for a flag.
fn repository(word: Word<'_>, folder: &Path, report: &mut Report) -> Option<String> {
    let text = word.text;
    if let Some((scheme, rest)) = text.split_once("://") {
        let (host, path) = rest.split_once('/').unwrap_or_default();
        if host
            .split_once('@')
            .is_some_and(|(user, _)| user.contains(':'))
        {
            report
                .add(word.at, "`git` has a password in it")
                .help("leave it out of this file: git has credential helpers, and ssh has keys")
                .hide_line();
            return None;
        }
        let is_known = matches!(scheme, "https" | "http" | "ssh" | "file");
        let is_whole = !path.is_empty() && (scheme == "file" || !host.is_empty());
        let is_safe = !host.starts_with('-') && !text.contains(char::is_control);
        if is_known && is_whole && is_safe {
            return Some(text.to_owned());
        }
    } else if !text.contains("::") && !text.starts_with('-') {
        let is_remote = text
            .split_once(':')
            .is_some_and(|(host, path)| !host.contains('/') && !path.is_empty());
        if is_remote && !text.contains(char::is_control) {
            return Some(text.to_owned());
        }
        let path = file::path(word, folder, report)?;
        return path.into_os_string().into_string().ok();
    }
    report
        .add(
            word.at,
            format!("\"{}\" is not a repository", repeated(text)),
        )
        .help(ACCEPTED);
    None
}
