//! Logs of sites beside the box's own, and requests that have no line.

use ondol_model::plan::LogName;
use ondol_model::plan::LogTo;

use super::*;

fn to(name: &str) -> SiteLog {
    SiteLog {
        to: LogTo::File(LogName::parse(name).unwrap()),
        sample: None,
    }
}

fn named(names: &[&str]) -> Settings {
    Settings {
        names: names.iter().map(|name| Some((*name).into())).collect(),
        ..settings()
    }
}

#[test]
fn each_site_has_its_lines_in_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("access.log");
    let running = Running::start_with(&own, named(&["a.log", "b.log"]));
    let nowhere = SiteLog {
        to: LogTo::Nowhere,
        sample: None,
    };
    let mut recorder = running.log.recorder();
    // The last one is of a plan that is not served any more.
    let logs = [to("a.log"), to("b.log"), SiteLog::BOX, nowhere, to("c.log")];
    for (number, log) in (0..5_000).zip(logs.iter().cycle()) {
        let target = format!("/{number}");
        let entry = Entry {
            target: &target,
            ..entry()
        };
        recorder.record(&entry, log);
    }
    drop(recorder);
    running.log.close();
    for (name, places) in [
        ("a.log", &[0][..]),
        ("b.log", &[1]),
        ("access.log", &[2, 4]),
    ] {
        let expected: Vec<u64> = (0..5_000)
            .filter(|number| places.contains(&(number % 5)))
            .collect();
        assert_eq!(numbers(&folder.path().join(name)), expected, "{name}");
    }
    assert!(!folder.path().join("c.log").exists());
}

#[test]
fn a_file_that_can_not_be_written_holds_no_other_up_and_loses_only_what_has_no_room() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("access.log");
    fs::create_dir(folder.path().join("a.log")).unwrap();
    let running = Running::start_with(&own, named(&["a.log"]));
    let mut recorder = running.log.recorder();
    let target = |number: u64| format!("/{number}");
    for number in 0..10 {
        let entry = Entry {
            target: &target(number),
            ..entry()
        };
        recorder.record(&entry, &to("a.log"));
        recorder.record(&entry, &SiteLog::BOX);
    }
    recorder.flush();
    wait_until("the others are written", || {
        running.log.counts().lines == 10
    });
    wait_until("it is told", || !running.notices().is_empty());
    fs::remove_dir(folder.path().join("a.log")).unwrap();
    running.log.wake();
    wait_until("it recovers", || running.notices().len() == 2);
    assert_eq!(running.notices()[1], "recovered 0");
    assert_eq!(
        numbers(&folder.path().join("a.log")),
        (0..10).collect::<Vec<_>>()
    );
    drop(recorder);
    running.log.close();
}

#[test]
fn lines_that_wait_for_one_file_cost_no_other_file_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("access.log");
    fs::create_dir(folder.path().join("a.log")).unwrap();
    let running = Running::start_with(&own, named(&["a.log"]));
    let mut recorder = running.log.recorder();
    wait_until("there is no more room for those that wait", || {
        recorder.record(&entry(), &to("a.log"));
        recorder.flush();
        running.log.counts().dropped > 0
    });
    record(&mut recorder, 0..10);
    wait_until("the others are written", || {
        recorder.flush();
        running.log.counts().lines == 10
    });
    drop(recorder);
    running.log.close();
    assert_eq!(numbers(&own), (0..10).collect::<Vec<_>>());
}

#[test]
fn other_settings_are_taken_up_and_old_files_stay() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start_with(&folder.path().join("access.log"), named(&["a.log"]));
    let mut recorder = running.log.recorder();
    recorder.record(&entry(), &to("a.log"));
    running.log.configure(named(&["b.log"]));
    drop(recorder);
    let mut recorder = running.log.recorder();
    recorder.record(&entry(), &to("b.log"));
    drop(recorder);
    running.log.close();
    for name in ["a.log", "b.log"] {
        let text = fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(text.lines().count(), 1, "{name}");
    }
}

#[test]
fn of_what_went_well_a_share_has_lines_and_of_all_else_everything() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("access.log");
    let tenth = Share::of_millionths(100_000).unwrap();
    let of_box = Settings {
        format: AccessLogFormat::Json,
        sample: tenth,
        ..settings()
    };
    let running = Running::start_with(&own, of_box);
    let mut recorder = running.log.recorder();
    let all = SiteLog {
        to: LogTo::Box,
        sample: Some(Share::ALL),
    };
    for number in 0..1_000_u64 {
        let request_id = RequestId(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let of = |status, failure| Entry {
            status,
            failure,
            request_id: request_id.into(),
            ..entry()
        };
        recorder.record(&of(200, None), &SiteLog::BOX);
        recorder.record(&of(304, None), &SiteLog::BOX);
        recorder.record(&of(200, Some("cut")), &SiteLog::BOX);
        recorder.record(&of(404, None), &SiteLog::BOX);
        recorder.record(&of(101, None), &SiteLog::BOX);
        recorder.record(&of(204, None), &all);
    }
    drop(recorder);
    running.log.close();
    let text = fs::read_to_string(&own).unwrap();
    let count = |part: &str| text.lines().filter(|line| line.contains(part)).count();
    let sampled = count(r#""failure":null,"sample":0.1}"#);
    assert!((190..=210).contains(&sampled), "{sampled}");
    assert_eq!(
        count(r#""status":304"#),
        sampled / 2,
        "the id decides, and nothing else"
    );
    for (part, lines) in [
        (r#""failure":"cut","sample":1}"#, 1_000),
        (r#""status":404"#, 1_000),
        (r#""status":101"#, 1_000),
        (r#""status":204"#, 1_000),
    ] {
        assert_eq!(count(part), lines, "{part}");
    }
}
