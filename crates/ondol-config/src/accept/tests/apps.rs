//! What `[apps.NAME]`, `app` and `php` become.

use std::time::Duration;

use ondol_model::AppName;
use ondol_model::Target;
use ondol_model::app::ProcessName;
use ondol_model::plan::App;
use ondol_model::plan::AppHealth;
use ondol_model::plan::AppListen;
use ondol_model::plan::CronLine;
use ondol_model::plan::CronMissed;
use ondol_model::plan::CronOverlap;
use ondol_model::plan::Dotfiles;
use ondol_model::plan::EnvValue;
use ondol_model::plan::Php;
use ondol_model::plan::PhpPool;
use ondol_model::plan::PhpVia;
use ondol_model::plan::Ready;
use ondol_model::plan::Secret;
use ondol_model::plan::SwapKind;
use ondol_model::upstream::Address;

use super::*;

const SITE: &str = "[sites.'a.test']\nfiles = '/a'\n";

fn plan(text: &str) -> Plan {
    let accepted = accept(&sources(&[("/etc/ondol/ondol.toml", text)]));
    let accepted = accepted.unwrap_or_else(|mistakes| panic!("{mistakes}"));
    Arc::unwrap_or_clone(accepted.plan)
}

fn app(keys: &str) -> App {
    let [app] = <[App; 1]>::try_from(plan(&format!("{SITE}[apps.a]\n{keys}")).apps).unwrap();
    app
}

