//! Secrets that stand elsewhere than in a configuration: in a variable of the environment, or in a file
//! that few can read. They are read when they are used, so a new one counts at once.

use std::collections::BTreeMap;
use std::env::VarError;
use std::fmt;
use std::fs::OpenOptions;
use std::io;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::OnceLock;

use rustix::fs::OFlags;

/// The largest secret: a key or a token has far fewer bytes, a wrong file may have many more.
pub const SECRET_BYTES_MAX: u64 = 64 * 1024;

/// Permission bits for those who are neither the owner nor in the group.
const OTHERS: u32 = 0o007;
/// Permission bits for the group to read and to write.
const GROUP: u32 = 0o060;
/// The group of root.
const ROOT: u32 = 0;

/// A secret. Neither `Debug` nor a message shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(Box<str>);

/// Why a secret could not be read. No message repeats any of it.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The variable is not set, or nothing is in it.
    #[error("the environment variable {name} is not set, or empty")]
    NoVariable {
        /// The variable.
        name: Box<str>,
    },
    /// The file can't be read.
    #[error("cannot read the secret in {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Users of the machine who have nothing to do with it can read the file.
    #[error("{} can be read by other users of this machine, so it is no secret; `chmod go= {}` ends that", path.display(), path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
    },
    /// The file is larger than [`SECRET_BYTES_MAX`].
    #[error("{} is larger than {SECRET_BYTES_MAX} bytes, so it is no secret", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// Nothing is in the file.
    #[error("there is no secret in {}: the file is empty", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// It is no text.
    #[error("the secret in {place} is not text (UTF-8)")]
    NoText {
        /// The variable or the file.
        place: String,
    },
}

impl SecretText {
    /// A secret that came another way.
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// The secret itself, for whom it is meant.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(…)")
    }
}

/// Variables that this process was told in another way than by its environment.
static TOLD: OnceLock<BTreeMap<String, String>> = OnceLock::new();

/// Has these variables count where the environment has none of their names. Only the first call does.
pub fn tell(variables: BTreeMap<String, String>) {
    let _ = TOLD.set(variables);
}

/// The secret in a variable of this process's environment.
#[expect(
    clippy::disallowed_methods,
    reason = "the name of the variable is only known from the configuration"
)]
pub fn from_environment(name: &str) -> Result<SecretText, SecretError> {
    match std::env::var(name) {
        Ok(text) if !text.is_empty() => Ok(SecretText::new(text)),
        Ok(_) | Err(VarError::NotPresent) => {
            let told = TOLD.get().and_then(|variables| variables.get(name));
            let told = told.filter(|text| !text.is_empty());
            told.map(|text| SecretText::new(text.as_str()))
                .ok_or_else(|| SecretError::NoVariable { name: name.into() })
        }
        Err(VarError::NotUnicode(_)) => Err(SecretError::NoText {
            place: format!("the environment variable {name}"),
        }),
    }
}

/// The secret in a file, without the line end behind it. The file is refused when users other than its
/// owner, the group of root and this process's own can read it. Blocks on the disk.
pub fn from_file(path: &Path) -> Result<SecretText, SecretError> {
    let failed = |source| SecretError::Read {
        path: path.to_owned(),
        source,
    };
    let nonblocking = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let mut options = OpenOptions::new();
    // Opening a FIFO would wait for its writer.
    options.read(true).custom_flags(nonblocking);
    let file = options.open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(failed(io::Error::other("it is not a file")));
    }
    let own_group = rustix::process::getegid().as_raw();
    if is_exposed(metadata.mode(), metadata.gid(), own_group) {
        let path = path.to_owned();
        return Err(SecretError::Exposed { path });
    }
    let mut bytes = Vec::new();
    let mut limited = file.take(SECRET_BYTES_MAX + 1);
    limited.read_to_end(&mut bytes).map_err(failed)?;
    text_of(bytes, path)
}

fn is_exposed(mode: u32, group: u32, own_group: u32) -> bool {
    let is_groups_own = group == ROOT || group == own_group;
    mode & OTHERS != 0 || (mode & GROUP != 0 && !is_groups_own)
}

fn text_of(bytes: Vec<u8>, path: &Path) -> Result<SecretText, SecretError> {
    let path = path.to_owned();
    if bytes.len() as u64 > SECRET_BYTES_MAX {
        return Err(SecretError::TooLarge { path });
    }
    let Ok(text) = String::from_utf8(bytes) else {
        let place = path.display().to_string();
        return Err(SecretError::NoText { place });
    };
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() {
        return Err(SecretError::Empty { path });
    }
    Ok(SecretText::new(text))
}

#[cfg(test)]
mod tests;
