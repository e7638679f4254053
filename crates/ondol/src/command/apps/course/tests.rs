//! What is told of a launch, answer by answer.

use ondol_admin::api::FollowingLine;
use ondol_admin::api::Time;

use super::*;

fn following(step: &str, lines: &[(&str, &str)]) -> Following {
    let line = |(step, text): &(&str, &str)| FollowingLine {
        at: Time::from_unix_seconds(0),
        step: (*step).to_owned(),
        text: (*text).to_owned(),
    };
    Following {
        launch: 13,
        step: step.to_owned(),
        lines: lines.iter().map(line).collect(),
        next: 7,
        seen: 3,
        live: false,
        outcome: None,
    }
}

fn step(word: &str) -> Told {
    Told::Step(word.to_owned())
}

fn line(text: &str) -> Told {
    Told::Line(text.to_owned())
}

#[test]
fn each_step_is_told_once_and_before_its_lines() {
    let mut course = Course::new(Until::Live);
    let lines = [
        ("fetching", "1,000 files"),
        ("building", "\x1b[32mgcc\x1b[0m\n"),
    ];
    let (told, verdict) = course.take(following("building", &lines));
    let expected = [
        step("fetching"),
        line("1,000 files"),
        step("building"),
        line("gcc"),
    ];
    assert_eq!(
        (told.as_slice(), verdict),
        (&expected[..], Verdict::UnderWay)
    );
    assert_eq!((course.next, course.seen), (7, Some(3)));
    assert_eq!(course.now(12), "12 s  building");
    let (told, _) = course.take(following("building", &[("building", "ld")]));
    assert_eq!(told, [line("ld")]);
    let (told, _) = course.take(following("starting", &[]));
    assert_eq!(told, [step("starting")]);
}

#[test]
fn only_a_wait_that_lasts_is_told() {
    let mut course = Course::new(Until::Live);
    assert_eq!(course.take(following("waiting", &[])).0, []);
    assert_eq!(course.take(following("waiting", &[])).0, [step("waiting")]);
    let mut course = Course::new(Until::Live);
    course.take(following("waiting", &[]));
    assert_eq!(
        course.take(following("fetching", &[])).0,
        [step("fetching")]
    );
}

#[test]
fn of_one_that_others_have_followed_the_rest_is_told() {
    let mut course = Course::from_now_on(Until::Over);
    assert_eq!(course.next, u64::MAX);
    course.take(following("watching", &[]));
    assert_eq!(course.next, 7);
}

#[test]
fn a_launch_is_followed_until_it_is_where_its_owner_wants_it() {
    let live = Following {
        live: true,
        ..following("watching", &[])
    };
    let end = |good| {
        let message = "so".to_owned();
        Following {
            outcome: Some(FollowingEnd { good, message }),
            ..following("done", &[])
        }
    };
    let over = |good| Verdict::Over(good, "so".to_owned());
    let verdict = |until, following| Course::new(until).take(following).1;
    assert_eq!(verdict(Until::Live, live.clone()), Verdict::Live);
    assert_eq!(verdict(Until::Over, live), Verdict::UnderWay);
    assert_eq!(verdict(Until::Live, end(true)), over(true));
    // One that was live for a moment alone is no success.
    let taken_back = Following {
        live: true,
        ..end(false)
    };
    assert_eq!(verdict(Until::Live, taken_back), over(false));
    let (told, _) = Course::new(Until::Over).take(end(true));
    assert_eq!(told, []);
}
