//! Certificates for tests: issued by a CA of the test's own, with any names and dates.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ondol_model::plan::CertificateFiles;
use rcgen::CertificateParams;
use rcgen::DnType;
use rcgen::IsCa;
use rcgen::Issuer;
use rcgen::KeyPair;
use time::OffsetDateTime;

/// A day in the life of these tests: 2026-03-01.
pub(crate) const NOW: i64 = 1_772_323_200;
pub(crate) const DAY: i64 = 24 * 3600;

/// A chain of two and a key.
pub(crate) struct Sample {
    pub(crate) leaf: String,
    pub(crate) issuer: String,
    pub(crate) key: String,
}

impl Sample {
    /// Good from ten days ago for 90 days.
    pub(crate) fn of(names: &[&str]) -> Self {
        Self::with(names, NOW - 10 * DAY, NOW + 80 * DAY)
    }

    pub(crate) fn with(names: &[&str], not_before: i64, not_after: i64) -> Self {
        let ca_key = KeyPair::generate().unwrap();
        let mut ca = CertificateParams::default();
        ca.distinguished_name.push(DnType::CommonName, "Sample CA");
        ca.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let issuer = ca.self_signed(&ca_key).unwrap().pem();
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.not_before = OffsetDateTime::from_unix_timestamp(not_before).unwrap();
        params.not_after = OffsetDateTime::from_unix_timestamp(not_after).unwrap();
        let key = KeyPair::generate().unwrap();
        let leaf = params.signed_by(&key, &Issuer::new(ca, ca_key)).unwrap();
        Self {
            leaf: leaf.pem(),
            issuer,
            key: key.serialize_pem(),
        }
    }

    pub(crate) fn chain(&self) -> String {
        format!("{}{}", self.leaf, self.issuer)
    }

    /// Writes the pair as `<name>.pem` and `<name>.key`, the key for its owner alone.
    pub(crate) fn write(&self, folder: &Path, name: &str) -> CertificateFiles {
        let files = files_in(folder, name);
        write(&files.chain, &self.chain(), 0o644);
        write(&files.key, &self.key, 0o600);
        files
    }
}

pub(crate) fn files_in(folder: &Path, name: &str) -> CertificateFiles {
    CertificateFiles {
        chain: folder.join(format!("{name}.pem")),
        key: folder.join(format!("{name}.key")),
    }
}

/// Replaces a file by a new one, as programs that get certificates do.
#[expect(
    clippy::disallowed_methods,
    reason = "the files of a test do not outlive it"
)]
pub(crate) fn write(path: &Path, text: &str, mode: u32) {
    let new = path.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::set_permissions(&new, fs::Permissions::from_mode(mode)).unwrap();
    fs::rename(&new, path).unwrap();
}
