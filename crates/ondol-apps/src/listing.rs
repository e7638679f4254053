//! What is in the folder of an app, for the guess what it runs.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use ondol_model::app::detect::FOLDERS;
use ondol_model::app::detect::Listed;
use ondol_model::app::detect::Listing;
use ondol_model::app::detect::READ;

/// What is looked at of one folder: more is no program's own folder.
const FILES_MAX: usize = 10_000;
/// The most that is read of a file; what says what runs is shorter.
const TEXT_BYTES_MAX: u64 = 256 * 1024;

/// Lists a folder. It reads files, so it is not for a thread that others wait for.
///
/// # Errors
///
/// The folder can't be read. What can't be read in it is as if it were not there.
pub fn read(folder: &Path) -> io::Result<Listing> {
    let mut listing = Listing::default();
    add(&mut listing, folder, "")?;
    for inner in FOLDERS {
        drop(add(&mut listing, &folder.join(inner), inner)); // Most are not there.
    }
    for path in READ {
        if let Some(file) = listing.files.get_mut(*path) {
            file.text = text(&folder.join(path));
        }
    }
    Ok(listing)
}

fn add(listing: &mut Listing, folder: &Path, prefix: &str) -> io::Result<()> {
    for entry in folder.read_dir()?.flatten().take(FILES_MAX) {
        let name = entry.file_name();
        let metadata = entry.path().metadata().ok();
        let (Some(name), Some(metadata)) = (name.to_str(), metadata) else {
            continue;
        };
        if !metadata.is_file() {
            continue;
        }
        let path = match prefix {
            "" => name.to_owned(),
            prefix => format!("{prefix}/{name}"),
        };
        let file = Listed {
            is_executable: metadata.permissions().mode() & 0o111 != 0,
            text: None,
        };
        listing.files.insert(path, file);
    }
    Ok(())
}

fn text(path: &Path) -> Option<String> {
    let is_short = path.metadata().ok()?.len() <= TEXT_BYTES_MAX;
    is_short
        .then(|| std::fs::read_to_string(path).ok())
        .flatten()
}
