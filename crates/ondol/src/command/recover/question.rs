//! Asks whether it is meant.

use std::io;
use std::io::BufRead;
use std::io::IsTerminal;
use std::io::Write;

use crate::output::Screen;
use crate::table;

/// Says what is in the way, and asks on the terminal; without one, nobody can say yes.
pub(super) fn is_meant(obstacles: &[String]) -> anyhow::Result<bool> {
    let width = Screen::of_standard_error().width.unwrap_or(usize::MAX);
    {
        let mut errors = io::stderr().lock();
        for obstacle in obstacles {
            writeln!(errors, "{}", table::wrap(obstacle, width).join("\n"))?;
        }
    }
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        anyhow::bail!("nobody can be asked here whether the box is to be brought back: say --yes");
    }
    let mut errors = io::stderr().lock();
    write!(errors, "Bring it back? [y/N] ")?;
    errors.flush()?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    let word = line.trim().to_lowercase();
    Ok(word == "y" || word == "yes")
}
