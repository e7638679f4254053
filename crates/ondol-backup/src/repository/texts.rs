//! A source of a few texts that are in memory: manifests and claims.

use std::ffi::OsStr;
use std::io::Cursor;
use std::path::PathBuf;

use jiff::Timestamp;
use ondol_base::clock;
use rustic_core::ReadSource;
use rustic_core::ReadSourceEntry;
use rustic_core::RusticResult;
use rustic_core::repofile::Metadata;
use rustic_core::repofile::Node;
use rustic_core::repofile::NodeType;

/// Only root reads them where they are restored.
const MODE: u32 = 0o600;

/// Texts by their absolute paths.
#[derive(Debug)]
pub(super) struct Texts(pub(super) Vec<(PathBuf, String)>);

impl ReadSource for Texts {
    type Open = Cursor<Vec<u8>>;
    type Iter = std::vec::IntoIter<RusticResult<ReadSourceEntry<Self::Open>>>;

    fn size(&self) -> RusticResult<Option<u64>> {
        Ok(None)
    }

    fn entries(&self) -> Self::Iter {
        let time = Timestamp::try_from(clock::wall()).unwrap_or_default();
        let entries = self.0.iter().map(|(path, text)| {
            let metadata = Metadata {
                mode: Some(MODE),
                uid: Some(0),
                gid: Some(0),
                // What has the size and the time of its predecessor is taken for it, and not read.
                mtime: Some(time),
                size: u64::try_from(text.len()).unwrap_or(u64::MAX),
                ..Metadata::default()
            };
            let name = path.file_name().unwrap_or(OsStr::new("text"));
            Ok(ReadSourceEntry {
                path: path.clone(),
                node: Node::new_node(name, NodeType::File, metadata),
                open: Some(Cursor::new(text.clone().into_bytes())),
            })
        });
        entries.collect::<Vec<_>>().into_iter()
    }
}
