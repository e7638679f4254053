//! What becomes of files that a log was moved to: they are compressed, and the oldest of too many removed. It looks at
//! the folder, so that what a killed agent left is done by the next.

use std::fs;
use std::fs::File;
use std::fs::FileTimes;
use std::io;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use ondol_base::file::rotated;
use ondol_base::file::rotated::Rotated;
use ondol_base::file::rotated::State;

use super::folder;
use super::folder::Folder;

/// Files beside the one that is written to.
pub(super) const FILES_MAX: usize = 5;
/// Their bytes together, also where compressing fails.
const BYTES_MAX: u64 = 50 * 1024 * 1024;
/// As `gzip` itself has it.
const GZIP_LEVEL: u32 = 6;

/// Does what is to do for the files of a log. Blocks on the disk, and while it is done for another log.
pub(super) fn keep(log: &Path) -> io::Result<()> {
    let folder = Folder::open(log)?;
    folder.wait_for_turn()?;
    let log = folder.path_of(log);
    thin_out(&rotated::list(&log)?)?;
    for one in rotated::list(&log)? {
        match one.state {
            State::Plain => compress(&one.path, &folder)?,
            State::Unfinished => fs::remove_file(&one.path)?,
            State::Compressed => {}
        }
    }
    thin_out(&rotated::list(&log)?)
}

/// Removes the oldest while there are too many, or they are too large.
fn thin_out(all: &[Rotated]) -> io::Result<()> {
    let mut bytes = 0;
    for (place, one) in all.iter().rev().enumerate() {
        bytes += fs::symlink_metadata(&one.path)?.len();
        if place >= FILES_MAX || bytes > BYTES_MAX {
            fs::remove_file(&one.path)?;
        }
    }
    Ok(())
}

/// Whenever the power goes, the lines are in the plain file, or in the compressed one, or in both.
fn compress(plain: &Path, folder: &Folder) -> io::Result<()> {
    let compressed = rotated::with_end(plain, ".gz");
    let unfinished = rotated::with_end(&compressed, rotated::UNFINISHED);
    let written = write_compressed(plain, &unfinished);
    if written.is_err() {
        // The error is what matters; what is left is found the next time.
        let _ = fs::remove_file(&unfinished);
        return written;
    }
    fs::rename(&unfinished, &compressed)?;
    folder.sync()?;
    fs::remove_file(plain)
}

fn write_compressed(plain: &Path, to: &Path) -> io::Result<()> {
    let mut source = folder::options().read(true).open(plain)?;
    let mut options = folder::options();
    let target: File = options.write(true).create(true).truncate(true).open(to)?;
    let mut encoder = GzEncoder::new(&target, Compression::new(GZIP_LEVEL));
    io::copy(&mut source, &mut encoder)?;
    encoder.finish()?;
    // It is as old as its lines, for those who look for a day.
    let changed = source.metadata()?.modified()?;
    target.set_times(FileTimes::new().set_modified(changed))?;
    target.sync_all()
}
