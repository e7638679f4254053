//! What is said of each message of a test, and whether that counts as reached.

use ondol_admin::api::AlarmSeverity;
use ondol_admin::api::Time;

use super::*;
use crate::output::Color;

const NOW: i64 = 1_772_337_906;

const SCREEN: Screen = Screen {
    width: Some(80),
    color: Color::Plain,
};

fn message(outcome: Option<&str>, next_in: i64, error: Option<&str>) -> AlarmMessage {
    let next_at = Time::from_unix_seconds(NOW + next_in);
    AlarmMessage {
        id: 7,
        incident: None,
        person: "me".to_owned(),
        channel: "email".to_owned(),
        kind: "test".to_owned(),
        severity: AlarmSeverity::Info,
        title: "A test".to_owned(),
        text: String::new(),
        queued_at: Time::from_unix_seconds(NOW),
        tries: u32::from(error.is_some()),
        next_at: outcome.is_none().then_some(next_at),
        outcome: outcome.map(str::to_owned),
        ended_at: None,
        error: error.map(str::to_owned),
    }
}

fn judged(message: &AlarmMessage, seconds: u64) -> Option<(Option<u64>, Option<String>)> {
    let fate = judge(message, NOW, Duration::from_secs(seconds));
    fate.map(|fate| (fate.took_ms, fate.why_not))
}

#[test]
fn a_message_is_followed_until_it_has_arrived_or_is_known_not_to() {
    let no = |why: &str| Some((None, Some(why.to_owned())));
    let refused = Some("mail.example.com refused the password");
    for (message, seconds, expected) in [
        (
            message(Some("delivered"), 0, None),
            2,
            Some((Some(2_000), None)),
        ),
        (
            message(Some("folded"), 0, None),
            2,
            Some((Some(2_000), None)),
        ),
        (message(None, 0, None), 2, None),
        // What is tried again soon may still arrive.
        (message(None, 5, refused), 2, None),
        (
            message(None, 300, refused),
            2,
            no("mail.example.com refused the password. It is tried again in 5 min."),
        ),
        (
            message(None, 5, refused),
            90,
            no("mail.example.com refused the password. It is tried again in 5 s."),
        ),
        (
            message(None, -1, None),
            90,
            no("Its receiver did not take it within 90 s. It is tried again now."),
        ),
        (
            message(Some("dropped"), 0, None),
            2,
            no("It is not sent any more."),
        ),
    ] {
        assert_eq!(judged(&message, seconds), expected, "{message:?}");
    }
}

#[test]
fn who_was_reached_by_one_channel_was_reached() {
    let fate = |person: &str, channel: &str, took_ms| Fate {
        person: person.to_owned(),
        channel: channel.to_owned(),
        took_ms,
        why_not: took_ms.is_none().then(|| "Nobody answered.".to_owned()),
    };
    let mut tested = Tested {
        messages: vec![
            fate("me", "email", Some(432)),
            fate("me", "ntfy", None),
            fate("spouse", "email", Some(12_345)),
        ],
        not_followed: 0,
    };
    assert_eq!(
        render(&tested, SCREEN),
        "\
PERSON  CHANNEL  ARRIVED      WHY NOT
me      email    after 0.4 s
me      ntfy     no           Nobody answered.
spouse  email    after 12 s
"
    );
    assert!(unreached(&tested).is_empty());
    tested.messages.push(fate("neighbour", "webhook", None));
    tested.not_followed = 1;
    let shown = render(&tested, SCREEN);
    assert!(shown.ends_with(
        "1 message could not be followed: look where they should arrive. A full disk is the usual reason.\n\
         Not reached at all: neighbour.\n"
    ));
}
