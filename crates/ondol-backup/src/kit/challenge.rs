//! What the owner types back from the sheet, so that it is known to be on paper and to be readable.

use std::fmt;

use crate::kit::Kit;
use crate::kit::block;
use crate::kit::block::Line;
use crate::kit::fields;
use crate::kit::fields::Manner;

/// A line of the sheet that the owner is to type back.
#[derive(Clone, PartialEq, Eq)]
pub struct Challenge {
    line: Line,
}

/// One of the lines with what opens the backups; which one is left to chance.
pub(super) fn of(kit: &Kit) -> Challenge {
    let mut random = [0; 1];
    // Without random numbers it is the first: it is no secret which.
    let _ = aws_lc_rs::rand::fill(&mut random);
    let is_secret = |line: &Line| matches!(&*line.field, "words" | "key");
    let lines: Vec<_> = block::lines(kit).into_iter().filter(is_secret).collect();
    let chosen = usize::from(random[0]) % lines.len().max(1);
    let line = lines.into_iter().nth(chosen).unwrap_or(Line {
        number: 0,
        field: String::new(),
        value: String::new(),
    });
    Challenge { line }
}

impl Challenge {
    /// The number of the line.
    pub fn line(&self) -> usize {
        self.line.number
    }

    /// What is asked, as a sentence.
    pub fn question(&self) -> String {
        let number = self.line.number;
        match fields::manner(&self.line.field) {
            Some(Manner::Words) => format!("Type the four words of line {number} of the sheet"),
            Some(Manner::Plain | Manner::Groups) | None => {
                format!("Type line {number} of the sheet, without its number")
            }
        }
    }

    /// Whether that is what stands on the sheet; with or without number, field and check.
    pub fn is_met(&self, typed: &str) -> bool {
        let printed = self.line.text();
        let wanted = told(&self.line.value);
        let all = told(&printed);
        let typed = told(typed);
        let ends = [&*wanted, &all].iter().any(|end| *end == typed);
        let check = told(printed.rsplit(' ').next().unwrap_or_default());
        let has_check = typed.strip_suffix(&*check);
        ends || has_check
            .is_some_and(|typed| typed == wanted || typed == told(&self.line.field) + &wanted)
    }
}

/// What matters of a typed text.
fn told(text: &str) -> String {
    let letters = text.chars().filter(|c| !c.is_whitespace());
    letters.collect::<String>().to_lowercase()
}

impl fmt::Debug for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Challenge")
            .field("line", &self.line.number)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
