//! The names of targets and databases, as they are typed and shown.

use std::fmt;

/// Names become folders, and columns of tables.
const BYTES_MAX: usize = 48;

/// What a place for backups is called.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TargetName(Box<str>);

/// What a database is called.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DatabaseName(Box<str>);

/// Why a text is no name of a target or a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackupNameError {
    /// It is empty or too long.
    Length,
    /// A character that it can't have, or not there.
    Character,
}

impl fmt::Display for BackupNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length => write!(f, "a name has 1 to {BYTES_MAX} characters"),
            Self::Character => f.write_str(
                "a name has letters, digits, `.`, `_` and `-`, and begins with a letter or a digit",
            ),
        }
    }
}

impl TargetName {
    /// Reads a name.
    ///
    /// # Errors
    ///
    /// Why it is none.
    pub fn parse(text: &str) -> Result<Self, BackupNameError> {
        check(text).map(|()| Self(text.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl DatabaseName {
    /// Reads a name.
    ///
    /// # Errors
    ///
    /// Why it is none.
    pub fn parse(text: &str) -> Result<Self, BackupNameError> {
        check(text).map(|()| Self(text.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TargetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for DatabaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn check(text: &str) -> Result<(), BackupNameError> {
    if text.is_empty() || text.len() > BYTES_MAX {
        return Err(BackupNameError::Length);
    }
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let begins_well = text.as_bytes()[0].is_ascii_alphanumeric();
    if !begins_well || !text.bytes().all(is_known) {
        return Err(BackupNameError::Character);
    }
    Ok(())
}
