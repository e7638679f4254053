//! The file of an account. Blocks on the disk.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Mutex;
use std::sync::PoisonError;

use ondol_base::file;
use ondol_base::file::read_limited;
use serde::Deserialize;
use serde::Serialize;

use crate::acme::jws;
use crate::acme::jws::AccountKey;

pub(super) const FILE: &str = "account.json";
/// What an account that can't be used any more is kept as: its key may be all that is left of it.
const BEFORE: &str = "account.before.json";
const FILE_BYTES_MAX: u64 = 64 * 1024;
const MODE: u32 = 0o600;

/// Makes keys one by one: two orders that begin together take the same account.
static MAKING: Mutex<()> = Mutex::new(());

/// What stands in the file.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Kept {
    /// The account's URL; `None` until the issuer has told it.
    pub(super) id: Option<String>,
    /// PKCS #8 as base64url.
    pub(super) key_pkcs8: String,
    /// The key that is to take its place, while the issuer is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) next_key_pkcs8: Option<String>,
    pub(super) directory: String,
    /// The e-mail address that the issuer was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) contact: Option<String>,
}

impl Kept {
    fn new(directory: String) -> Result<Self, io::Error> {
        let key = AccountKey::generate().map_err(io::Error::other)?;
        Ok(Self {
            id: None,
            key_pkcs8: jws::url_encode(&key),
            next_key_pkcs8: None,
            directory,
            contact: None,
        })
    }

    /// The same, with the key that was to come.
    pub(super) fn with_next_key(mut self) -> Self {
        if let Some(next) = self.next_key_pkcs8.take() {
            self.key_pkcs8 = next;
        }
        self
    }
}

/// What is on disk for a directory; a new key if nothing is.
pub(super) fn of(folder: &Path, directory: String) -> io::Result<Kept> {
    let _one_by_one = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    file::create_dir_private(folder)?;
    match read(&folder.join(FILE))? {
        Some(kept) if kept.directory == directory => Ok(kept),
        Some(_) => instead(folder, directory),
        None => make(folder, directory),
    }
}

/// A new key in the place of this one.
pub(super) fn renewed(folder: &Path, old_key: &str, directory: String) -> io::Result<Kept> {
    let _one_by_one = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    match read(&folder.join(FILE))? {
        Some(kept) if kept.key_pkcs8 != old_key => Ok(kept),
        Some(_) => instead(folder, directory),
        None => make(folder, directory),
    }
}

/// A new key, with the account that is there kept aside.
fn instead(folder: &Path, directory: String) -> io::Result<Kept> {
    fs::rename(folder.join(FILE), folder.join(BEFORE))?;
    make(folder, directory)
}

fn make(folder: &Path, directory: String) -> io::Result<Kept> {
    let kept = Kept::new(directory)?;
    write(folder, &kept)?;
    Ok(kept)
}

fn read(path: &Path) -> io::Result<Option<Kept>> {
    let text = match read_limited(path, FILE_BYTES_MAX) {
        Ok(Some((text, _))) => text,
        Ok(None) => return Err(io::Error::other("it is too large")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let kept = serde_json::from_str(&text);
    // What is wrong is not repeated: a key stands there.
    kept.map(Some).map_err(|_| {
        io::Error::other(
            "it is damaged: put a copy of it back, or remove it, and a new account is made",
        )
    })
}

pub(super) fn write(folder: &Path, kept: &Kept) -> io::Result<()> {
    let mut text = serde_json::to_string_pretty(kept)?;
    text.push('\n');
    file::replace(&folder.join(FILE), text.as_bytes(), MODE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "the files of a test do not outlive it"
    )]
    fn a_damaged_file_is_left_alone_and_its_key_not_repeated() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("ca");
        let made = of(&folder, "https://ca.example/dir".to_owned()).unwrap();
        let path = folder.join(FILE);
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 0x15;
            for bytes in [&changed[..], &whole[..at]] {
                fs::write(&path, bytes).unwrap();
                // The directory may be the one that changed, and then the key is another account's.
                match of(&folder, made.directory.clone()) {
                    Ok(kept) if kept.directory == made.directory => {}
                    Ok(_) => panic!("of another directory"),
                    Err(error) => {
                        let text = error.to_string();
                        assert!(!text.contains(&made.key_pkcs8[..8]), "{text}");
                        assert_eq!(fs::read(&path).unwrap(), bytes);
                    }
                }
            }
        }
    }
}
