//! The names of apps, of their processes, and of each running process.

use std::fmt;

/// Names become folders, users and units of systemd, and a part of paths of sockets, which are short.
const BYTES_MAX: usize = 24;

/// The name of an app: its key in the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AppName(Box<str>);

/// The name of a process of an app: `web`, or a key of `processes`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProcessName(Box<str>);

/// One running process of a launch: `web.1`, `web.2`, `worker.1`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InstanceName {
    /// Which process.
    pub process: ProcessName,
    /// Which of its instances, counted from 1.
    pub number: u16,
}

/// Why a text is no name of an app or a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameError {
    /// It is empty or too long.
    Length,
    /// A character that it can't have, or not there.
    Character,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length => write!(f, "a name has 1 to {BYTES_MAX} characters"),
            Self::Character => f.write_str(
                "a name has lower-case letters, digits and `-`, begins with a letter and does not end with `-`",
            ),
        }
    }
}

impl AppName {
    /// Reads a name.
    ///
    /// # Errors
    ///
    /// Why it is none.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        check(text).map(|()| Self(text.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl ProcessName {
    /// The process that answers visitors.
    pub fn web() -> Self {
        Self("web".into())
    }

    /// Reads a name.
    ///
    /// # Errors
    ///
    /// Why it is none.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        check(text).map(|()| Self(text.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it answers visitors.
    pub fn is_web(&self) -> bool {
        &*self.0 == "web"
    }
}

impl InstanceName {
    /// Reads what [`fmt::Display`] writes: `web.1`.
    pub fn parse(text: &str) -> Option<Self> {
        let (process, number) = text.rsplit_once('.')?;
        Some(Self {
            process: ProcessName::parse(process).ok()?,
            number: number.parse().ok().filter(|number| *number > 0)?,
        })
    }
}

impl fmt::Display for AppName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for ProcessName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for InstanceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.process, self.number)
    }
}

fn check(text: &str) -> Result<(), NameError> {
    if text.is_empty() || text.len() > BYTES_MAX {
        return Err(NameError::Length);
    }
    let is_known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let begins_well = text.starts_with(|first: char| first.is_ascii_lowercase());
    if !begins_well || text.ends_with('-') || !text.bytes().all(is_known) {
        return Err(NameError::Character);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_plain() {
        for good in ["a", "coffee", "coffee-2", "abcdefghijklmnopqrstuvwx"] {
            assert_eq!(
                AppName::parse(good).map(|name| name.to_string()),
                Ok(good.to_owned())
            );
        }
        for bad in ["", "abcdefghijklmnopqrstuvwxy"] {
            assert_eq!(AppName::parse(bad), Err(NameError::Length), "{bad}");
        }
        for bad in ["2a", "-a", "a-", "A", "a.b", "a/b", "ä", "a b", ".."] {
            assert_eq!(AppName::parse(bad), Err(NameError::Character), "{bad}");
        }
    }

    #[test]
    fn instances_are_read_as_they_are_written() {
        let name = InstanceName::parse("mail-worker.12").unwrap();
        assert_eq!(
            (name.to_string().as_str(), name.number),
            ("mail-worker.12", 12)
        );
        for bad in ["web", "web.0", "web.x", ".1", "web.1.1", "web.70000"] {
            assert_eq!(InstanceName::parse(bad), None, "{bad}");
        }
    }
}
