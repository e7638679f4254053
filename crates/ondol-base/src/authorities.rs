//! The certificates of those who vouch for others: where the system keeps them, and how files of them are read.

use std::io;
use std::path::Path;
use std::path::PathBuf;

use crate::file;

/// The largest file of authorities: the system's have about 220 KiB.
const AUTHORITIES_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Where systems keep the authorities that they trust, in one file: Debian, Arch, Alpine and NixOS; Fedora;
/// openSUSE; and what others have.
const SYSTEM_ROOTS: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// The text of a file with certificates. Blocks on the disk.
pub fn read_authorities(path: &Path) -> io::Result<String> {
    match file::read_limited(path, AUTHORITIES_BYTES_MAX)? {
        Some((text, _)) => Ok(text),
        None => Err(io::Error::other(format!(
            "it is larger than {AUTHORITIES_BYTES_MAX} bytes"
        ))),
    }
}

/// The file of the authorities that the system trusts, if it has one.
pub fn system_roots() -> Option<PathBuf> {
    let mut paths = SYSTEM_ROOTS.into_iter().map(PathBuf::from);
    paths.find(|path| path.is_file())
}
