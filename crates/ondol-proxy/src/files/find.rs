//! Which file of a folder a path leads to. Looks at the disk and keeps nothing.

use ondol_model::plan::Candidate;
use ondol_model::plan::Dotfiles;
use ondol_model::plan::Files;
use ondol_model::plan::Listing;
use ondol_model::plan::Precompressed;

use super::encoding::Encoding;
use super::open;
use super::open::Folder;
use super::open::Found;
use super::open::Opened;
use super::open::Patience;
use super::open::Stop;

/// What a path leads to.
#[derive(Debug)]
pub(super) enum Finding {
    /// A file: as it is, then as it is compressed beside it.
    File(Vec<FoundFile>),
    /// A folder, whose address ends with a slash.
    Slash,
    /// A folder that shows what is in it.
    Listing,
    /// The file of a candidate that does not have the path for its name: its place in the list.
    Instead(usize),
    /// Nothing.
    Nothing,
}

/// A file with its name below the root.
#[derive(Debug)]
pub(super) struct FoundFile {
    pub(super) name: String,
    /// `None` as it is.
    pub(super) encoding: Option<Encoding>,
    pub(super) opened: Opened,
}

/// A folder to look in, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Search<'a> {
    pub(super) folder: &'a Folder,
    pub(super) files: &'a Files,
    pub(super) patience: Patience,
}

impl Search<'_> {
    /// What a key leads to: a path of a request, which begins with `/`, or the name of a file.
    pub(super) fn find(self, key: &str) -> Result<Finding, Stop> {
        if !key.starts_with('/') {
            return self.file(key);
        }
        if self.files.candidates.is_empty() {
            return self.by_path(key);
        }
        for (place, candidate) in self.files.candidates.iter().enumerate() {
            let finding = match candidate {
                Candidate::Path { before, after } => {
                    let path = format!("{before}{key}{after}");
                    match self.worth_showing(&path)? {
                        // A folder whose name has the ending is not the page without it.
                        Finding::Slash if !after.is_empty() => Finding::Nothing,
                        finding => finding,
                    }
                }
                Candidate::Fixed(name) => match self.open(name)? {
                    Some(Found::File(_)) => Finding::Instead(place),
                    Some(Found::Folder(_)) | None => Finding::Nothing,
                },
                Candidate::NotFound => return Ok(Finding::Nothing),
            };
            if !matches!(finding, Finding::Nothing) {
                return Ok(finding);
            }
        }
        Ok(Finding::Nothing)
    }

    /// A folder that would show nothing leaves the path to the next candidate.
    fn worth_showing(self, path: &str) -> Result<Finding, Stop> {
        let finding = self.by_path(path)?;
        if matches!(finding, Finding::Slash) {
            return Ok(match self.by_path(&format!("{path}/"))? {
                Finding::Nothing => Finding::Nothing,
                Finding::File(_) | Finding::Listing | Finding::Slash | Finding::Instead(_) => {
                    Finding::Slash
                }
            });
        }
        Ok(finding)
    }

    fn by_path(self, path: &str) -> Result<Finding, Stop> {
        if self.files.dotfiles == Dotfiles::Hidden && is_hidden(path) {
            return Ok(Finding::Nothing);
        }
        let name = path.trim_start_matches('/');
        if name.is_empty() || name.ends_with('/') {
            return self.folder(name);
        }
        self.file(name)
    }

    /// The name is empty, or ends with `/`.
    fn folder(self, name: &str) -> Result<Finding, Stop> {
        for index in &self.files.index {
            let finding = self.file(&format!("{name}{index}"))?;
            if matches!(finding, Finding::File(_)) {
                return Ok(finding);
            }
        }
        if self.files.listing == Listing::Off {
            return Ok(Finding::Nothing);
        }
        let folder = name.strip_suffix('/').unwrap_or(".");
        Ok(match self.open(folder)? {
            Some(Found::Folder(_)) => Finding::Listing,
            Some(Found::File(_)) | None => Finding::Nothing,
        })
    }

    fn file(self, name: &str) -> Result<Finding, Stop> {
        Ok(match self.open(name)? {
            Some(Found::File(opened)) => Finding::File(self.with_compressed(name, opened)?),
            Some(Found::Folder(_)) => Finding::Slash,
            None => Finding::Nothing,
        })
    }

    fn with_compressed(self, name: &str, plain: Opened) -> Result<Vec<FoundFile>, Stop> {
        let mut found = vec![FoundFile {
            name: name.to_owned(),
            encoding: None,
            opened: plain,
        }];
        if self.files.precompressed == Precompressed::Ignored || Encoding::of_name(name).is_some() {
            return Ok(found);
        }
        for encoding in Encoding::ALL {
            let name = format!("{name}.{}", encoding.ending());
            let opened = match self.open(&name) {
                Ok(Some(Found::File(opened))) => opened,
                Err(Stop::MustWait) => return Err(Stop::MustWait),
                // What cannot be read does not stand in for what can.
                Ok(Some(Found::Folder(_)) | None) | Err(Stop::Failure(_)) => continue,
            };
            if found
                .first()
                .is_some_and(|plain| stands_in(&opened, &plain.opened))
            {
                found.push(FoundFile {
                    name,
                    encoding: Some(encoding),
                    opened,
                });
            }
        }
        Ok(found)
    }

    fn open(self, name: &str) -> Result<Option<Found>, Stop> {
        open::open(self.folder, name, self.files.symlinks, self.patience)
    }
}

/// How much older than the file itself a compressed one may be: a copied folder has the times at which
/// its files were copied, in any order.
const OLDER_SECONDS_MAX: i64 = 2;

/// Whether a compressed file may be sent for the one beside it: it is of this version, and smaller.
fn stands_in(compressed: &Opened, plain: &Opened) -> bool {
    compressed.stat.st_mtime + OLDER_SECONDS_MAX >= plain.stat.st_mtime
        && compressed.stat.st_size < plain.stat.st_size
}

/// Whether a part of the path begins with a dot, as in `.git` or `.env`: nothing that was meant to
/// be shown. The one exception is `/.well-known/` (RFC 8615).
pub(crate) fn is_hidden(path: &str) -> bool {
    let path = path.trim_start_matches('/');
    let public = path
        .strip_prefix(".well-known")
        .filter(|rest| rest.is_empty() || rest.starts_with('/'))
        .unwrap_or(path);
    public.split('/').any(|segment| segment.starts_with('.'))
}
