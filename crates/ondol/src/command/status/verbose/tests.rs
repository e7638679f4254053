//! The screen of a healthy box, and of one in trouble.

use ondol_admin::api::AppState;
use ondol_admin::api::LastReload;
use ondol_admin::api::Server;

use super::*;
use crate::command::apps::tests::app;
use crate::command::status::tests::NOW;
use crate::command::status::tests::SCREEN;
use crate::command::status::tests::ago;
use crate::command::status::tests::healthy;
use crate::command::status::tests::service;
use crate::command::status::tests::watched;
use crate::output::Color;

#[test]
fn a_healthy_box_fits_in_eight_lines() {
    assert_eq!(
        render(&healthy(), NOW, SCREEN),
        "\
seocho: Ondol 0.1.0, up for 3 days, process 4711
configuration  /etc/ondol/ondol.toml, revision 4
serving        1 site, 2 certificates
listening on   [::]:80 (http), [::]:443 (https)
now            42 connections, 19,202 requests since the start
backups        none: nothing of this box is saved elsewhere

DATA PLANE  PROCESS  STATE  SINCE      CONNECTIONS  REQUESTS  VERSION
         7     4712  ready  3 min ago           42    18,302  0.1.0
"
    );
}

#[test]
fn apps_say_how_they_are_and_what_troubles_them() {
    let mut wiki = app("wiki", AppState::Failed);
    wiki.note = "web.1 ended 5 times within a minute".to_owned();
    wiki.sites.clear();
    let status = Status {
        apps: vec![app("coffee", AppState::Running), wiki],
        ..healthy()
    };
    let shown = render(&status, NOW, SCREEN);
    let (_, apps) = shown.split_once("0.1.0\n\n").unwrap();
    assert_eq!(
        apps,
        "\
APP     STATE    RELEASE  SINCE      REQUESTS  SITES
coffee  running  5        3 min ago    18,302  withcoffee.app
wiki    failed   5        3 min ago    18,302

! wiki: web.1 ended 5 times within a minute
"
    );
}

#[test]
fn trouble_stands_at_the_end() {
    let status = Status {
        last_reload: Some(LastReload {
            at: ago(130),
            outcome: "refused: 2 mistakes in /etc/ondol/sites/blog.toml".to_owned(),
        }),
        on_last_good: true,
        on_last_good_reason: Some(
            "unknown key `flies`; correct it and run `ondol reload`".to_owned(),
        ),
        generations: Vec::new(),
        warnings: vec!["This kernel has no Landlock.".to_owned()],
        services: vec![service(
            "failed",
            Some("cannot read chain.pem: permission denied"),
        )],
        ..healthy()
    };
    let shown = render(&status, NOW, SCREEN);
    let reload = "last reload    2 min ago: refused: 2 mistakes in /etc/ondol/sites/blog.toml\n";
    assert!(shown.contains(reload), "{shown}");
    let (_, trouble) = shown.split_once("\n\n").unwrap();
    assert_eq!(
        trouble,
        "\
No data plane is running: visitors are not served.

SERVICE       STATE   SINCE     RESTARTS  LAST ERROR
certificates  failed  30 s ago         6  cannot read chain.pem: permission
                                          denied

! This kernel has no Landlock.
! The last good configuration is served instead of /etc/ondol/ondol.toml:
  unknown key `flies`; correct it and run `ondol reload`
"
    );
}

#[test]
fn states_have_their_color_on_a_terminal_alone() {
    let color = Color::Shown;
    let shown = render(&healthy(), NOW, Screen { color, ..SCREEN });
    assert!(shown.contains("\x1b[32mready\x1b[0m"), "{shown}");
    assert!(!render(&healthy(), NOW, SCREEN).contains('\x1b'));
}

#[test]
fn servers_behind_the_sites_say_how_they_are() {
    let mut status = healthy();
    let server = |port: u16, trouble: Option<&str>| Server {
        address: format!("http://10.0.0.2:{port}"),
        sites: vec!["a.test".to_owned(), "b.test".to_owned()],
        requests: 3,
        trouble: trouble.map(str::to_owned),
    };
    status.servers = vec![
        server(3000, None),
        server(3001, Some("its health check got status 500")),
    ];
    let text = render(&status, NOW, SCREEN);
    let lines: Vec<_> = text.lines().collect();
    let line = |what: &str| {
        let found = lines.iter().find(|line| line.contains(what));
        *found.unwrap_or_else(|| panic!("{what}: {text}"))
    };
    assert!(line(":3000").contains("up") && line(":3000").contains("a.test, b.test"));
    assert!(
        line(":3001").contains("down")
            && text.contains("its health check got")
            && text.contains("status 500"),
        "{text}"
    );
}

#[test]
fn certificates_that_issuers_do_not_give_are_told_of() {
    let problem = |name: &str, message: &str, next: Option<i64>| api::CertProblem {
        name: name.to_owned(),
        message: message.to_owned(),
        meanwhile: Some("The one in use is good for now.".to_owned()).filter(|_| next.is_none()),
        next_at: next.map(|seconds| ago(-seconds)),
    };
    let mut status = healthy();
    status.sites = 5;
    status.stand_ins = 2;
    status.certificate_problems = vec![
        problem(
            "withcoffee.app",
            "withcoffee.app points to 203.0.113.7, this box is 198.51.100.2 (failed 3 times). \
             Visitors get a certificate of Ondol's own CA for now, which browsers warn of.",
            Some(540),
        ),
        problem("shop.example.com", "the disk is full.", None),
    ];
    status.warnings = vec!["This kernel has no Landlock.".to_owned()];
    let shown = render(&status, NOW, SCREEN);
    let serving = "\
serving        5 sites, 2 certificates
own CA         2 sites for now, until an issuer gives a certificate
listening on";
    assert!(shown.contains(serving), "{shown}");
    let (_, trouble) = shown.split_once("\n\n! ").unwrap();
    assert_eq!(
        trouble,
        "\
withcoffee.app points to 203.0.113.7, this box is 198.51.100.2 (failed 3
  times). Visitors get a certificate of Ondol's own CA for now, which browsers
  warn of. The next try is in 9 min.
! shop.example.com: the disk is full. The one in use is good for now.
! This kernel has no Landlock.
"
    );
    let many = |number| format!("{number}.example.com");
    let each =
        (0..12).map(|number| problem(&many(number), &format!("no answer {number}."), Some(-1)));
    status.certificate_problems = each.collect();
    let shown = render(&status, NOW, SCREEN);
    assert!(shown.contains("! 9.example.com: no answer 9. The next try is now.\n"));
    assert!(!shown.contains("10.example.com"), "{shown}");
    assert!(shown.contains("! 2 more like these about certificates: `ondol certs` shows all.\n"));
}

#[test]
fn everything_that_is_watched_stands_in_a_table() {
    let mut status = healthy();
    status.watch.subjects = watched();
    let shown = render(&status, NOW, SCREEN);
    let (_, table) = shown.split_once("0.1.0\n\n").unwrap();
    assert_eq!(
        table,
        "\
WATCHED               STATE    SINCE       ANSWER  30 DAYS  WHY
internet              unknown  10 min ago       -        -
site:blog.example.    fail     10 min ago   1.2 s  99.85 %  blog.example.com
com                                                         answers with status
                                                            502.
site:shop.example.    pass     10 min ago   31 ms    100 %
com
"
    );
}
