//! One certificate, in words.

use super::*;
use crate::command::certs::tests::mixed;
use crate::output::Color;

fn shown(name: &str) -> String {
    let certificates = mixed();
    let certs = Certs { certificates };
    let place = Place {
        now: 1_772_337_906,
        zone: Some("UTC"),
        screen: Screen {
            width: Some(80),
            color: Color::Plain,
        },
    };
    render(certificate_of::find(&certs, name).unwrap(), place)
}

#[test]
fn a_certificate_of_an_issuer() {
    assert_eq!(
        shown("www.blog.example.com"),
        "\
blog.example.com
names          blog.example.com, www.blog.example.com, b.example.com
issuer         letsencrypt (R11)
valid          2026-02-28 04:05 to 2026-04-29 04:05 (ends in 59 days)
next           renewal in 29 days, 2026-03-30 04:05
last result    good, 31 days ago: letsencrypt gave a certificate
"
    );
}

#[test]
fn a_certificate_that_can_not_be_got() {
    assert_eq!(
        shown("withcoffee.app"),
        "\
withcoffee.app
names          withcoffee.app, www.withcoffee.app
issuer         Ondol CA (seocho), until an issuer gives one
valid          2026-02-28 04:05 to 2026-04-30 04:05 (ends in 60 days)
next           try in 9 min, 2026-03-01 04:14
last result    failed, 60 s ago

! withcoffee.app points to 203.0.113.7, this box is 198.51.100.2 (failed 3
  times). Visitors get a certificate of Ondol's own CA for now, which browsers
  warn of.
"
    );
}

#[test]
fn a_certificate_that_is_being_got() {
    assert_eq!(
        shown("new.example.com"),
        "\
new.example.com
names          new.example.com
issuer         Ondol CA (seocho), until an issuer gives one
valid          2026-02-28 04:05 to 2026-04-30 04:05 (ends in 60 days)
next           now: waits for the issuer's check (asks letsencrypt)
"
    );
}

#[test]
fn a_certificate_in_a_file() {
    assert_eq!(
        shown("forum.example.com"),
        "\
forum.example.com
names          forum.example.com
issuer         Let's Encrypt R11, in
               /etc/letsencrypt/live/forum.example.com/fullchain.pem
valid          2026-02-28 04:05 to 2026-05-20 04:05 (ends in 80 days)
next           by its owner
"
    );
}
