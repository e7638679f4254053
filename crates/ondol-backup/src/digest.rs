//! Digests of what passes by, as manifests have them.

use std::fmt;
use std::fs::File;
use std::io;
use std::io::Write;
use std::path::Path;

use aws_lc_rs::digest;

use crate::repository::hex;

/// SHA-256 of what was added so far.
pub(crate) struct Digest(digest::Context);

impl Default for Digest {
    fn default() -> Self {
        Self(digest::Context::new(&digest::SHA256))
    }
}

impl Digest {
    /// Goes on with these bytes.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// In hexadecimal digits.
    pub(crate) fn text(self) -> String {
        let mut bytes = [0; 32];
        for (to, from) in bytes.iter_mut().zip(self.0.finish().as_ref()) {
            *to = *from;
        }
        hex(&bytes)
    }

    /// That of a file.
    pub(crate) fn of_file(path: &Path) -> io::Result<String> {
        let mut digest = Self::default();
        io::copy(&mut File::open(path)?, &mut digest)?;
        Ok(digest.text())
    }
}

impl Write for Digest {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.add(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest")
    }
}
