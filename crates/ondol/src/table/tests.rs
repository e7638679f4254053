//! Tables as they look, at a width and without one.

use super::*;
use crate::output::Color;

const COLUMNS: [Column; 3] = [
    Column::text("SITE"),
    Column::number("REQUESTS"),
    Column::text("WHAT"),
];

fn check(rows: &[[&str; 3]], width: Option<usize>, expected: &str) {
    let mut table = Table::new(COLUMNS);
    for row in rows {
        table.push(row.map(Cell::from));
    }
    let color = Color::Plain;
    let shown = table.render(Screen { width, color });
    assert_eq!(shown, expected, "\n{shown}");
    for line in shown.lines() {
        assert_eq!(line, line.trim_end());
        assert!(width.is_none_or(|width| line.width() <= width), "{line}");
    }
}

#[test]
fn columns_stand_under_their_heads_and_wide_letters_count_twice() {
    check(
        &[["온돌.test", "7", "one"], ["a.test", "1,234", ""]],
        None,
        "\
SITE       REQUESTS  WHAT
온돌.test         7  one
a.test        1,234
",
    );
}

#[test]
fn long_texts_wrap_between_words_and_at_the_joints_of_names() {
    check(
        &[[
            "a-very-long-name.of.example.com",
            "7",
            "The configuration was taken up: 1 site.",
        ]],
        Some(60),
        "\
SITE                      REQUESTS  WHAT
a-very-long-name.of.             7  The configuration was
example.com                         taken up: 1 site.
",
    );
}

#[test]
fn lines_of_a_text_stay_lines_and_their_indentation_too() {
    check(
        &[[
            "a",
            "7",
            "one\n  two\nhttps://example.com/a/very/long/address",
        ]],
        Some(42),
        "\
SITE  REQUESTS  WHAT
a            7  one
                  two
                https://example.com/a/
                very/long/address
",
    );
}

#[test]
fn what_cannot_give_way_any_more_is_longer_than_the_screen() {
    let mut table = Table::new([Column::word("STATE"), Column::text("WHAT")]);
    table.push(["a-long-word-of-a-state", "온돌온돌온돌온돌온돌온돌"].map(Cell::from));
    let color = Color::Plain;
    let width = Some(10);
    assert_eq!(
        table.render(Screen { width, color }),
        "\
STATE                   WHAT
a-long-word-of-a-state  온돌온돌온돌온돌온돌
                        온돌
"
    );
    assert_eq!(
        wrap("  www.blog.example.com", 16),
        ["  www.blog.", "example.com"]
    );
    assert_eq!(wrap("", 0), [""]);
    assert_eq!(wrap("온돌", 0), ["온", "돌"]);
}

#[test]
fn nothing_in_a_cell_can_move_the_cursor() {
    check(
        &[["a\x1b[2Jb\rc\td", "7", "bell\u{7}"]],
        None,
        "\
SITE        REQUESTS  WHAT
a\u{fffd}[2Jb\u{fffd}c d         7  bell\u{fffd}
",
    );
}

#[test]
fn tints_take_no_room() {
    let mut table = Table::new([Column::word("STATE"), Column::word("SINCE")]);
    table.push([Cell::new("ready", Tint::Good), Cell::from("now")]);
    let shown = table.render(Screen {
        width: Some(80),
        color: Color::Shown,
    });
    let plain = "\x1b[2mSTATE\x1b[0m  \x1b[2mSINCE\x1b[0m\n\x1b[32mready\x1b[0m  now\n";
    assert_eq!(shown, plain);
}

#[test]
fn what_others_said_moves_no_cursor() {
    assert_eq!(
        wrap("a\u{1b}[2Jb \u{9b}31mc\r", 80),
        ["a\u{fffd}[2Jb \u{fffd}31mc"]
    );
}
