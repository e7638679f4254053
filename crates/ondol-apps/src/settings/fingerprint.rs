//! Tells whether two settings would start the same processes. It is the same on every run and for every version of
//! Ondol, so that an upgrade restarts no app. No secret is in it.

use std::fmt::Write as _;

use aws_lc_rs::digest;
use aws_lc_rs::digest::SHA256;

/// Collects what counts. Each part is set off from the next one, so that no two lists look the same.
#[derive(Debug, Default)]
pub(super) struct Fingerprint(Vec<u8>);

impl Fingerprint {
    /// Adds a part under a name.
    pub(super) fn add(&mut self, name: &str, value: impl AsRef<[u8]>) {
        for part in [name.as_bytes(), value.as_ref()] {
            self.0.extend_from_slice(&part.len().to_le_bytes());
            self.0.extend_from_slice(part);
        }
    }

    /// Adds a number, where there is one.
    pub(super) fn add_number(&mut self, name: &str, value: Option<impl Into<u64>>) {
        if let Some(value) = value {
            self.add(name, value.into().to_le_bytes());
        }
    }

    /// The text for all of it.
    pub(super) fn text(&self) -> String {
        let hash = digest::digest(&SHA256, &self.0);
        hash.as_ref().iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}"); // A String takes everything.
            text
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_differently_has_another_fingerprint() {
        let text = |parts: &[(&str, &str)]| {
            let mut fingerprint = Fingerprint::default();
            parts
                .iter()
                .for_each(|(name, value)| fingerprint.add(name, value));
            fingerprint.text()
        };
        let one = text(&[("env", "A=1"), ("env", "B=2")]);
        assert_eq!(one, text(&[("env", "A=1"), ("env", "B=2")]));
        assert_ne!(one, text(&[("env", "A=1B=2")]));
        assert_ne!(one, text(&[("envA", "=1"), ("env", "B=2")]));
        assert_eq!(one.len(), 64);
    }
}
