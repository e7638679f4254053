//! A line for `sh` whose shell gives way to its last command, so that the app is the process that was started: signals
//! reach it, and `LISTEN_PID` is its own.

use crate::settings::env_file::is_name;

/// Words that a command can't begin with when the shell gives way to it: they are the shell's own.
const OWN: [&str; 49] = [
    "!", ".", ":", "[[", "alias", "bg", "break", "case", "cd", "command", "continue", "declare",
    "do", "done", "elif", "else", "esac", "eval", "exec", "exit", "export", "false", "fg", "fi",
    "for", "function", "getopts", "hash", "if", "local", "read", "readonly", "return", "set",
    "shift", "source", "then", "times", "trap", "true", "type", "ulimit", "umask", "unset",
    "until", "wait", "while", "{", "}",
];

/// The line with `exec` before its last command, where that surely means the same: the line is one simple command, or
/// several that are joined by `&&` and `;`. Any other line is left as it is.
pub(crate) fn giving_way(line: &str) -> String {
    last_command(line)
        .filter(|start| can_be_executed(&line[*start..]))
        .map_or_else(
            || line.to_owned(),
            |start| {
                let words = &line[start..];
                let at = start + assignments(words);
                format!("{}exec {}", &line[..at], &line[at..])
            },
        )
}

/// Where the last command begins; `None` when the shell has more to do with it than to start it.
fn last_command(line: &str) -> Option<usize> {
    let mut start = 0;
    let mut bytes = line.bytes().enumerate().peekable();
    let mut before = b' ';
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' => {
                bytes.next()?;
            }
            b'\'' => {
                bytes.find(|(_, byte)| *byte == b'\'')?;
            }
            b'"' => loop {
                match bytes.next()?.1 {
                    b'"' => break,
                    b'\\' => {
                        bytes.next()?;
                    }
                    // What is in it may have quotes of its own.
                    b'`' => return None,
                    b'$' if bytes.peek().is_some_and(|(_, byte)| *byte == b'(') => return None,
                    _ => {}
                }
            },
            b'&' if before == b'>' || before == b'<' => {}
            b'&' if bytes.peek().is_some_and(|(_, byte)| *byte == b'&') => {
                bytes.next();
                start = at + 2;
            }
            b'&' if bytes.peek().is_some_and(|(_, byte)| *byte == b'>') => return None,
            b'|' if before == b'>' => {}
            b';' if bytes.peek().is_none_or(|(_, byte)| *byte != b';') => start = at + 1,
            b'&' | b';' | b'|' | b'(' | b')' | b'`' | b'\n' => return None,
            b'#' if before.is_ascii_whitespace() || before == b';' => return None,
            b'<' if before == b'<' => return None,
            _ => {}
        }
        before = byte;
    }
    // What comes before may open what the last command only ends.
    let opens =
        |word: &str| ["if", "for", "while", "until", "case", "{", "function"].contains(&word);
    let is_plain = !line[..start].split_whitespace().any(opens);
    is_plain.then_some(start)
}

fn can_be_executed(command: &str) -> bool {
    let words = &command[assignments(command)..];
    // One with `=` gives a variable a value that was too much for us.
    let first = words
        .split_whitespace()
        .next()
        .filter(|first| !first.contains('='));
    first
        .is_some_and(|first| !OWN.contains(&first) && !first.starts_with(['<', '>', '~', '$', '-']))
        && !words.starts_with(|digit: char| digit.is_ascii_digit())
}

/// The length of what stands before the command's name: blanks, and `NAME=value` with a plain value.
fn assignments(command: &str) -> usize {
    let mut rest = command.trim_start();
    loop {
        let word = rest.split_whitespace().next().unwrap_or_default();
        let is_assignment = word.split_once('=').is_some_and(|(name, value)| {
            let is_plain = |byte: u8| !matches!(byte, b'\'' | b'"' | b'\\' | b'<' | b'>');
            is_name(name) && value.bytes().all(is_plain)
        });
        if !is_assignment {
            return command.len() - rest.len();
        }
        rest = rest[word.len()..].trim_start();
    }
}

#[cfg(test)]
mod tests;
