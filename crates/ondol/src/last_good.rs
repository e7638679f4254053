//! The configuration that was served last, kept for the day when the file is broken at boot.

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use ondol_base::file;
use ondol_config::Sources;
use serde::Deserialize;
use serde::Serialize;

use crate::generation::sources_of;
use crate::generation::texts_of;
use crate::link::Text;

const FILE: &str = "configuration.json";
const MODE: u32 = 0o600;

/// The copy as it is on disk.
#[derive(Debug, Serialize, Deserialize)]
struct Copy {
    revision: u64,
    texts: Vec<Text>,
}

/// What was served last.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LastGood {
    pub(crate) revision: u64,
    pub(crate) sources: Sources,
}

/// Why there is no copy to be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LastGoodError {
    #[error("could not keep a copy of the configuration in {}", folder.display())]
    Write {
        folder: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("could not read the copy of the last good configuration in {}", folder.display())]
    Read {
        folder: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the copy of the last good configuration in {} is damaged", folder.display())]
    Damaged {
        folder: PathBuf,
        #[source]
        source: serde_json::Error,
    },
}

/// Keeps a copy, in place of the one before. Blocks until it is on disk.
pub(crate) fn write(folder: &Path, revision: u64, sources: &Sources) -> Result<(), LastGoodError> {
    let failed = |source| LastGoodError::Write {
        folder: folder.to_path_buf(),
        source,
    };
    file::create_dir_private(folder).map_err(failed)?;
    let copy = Copy {
        revision,
        texts: texts_of(sources),
    };
    let json = serde_json::to_vec(&copy).map_err(|error| failed(error.into()))?;
    file::replace(&folder.join(FILE), &json, MODE).map_err(failed)
}

/// Reads the copy; `None` when nothing was ever served.
pub(crate) fn read(folder: &Path) -> Result<Option<LastGood>, LastGoodError> {
    let json = match fs::read(folder.join(FILE)) {
        Ok(json) => json,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(LastGoodError::Read {
                folder: folder.to_path_buf(),
                source,
            });
        }
    };
    let Copy { revision, texts } =
        serde_json::from_slice(&json).map_err(|source| LastGoodError::Damaged {
            folder: folder.to_path_buf(),
            source,
        })?;
    Ok(Some(LastGood {
        revision,
        sources: sources_of(texts),
    }))
}

#[cfg(test)]
mod tests {
    use ondol_config::SourceFile;

    use super::*;

    #[test]
    fn a_copy_is_read_as_it_was_written_and_the_newest_stays() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join("last-good");
        assert_eq!(read(&folder).unwrap(), None);
        for revision in 1..3 {
            let text = format!("# {revision}\n");
            let path = "/etc/ondol/ondol.toml".into();
            let sources = Sources {
                files: vec![SourceFile { path, text }],
            };
            write(&folder, revision, &sources).unwrap();
            assert_eq!(read(&folder).unwrap(), Some(LastGood { revision, sources }));
        }
        file::replace(&folder.join(FILE), b"{", MODE).unwrap();
        assert!(matches!(read(&folder), Err(LastGoodError::Damaged { .. })));
    }
}
