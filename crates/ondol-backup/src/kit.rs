//! The recovery kit: where the backups are and what opens them, on a sheet of paper. It is all that is needed, besides
//! a machine, to have everything back; so it is written for eyes and fingers, and read with patience.

mod block;
mod challenge;
mod check;
mod fields;
mod picture;
mod read;
mod sheet;
mod words;

use ondol_base::clock;

use crate::access::Hidden;
use crate::access::StorageAccess;
use crate::access::TargetAccess;

pub use challenge::Challenge;
pub use read::KitError;
pub use words::new_password;

/// Where the backups of a box are, and what opens them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kit {
    /// The repository, with a credential that can only read where there is one.
    pub target: TargetAccess,
    /// The password of the repository.
    pub password: Hidden,
    /// The name of the box.
    pub box_name: String,
    /// When it was made, in seconds since the Unix epoch.
    pub made_at: i64,
}

impl Kit {
    /// A kit of this moment. What means something on this machine alone (which disk a folder was on, where a private
    /// key lies) is left out.
    pub fn new(mut target: TargetAccess, password: Hidden, box_name: impl Into<String>) -> Self {
        match &mut target.storage {
            StorageAccess::Local { file_system, .. } => *file_system = None,
            StorageAccess::Sftp { identity, .. } => *identity = None,
            StorageAccess::S3 { .. } | StorageAccess::Rest { .. } => {}
        }
        Self {
            target,
            password,
            box_name: box_name.into(),
            made_at: clock::unix_seconds(),
        }
    }

    /// Reads a kit: the sheet, a part of it with all numbered lines, or what a camera made of the picture. Case, spaces
    /// and line breaks don't matter where they can't; a line that was mistyped is named.
    ///
    /// # Errors
    ///
    /// What can't be read, and what to do about it.
    pub fn parse(text: &str) -> Result<Self, KitError> {
        read::kit(text)
    }

    /// The sheet: what it is for, how it is used, and the numbered lines. A text file, and what is printed.
    pub fn sheet(&self) -> String {
        sheet::of(self)
    }

    /// The numbered lines alone.
    pub fn block(&self) -> String {
        block::of(self)
    }

    /// The picture as lines of a terminal, with its colors. `None` when there is too much in the kit for a picture.
    pub fn terminal(&self) -> Option<String> {
        picture::terminal(&block::squeezed(self))
    }

    /// The picture as SVG.
    pub fn svg(&self) -> Option<String> {
        picture::svg(&block::squeezed(self))
    }

    /// The picture as PNG.
    pub fn png(&self) -> Option<Vec<u8>> {
        picture::png(&block::squeezed(self))
    }

    /// What the owner is to type back from the sheet; another part each time.
    pub fn challenge(&self) -> Challenge {
        challenge::of(self)
    }
}
