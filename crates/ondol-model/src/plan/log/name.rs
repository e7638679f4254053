//! The name of a log file.

use std::fmt;

/// The log of the box itself.
pub const BOX_LOG: &str = "access.log";
/// Together with a time and the end of a compressed file it is a file name on every file system.
const BYTES_MAX: usize = 100;

/// The name of a log file in the folder of logs: it ends with `.log` and leads nowhere else.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LogName(Box<str>);

impl LogName {
    /// Reads a name; the error says why it is none.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if !text.ends_with(".log") || text.starts_with('.') || text.len() > BYTES_MAX {
            return Err(
                "a log file has a name that ends with `.log`, such as \"shop.log\"; it is in the folder of logs",
            );
        }
        if !text.bytes().all(is_plain) {
            return Err("the name of a log file has letters, digits, `.`, `_` and `-` alone");
        }
        if text == BOX_LOG {
            return Err("`access.log` is the box's own: write `log = true`");
        }
        Ok(Self(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LogName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_in_the_folder_of_logs() {
        for name in ["shop.log", "a.example.com.log", "A_b-1.log"] {
            assert_eq!(LogName::parse(name).unwrap().as_str(), name);
        }
        let long = format!("{}.log", "x".repeat(97));
        for name in [
            "",
            ".log",
            "shop",
            "shop.log.gz",
            "../shop.log",
            "/var/log/shop.log",
            "a/b.log",
            "a b.log",
            "é.log",
            "a\n.log",
            "access.log",
            &long,
        ] {
            assert!(LogName::parse(name).is_err(), "{name}");
        }
    }
}
