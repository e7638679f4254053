//! What the sections about watching become, and how sites are looked at.

use std::time::Duration;

use ondol_model::plan::Alarms;
use ondol_model::plan::Care;
use ondol_model::plan::Channel;
use ondol_model::plan::Escalation;
use ondol_model::plan::Health;
use ondol_model::plan::Heartbeat;
use ondol_model::plan::Hook;
use ondol_model::plan::Language;
use ondol_model::plan::Often;
use ondol_model::plan::Person;
use ondol_model::plan::PersonName;
use ondol_model::plan::Power;
use ondol_model::plan::Quiet;
use ondol_model::plan::Role;
use ondol_model::plan::Secret;
use ondol_model::plan::SiteCheck;
use ondol_model::plan::Smtp;
use ondol_model::plan::SmtpSecurity;
use ondol_model::plan::Statuses;
use ondol_model::plan::To;
use ondol_model::plan::Topic;
use ondol_model::plan::Ups;
use ondol_model::plan::Value;
use ondol_model::plan::Watch;

use super::*;

const SITE: &str = "[sites.'a.test']\nfiles = '/a'\n";

fn read(text: &str) -> Accepted {
    let accepted = accept(&sources(&[("/etc/ondol/ondol.toml", text)]));
    accepted.unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

fn care(keys: &str) -> Care {
    read(&format!("{keys}\n{SITE}")).plan.care.clone()
}

/// The check of the first site.
fn check_of(site: &str) -> Option<SiteCheck> {
    read(site).plan.sites[0].check.clone()
}

fn file(name: &str) -> Secret {
    Secret::File(format!("/etc/ondol/{name}").into())
}

fn plain(text: &str) -> Value {
    Value::Plain(text.to_owned())
}

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

#[test]
fn without_a_word_the_box_watches_itself_and_tells_nobody() {
    assert_eq!(care(""), Care::default());
    let empty = "[watch]\n[alarms]\n[power]\n[health]\n[people]\n[heartbeats]\n";
    assert_eq!(care(empty), Care::default());
    assert_eq!(care("[box]\nemail = 'me@example.com'"), Care::default());
}

#[test]
#[expect(clippy::too_many_lines, reason = "every key has its value")]
fn every_key_of_watching_is_taken_over() {
    let found = read(&testdata("testdata/good/care.toml"));
    let email = |address: &str| Channel::Email(address.to_owned());
    let me = Person {
        name: PersonName("me".to_owned()),
        language: Language::English,
        role: Role::Operator,
        runbook: None,
        channels: vec![
            email("me@example.com"),
            email("me@example.org"),
            Channel::Ntfy(Topic {
                url: plain("https://ntfy.sh/ondol-1"),
                token: None,
            }),
            Channel::Ntfy(Topic {
                url: Value::Secret(file("ntfy.url")),
                token: Some(Value::Secret(Secret::Environment("NTFY".into()))),
            }),
            Channel::Telegram("-1001234567890".to_owned()),
            Channel::Telegram("@alarms".to_owned()),
            Channel::Slack(Value::Secret(file("slack.url"))),
            Channel::Discord(plain("https://discord.com/api/webhooks/1/x")),
            Channel::Pushover(plain("uQiRzpo4DXghDmr9QzzfQu27cmVRsG")),
            Channel::Webhook(Hook {
                url: plain("http://nas.local/hook"),
                headers: Vec::new(),
                template: None,
            }),
            Channel::Webhook(Hook {
                url: plain("https://hooks.example.com/x"),
                headers: vec![
                    ("Authorization".to_owned(), Value::Secret(file("hook.key"))),
                    ("X-Box".to_owned(), plain("seocho")),
                ],
                template: Some("{\"t\": \"{title}\"}".to_owned()),
            }),
            Channel::Exec(vec!["/etc/ondol/bin/tell".to_owned(), "--loud".to_owned()]),
        ],
    };
    let spouse = Person {
        name: PersonName("아내".to_owned()),
        language: Language::Korean,
        role: Role::Hands,
        runbook: Some("검은 상자의 단추를 눌러 주세요.".to_owned()),
        channels: vec![Channel::Exec(vec!["tell".to_owned()])],
    };
    let heartbeat = |name: &str, (period, grace), token| Heartbeat {
        name: name.to_owned(),
        period: minutes(period),
        grace: minutes(grace),
        site: ondol_model::HostPattern::parse("a.test").unwrap(),
        token,
    };
    let step = |after, to| Escalation {
        after: minutes(after),
        to,
    };
    let person = |name: &str| To::Person(PersonName(name.to_owned()));
    let expected = Care {
        health: Health {
            listen: ["127.0.0.1:9180", "[fd00::5]:9180"]
                .map(|address| address.parse().unwrap())
                .to_vec(),
            token: Some(file("health.token")),
        },
        watch: Watch {
            interval: Duration::from_secs(30),
            internet: vec!["192.0.2.1:443".to_owned()],
            disk_warn: 20,
            disk_fail: 5,
            domains: false,
        },
        people: vec![me, spouse],
        alarms: Alarms {
            smtp: Some(Smtp {
                host: "smtp.example.com".to_owned(),
                port: 465,
                security: SmtpSecurity::Tls,
                user: Some("me@example.net".to_owned()),
                password: Some(file("smtp.key")),
                from: "me@example.net".to_owned(),
            }),
            telegram: Some(Value::Secret(Secret::Environment("BOT".into()))),
            pushover: Some(Value::Secret(file("pushover.token"))),
            escalate: vec![
                step(0, person("me")),
                step(15, person("아내")),
                step(45, To::Everybody),
            ],
            quiet: Some(Quiet {
                from: 23 * 60 + 30,
                to: 7 * 60,
            }),
            budget: 3,
            reminders: vec![minutes(30), minutes(120)],
            drill: Often::Weekly,
            heartbeat: vec![
                plain("https://hc-ping.com/x"),
                Value::Secret(file("friend.url")),
            ],
            heartbeat_interval: minutes(2),
        },
        heartbeats: vec![
            heartbeat("friend", (1, 10), Value::Secret(file("friend.token"))),
            heartbeat(
                "nas",
                (24 * 60, 60),
                plain("d3b07384-d9a0-4c9b-8f3e-6a1f0c2b7e55"),
            ),
        ],
        power: Power {
            ups: Some(Ups::Nut {
                server: "192.168.0.2:3493".to_owned(),
                name: "apc".to_owned(),
            }),
            rest_below: Some(minutes(8)),
            baseline_milliwatts: 12_500,
            price_per_kwh: Some(228_000),
            currency: "KRW".to_owned(),
        },
    };
    assert_eq!(found.plan.care, expected);
    let site = &found.plan.sites[0];
    let path = site.health.as_ref().map(|path| path.as_str());
    assert_eq!(path, Some("/ondol-health"));
    let value = |path: &str, text: &str| (path.to_owned(), text.to_owned());
    let check = SiteCheck {
        path: "/up?deep=1".to_owned(),
        status: vec![Statuses::Class(2), Statuses::One(401)],
        contains: Some("ok".to_owned()),
        max: Some(Duration::from_secs(2)),
        json: vec![
            value("checks.0.ok", "true"),
            value("db.state", "up"),
            value("n", "3"),
        ],
        timeout: Duration::from_secs(20),
    };
    assert_eq!(site.check, Some(check));
}

#[test]
fn the_owner_is_told_by_mail_where_nobody_else_is_named() {
    let smtp = "[box]\nemail = 'me@example.com'\n[alarms]\nsmtp = { host = 'smtp.example.com' }\n";
    let found = care(&format!("{smtp}escalate = 'me'\n"));
    let [me] = &found.people[..] else {
        panic!("{found:?}");
    };
    assert_eq!(me.name.0, "me");
    assert_eq!(me.channels, [Channel::Email("me@example.com".to_owned())]);
    let sent = found.alarms.smtp.expect("a server");
    assert_eq!((sent.port, sent.security), (587, SmtpSecurity::StartTls));
    assert_eq!(sent.from, "me@example.com");
    let named = care(&format!("{smtp}[people.you]\nexec = 'tell'\n"));
    let names: Vec<_> = named.people.iter().map(|it| it.name.0.as_str()).collect();
    assert_eq!(names, ["you"]);
}

#[test]
fn mail_goes_by_the_port_of_its_security() {
    for (keys, port, security) in [
        ("", 587, SmtpSecurity::StartTls),
        ("port = 465", 465, SmtpSecurity::Tls),
        ("port = 25", 25, SmtpSecurity::StartTls),
        ("security = 'tls'", 465, SmtpSecurity::Tls),
        ("security = 'none'", 25, SmtpSecurity::None),
        (
            "security = 'starttls', port = 465",
            465,
            SmtpSecurity::StartTls,
        ),
    ] {
        let comma = if keys.is_empty() { "" } else { ", " };
        let text = format!("[alarms]\nsmtp = {{ host = 'nas', from = 'a@b.test'{comma}{keys} }}");
        let smtp = care(&text).alarms.smtp.expect("a server");
        assert_eq!((smtp.port, smtp.security), (port, security), "{keys}");
    }
}

#[test]
fn how_long_a_report_may_be_late_goes_by_how_often_it_comes() {
    for (period, grace) in [("10s", 5), ("1m", 5), ("30m", 15), ("2h", 60), ("7d", 60)] {
        let text = format!(
            "[heartbeats.a]\nperiod = '{period}'\nsite = 'a.test'\ntoken = 'd3b07384-d9a0-4c9b'"
        );
        assert_eq!(care(&text).heartbeats[0].grace, minutes(grace), "{period}");
    }
}

#[test]
fn what_tells_of_power_cuts_has_a_name_a_server_or_none() {
    let nut = |server: &str| {
        Some(Ups::Nut {
            server: server.to_owned(),
            name: "ups".to_owned(),
        })
    };
    for (written, expected) in [
        ("'ups@localhost'", nut("localhost:3493")),
        ("'ups@localhost:1234'", nut("localhost:1234")),
        ("'ups@[::1]'", nut("[::1]:3493")),
        ("'ups@[fd00::1]:1'", nut("[fd00::1]:1")),
        ("'battery'", Some(Ups::Battery)),
        ("false", Some(Ups::None)),
    ] {
        let found = care(&format!("[power]\nups = {written}")).power;
        assert_eq!(found.ups, expected, "{written}");
    }
    let found = care("[power]\nrest_below = false").power;
    assert_eq!(found.rest_below, None);
}

#[test]
fn a_site_is_looked_at_unless_that_says_nothing() {
    for site in [
        SITE,
        "[sites.'a.test']\nproxy = 'http://127.0.0.1:1'\n",
        "[sites.'a.test']\nrespond = 'hello'\n",
        "[sites.'a.test']\nfiles = '/a'\ncheck = true\n",
        "[sites.'a.test']\nfiles = '/a'\ncheck = {}\n",
        "[sites.'a.test']\nfiles = '/a'\naliases = ['*.a.test']\nserve_aliases = true\n",
        "[sites.'a.test']\nfiles = '/a'\nclient_ca = 'ca.pem'\nclient_certificate = 'optional'\n",
        "[sites.'a.test']\nfiles = '/a'\nclient_ca = 'ca.pem'\n",
        "[sites.'*.a.test']\nfiles = '/a'\ncheck = true\n",
        "[[sites.'a.test'.routes]]\npath = '/x'\nfiles = '/a'\n",
        "[sites.'a.test']\nredirect = 'https://b.test'\n[[sites.'a.test'.routes]]\npath = '/x'\nfiles = '/a'\n",
        "[sites.'a.test']\nredirect = 'https://b.test'\ncheck = true\n",
        "[[sites.'a.test'.routes]]\npath = '/x'\nrespond = { status = 503 }\n",
    ] {
        assert_eq!(check_of(site), Some(SiteCheck::default()), "{site}");
    }
    for site in [
        "[sites.'a.test']\nfiles = '/a'\ncheck = false\n",
        "[sites.'a.test']\nredirect = 'https://b.test'\n",
        "[sites.'a.test']\nrespond = { status = 503 }\n",
        "[sites.'*.a.test']\nfiles = '/a'\n",
        "[sites.'a.test']\npassthrough = '192.168.0.2:443'\n",
    ] {
        assert_eq!(check_of(site), None, "{site}");
    }
    let short = check_of("[sites.'a.test']\nfiles = '/a'\ncheck = '/up'\n");
    assert_eq!(short.map(|check| check.path).as_deref(), Some("/up"));
}

#[test]
fn who_is_warned_of_a_disk_later_is_alarmed_later() {
    for (disk, expected) in [
        ("{ warn = '20%' }", (20, 3)),
        ("{ warn = '3%' }", (3, 2)),
        ("{ fail = '1%' }", (10, 1)),
    ] {
        let watch = care(&format!("[watch]\ndisk = {disk}")).watch;
        assert_eq!((watch.disk_warn, watch.disk_fail), expected, "{disk}");
    }
}

#[test]
fn no_mistake_shows_what_may_be_a_secret() {
    let secret = "5ecret";
    for keys in [
        "[people.a]\nslak = 'https://hooks.slack.com/5ecret'",
        "[people.a]\nslack = 'http://hooks.slack.com/5ecret'",
        "[people.a]\nslack = ['https://a.test/5ecret', 'https://a.test/5ecret']",
        "[people.a]\nntfy = '5ecret'",
        "[people.a]\nntfy = { url = 'https://me:5ecret@ntfy.sh/x' }",
        "[people.a]\nntfy = { ulr = 'https://ntfy.sh/5ecret' }",
        "[people.a]\npushover = '5ecret'",
        "[people.a]\ntelegram = '12:5ecret'",
        "[people.a]\nwebhook = { url = 'a.test', headers = { Authorization = '5ecret' } }",
        "[people.a]\nwebhook = { url = 'https://a.test', headers = { A = \"5ecret\\u0007\" } }",
        "[people.a]\nwebhook = { url = 'https://a.test', headers = { 'A B' = '5ecret' } }",
        "[alarms]\ntelegram = '12:5ecret'",
        "[alarms]\nheartbeat = 'http://hc-ping.com/5ecret'",
        "[alarms]\nsmtp = { host = 'a', from = 'a@b.test', user = 'a', password = '5ecret' }",
        "[alarms]\nsmtp = { host = 'a', from = 'a@b.test', user = 'a', pasword = '5ecret' }",
        "[heartbeats.a]\nperiod = '1d'\nsite = 'a.test'\ntoken = '5ecret'",
        "[health]\ntoken = '5ecret'",
    ] {
        let text = format!("{keys}\n{SITE}");
        let mistakes = accept(&sources(&[("a.toml", &text)])).expect_err(keys);
        let told = mistakes.to_string();
        assert!(!told.contains(secret), "{keys}\n{told}");
    }
    let plain = care("[people.a]\nslack = 'https://hooks.slack.com/5ecret'");
    assert!(!format!("{plain:?}").contains(secret));
}
