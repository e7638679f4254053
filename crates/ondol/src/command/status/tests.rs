//! The screen of a box that is well, and of one that is not.

use ondol_admin::api;
use ondol_admin::api::AlarmSeverity;
use ondol_admin::api::AppState;
use ondol_admin::api::Generation;
use ondol_admin::api::GenerationState;
use ondol_admin::api::HealthState;
use ondol_admin::api::Incident;
use ondol_admin::api::LastReload;
use ondol_admin::api::Listener;
use ondol_admin::api::PowerSource;
use ondol_admin::api::Service;
use ondol_admin::api::Time;
use ondol_admin::api::WatchChannel;
use ondol_admin::api::WatchHeartbeat;
use ondol_admin::api::WatchPerson;
use ondol_admin::api::WatchPower;
use ondol_admin::api::WatchSubject;

use super::*;
use crate::command::apps::tests::app;
use crate::output::Color;

pub(in crate::command) const NOW: i64 = 1_772_337_906;

pub(super) const SCREEN: Screen = Screen {
    width: Some(80),
    color: Color::Plain,
};

pub(super) fn ago(seconds: i64) -> Time {
    Time::from_unix_seconds(NOW - seconds)
}

pub(crate) fn healthy() -> Status {
    let version = "0.1.0".to_owned();
    let listener = |address: &str, protocol: &str| Listener {
        address: address.to_owned(),
        protocol: protocol.to_owned(),
    };
    Status {
        box_name: "seocho".to_owned(),
        timezone: None,
        version: version.clone(),
        pid: 4_711,
        started_at: ago(300_000),
        revision: 4,
        configuration: "/etc/ondol/ondol.toml".to_owned(),
        last_reload: None,
        on_last_good: false,
        on_last_good_reason: None,
        generation: Some(7),
        generations: vec![Generation {
            number: 7,
            pid: 4_712,
            state: GenerationState::Ready,
            since: ago(180),
            connections: 42,
            requests: 18_302,
            version,
        }],
        listeners: vec![listener("[::]:80", "http"), listener("[::]:443", "https")],
        sites: 1,
        certificates: 2,
        stand_ins: 0,
        certificate_problems: Vec::new(),
        connections: 42,
        requests: 19_202,
        log_lines_dropped: 0,
        servers: Vec::new(),
        apps: Vec::new(),
        backups: api::Backups::default(),
        watch: Watch::default(),
        warnings: Vec::new(),
        services: vec![service("running", None)],
    }
}

pub(super) fn service(state: &str, last_error: Option<&str>) -> Service {
    Service {
        name: "certificates".to_owned(),
        state: state.to_owned(),
        since: ago(30),
        restarts: 6,
        last_error: last_error.map(str::to_owned),
    }
}

fn subject(subject: &str, state: HealthState) -> WatchSubject {
    let (kind, name) = subject.split_once(':').unwrap_or((subject, ""));
    WatchSubject {
        subject: subject.to_owned(),
        kind: kind.to_owned(),
        name: name.to_owned(),
        state,
        since: ago(600),
        sentence: String::new(),
        seen_at: Some(ago(20)),
        took_ms: None,
        uptime: None,
        values: std::collections::BTreeMap::new(),
        silenced_until: None,
    }
}

/// A box whose blog is down.
pub(crate) fn watched() -> Vec<WatchSubject> {
    let mut blog = subject("site:blog.example.com", HealthState::Fail);
    blog.sentence = "blog.example.com answers with status 502.".to_owned();
    blog.uptime = Some(0.9985);
    blog.took_ms = Some(1_250);
    let mut shop = subject("site:shop.example.com", HealthState::Pass);
    shop.took_ms = Some(31);
    shop.uptime = Some(1.0);
    let internet = subject("internet", HealthState::Unknown);
    vec![internet, blog, shop]
}

fn people() -> Vec<WatchPerson> {
    let channel = |channel: &str, seconds: Option<i64>| WatchChannel {
        channel: channel.to_owned(),
        delivered_at: seconds.map(ago),
        trouble: None,
    };
    let person = |name: &str, channels| WatchPerson {
        name: name.to_owned(),
        channels,
        answered_at: None,
    };
    vec![
        person("me", vec![channel("email", Some(300_000))]),
        person("spouse", vec![channel("ntfy", None)]),
    ]
}

fn incident() -> Incident {
    Incident {
        id: 8,
        subject: "app:blog".to_owned(),
        also: vec!["site:blog.example.com".to_owned()],
        severity: AlarmSeverity::Critical,
        began_at: ago(720),
        ended_at: None,
        sentence: "blog ends again and again".to_owned(),
        acknowledged_by: None,
        told: vec!["me".to_owned()],
    }
}

/// The same box, in the time zone of its owner.
fn home() -> Status {
    let mut status = Status {
        timezone: Some("Asia/Seoul".to_owned()),
        sites: 2,
        apps: vec![app("coffee", AppState::Running)],
        ..healthy()
    };
    status.watch.people = people();
    status
}

#[test]
fn a_box_that_is_well_says_so_first() {
    let mut status = home();
    let mut subjects = watched();
    subjects[1].state = HealthState::Pass;
    status.watch.subjects = subjects;
    status.watch.power = WatchPower {
        state: PowerSource::Mains,
        source: "ups@localhost".to_owned(),
        charge: Some(1.0),
        runtime_seconds: Some(3_240),
        watts: Some(12.44),
        cost: Some("2,800 KRW a month".to_owned()),
        ..WatchPower::default()
    };
    status.watch.heartbeat_at = Some(ago(20));
    status.watch.heartbeats = vec![WatchHeartbeat {
        name: "parents".to_owned(),
        state: HealthState::Pass,
        last_at: None,
        said: String::new(),
    }];
    let shown = render(&status, NOW, SCREEN);
    assert_eq!(
        shown,
        "\
seocho: all is well (Ondol 0.1.0, up for 3 days)

sites          2 up (blog.example.com, shop.example.com); the slowest answers in
               1.2 s (blog.example.com); 2 certificates
visitors       42 connections, 19,202 requests since the start
apps           1 running (coffee at withcoffee.app)
backups        none: nothing of this box is saved elsewhere
power          mains (ups@localhost, 100 %, 54 min), 12.4 W, 2,800 KRW a month
alarms         me, spouse are told; the last message arrived 3 days ago
outside        heard from this box 20 s ago
others' jobs   1 well (parents)
"
    );
    assert!(shown.lines().count() < 24);
}

