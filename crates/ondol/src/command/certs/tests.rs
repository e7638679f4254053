//! The table of certificates, and their problems below it.

use ondol_admin::api::Time;

use super::*;
use crate::output::Color;

const NOW: i64 = 1_772_337_906;
const DAY: i64 = 86_400;

fn certificate(names: &[&str], ends: i64, renew: Option<i64>) -> Cert {
    let at = |seconds| Time::from_unix_seconds(NOW + seconds);
    Cert {
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        issuer: "Ondol CA (seocho)".to_owned(),
        source: "internal".to_owned(),
        not_before: at(-DAY),
        not_after: at(ends),
        renew_at: renew.map(at),
        sites: Vec::new(),
        problem: None,
    }
}

fn shown(certificates: Vec<Cert>, color: Color) -> String {
    let width = Some(80);
    render(&Certs { certificates }, NOW, Screen { width, color })
}

#[test]
fn a_certificate_says_from_where_it_is_and_until_when() {
    let from_a_file = Cert {
        issuer: "Let's Encrypt R11".to_owned(),
        source: "/etc/letsencrypt/live/withcoffee.app/fullchain.pem".to_owned(),
        problem: Some("it ended 3 days ago; put a new one at the same path".to_owned()),
        ..certificate(&["withcoffee.app"], -3 * DAY, None)
    };
    let names = ["blog.example.com", "www.blog.example.com"];
    let own = certificate(&names, 59 * DAY, Some(29 * DAY));
    assert_eq!(
        shown(vec![from_a_file, own], Color::Plain),
        "\
NAMES                   FROM                            ENDS        RENEWED
blog.example.com        Ondol CA (seocho)               in 59 days  in 29 days
  www.blog.example.com
withcoffee.app          Let's Encrypt R11               3 days ago  by its owner
                        /etc/letsencrypt/live/
                        withcoffee.app/fullchain.pem
! withcoffee.app: it ended 3 days ago; put a new one at the same path
"
    );
    let none = shown(Vec::new(), Color::Plain);
    assert_eq!(none, "No certificates are held: no site needs one.\n");
}

#[test]
fn only_what_nobody_renews_in_time_is_colored() {
    let table = [
        (-DAY, Some(-2 * DAY), Some(31)),
        (13 * DAY, None, Some(33)),
        (13 * DAY, Some(DAY), None),
        (15 * DAY, None, None),
    ];
    for (ends, renew, code) in table {
        let shown = shown(vec![certificate(&["a.test"], ends, renew)], Color::Shown);
        for candidate in [31, 33] {
            let found = shown.contains(&format!("\x1b[{candidate}m"));
            assert_eq!(found, code == Some(candidate), "{ends} {renew:?}: {shown}");
        }
    }
}
