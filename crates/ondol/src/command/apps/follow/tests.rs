//! How a launch looks on the screen.

use super::*;
use crate::output::Color;

#[test]
fn lines_stand_below_their_step_with_its_time() {
    let screen = Screen {
        width: Some(80),
        color: Color::Plain,
    };
    let told = [
        Told::Step("building".to_owned()),
        Told::Line("Bundle complete!".to_owned()),
        Told::Line(String::new()),
    ];
    assert_eq!(
        lines(&told, 12, screen),
        "   12 s  building\n         Bundle complete!\n\n"
    );
    let color = Color::Shown;
    let shown = lines(&told, 12, Screen { color, ..screen });
    assert!(shown.contains("\x1b[1mbuilding\x1b[0m"), "{shown}");
}
