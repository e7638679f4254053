//! How mistakes look.

use std::path::PathBuf;

use super::*;
use crate::SourceFile;
use crate::Sources;
use crate::accept;

fn mistakes(text: &str) -> Mistakes {
    let file = SourceFile {
        path: PathBuf::from("a.toml"),
        text: text.to_owned(),
    };
    accept(&Sources { files: vec![file] }).expect_err("it was accepted")
}

/// The underline of the first mistake, with what is above it.
#[track_caller]
fn check(line: &str, above: &str, underline: &str) {
    let mistakes = mistakes(&format!("{line}\n[sites.'a.test']\nfiles = '/a'"));
    let text = mistakes.0[0].to_string();
    let lines: Vec<_> = text.lines().skip(3).take(2).collect();
    assert_eq!(
        lines,
        [format!("1 | {above}"), format!("  | {underline}")],
        "{text}"
    );
}

#[test]
fn a_wide_letter_is_underlined_with_two_columns() {
    check("'한a국' = 1", "'한a국' = 1", "^^^^^^^");
    check("a = '한' # 온돌", "a = '한' # 온돌", "^");
    check(
        "log = { access = '한글' }",
        "log = { access = '한글' }",
        "                 ^^^^^^",
    );
    check(
        "log = { 한글 = '온', a = 1 }",
        "log = { 한글 = '온', a = 1 }",
        "        ^^^^",
    );
}

#[test]
fn a_file_cannot_move_the_cursor() {
    check("'a\u{202e}b'\t= 1", "'a\u{fffd}b' = 1", "^^^^^");
    let text = mistakes("'\\u001b[2J' = 1").to_string();
    assert!(!text.contains('\u{1b}'), "{text:?}");
}

#[test]
fn colors_are_there_when_they_are_asked_for() {
    let mistakes = mistakes("a = 1");
    assert!(!mistakes.to_string().contains('\u{1b}'));
    let colored = mistakes.render(Ink::Colored);
    assert!(
        colored.starts_with("\u{1b}[1;31merror: \u{1b}[0m"),
        "{colored:?}"
    );
}

#[test]
fn a_few_are_shown_and_the_others_counted() {
    let count = MISTAKES_MAX + 7;
    let text: String = (0..count)
        .map(|index| format!("key{index} = 1\n"))
        .collect();
    let shown = mistakes(&text).to_string();
    assert_eq!(shown.matches("error: ").count(), MISTAKES_MAX);
    assert!(shown.ends_with("and 7 more\n"), "{shown}");
}
