//! How a line of a log looks: its time where the box is, who wrote it in a color of its own, and its text.

use std::fmt::Write;

use ondol_admin::api::LogLine;
use ondol_base::clock;

use crate::output::Color;
use crate::output::Screen;
use crate::output::Tint;

/// Colors of those who write: cyan, green, magenta, blue, yellow and their bright kin; red is for what is broken.
const COLORS: [u8; 8] = [36, 32, 35, 34, 33, 96, 92, 95];
/// Names up to this width stand in a column.
const COLUMN_MAX: usize = 24;

/// What shows lines.
pub(super) struct Lines {
    screen: Screen,
    zone: Option<String>,
    /// As wide as the longest name so far.
    column: usize,
    /// Those who wrote so far, in the order of their first lines.
    names: Vec<String>,
}

impl Lines {
    pub(super) fn new(screen: Screen, zone: Option<String>) -> Self {
        Self {
            screen,
            zone,
            column: "web.1".len(),
            names: Vec::new(),
        }
    }

    /// Adds a line with its end.
    pub(super) fn push(&mut self, to: &mut String, line: &LogLine) {
        let LogLine { at, process, text } = line;
        let time = match clock::parse_rfc3339(at) {
            Some(at) => clock::second_in(self.zone.as_deref(), at),
            None => at.clone(),
        };
        let time = self.screen.tinted(&time, Tint::Faint);
        self.column = self.column.max(process.len().min(COLUMN_MAX));
        let name = format!("{process:<width$}", width = self.column);
        let name = self.colored(process, &name);
        let text = match self.screen.color {
            Color::Shown => text.clone(),
            Color::Plain => without_colors(text),
        };
        // Writing to a string does not fail.
        let _ = writeln!(to, "{time} {name}  {text}");
    }

    fn colored(&mut self, process: &str, name: &str) -> String {
        if self.screen.color == Color::Plain {
            return name.to_owned();
        }
        let place = self.names.iter().position(|known| known == process);
        let place = place.unwrap_or_else(|| {
            self.names.push(process.to_owned());
            self.names.len() - 1
        });
        let color = COLORS[place % COLORS.len()];
        format!("\x1b[{color}m{name}\x1b[0m")
    }
}

/// The text without the colors that its author gave it.
fn without_colors(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\x1b[") {
        plain += before;
        let end = after.find(|c: char| !c.is_ascii_digit() && !matches!(c, ';' | ':'));
        rest = match end {
            Some(end) if after[end..].starts_with('m') => &after[end + 1..],
            Some(_) | None => after,
        };
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(process: &str, text: &str) -> LogLine {
        LogLine {
            at: "2026-11-21T14:00:05.123Z".to_owned(),
            process: process.to_owned(),
            text: text.to_owned(),
        }
    }

    fn shown(color: Color, lines: &[LogLine]) -> String {
        let screen = Screen { width: None, color };
        let mut shown = Lines::new(screen, Some("Asia/Seoul".to_owned()));
        let mut text = String::new();
        for line in lines {
            shown.push(&mut text, line);
        }
        text
    }

    #[test]
    fn lines_stand_in_columns_and_in_the_time_of_the_box() {
        let lines = [
            line("web.1", "GET / \x1b[32m200\x1b[0m"),
            line("worker.1", "done"),
            line("web.1", "GET /"),
        ];
        assert_eq!(
            shown(Color::Plain, &lines),
            "2026-11-21 23:00:05 web.1  GET / 200\n\
             2026-11-21 23:00:05 worker.1  done\n\
             2026-11-21 23:00:05 web.1     GET /\n"
        );
    }

    #[test]
    fn each_process_has_its_color_on_a_terminal_and_keeps_its_own() {
        let lines = [
            line("web.1", "\x1b[32m200\x1b[0m"),
            line("worker.1", "done"),
            line("web.1", "GET /"),
        ];
        let text = shown(Color::Shown, &lines);
        let lines: Vec<_> = text.lines().collect();
        assert!(
            lines[0].ends_with("\x1b[36mweb.1\x1b[0m  \x1b[32m200\x1b[0m"),
            "{text:?}"
        );
        assert!(
            lines[1].ends_with("\x1b[32mworker.1\x1b[0m  done"),
            "{text:?}"
        );
        assert!(
            lines[2].ends_with("\x1b[36mweb.1   \x1b[0m  GET /"),
            "{text:?}"
        );
    }
}
