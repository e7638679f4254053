//! Whole messages, as people get them. What is expected lies beside, for reading: `english.txt`, `korean.txt`.

use super::*;

#[test]
fn every_kind_of_message_reads_as_written_beside() {
    let english = [Role::Operator, Role::Hands].map(|role| messages(Language::English, role));
    assert_eq!(english.concat(), include_str!("english.txt"));
    let korean = [Role::Operator, Role::Hands].map(|role| messages(Language::Korean, role));
    assert_eq!(korean.concat(), include_str!("korean.txt"));
}

/// One of each kind.
fn messages(language: Language, role: Role) -> String {
    let mut telling = telling(language, role);
    let site = Subject::Site("blog.example.com".into());
    let finding = Finding::saying(What::NoAnswer, "connection refused");
    let also: Vec<_> = (1..9).map(|n| Subject::App(format!("app{n}"))).collect();
    let mut story = story(&site, &finding);
    let mut all = vec![problem(&telling, &story)];
    telling.runbook = Some(match language {
        Language::English => "press the button of the black box beside the router\n",
        Language::Korean => "거실 공유기 옆 검은 상자의 전원을 눌러 주세요",
    });
    (story.also, story.now) = (&also, at(26, 10));
    all.push(reminder(&telling, &story));
    story.ended_at = Some(at(26, 30));
    all.push(recovery(&telling, &story));

    let past = summed_up(&telling);
    let summed = |past: &[Past]| summary(&telling, at(14, 2), at(16, 45), past);
    all.extend([summed(&[]), summed(&past[..1]), summed(&past[..2])]);
    all.push(late(&telling, summed(&past), 43));
    all.push(digest(&telling, &past[1..2]));
    all.extend([test(&telling), drill(&telling)]);

    let said = |text: &str| vec![text.to_owned()];
    let evidence = said("the journal ends in the middle of a line");
    for away in [Away::PowerCut, Away::Shutdown, Away::Rest, Away::Crash] {
        all.push(back(&telling, away, 25_920, &evidence, &[], &[]));
    }
    let (damage, not_back) = (said("a.db: row 3 is wrong"), said("app coffee"));
    all.push(back(&telling, Away::PowerCut, 10, &[], &damage, &not_back));
    let shown = all.iter();
    shown
        .map(|words| format!("# {}\n{}\n\n", words.title, words.text))
        .collect()
}

fn summed_up(telling: &Telling<'_>) -> Vec<Past> {
    let of = |subject: &Subject, what: What, from, to| Past {
        title: problem_title(telling, subject, what),
        began_at: from,
        ended_at: to,
    };
    let internet = of(
        &Subject::Internet,
        What::InternetAway,
        at(14, 2),
        Some(at(16, 45)),
    );
    let dns = of(&Subject::Dns, What::DnsSilent, at(-2, 0), Some(at(15, 0)));
    let app = of(
        &Subject::App("coffee".into()),
        What::AppFailed,
        at(15, 2),
        None,
    );
    vec![internet, dns, app]
}

fn problem_title(telling: &Telling<'_>, subject: &Subject, what: What) -> String {
    problem(telling, &story(subject, &Finding::of(what))).title
}

#[test]
fn a_long_list_is_cut_and_says_so() {
    let telling = telling(Language::English, Role::Operator);
    let one = |n: i64| Past {
        title: format!("app a{n} ends again and again"),
        began_at: at(1, 0),
        ended_at: Some(at(2, 0)),
    };
    let past: Vec<_> = (0..10_000).map(one).collect();
    let words = summary(&telling, at(0, 0), at(3, 0), &past);
    assert_eq!(words.title, "home: 10000 problems meanwhile, all well now");
    assert_eq!(words.text.lines().count(), 23);
    assert!(
        words
            .text
            .ends_with("- and 9980 more; see `ondol alarm list --all`")
    );
}

#[test]
fn a_length_of_time_has_its_two_largest_units() {
    let table = [
        (0, "0 s", "0초"),
        (59, "59 s", "59초"),
        (60, "1 min", "1분"),
        (3_599, "59 min", "59분"),
        (3_600, "1 h", "1시간"),
        (25_920, "7 h 12 min", "7시간 12분"),
        (86_399, "23 h 59 min", "23시간 59분"),
        (86_400, "1 day", "1일"),
        (90_000, "1 day 1 h", "1일 1시간"),
        (10 * 86_400 + 59, "10 days", "10일"),
        (
            u64::MAX,
            "213503982334601 days 7 h",
            "213503982334601일 7시간",
        ),
    ];
    for (seconds, english, korean) in table {
        assert_eq!(span(Language::English, seconds), english);
        assert_eq!(span(Language::Korean, seconds), korean);
    }
}

/// A clock that was set back must not make a time that never was.
#[test]
fn an_end_before_its_begin_is_no_time() {
    let telling = telling(Language::English, Role::Operator);
    let finding = Finding::of(What::InternetAway);
    let mut story = story(&Subject::Internet, &finding);
    story.ended_at = Some(at(21, 0));
    let words = recovery(&telling, &story);
    assert!(words.text.contains("It lasted 0 s"), "{}", words.text);
}
