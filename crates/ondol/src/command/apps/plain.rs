//! What programs write, made fit for a terminal that is not theirs: colors and whatever moves the cursor is left out.

/// The text without escape sequences and control characters. Of a line that a program wrote over (`\r`, as progress
/// bars do), the last state stays.
pub(super) fn plain(text: &str) -> String {
    let text = text.trim_end();
    let shown = text.rsplit('\r').next().unwrap_or_default();
    let mut plain = String::with_capacity(shown.len());
    let mut characters = shown.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\x1b' => match characters.peek() {
                // CSI: parameters up to a final byte. OSC: a text up to BEL or another escape.
                Some('[') => {
                    characters.next();
                    let is_final = |c: &char| ('\x40'..='\x7e').contains(c);
                    characters.by_ref().find(is_final);
                }
                Some(']') => {
                    let is_end = |c: &char| matches!(c, '\x07' | '\x1b' | '\u{9c}');
                    if characters.by_ref().find(is_end) == Some('\x1b') {
                        characters.next();
                    }
                }
                Some(_) | None => drop(characters.next()),
            },
            '\t' => plain.push_str("    "),
            control if control.is_control() => {}
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn whatever_is_written_moves_no_cursor(written in "(\\PC|[\\x00-\\x20\\x1b\\[\\];m])*") {
            prop_assert!(!plain(&written).contains(char::is_control));
        }
    }

    #[test]
    fn nothing_of_what_a_program_writes_reaches_into_the_terminal() {
        let table = [
            ("plain 온돌\n", "plain 온돌"),
            ("\x1b[1;32mgreen\x1b[0m!", "green!"),
            ("\x1b]0;title\x07text", "text"),
            ("\x1b]8;;http://x\x1b\\link", "link"),
            ("a\tb\x08\x00c", "a    bc"),
            ("10 %\r50 %\r100 %\r\n", "100 %"),
            ("\x1b(Bx\x1b", "Bx"),
            ("\x1b[3", ""),
        ];
        for (written, shown) in table {
            assert_eq!(plain(written), shown, "{written:?}");
        }
    }
}
