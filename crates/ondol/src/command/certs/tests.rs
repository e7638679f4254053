//! The table of certificates at two widths, and what is wrong below it.

use ondol_admin::api::LastResult;
use ondol_admin::api::Time;

use super::*;
use crate::output::Color;

const NOW: i64 = 1_772_337_906;
const DAY: i64 = 86_400;

fn at(seconds: i64) -> Time {
    Time::from_unix_seconds(NOW + seconds)
}

fn certificate(names: &[&str], ends: i64, renew: Option<i64>) -> Cert {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    Cert {
        names: names.clone(),
        issuer: "Ondol CA (seocho)".to_owned(),
        issuer_name: Some("internal".to_owned()),
        source: "internal".to_owned(),
        not_before: at(-DAY),
        not_after: at(ends),
        renew_at: renew.map(at),
        sites: names,
        problem: None,
        meanwhile: None,
        wanted: Vec::new(),
        state: CertState::Held,
        asked: None,
        step: None,
        next_at: renew.map(at),
        last: None,
        failures: 0,
    }
}

/// Of a file, which nobody but its owner renews.
fn from_a_file(name: &str, ends: i64) -> Cert {
    Cert {
        issuer: "Let's Encrypt R11".to_owned(),
        issuer_name: None,
        source: format!("/etc/letsencrypt/live/{name}/fullchain.pem"),
        ..certificate(&[name], ends, None)
    }
}

fn issued(names: &[&str], ends: i64, renew: i64) -> Cert {
    let certificate = certificate(names, ends, Some(renew));
    Cert {
        issuer: "R11".to_owned(),
        issuer_name: Some("letsencrypt".to_owned()),
        source: "acme".to_owned(),
        wanted: certificate.names.clone(),
        last: Some(LastResult {
            at: at(-31 * DAY),
            good: true,
            message: "letsencrypt gave a certificate".to_owned(),
        }),
        ..certificate
    }
}

fn stand_in(names: &[&str], state: CertState) -> Cert {
    let certificate = certificate(names, 60 * DAY, None);
    Cert {
        wanted: certificate.names.clone(),
        state,
        ..certificate
    }
}

/// One of each sort.
pub(super) fn mixed() -> Vec<Cert> {
    let mut failing = stand_in(
        &["withcoffee.app", "www.withcoffee.app"],
        CertState::Waiting,
    );
    failing.next_at = Some(at(540));
    failing.failures = 3;
    failing.last = Some(LastResult {
        at: at(-60),
        good: false,
        message: "withcoffee.app points to 203.0.113.7, this box is 198.51.100.2".to_owned(),
    });
    failing.problem = Some(
        "withcoffee.app points to 203.0.113.7, this box is 198.51.100.2 (failed 3 times)."
            .to_owned(),
    );
    failing.meanwhile = Some(
        "Visitors get a certificate of Ondol's own CA for now, which browsers warn of.".to_owned(),
    );
    let mut ordering = stand_in(&["new.example.com"], CertState::Ordering);
    ordering.asked = Some("letsencrypt".to_owned());
    ordering.step = Some("waits for the issuer's check".to_owned());
    let mut disk = issued(&["shop.example.com"], 12 * DAY, 0);
    disk.state = CertState::Waiting;
    (disk.renew_at, disk.next_at, disk.failures) = (None, Some(at(-1)), 1);
    disk.last = Some(LastResult {
        at: at(-7_200),
        good: false,
        message: "the disk is full".to_owned(),
    });
    disk.problem = Some("the disk is full.".to_owned());
    disk.meanwhile = Some("The one in use is good for now.".to_owned());
    vec![
        from_a_file("forum.example.com", 80 * DAY),
        certificate(&["nas.home.arpa"], 59 * DAY, Some(29 * DAY)),
        issued(
            &["blog.example.com", "www.blog.example.com", "b.example.com"],
            59 * DAY,
            29 * DAY,
        ),
        disk,
        ordering,
        failing,
        from_a_file("soon.example.com", 13 * DAY),
    ]
}

fn shown(certificates: Vec<Cert>, width: usize, color: Color) -> String {
    let width = Some(width);
    let shown = render(&Certs { certificates }, NOW, Screen { width, color });
    if color == Color::Plain {
        for line in shown.lines() {
            let columns = unicode_width::UnicodeWidthStr::width(line);
            assert!(Some(columns) <= width, "{line}\n{shown}");
        }
    }
    shown
}

