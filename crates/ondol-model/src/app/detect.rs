//! What a folder of an app seems to run, from the names of its files and what a few of them say: proposed where
//! neither the configuration nor a Procfile names a command.
//!
//! A command is proposed only where it is the usual one of its kind and would serve visitors well: no server that
//! its makers call one for development.

mod compiled;
mod deno;
mod json;
mod node;
mod php;
mod python;
mod ruby;

use std::collections::BTreeMap;

use crate::plan::AppListen;

/// The folders that a listing looks into, besides the app's own.
pub const FOLDERS: &[&str] = &[
    ".venv/bin",
    "app",
    "bin",
    "config",
    "public",
    "src",
    "target/release",
    "venv/bin",
];

/// The files whose text a listing has, where they are there.
pub const READ: &[&str] = &[
    "Cargo.toml",
    "Gemfile",
    "Gemfile.lock",
    "Procfile",
    "app.py",
    "app/__init__.py",
    "app/main.py",
    "application.py",
    "asgi.py",
    "deno.json",
    "deno.jsonc",
    "go.mod",
    "main.py",
    "manage.py",
    "package.json",
    "pyproject.toml",
    "requirements.txt",
    "server.py",
    "src/main.py",
    "wsgi.py",
];

/// What is in the folder of an app: files of it and of [`FOLDERS`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// By path from the app's folder: `config.ru`, `bin/server`.
    pub files: BTreeMap<String, Listed>,
}

/// A file of a listing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listed {
    /// Whether it may be run.
    pub is_executable: bool,
    /// What it says, where it is one of [`READ`].
    pub text: Option<String>,
}

/// What an app seems to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detected {
    /// The command of its web process, for `sh`; always a single one, that `exec` can begin.
    pub run: String,
    /// How that gets its socket.
    pub listen: AppListen,
    /// What prepares a release; `None` when nothing needs to be.
    pub build: Option<String>,
    /// By what it was found, for its owner: `Gemfile and config.ru`.
    pub why: String,
}

/// What a kind of app is known by, and what it runs for each way to get a socket that it knows, the best first.
#[derive(Debug)]
struct Found {
    why: String,
    build: Option<String>,
    commands: Vec<(AppListen, String)>,
}

impl Listing {
    /// Whether there is such a file.
    pub fn has(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    /// What a file says; `None` when it is not there or was not read.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path)?.text.as_deref()
    }

    fn has_program(&self, path: &str) -> bool {
        self.files.get(path).is_some_and(|file| file.is_executable)
    }

    /// The first of these that is there.
    fn first<'n>(&self, paths: &[&'n str]) -> Option<&'n str> {
        paths.iter().copied().find(|path| self.has(path))
    }

    /// Whether one of these says such a word.
    fn says(&self, paths: &[&str], word: &str) -> bool {
        let mut texts = paths.iter().filter_map(|path| self.text(path));
        texts.any(|text| text.contains(word))
    }
}

/// What an app seems to run, with the socket that is best for it.
pub fn detect(listing: &Listing) -> Option<Detected> {
    detect_for(listing, None)
}

/// What an app seems to run, with the socket that its owner wants; `None` too when what was found can't have that
/// one, which [`detect`] then tells.
pub fn detect_for(listing: &Listing, listen: Option<AppListen>) -> Option<Detected> {
    let Found {
        why,
        build,
        commands,
    } = find(listing)?;
    let mut commands = commands.into_iter();
    let (listen, run) = match listen {
        Some(wanted) => commands.find(|(listen, _)| *listen == wanted)?,
        None => commands.next()?,
    };
    Some(Detected {
        run,
        listen,
        build,
        why,
    })
}

/// What prepares a release of an app that names its own processes, in a Procfile; `None` when nothing needs to be.
pub fn build(listing: &Listing) -> Option<String> {
    let kinds = [ruby::build, python::build, compiled::build, node::build];
    kinds.iter().find_map(|build| build(listing))
}

/// What to tell the owner of a folder in which nothing was found to run, though it says what it is.
pub fn hint(listing: &Listing) -> Option<String> {
    let kinds = [php::hint, python::hint, node::hint, pages];
    kinds.iter().find_map(|hint| hint(listing))
}

/// Whoever has assets has Node's files too, so those of other languages come first.
fn find(listing: &Listing) -> Option<Found> {
    if php::hint(listing).is_some() {
        return None;
    }
    let kinds = [
        ruby::find,
        python::find,
        deno::find,
        compiled::find,
        node::find,
        compiled::find_program,
    ];
    kinds.iter().find_map(|find| find(listing))
}

fn pages(listing: &Listing) -> Option<String> {
    let folder = match listing.first(&["index.html", "public/index.html"])? {
        "index.html" => "its folder",
        _ => "its folder `public`",
    };
    Some(format!(
        "these are pages, which need no program: serve {folder} with `files` in a site"
    ))
}

#[cfg(test)]
mod tests;
