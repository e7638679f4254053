//! Asks the person at the terminal whether something is meant that can't be taken back lightly.

use std::io;
use std::io::BufRead;
use std::io::IsTerminal;
use std::io::Write;

use crate::output::Screen;
use crate::table;

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    /// What is about to happen, in paragraphs.
    pub(super) what_happens: &'a [String],
    /// `Revoke it?`
    pub(super) question: &'a str,
    /// What is said where nobody can be asked.
    pub(super) nobody: &'a str,
}

/// Asks on the terminal; without one, nobody can say yes.
pub(super) fn is_meant(asked: &Asked<'_>) -> anyhow::Result<bool> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        anyhow::bail!("{}", asked.nobody);
    }
    let width = Screen::of_standard_error().width.unwrap_or(usize::MAX);
    let mut errors = io::stderr().lock();
    for paragraph in asked.what_happens {
        for line in paragraph.lines().flat_map(|line| table::wrap(line, width)) {
            writeln!(errors, "{line}")?;
        }
    }
    write!(errors, "{} [y/N] ", asked.question)?;
    errors.flush()?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    let word = line.trim().to_lowercase();
    Ok(word == "y" || word == "yes")
}
