//! The certificates of those who vouch for others: where the system keeps them, and how files of them are read.

use std::io;
use std::path::Path;
use std::path::PathBuf;

use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

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

/// The authorities that the system trusts; none when it has no file of them, or one that can't be read. Old ones that
/// can't be understood any more are left out, which is no reason to trust nobody. Blocks on the disk.
pub fn trusted() -> Vec<CertificateDer<'static>> {
    let Some(path) = system_roots() else {
        return Vec::new();
    };
    let text = read_authorities(&path).unwrap_or_default();
    let mut understood = RootCertStore::empty();
    CertificateDer::pem_slice_iter(text.as_bytes())
        .flatten()
        .filter(|certificate| understood.add(certificate.clone()).is_ok())
        .collect()
}
