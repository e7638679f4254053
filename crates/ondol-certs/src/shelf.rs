//! Certificates from issuers on disk: `<issuer>/<name>/{chain.pem,key.pem,meta.json}`, usable by other programs.
//!
//! A certificate, its key and what is known of it are replaced together: the folder with the new ones takes
//! the place of the old one in one step, so that no power cut leaves a key that is another certificate's.
//! Beside it, `<name>@order` holds the key of an order under way and where it is, so that it can go on.
//! Blocks on the disk.

use std::fs;
use std::io;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use ondol_base::file;
use ondol_model::HostPattern;
use ondol_model::plan::CertificateFiles;
use rustix::fs::CWD;
use rustix::fs::RenameFlags;
use serde::Deserialize;
use serde::Serialize;

use crate::entry::KeyPair;
use crate::files;
use crate::files::Pair;
use crate::files::PairError;
use crate::internal::folder_name;
use crate::managed::RevocationReason;

mod order;

pub(crate) use order::KeptOrder;

/// The folder of Ondol's own CA, which keeps its certificates itself.
const INTERNAL: &str = "internal";
/// What is beside the chain and the key.
const META: &str = "meta.json";
/// At the end of the name of a folder that is about to take another's place, or has just lost it. No name of a
/// host has an `@`; some end with `.new`.
const NEW: &str = "@new";
/// At the end of the name of a folder that is about to be removed.
const OLD: &str = "@old";
/// What is written and read back before an order: as much as a certificate may take.
const TRIAL_BYTES: usize = 16 * 1024;
/// How often the disk was tried.
static TRIALS: AtomicU64 = AtomicU64::new(0);
/// The largest `meta.json`.
const META_BYTES_MAX: u64 = 64 * 1024;

/// Where certificates from issuers are kept. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Shelf {
    root: PathBuf,
}

/// A certificate from an issuer, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The name of its issuer.
    pub issuer: Box<str>,
    /// What it is called: the first of its names.
    pub name: HostPattern,
    /// The certificate and its key.
    pub pair: Pair,
    /// What else is known of it.
    pub meta: Meta,
}

impl Kept {
    /// What orders certificates by when they came. Some issuers date theirs back by hours, so their own word
    /// counts last.
    pub(crate) fn came_at(&self) -> (i64, i64) {
        (self.meta.obtained_at, self.pair.facts.validity.not_before)
    }
}

/// What is known of a certificate besides what it says itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Meta {
    /// The names it was ordered for, what it is called first.
    pub names: Vec<String>,
    /// The URL of its issuer's directory.
    pub directory: String,
    /// When it came; seconds since the Unix epoch, as all below.
    pub obtained_at: i64,
    /// The kind that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// What its issuer suggests about its renewal (RFC 9773).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renewal: Option<Renewal>,
    /// Whether its issuer knows another as its replacement.
    #[serde(default)]
    pub is_replaced: bool,
    /// When the owner was last warned of its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warned_at: Option<i64>,
    /// The owner's wish that it is revoked when another has taken its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocation: Option<AskedRevocation>,
}

/// What an issuer suggests about a renewal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renewal {
    /// The window's beginning; seconds since the Unix epoch, as all below.
    pub start: i64,
    /// The window's end.
    pub end: i64,
    /// The moment in it that was chosen, once.
    pub moment: i64,
    /// When the issuer is to be asked again.
    pub ask_at: i64,
    /// Where the issuer explains the window, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<String>,
}

/// That a certificate is to be revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskedRevocation {
    /// When the owner asked for it; seconds since the Unix epoch.
    pub at: i64,
    /// Why.
    pub reason: RevocationReason,
}

/// What is in a folder of certificates, and cannot be used.
#[derive(Debug)]
pub(crate) struct Unusable {
    /// The folder.
    pub(crate) folder: PathBuf,
    /// Why.
    pub(crate) error: PairError,
}

impl Shelf {
    /// The shelf in this folder (`<state>/certificates`).
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Where an issuer's account is kept.
    pub(crate) fn issuer_folder(&self, issuer: &str) -> PathBuf {
        self.root.join(issuer)
    }

    /// The folder of all issuers.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Where a certificate is kept.
    pub(crate) fn folder(&self, issuer: &str, name: &HostPattern) -> PathBuf {
        self.issuer_folder(issuer)
            .join(folder_name(std::slice::from_ref(name)))
    }

    /// Everything that is kept, and what can't be used of it; in order of issuer and name.
    pub(crate) fn all(&self) -> (Vec<Kept>, Vec<Unusable>) {
        let (mut kept, mut unusable) = (Vec::new(), Vec::new());
        let issuers = folders_in(&self.root).into_iter();
        for issuer in issuers.filter(|issuer| issuer != INTERNAL) {
            let folder = self.issuer_folder(&issuer);
            for left in folders_in(&folder) {
                finish(&folder.join(left));
            }
            for certificate in folders_in(&folder) {
                let folder = folder.join(certificate);
                match load(&issuer, &folder) {
                    Ok(certificate) => kept.extend(certificate),
                    Err(error) => unusable.push(Unusable { folder, error }),
                }
            }
        }
        (kept, unusable)
    }

    /// Whether the disk takes what an order would bring, and gives it back.
    pub(crate) fn try_out(&self) -> io::Result<()> {
        file::create_dir_private(&self.root)?;
        // Several tries do so at once.
        let count = TRIALS.fetch_add(1, Ordering::Relaxed);
        let path = self.root.join(format!(".trial-{count}"));
        let written: Vec<u8> = (0..TRIAL_BYTES).map(|at| at.to_le_bytes()[0]).collect();
        file::replace(&path, &written, 0o600)?;
        let read = fs::read(&path)?;
        fs::remove_file(&path)?;
        if read == written {
            Ok(())
        } else {
            Err(io::Error::other("what was written came back otherwise"))
        }
    }