fn name(text: &str) -> AppName {
    AppName::parse(text).unwrap()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn an_app_without_keys_has_the_defaults() {
    assert_eq!(app(""), App::named(name("a")));
}

#[test]
fn every_key_of_an_app_is_taken_over() {
    let text = testdata("testdata/good/apps.toml");
    let plan = plan(&text);
    let coffee = plan.apps.iter().find(|app| app.name == name("coffee"));
    let expected = App {
        dir: Some("/etc/ondol/coffee".into()),
        run: Some("bundle exec puma -b $ONDOL_BIND".to_owned()),
        listen: Some(AppListen::Fd),
        instances: 2,
        ready: Ready::Log("Listening on".to_owned()),
        health: AppHealth {
            path: Some("/up".to_owned()),
            host: Some("coffee.test".to_owned()),
            interval: seconds(20),
            timeout: seconds(2),
        },
        swap: SwapKind::Hold,
        watch: Duration::ZERO,
        build: Some("make".to_owned()),
        release: Some("make migrate".to_owned()),
        processes: [(ProcessName::parse("worker").unwrap(), "work".to_owned())].into(),
        cron: vec![CronLine {
            at: "*/15 9-17 * * mon-fri".to_owned(),
            run: "digest".to_owned(),
            timezone: Some("Asia/Seoul".to_owned()),
            overlap: CronOverlap::Allow,
            missed: CronMissed::Skip,
            timeout: seconds(600),
        }],
        env: [
            (
                "KEY",
                EnvValue::Secret(Secret::File("/etc/ondol/key".into())),
            ),
            ("RAILS_ENV", EnvValue::Text("production".to_owned())),
            (
                "SMTP",
                EnvValue::Secret(Secret::Environment("COFFEE_SMTP".into())),
            ),
            ("THREADS", EnvValue::Text("16".to_owned())),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into(),
        env_files: vec!["/etc/ondol/coffee.env".into(), "/srv/b.env".into()],
        user: Some("coffee".to_owned()),
        memory: Some(1_000_000_000),
        cpu_thousandths: Some(1_250),
        tasks: Some(256),
        idle_stop: Some(seconds(900)),
        write: vec!["/srv/coffee/storage".into()],
        data: vec!["/srv/coffee/data".into(), "/etc/ondol/data".into()],
        after: vec![name("database")],
        start_timeout: seconds(90),
        stop_timeout: seconds(10),
        drain_timeout: seconds(300),
        releases: 3,
        ..App::named(name("coffee"))
    };
    assert_eq!(coffee, Some(&expected));
}

#[test]
fn words_that_mean_none_are_none() {
    assert_eq!(app("idle_stop = '0s'").idle_stop, None);
    assert_eq!(app("watch = '0s'").watch, Duration::ZERO);
    assert_eq!(app("cpu = 2").cpu_thousandths, Some(2_000));
    assert_eq!(app("cpu = 0.5").cpu_thousandths, Some(500));
    assert_eq!(app("health = '/up'").health.path.as_deref(), Some("/up"));
    for (text, ready) in [
        ("http", Ready::Http),
        ("connect", Ready::Connect),
        ("notify", Ready::Notify),
    ] {
        assert_eq!(app(&format!("ready = '{text}'")).ready, ready);
    }
}

#[test]
fn a_repository_is_named_as_git_does() {
    for (text, expected) in [
        ("https://github.com/me/a.git", "https://github.com/me/a.git"),
        ("https://me@github.com/me/a", "https://me@github.com/me/a"),
        (
            "ssh://git@nas.lan:2222/a.git",
            "ssh://git@nas.lan:2222/a.git",
        ),
        ("git@github.com:me/a.git", "git@github.com:me/a.git"),
        ("file:///srv/a.git", "file:///srv/a.git"),
        ("/srv/a.git", "/srv/a.git"),
        ("a.git", "/etc/ondol/a.git"),
    ] {
        let found = app(&format!("git = '{text}'")).git;
        assert_eq!(found.as_deref(), Some(expected), "{text}");
    }
}

#[test]
fn sites_and_routes_lead_to_apps() {
    let plan = plan(&testdata("testdata/good/apps.toml"));
    let site = plan.sites.first().unwrap();
    let targets: Vec<_> = site
        .routes
        .iter()
        .map(|route| (route.path.to_string(), route.target.clone()))
        .collect();
    let expected = [
        ("/shop", Target::App(name("database"))),
        ("/", Target::App(name("coffee"))),
    ];
    assert_eq!(targets, expected.map(|(path, it)| (path.to_owned(), it)));
}

#[test]
fn a_pool_that_nobody_describes_is_an_app_with_the_defaults() {
    let text = "[sites.'a.test']\nphp = { root = 'wiki', pool = 'wiki' }\n\
                [sites.'b.test']\nphp = { root = 'blog', pool = 'blog', index = 'app/main.php', hidden = true }\n\
                [apps.blog]\nphp = { program = 'php-fpm8.4', children = 3, ini = { memory_limit = '1G', short_open_tag = false, precision = 3 } }\n\
                [apps.web]\nafter = 'wiki'";
    let plan = plan(text);
    let names: Vec<_> = plan.apps.iter().map(|app| app.name.as_str()).collect();
    assert_eq!(names, ["blog", "web", "wiki"]);
    let [blog, _, wiki] = &plan.apps[..] else {
        panic!("{:?}", plan.apps)
    };
    let expected = App {
        dir: Some("/etc/ondol/wiki".into()),
        php: Some(PhpPool::default()),
        ..App::named(name("wiki"))
    };
    assert_eq!(*wiki, expected);
    let pool = blog.php.as_ref().unwrap();
    let ini: Vec<_> = pool
        .ini
        .iter()
        .map(|(name, it)| format!("{name}={it}"))
        .collect();
    assert_eq!(ini, ["memory_limit=1G", "precision=3", "short_open_tag=0"]);
    assert_eq!(
        (pool.program.as_deref(), pool.children),
        (Some("php-fpm8.4"), 3)
    );
    let target = plan.sites.get(1).and_then(|site| site.routes.first());
    let expected = Target::Php(Php {
        root: "/etc/ondol/blog".into(),
        index: "app/main.php".to_owned(),
        via: PhpVia::Pool(name("blog")),
        dotfiles: Dotfiles::Shown,
    });
    assert_eq!(target.map(|route| &route.target), Some(&expected));
}

#[test]
fn a_php_fpm_of_somebody_else_is_a_socket() {
    let tcp = |host: &str, port| Address::Tcp {
        host: host.to_owned(),
        port,
    };
    for (text, expected) in [
        ("/run/php.sock", Address::Unix("/run/php.sock".into())),
        ("unix:/run/php.sock", Address::Unix("/run/php.sock".into())),
        ("127.0.0.1:9000", tcp("127.0.0.1", 9000)),
        ("[::1]:9000", tcp("::1", 9000)),
        ("fcgi://php.lan:9000", tcp("php.lan", 9000)),
    ] {
        let plan = plan(&format!(
            "[sites.'a.test']\nphp = {{ root = '/w', socket = '{text}' }}"
        ));
        let expected = Target::Php(Php {
            root: "/w".into(),
            index: "index.php".to_owned(),
            via: PhpVia::Socket(expected),
            dotfiles: Dotfiles::Hidden,
        });
        let target = plan.sites.first().map(|site| &site.routes[0].target);
        assert_eq!(target, Some(&expected), "{text}");
        assert!(plan.apps.is_empty());
    }
}

#[test]
fn an_app_that_two_files_describe_shows_both() {
    let files = [
        ("main.toml", "[sites.'a.test']\napp = 'a'\n[apps.a]\n"),
        ("b.toml", "[apps.a]\n[apps.b]\n"),
    ];
    let mistakes = accept(&sources(&files)).expect_err("it was accepted");
    assert_eq!(mistakes.0.len(), 1, "{mistakes}");
    let text = mistakes.to_string();
    assert!(
        text.contains("--> b.toml:1:7") && text.contains("--> main.toml:3:7"),
        "{text}"
    );
}

/// Whoever waits for a circle is not told of it, each circle once; a long line of apps is no circle.
#[test]
fn apps_that_wait_for_each_other_are_told_once() {
    let line: String = (1..200)
        .map(|n| format!("[apps.a{n}]\nafter = 'a{}'\n", n - 1))
        .collect();
    assert_eq!(plan(&format!("{SITE}[apps.a0]\n{line}")).apps.len(), 200);
    let circles = "[apps.self]\nafter = 'self'\n[apps.x]\nafter = ['z', 'y']\n[apps.y]\nafter = ['z', 'x']\n[apps.z]\n[apps.w]\nafter = ['x', 'self']\n";
    let text = format!("{SITE}{circles}");
    check(
        &[("a.toml", &text)],
        &[
            "a.toml:4:9 the app `self` could never start: it does so after itself",
            "a.toml:6:15 the app `x` could never start: it does so after `y`, after itself",
        ],
    );
}

#[test]
fn there_are_only_so_many_apps() {
    let apps: String = (0..=ondol_model::limits::APPS_MAX)
        .map(|n| format!("[apps.a{n:03}]\n"))
        .collect();
    let text = format!("{SITE}{apps}");
    check(
        &[("a.toml", &text)],
        &["a.toml:259:7 this is one app more than the 256 that a box can have"],
    );
}

#[test]
fn what_may_be_a_secret_is_not_shown() {
    for env in [
        "{ A = true, TOKEN = 'hunter2' }",
        "{ TOKEN = { value = 'hunter2' } }",
        "{ TOKEN = ['hunter2'] }",
        "'TOKEN=hunter2'",
        "['TOKEN=hunter2']",
        "{ 'A B' = 'hunter2' }",
        "{ PORT = 'hunter2' }",
    ] {
        let text = format!("{SITE}[apps.a]\nenv = {env}");
        let mistakes = accept(&sources(&[("a.toml", &text)])).expect_err(env);
        let text = mistakes.to_string();
        assert!(
            !text.contains("hunter2") && text.contains("a.toml:4:"),
            "{text}"
        );
    }
}

#[test]
fn all_apps_have_the_time_zone_of_the_box() {
    let text = "[box]\ntimezone = 'Asia/Seoul'\n\
                [sites.'a.test']\nphp = { root = 'wiki', pool = 'wiki' }\n[apps.web]\ndir = 'web'";
    let plan = plan(text);
    let zones: Vec<_> = plan
        .apps
        .iter()
        .map(|app| app.timezone.as_deref())
        .collect();
    assert_eq!(zones, [Some("Asia/Seoul"); 2]);
    assert_eq!(app("").timezone, None);
}