#[test]
fn what_is_not_well_stands_first_with_who_knows_of_it() {
    let mut status = home();
    status.watch.subjects = watched();
    status.watch.incidents = vec![incident()];
    status.watch.outbox = 2;
    status.watch.outbox_since = Some(ago(700));
    // What the incident tells is not told again.
    let mut blog = app("blog", AppState::Failed);
    blog.note = "web.1 ended 5 times within a minute".to_owned();
    status.apps.push(blog);
    let reason = "unknown key `flies`; correct it and run `ondol reload`";
    status.on_last_good = true;
    status.on_last_good_reason = Some(reason.to_owned());
    assert_eq!(
        render(&status, NOW, SCREEN),
        "\
seocho: 2 things are not well (Ondol 0.1.0, up for 3 days)
✗ blog ends again and again. With it: blog.example.com. Since 2026-03-01 12:53
  (12 min). me was told; `ondol alarm ack 8` answers.
! The last good configuration is served instead of /etc/ondol/ondol.toml:
  unknown key `flies`; correct it and run `ondol reload`

sites          1 down (blog.example.com), 1 up (shop.example.com); the slowest
               answers in 1.2 s (blog.example.com); 2 certificates
visitors       42 connections, 19,202 requests since the start
apps           1 failed (blog at withcoffee.app), 1 running (coffee at
               withcoffee.app)
backups        none: nothing of this box is saved elsewhere
alarms         me, spouse are told; the last message arrived 3 days ago; 2
               messages wait for 11 min
"
    );
    status.watch.incidents[0].acknowledged_by = Some("spouse".to_owned());
    let shown = render(&status, NOW, SCREEN);
    assert!(shown.contains("spouse looks after it."), "{shown}");
}

#[test]
fn what_is_silenced_is_seen() {
    let mut status = home();
    status.watch.subjects = watched();
    status.watch.subjects[1].silenced_until = Some(ago(-7_200));
    let told = Vec::new();
    status.watch.incidents = vec![Incident {
        subject: "site:blog.example.com".to_owned(),
        told,
        ..incident()
    }];
    let shown = render(
        &status,
        NOW,
        Screen {
            width: None,
            ..SCREEN
        },
    );
    for part in [
        "Nobody is told: it is silenced.",
        "· Nobody is told of site:blog.example.com until 2026-03-01 15:05: `ondol alarm silence site:blog.example.com --off` ends that.",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    // One that is over is none.
    status.watch.subjects[1].silenced_until = Some(ago(1));
    let shown = render(&status, NOW, SCREEN);
    assert!(
        shown.contains("Nobody was told yet.") && !shown.contains("silence"),
        "{shown}"
    );
}

#[test]
fn what_nobody_watches_is_told_all_the_same() {
    let mut status = healthy();
    status.generations.clear();
    status.services = vec![service("failed", Some("cannot read chain.pem"))];
    status.last_reload = Some(LastReload {
        at: ago(130),
        outcome: "refused: 2 mistakes in /etc/ondol/sites/blog.toml".to_owned(),
    });
    assert_eq!(
        render(&status, NOW, SCREEN),
        "\
seocho: 2 things are not well (Ondol 0.1.0, up for 3 days)
✗ No data plane is running: visitors are not served.
! Ondol's part for certificates does not run (failed): cannot read chain.pem

sites          1 site, 2 certificates
visitors       42 connections, 19,202 requests since the start
backups        none: nothing of this box is saved elsewhere
alarms         nobody is told: [people] in the configuration says who is
last reload    2 min ago: refused: 2 mistakes in /etc/ondol/sites/blog.toml
"
    );
}

#[test]
fn however_much_is_wrong_the_screen_does_not_scroll() {
    let mut status = home();
    status.watch.incidents = (0..40).map(|id| Incident { id, ..incident() }).collect();
    status.warnings = (0..10)
        .map(|number| format!("This kernel lacks the thing number {number}."))
        .collect();
    let shown = render(&status, NOW, SCREEN);
    assert!(
        shown.starts_with("seocho: 40 things are not well "),
        "{shown}"
    );
    assert!(shown.contains("  and 34 more: `ondol status --verbose` shows all\n"));
    assert!(
        shown.ends_with("  7 more remarks: `ondol status --verbose`\n"),
        "{shown}"
    );
}

#[test]
fn the_first_line_has_the_color_of_the_worst() {
    let color = |status: &Status| {
        let color = Color::Shown;
        let shown = render(status, NOW, Screen { color, ..SCREEN });
        shown.lines().next().unwrap().to_owned()
    };
    let mut status = healthy();
    assert!(color(&status).contains("\x1b[32mnothing is known to be wrong"));
    status.watch.incidents = vec![incident()];
    assert!(color(&status).contains("\x1b[31mone thing is not well"));
    status.watch.incidents[0].severity = AlarmSeverity::Warning;
    assert!(color(&status).contains("\x1b[33mone thing is not well"));
    assert!(!render(&status, NOW, SCREEN).contains('\x1b'));
}
