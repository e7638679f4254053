//! Where a process reads from and writes to.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use ondol_base::descriptors;
use rustix::fs::OFlags;

use crate::spec::Output;

use super::ShimError;
use super::on_path;

const INPUT: i32 = 0;
const OUTPUT: i32 = 1;
const NOTHING: &str = "/dev/null";

/// Turns standard output and error to where they go, so that what the shim says is found there too; there is no input.
pub(super) fn turn(output: &Output) -> Result<(), ShimError> {
    let nothing =
        File::open(NOTHING).map_err(|error| on_path("open", Path::new(NOTHING), error))?;
    let input = descriptors::place(vec![nothing.into()], INPUT);
    input.map_err(|error| ShimError::Prepare("close its input", error))?;
    match output {
        Output::Inherited => Ok(()),
        Output::Pipe(path) => {
            let pipe = open(path).map_err(|error| on_path("open", path, error))?;
            let placed = pipe
                .try_clone()
                .and_then(|error| descriptors::place(vec![pipe, error], OUTPUT));
            placed.map_err(|error| ShimError::Prepare("write to its log", error))
        }
    }
}

/// For reading too: so it opens without a reader, and never breaks when there is none any more. The folder may be the
/// app's, which could put a link to a file of others there.
fn open(path: &Path) -> io::Result<OwnedFd> {
    let mut options = File::options();
    let no_link = i32::try_from(OFlags::NOFOLLOW.bits()).map_err(io::Error::other)?;
    let pipe = options
        .read(true)
        .write(true)
        .custom_flags(no_link)
        .open(path)?;
    if !pipe.metadata()?.file_type().is_fifo() {
        return Err(io::Error::other("it is not a named pipe"));
    }
    Ok(pipe.into())
}
