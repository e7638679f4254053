//! The list of events as a story that ends at the prompt.

use super::*;
use crate::output::Color;

const NOW: i64 = 1_772_337_906;

fn event(ago: i64, kind: &str, subject: &str, message: &str) -> Event {
    Event {
        id: NOW - ago,
        at: Time::from_unix_seconds(NOW - ago),
        kind: kind.to_owned(),
        subject: subject.to_owned(),
        message: message.to_owned(),
    }
}

fn shown(events: Vec<Event>, color: Color) -> String {
    let width = Some(72);
    render(
        &Events { events },
        NOW,
        Some("Asia/Seoul"),
        Screen { width, color },
    )
}

#[test]
fn the_newest_event_is_the_last_line() {
    let newest_first = vec![
        event(5, "from-a-later-version", "", "Something new."),
        event(
            200,
            "refused",
            "/etc/ondol/ondol.toml",
            "The configuration was refused:\n/etc/ondol/ondol.toml:4:1: unknown key",
        ),
        event(
            4_000,
            "generation-ready",
            "generation 7",
            "The data plane is ready.",
        ),
    ];
    assert_eq!(
        shown(newest_first, Color::Plain),
        "\
WHEN        KIND                  WHAT HAPPENED
66 min ago  generation-ready      generation 7: The data plane is ready.
3 min ago   refused               The configuration was refused:
                                  /etc/ondol/ondol.toml:4:1: unknown key
5 s ago     from-a-later-version  Something new.
"
    );
    assert_eq!(shown(Vec::new(), Color::Plain), "Nothing has happened.\n");
}

#[test]
fn old_events_have_a_date_in_the_zone_of_the_box() {
    let shown = shown(vec![event(3 * 86_400, "started", "", "Up.")], Color::Plain);
    let line = shown.lines().last().unwrap();
    assert_eq!(line, "2026-02-26 13:05  started  Up.");
}

#[test]
fn bad_news_is_red_and_good_news_green() {
    let table = [("generation-lost", 31), ("refused", 33), ("started", 32)];
    for (kind, code) in table {
        let shown = shown(vec![event(0, kind, "", "")], Color::Shown);
        assert!(
            shown.contains(&format!("\x1b[{code}m{kind}\x1b[0m")),
            "{shown}"
        );
    }
}

#[test]
fn of_a_long_message_the_beginning_and_the_end_are_shown() {
    let short: Vec<_> = (1..=13).map(|line| format!("line {line}")).collect();
    assert_eq!(shortened(&short.join("\n")), short.join("\n"));
    let long: Vec<_> = (1..=53).map(|line| format!("line {line}")).collect();
    let shown = shortened(&long.join("\n"));
    assert!(
        shown.starts_with("line 1\nline 2\nline 3\nline 4\n… 41 more: --json has them\nline 46\n"),
        "{shown}"
    );
    assert!(shown.ends_with("\nline 53"), "{shown}");
}

#[test]
fn kinds_are_known_by_their_words_and_by_what_they_begin_with() {
    assert_eq!(known("incident-opened").unwrap(), "incident-opened");
    assert_eq!(known("incident").unwrap(), "incident");
    let error = known("incidnt-opened").unwrap_err().to_string();
    assert_eq!(
        error,
        "there is no kind of event `incidnt-opened`; did you mean `incident-opened`?"
    );
    known("incid").unwrap_err();
}