#[test]
fn those_that_need_the_owner_come_first() {
    assert_eq!(
        shown(mixed(), 80, Color::Plain),
        "\
NAME                 ISSUER                   EXPIRES     NEXT
withcoffee.app +1    Ondol CA for now         in 60 days  next try in 9 min
shop.example.com     letsencrypt              in 12 days  next try now
new.example.com      Ondol CA for now         in 60 days  now: waits for the
                                                          issuer's check
soon.example.com     Let's Encrypt R11        in 13 days  by its owner
                     /etc/letsencrypt/live/
                     soon.example.com/
                     fullchain.pem
blog.example.com +2  letsencrypt              in 59 days  renewal in 29 days
forum.example.com    Let's Encrypt R11        in 80 days  by its owner
                     /etc/letsencrypt/live/
                     forum.example.com/
                     fullchain.pem
nas.home.arpa        Ondol CA (seocho)        in 59 days  renewal in 29 days
! withcoffee.app points to 203.0.113.7, this box is 198.51.100.2 (failed 3
  times). Visitors get a certificate of Ondol's own CA for now, which browsers
  warn of.
! shop.example.com: the disk is full. The one in use is good for now.
"
    );
}

#[test]
fn a_wide_screen_shows_how_the_last_try_went() {
    assert_eq!(
        shown(mixed(), 120, Color::Plain),
        "\
NAME                 ISSUER                          EXPIRES     NEXT                           LAST RESULT
withcoffee.app +1    Ondol CA for now                in 60 days  next try in 9 min              failed 60 s ago, 3 times
shop.example.com     letsencrypt                     in 12 days  next try now                   failed 2 h ago
new.example.com      Ondol CA for now                in 60 days  now: waits for the issuer's
                                                                 check
soon.example.com     Let's Encrypt R11               in 13 days  by its owner
                     /etc/letsencrypt/live/
                     soon.example.com/fullchain.pem
blog.example.com +2  letsencrypt                     in 59 days  renewal in 29 days             good, 31 days ago
forum.example.com    Let's Encrypt R11               in 80 days  by its owner
                     /etc/letsencrypt/live/
                     forum.example.com/
                     fullchain.pem
nas.home.arpa        Ondol CA (seocho)               in 59 days  renewal in 29 days
! withcoffee.app points to 203.0.113.7, this box is 198.51.100.2 (failed 3 times). Visitors get a certificate of Ondol's
  own CA for now, which browsers warn of.
! shop.example.com: the disk is full. The one in use is good for now.
"
    );
}

#[test]
fn a_box_without_issuers_looks_as_before() {
    let trouble = Cert {
        problem: Some("it ended 3 days ago; put a new one at the same path".to_owned()),
        ..from_a_file("withcoffee.app", -3 * DAY)
    };
    let names = ["blog.example.com", "www.blog.example.com"];
    let own = certificate(&names, 59 * DAY, Some(29 * DAY));
    assert_eq!(
        shown(vec![own, trouble], 80, Color::Plain),
        "\
NAME                 ISSUER                       EXPIRES     NEXT
withcoffee.app       Let's Encrypt R11            3 days ago  by its owner
                     /etc/letsencrypt/live/
                     withcoffee.app/
                     fullchain.pem
blog.example.com +1  Ondol CA (seocho)            in 59 days  renewal in 29 days
! withcoffee.app: it ended 3 days ago; put a new one at the same path
"
    );
    let none = shown(Vec::new(), 80, Color::Plain);
    assert_eq!(none, "No certificates are held: no site needs one.\n");
}

#[test]
fn only_what_nobody_renews_in_time_is_colored() {
    let table = [
        (certificate(&["a.test"], -DAY, Some(-2 * DAY)), Some(31)),
        (from_a_file("a.com", 13 * DAY), Some(33)),
        (certificate(&["a.test"], 13 * DAY, Some(DAY)), None),
        (from_a_file("a.com", 15 * DAY), None),
        (issued(&["a.com"], 4 * DAY, 2 * DAY), None),
        (stand_in(&["a.com"], CertState::Ordering), Some(33)),
    ];
    for (certificate, code) in table {
        let told = format!("{certificate:?}");
        let shown = shown(vec![certificate], 120, Color::Shown);
        for candidate in [31, 33] {
            let found = shown.contains(&format!("\x1b[{candidate}m"));
            assert_eq!(found, code == Some(candidate), "{told}: {shown}");
        }
    }
}

#[test]
fn what_is_done_next_is_told_in_words() {
    let waiting = |next: i64, failures| Cert {
        next_at: Some(at(next)),
        failures,
        ..stand_in(&["a.com"], CertState::Waiting)
    };
    let renewal = |next: i64| Cert {
        state: CertState::Waiting,
        ..issued(&["a.com"], 20 * DAY, next)
    };
    let table = [
        (waiting(540, 1), "next try in 9 min"),
        (waiting(0, 1), "next try now"),
        (waiting(5, 0), "first try in 5 s"),
        (renewal(300), "renewal in 5 min"),
        (issued(&["a.com"], 20 * DAY, -5), "renewal now"),
        (stand_in(&["a.com"], CertState::Ordering), "now: being got"),
        (stand_in(&["a.com"], CertState::Nobody), "none until mended"),
        (from_a_file("a.com", DAY), "by its owner"),
    ];
    for (certificate, words) in table {
        assert_eq!(next_in_words(&certificate, NOW), words);
    }
}
