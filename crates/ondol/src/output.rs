//! What the commands print on: standard output, for a person at a terminal or for another program.

use std::io;
use std::io::IsTerminal;
use std::io::Write;
use std::os::fd::AsFd;

use serde::Serialize;

/// Whom the output is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// A person: tables and sentences, which may change with every version.
    Human,
    /// A program: the JSON of the admin socket, which stays as it is.
    Json,
}

/// What the output can show.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Screen {
    /// Columns of the terminal; `None` when it is none, and lines may be as long as they like.
    pub(crate) width: Option<usize>,
    /// Whether tints are shown.
    pub(crate) color: Color,
}

/// Whether tints are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Color {
    /// As ANSI escape sequences.
    Shown,
    /// Not at all.
    Plain,
}

/// The sense of a piece of text, shown by its color.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tint {
    /// Like everything else.
    Plain,
    /// What the eye should find first.
    Strong,
    /// What it may skip.
    Faint,
    /// As it should be.
    Good,
    /// On its way, or worth a look.
    Attention,
    /// Broken.
    Bad,
}

impl Screen {
    /// What standard output is.
    pub(crate) fn of_standard_output() -> Self {
        Self::of(&io::stdout())
    }

    /// What standard error is.
    pub(crate) fn of_standard_error() -> Self {
        Self::of(&io::stderr())
    }

    fn of(stream: &(impl IsTerminal + AsFd)) -> Self {
        if !stream.is_terminal() {
            return Self {
                width: None,
                color: Color::Plain,
            };
        }
        let size = rustix::termios::tcgetwinsize(stream);
        let columns = size.map_or(0, |size| usize::from(size.ws_col));
        Self {
            width: (columns > 0).then_some(columns),
            color: Color::Shown,
        }
    }

    /// The text in its tint.
    pub(crate) fn tinted(self, text: &str, tint: Tint) -> String {
        let code = match (self.color, tint) {
            (Color::Plain, _) | (Color::Shown, Tint::Plain) => return text.to_owned(),
            (Color::Shown, Tint::Strong) => 1,
            (Color::Shown, Tint::Faint) => 2,
            (Color::Shown, Tint::Good) => 32,
            (Color::Shown, Tint::Attention) => 33,
            (Color::Shown, Tint::Bad) => 31,
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// Prints to standard output. That nobody reads on (`| head`) is no error.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    match output
        .write_all(text.as_bytes())
        .and_then(|()| output.flush())
    {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        outcome => outcome,
    }
}

/// The same for what goes on until somebody ends it: that nobody reads on is an error.
pub(crate) fn print_or_end(text: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    output.write_all(text.as_bytes())?;
    output.flush()
}

/// Tells a person something that is not part of the output.
pub(crate) fn tell(sentence: &str) -> io::Result<()> {
    writeln!(io::stderr(), "{sentence}")
}

/// Prints a value as the API has it, indented, for programs.
pub(crate) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.push('\n');
    Ok(print(&text)?)
}

/// `1 site`, `2 sites`: the number with its digits in groups of three.
pub(crate) fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(number))
}

/// A number with its digits in groups of three.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `43 ms`, `1.2 s`: how long something took; a dash where nothing is known.
pub(crate) fn milliseconds(took: Option<u32>) -> String {
    match took {
        None => "-".to_owned(),
        Some(took @ ..1_000) => format!("{took} ms"),
        Some(took) => format!("{}.{} s", took / 1_000, took % 1_000 / 100),
    }
}

/// `99.98 %`: a share between 0 and 1, never rounded up to all of it; a dash where nothing is known.
pub(crate) fn share(share: Option<f64>) -> String {
    match share {
        None => "-".to_owned(),
        Some(share) if share >= 1.0 => "100 %".to_owned(),
        Some(share) => format!("{:.2} %", (share * 10_000.0).floor() / 100.0),
    }
}

/// `87 MB`: bytes in the largest unit of which there is one or more, with two digits at least.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [(&str, u64); 4] = [
        ("TB", 1_000_000_000_000),
        ("GB", 1_000_000_000),
        ("MB", 1_000_000),
        ("kB", 1_000),
    ];
    match UNITS.into_iter().find(|(_, unit)| bytes >= *unit) {
        None => format!("{bytes} B"),
        Some((word, unit)) if bytes / unit >= 10 => format!("{} {word}", bytes / unit),
        Some((word, unit)) => {
            let tenths = bytes / (unit / 10);
            format!("{}.{} {word}", tenths / 10, tenths % 10)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_two_digits_at_least() {
        let table = [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (87_654_321, "87 MB"),
            (1_299_999_999, "1.2 GB"),
            (987_654_321, "987 MB"),
            (2_000_000_000_000, "2.0 TB"),
        ];
        for (number, text) in table {
            assert_eq!(bytes(number), text);
        }
    }

    #[test]
    fn shares_are_never_rounded_up_to_all() {
        let table = [
            (None, "-"),
            (Some(1.0), "100 %"),
            (Some(0.999_999), "99.99 %"),
            (Some(0.5), "50.00 %"),
            (Some(0.0), "0.00 %"),
        ];
        for (number, text) in table {
            assert_eq!(share(number), text);
        }
        assert_eq!(milliseconds(None), "-");
        assert_eq!(milliseconds(Some(999)), "999 ms");
        assert_eq!(milliseconds(Some(1_250)), "1.2 s");
    }

    #[test]
    fn digits_stand_in_groups() {
        let table = [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (1_234_567, "1,234,567"),
        ];
        for (number, text) in table {
            assert_eq!(grouped(number), text);
        }
        assert_eq!(counted(1, "site"), "1 site");
        assert_eq!(counted(2_000, "site"), "2,000 sites");
    }

    #[test]
    fn only_a_screen_with_color_gets_escapes() {
        let screen = |color| Screen { width: None, color };
        assert_eq!(screen(Color::Plain).tinted("up", Tint::Good), "up");
        assert_eq!(screen(Color::Shown).tinted("up", Tint::Plain), "up");
        assert_eq!(
            screen(Color::Shown).tinted("up", Tint::Bad),
            "\x1b[31mup\x1b[0m"
        );
    }
}
