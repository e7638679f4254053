//! What a folder of an app seems to run, from the names of its files and what a few of them say: proposed where
//! neither the configuration nor a Procfile names a command.

use std::collections::BTreeMap;

use crate::plan::AppListen;

/// The folders that a listing looks into, besides the app's own.
pub const FOLDERS: &[&str] = &["bin", "config", "target/release"];
/// The files whose text a listing has, where they are there.
pub const READ: &[&str] = &["Procfile", "package.json"];

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
    /// The command of its web process, for `sh`.
    pub run: String,
    /// How that gets its socket.
    pub listen: AppListen,
    /// What prepares a release.
    pub build: Option<String>,
    /// By what it was found, for its owner.
    pub why: String,
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
}

/// What an app seems to run, with the socket that is best for it.
pub fn detect(listing: &Listing) -> Option<Detected> {
    detect_for(listing, None)
}

/// What an app seems to run, with the socket that its owner wants, if any.
pub fn detect_for(listing: &Listing, listen: Option<AppListen>) -> Option<Detected> {
    let _wanted = listen;
    listing.has("package.json").then(|| Detected {
        run: "npm start".to_owned(),
        listen: AppListen::Port,
        build: None,
        why: "package.json".to_owned(),
    })
}
