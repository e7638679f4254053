//! Lines as text: what a process wrote, made readable and harmless.

use std::fmt::Write;

use ondol_base::clock;

use super::LogLine;

/// A line longer than this is cut: a page of text, or a large JSON value.
pub(super) const LINE_BYTES_MAX: usize = 16 * 1024;
/// What stands at the end of a line that was cut.
const CUT: &str = " … (cut)";

/// A line of an app without its end. Bytes that are no UTF-8, and control characters, are shown by their numbers, so
/// that nothing is lost and no terminal obeys them; only colors (`ESC [ … m`) and tabs stay as they are.
pub(super) fn readable(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let (kept, is_cut) = match line.get(..LINE_BYTES_MAX) {
        Some(kept) if line.len() > LINE_BYTES_MAX => (kept, true),
        Some(_) | None => (line, false),
    };
    let mut text = String::with_capacity(kept.len());
    let mut is_colored = false;
    let mut chunks = kept.utf8_chunks().peekable();
    while let Some(chunk) = chunks.next() {
        push_harmless(&mut text, chunk.valid(), &mut is_colored);
        let is_cut_character = is_cut && chunks.peek().is_none();
        if !is_cut_character {
            for byte in chunk.invalid() {
                push_number(&mut text, u32::from(*byte));
            }
        }
    }
    if is_cut {
        text.push_str(CUT);
    }
    if is_colored && !text.ends_with("\x1b[0m") && !text.ends_with("\x1b[m") {
        text.push_str("\x1b[0m");
    }
    text
}

/// `2026-11-21T14:00:00.123Z web.1 text` and its end.
pub(super) fn write_line(to: &mut String, line: &LogLine) {
    let LogLine {
        at_ms,
        instance,
        launch: _,
        text,
    } = line;
    to.push_str(&clock::rfc3339_milliseconds(*at_ms));
    to.push(' ');
    to.push_str(instance);
    to.push(' ');
    to.push_str(text);
    to.push('\n');
}

fn push_harmless(text: &mut String, part: &str, is_colored: &mut bool) {
    let mut rest = part;
    while let Some(place) = rest.find(|c: char| c.is_control() && c != '\t') {
        let (plain, control) = rest.split_at(place);
        text.push_str(plain);
        let taken = color(control);
        if let Some(color) = taken {
            text.push_str(color);
            *is_colored = true;
            rest = &control[color.len()..];
            continue;
        }
        let mut characters = control.chars();
        match characters.next() {
            Some('\r') => text.push_str("\\r"),
            Some(other) => push_number(text, u32::from(other)),
            None => {}
        }
        rest = characters.as_str();
    }
    text.push_str(rest);
}

/// The sequence at the beginning that sets a color, if there is one.
fn color(text: &str) -> Option<&str> {
    let parameters = text.strip_prefix("\x1b[")?;
    let is_parameter = |c: char| c.is_ascii_digit() || matches!(c, ';' | ':');
    let end = parameters.find(|c: char| !is_parameter(c))?;
    let is_color = parameters[end..].starts_with('m');
    is_color.then(|| &text[.."\x1b[".len() + end + 1])
}

fn push_number(text: &mut String, number: u32) {
    // Writing to a string does not fail.
    let _ = write!(text, "\\x{number:02X}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &[u8], expected: &str) {
        let text = readable(input);
        assert!(
            text == expected,
            "{:.200} is {text:.200}",
            input.escape_ascii()
        );
    }

    #[test]
    fn what_a_terminal_would_obey_is_shown_by_its_number() {
        check(b"plain", "plain");
        check("tab\tünï 커피".as_bytes(), "tab\tünï 커피");
        check(b"a windows line\r", "a windows line");
        check(b"10 %\r20 %", "10 %\\r20 %");
        check(b"caf\xe9 \xff\xfe", "caf\\xE9 \\xFF\\xFE");
        check(b"a\0b\x07c\x7f", "a\\x00b\\x07c\\x7F");
        check(b"\x1b]0;title\x07", "\\x1B]0;title\\x07");
        check(b"\x1b[2J\x1b[1A", "\\x1B[2J\\x1B[1A");
        check("\u{9b}2J".as_bytes(), "\\x9B2J");
        check(b"end \x1b[31", "end \\x1B[31");
    }

    #[test]
    fn colors_stay_and_end_with_the_line() {
        check(b"\x1b[1;32mok\x1b[0m", "\x1b[1;32mok\x1b[0m");
        check(b"\x1b[38:5:9mred", "\x1b[38:5:9mred\x1b[0m");
        check(b"\x1b[31mred\x1b[m", "\x1b[31mred\x1b[m");
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        let fits = "x".repeat(LINE_BYTES_MAX);
        check(fits.as_bytes(), &fits);
        let long = format!("{}커피", "x".repeat(LINE_BYTES_MAX - 1));
        let cut = readable(long.as_bytes());
        assert!(cut == format!("{}{CUT}", "x".repeat(LINE_BYTES_MAX - 1)));
    }
}
