//! Reads the files of a configuration: the only I/O of this crate.

mod include;

use std::fs::File;
use std::io;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;

use ondol_model::limits::CONFIG_BYTES_MAX;
use ondol_model::limits::CONFIG_FILES_MAX;

/// The texts of a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sources {
    /// The main file first; what it includes follows, in order.
    pub files: Vec<SourceFile>,
}

/// One file of a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Where it was read, as messages show it. Relative paths in the text start at its folder, so
    /// only an absolute path makes those of the plan absolute.
    pub path: PathBuf,
    /// What was read.
    pub text: String,
}

/// Why the files of a configuration could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file is missing, or may not be read.
    #[error("the configuration file {} cannot be read", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A folder that `include` names is missing, or may not be read.
    #[error("the folder {}, which `include` names, cannot be read", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is a folder, a pipe or a device.
    #[error("{} is no ordinary file", path.display())]
    NotAFile {
        /// What is no file.
        path: PathBuf,
    },
    /// The files are larger than [`CONFIG_BYTES_MAX`] together; this one is the last that was read.
    #[error("the configuration is larger than {} MiB with {}", CONFIG_BYTES_MAX >> 20, path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The file is not UTF-8.
    #[error("the configuration file {} is not UTF-8 text: see line {line}", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
        /// The first line with other bytes, counted from 1.
        line: usize,
    },
    /// `include` brings in more than [`CONFIG_FILES_MAX`] files.
    #[error("`include` brings in more than {CONFIG_FILES_MAX} files")]
    TooManyFiles,
}

impl Sources {
    /// Reads a main file and what its `include` names. A syntax error is no error here:
    /// [`crate::accept()`] reports it with its place.
    ///
    /// # Errors
    ///
    /// When a file cannot be read, is no text, or the limits are passed.
    pub fn read(path: &Path) -> Result<Self, ReadError> {
        let failed = |source| ReadError::File {
            path: path.to_path_buf(),
            source,
        };
        let path = std::path::absolute(path).map_err(failed)?;
        let mut bytes_left = CONFIG_BYTES_MAX;
        let main = SourceFile::read(path, &mut bytes_left)?;
        let included = include::paths(&main)?;
        let mut files = vec![main];
        for path in included {
            files.push(SourceFile::read(path, &mut bytes_left)?);
        }
        Ok(Self { files })
    }
}

impl SourceFile {
    fn read(path: PathBuf, bytes_left: &mut u64) -> Result<Self, ReadError> {
        let bytes = match read_bytes(&path, *bytes_left + 1) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Err(ReadError::NotAFile { path }),
            Err(source) => return Err(ReadError::File { path, source }),
        };
        let Some(left) = bytes_left.checked_sub(bytes.len() as u64) else {
            return Err(ReadError::TooLarge { path });
        };
        *bytes_left = left;
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Self { path, text }),
            Err(error) => {
                let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
                let line = 1 + valid.iter().filter(|byte| **byte == b'\n').count();
                Err(ReadError::NotText { path, line })
            }
        }
    }
}

/// The content of a file, at most so many bytes; `None` when it is no ordinary file. A pipe is found
/// out before it is opened, because that would wait for a writer.
fn read_bytes(path: &Path, bytes_max: u64) -> io::Result<Option<Vec<u8>>> {
    if !std::fs::metadata(path)?.is_file() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(bytes_max).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests;
