//! One line on a terminal that says what is being done, and is gone when it is done.

use std::io;
use std::io::Write;
use std::time::Duration;

use crate::output::Screen;
use crate::table;

/// What turns while something is done.
const TURNS: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
/// How often it turns.
pub(super) const TURN: Duration = Duration::from_millis(120);

/// The line, on standard error; nothing where that is no terminal.
#[derive(Debug)]
pub(super) struct Spinner {
    width: Option<usize>,
    turn: usize,
    is_shown: bool,
}

impl Spinner {
    pub(super) fn new() -> Self {
        Self {
            width: Screen::of_standard_error().width,
            turn: 0,
            is_shown: false,
        }
    }

    /// Shows a text in place of the one before.
    pub(super) fn show(&mut self, text: &str) {
        let Some(width) = self.width else { return };
        self.turn = (self.turn + 1) % TURNS.len();
        let room = width.saturating_sub(3);
        let line = table::wrap(text, room).into_iter().next();
        let line = line.unwrap_or_default();
        self.is_shown = true;
        write(&format!("\r\x1b[2K{} {line}", TURNS[self.turn]));
    }

    /// Shows a text until something is done.
    pub(super) async fn during<T>(&mut self, text: &str, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            self.show(text);
            if let Ok(done) = tokio::time::timeout(TURN, work.as_mut()).await {
                self.clear();
                return done;
            }
        }
    }

    /// Takes the line away, for others to be printed.
    pub(super) fn clear(&mut self) {
        if std::mem::take(&mut self.is_shown) {
            write("\r\x1b[2K");
        }
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Nobody misses it when standard error is gone.
fn write(text: &str) {
    let mut errors = io::stderr().lock();
    drop(
        errors
            .write_all(text.as_bytes())
            .and_then(|()| errors.flush()),
    );
}
