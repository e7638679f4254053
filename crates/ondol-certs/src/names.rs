//! Names in a sentence.

use std::fmt;

use ondol_model::HostPattern;

/// Names as people read them: `a.example.com, b.example.com and 3 more`.
#[derive(Debug)]
pub struct Names<'n>(pub &'n [HostPattern]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 3;
        for (index, name) in self.0.iter().take(SHOWN).enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{name}")?;
        }
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}
