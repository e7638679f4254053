//! What a backup holds, in its own words. It is the last snapshot of a run (`/ondol/manifest.json`, tagged `manifest`):
//! **a backup without a manifest has not happened**.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use serde::Serialize;

use crate::identity::BoxIdentity;

/// Where the manifest is in its snapshot.
pub(crate) const MANIFEST_PATH: &str = "/ondol/manifest.json";
/// A small file of random bytes in each part that has files, whose digest the manifest knows.
pub(crate) const CANARY_PATH: &str = "/ondol/canary";

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of this form: 1.
    pub version: u32,
    /// The version of Ondol that wrote it.
    pub ondol: String,
    /// The box that it is of.
    pub of: BoxIdentity,
    /// The run: a text that no other run has, and by which later ones sort after earlier ones.
    pub run: String,
    /// `full` or `databases`.
    pub kind: String,
    /// When it began, in seconds since the Unix epoch.
    pub began_at: i64,
    /// When it ended.
    pub ended_at: i64,
    /// Its parts, in the order in which they were taken.
    pub parts: Vec<ManifestPart>,
    /// The databases in it.
    pub databases: Vec<ManifestDatabase>,
    /// Databases that could not be saved, by name, and why.
    pub failed_databases: BTreeMap<String, String>,
    /// Where the configuration was.
    pub configuration: PathBuf,
    /// Where the state was.
    pub state: PathBuf,
    /// The sites, for a restore on another machine.
    pub sites: Vec<ManifestSite>,
    /// The apps, for the same.
    pub apps: Vec<ManifestApp>,
}

/// A part of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestPart {
    /// The word of the part.
    pub part: String,
    /// Its snapshot, whole, in hexadecimal digits.
    pub snapshot: String,
    /// How many files are in it.
    pub files: u64,
    /// How many bytes they have.
    pub bytes: u64,
    /// How many bytes the repository grew by.
    pub added: u64,
    /// How many files could not be read.
    pub unreadable: u64,
    /// The first of those, and why.
    pub unreadable_first: Vec<(PathBuf, String)>,
    /// SHA-256 of its canary, in hexadecimal digits; `None` when it has none.
    pub canary: Option<String>,
}

/// A database in a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestDatabase {
    /// What it is called.
    pub name: String,
    /// `sqlite`, `postgres` or `mysql`.
    pub kind: String,
    /// Its file in the snapshot of the databases: its own path for SQLite, else one below `/ondol/databases/`.
    pub path: PathBuf,
    /// The address without a password, for those that are no files.
    pub url: Option<String>,
    /// The app that uses it.
    pub app: Option<String>,
    /// The version of the engine.
    pub engine: String,
    /// The moment whose data it has, in seconds since the Unix epoch.
    pub as_of: i64,
    /// How many bytes its file has.
    pub bytes: u64,
    /// SHA-256 of its file, in hexadecimal digits.
    pub digest: String,
    /// How many rows each table had at that moment; empty when they were not counted.
    pub rows: BTreeMap<String, u64>,
}

/// A site, as far as a restore needs to know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestSite {
    /// Its main name.
    pub name: String,
    /// The apps that answer it.
    pub apps: Vec<String>,
    /// Its folders.
    pub folders: Vec<PathBuf>,
}

/// An app, as far as a restore needs to know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestApp {
    /// Its name.
    pub name: String,
    /// What it is started from.
    pub code: Vec<PathBuf>,
    /// Its data.
    pub data: Vec<PathBuf>,
    /// Its databases.
    pub databases: Vec<String>,
}