    /// Puts a certificate in the place of the one before it, all at once.
    pub(crate) fn keep(&self, kept: &Kept) -> io::Result<()> {
        let folder = self.folder(&kept.issuer, &kept.name);
        let new = with_end(&folder, NEW);
        remove_all(&new)?;
        file::create_dir_private(&new)?;
        let KeyPair { chain_pem, key_pem } = &kept.pair.pem;
        file::replace(&new.join("key.pem"), key_pem.as_bytes(), 0o600)?;
        file::replace(&new.join("chain.pem"), chain_pem.as_bytes(), 0o600)?;
        write_meta(&new, &kept.meta)?;
        take_place(&new, &folder)
    }

    /// Writes anew what is known of a certificate that is kept.
    pub(crate) fn note(&self, issuer: &str, name: &HostPattern, meta: &Meta) -> io::Result<()> {
        write_meta(&self.folder(issuer, name), meta)
    }

    /// Removes a certificate that nobody needs any more.
    pub(crate) fn remove(&self, issuer: &str, name: &HostPattern) -> io::Result<()> {
        let folder = self.folder(issuer, name);
        let gone = with_end(&folder, OLD);
        remove_all(&gone)?;
        fs::rename(&folder, &gone)?; // So that no half of it is ever found.
        remove_all(&gone)?;
        file::sync_folder(&self.issuer_folder(issuer))
    }
}

/// The certificate in a folder; none where there is no certificate, or it is about to take a place.
fn load(issuer: &str, folder: &Path) -> Result<Option<Kept>, PairError> {
    let files = files_in(folder);
    let is_passing = [NEW, OLD, order::END].map(|end| has_end(folder, end));
    if is_passing.contains(&true) || !files.chain.exists() {
        return Ok(None);
    }
    let (pair, _) = files::load(&files)?;
    let meta = read_meta(folder).unwrap_or_else(|_| Meta {
        // Nothing in it is worth a certificate that is good.
        names: pair.facts.names.iter().map(ToString::to_string).collect(),
        ..Meta::default()
    });
    let first = meta.names.first();
    let name = first.and_then(|name| HostPattern::parse(name).ok());
    // A damaged one would hide it from the site that it is for.
    let name = name.filter(|name| pair.facts.covers(name));
    let Some(name) = name.or_else(|| pair.facts.names.first().cloned()) else {
        return Ok(None);
    };
    Ok(Some(Kept {
        issuer: issuer.into(),
        name,
        pair,
        meta,
    }))
}

/// The files of a certificate that is kept in a folder.
pub(crate) fn files_in(folder: &Path) -> CertificateFiles {
    CertificateFiles {
        chain: folder.join("chain.pem"),
        key: folder.join("key.pem"),
    }
}

fn read_meta(folder: &Path) -> io::Result<Meta> {
    let mut text = String::new();
    let file = fs::File::open(folder.join(META))?;
    file.take(META_BYTES_MAX).read_to_string(&mut text)?;
    serde_json::from_str(&text).map_err(io::Error::other)
}

fn write_meta(folder: &Path, meta: &Meta) -> io::Result<()> {
    let text = serde_json::to_string_pretty(meta).map_err(io::Error::other)?;
    file::replace(&folder.join(META), text.as_bytes(), 0o600)
}

/// Puts a folder in the place of another, or where there is none.
fn take_place(new: &Path, folder: &Path) -> io::Result<()> {
    let parent = folder.parent().unwrap_or(folder);
    if folder.exists() {
        exchange(new, folder)?;
        file::sync_folder(parent)?;
        remove_all(new)
    } else {
        fs::rename(new, folder)?;
        file::sync_folder(parent)
    }
}

/// Finishes what a power cut left between two steps: a folder that is complete takes the place that is free, and
/// what was about to be removed goes.
fn finish(left: &Path) {
    if has_end(left, OLD) {
        let _ = remove_all(left); // What fails here is tried again at the next start.
        return;
    }
    let name = left.to_string_lossy();
    let Some(place) = name.strip_suffix(NEW).map(Path::new) else {
        return;
    };
    if !place.exists() && left.join(META).exists() {
        // What fails here leaves a certificate to be ordered anew.
        let _ = fs::rename(left, place);
    }
}

/// In one step where the file system can; else in two, between which the new one is complete.
fn exchange(new: &Path, folder: &Path) -> io::Result<()> {
    match rustix::fs::renameat_with(CWD, new, CWD, folder, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(()),
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
            let old = with_end(folder, OLD);
            remove_all(&old)?;
            fs::rename(folder, &old)?;
            fs::rename(new, folder)?;
            remove_all(&old)
        }
        Err(error) => Err(error.into()),
    }
}

fn has_end(folder: &Path, end: &str) -> bool {
    let name = folder.file_name().unwrap_or_default();
    name.to_string_lossy().ends_with(end)
}

fn with_end(folder: &Path, end: &str) -> PathBuf {
    let mut name = folder.as_os_str().to_owned();
    name.push(end);
    name.into()
}

fn remove_all(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// The names of the folders in a folder, in order; none when it can't be read.
fn folders_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.path().is_dir());
    let mut names: Vec<_> = folders
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort_unstable();
    names
}

#[cfg(test)]
mod tests;
