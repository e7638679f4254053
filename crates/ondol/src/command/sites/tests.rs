//! The table of sites on a narrow terminal.

use ondol_admin::api::SiteCertificate;
use ondol_admin::api::SiteHealth;
use ondol_admin::api::Time;

use super::*;
use crate::output::Color;

const NOW: i64 = 1_772_337_906;
const DAY: i64 = 86_400;

fn site(name: &str, scheme: &str, routes: &[[&str; 3]], ends: Option<i64>) -> Site {
    let route = |[path, target, to]: &[&str; 3]| Route {
        path: (*path).to_owned(),
        target: (*target).to_owned(),
        to: (*to).to_owned(),
    };
    Site {
        name: name.to_owned(),
        aliases: Vec::new(),
        serves_aliases: false,
        scheme: scheme.to_owned(),
        listens: Vec::new(),
        routes: routes.iter().map(route).collect(),
        certificate: ends.map(|ends| SiteCertificate {
            issuer: "Ondol".to_owned(),
            expires: Time::from_unix_seconds(NOW + ends),
            source: "internal".to_owned(),
            issuer_name: Some("internal".to_owned()),
            stand_in: false,
            state: CertState::Held,
            next_at: None,
        }),
        health: None,
    }
}

#[test]
fn aliases_have_rows_of_their_own_below_the_routes() {
    let blog_routes = [
        ["/assets/", "files", "/srv/coffee/current/public/assets"],
        ["/", "proxy", "http://127.0.0.1:9000, http://127.0.0.1:9001"],
    ];
    let mut blog = site("blog.example.com", "https", &blog_routes, Some(59 * DAY));
    blog.aliases = vec![
        "www.blog.example.com".to_owned(),
        "*.blog.example.com".to_owned(),
    ];
    let mut shop = site("a.test", "http", &[["/", "files", "/srv/a"]], None);
    (shop.aliases, shop.serves_aliases) = (vec!["b.test".to_owned()], true);
    let respond = [["/", "respond", "204"]];
    let sites = Sites {
        sites: vec![
            blog,
            shop,
            site("nas.home.arpa", "http", &respond, None),
            site("new.example.com", "https", &respond, None),
            site("old.example.com", "https", &respond, Some(-3 * DAY)),
        ],
    };
    let screen = Screen {
        width: Some(80),
        color: Color::Plain,
    };
    assert_eq!(
        render(&sites, NOW, screen),
        "\
SITE                     ROUTE     TARGET   TO                       CERTIFICATE
https://blog.example.    /assets/  files    /srv/coffee/current/     own CA
com                                         public/assets
                         /         proxy    http://127.0.0.1:9000,   in 59 days
                                            http://127.0.0.1:9001
  www.blog.example.com             alias    redirects to
                                            blog.example.com
  *.blog.example.com               alias    redirects to
                                            blog.example.com
http://a.test            /         files    /srv/a                   -
  b.test                           alias    served like a.test
http://nas.home.arpa     /         respond  204                      -
https://new.example.com  /         respond  204                      missing
https://old.example.com  /         respond  204                      own CA
                                                                     3 days ago
"
    );
    let none = render(&Sites::default(), NOW, screen);
    assert_eq!(none, "The configuration has no sites.\n");
}

#[test]
fn a_certificate_that_is_not_there_yet_says_how_far_it_is() {
    let routes = [["/", "proxy", "http://127.0.0.1:3000"]];
    let stand_in = |name: &str, state, next: i64| {
        let mut site = site(name, "https", &routes, Some(59 * DAY));
        let certificate = site.certificate.as_mut().unwrap();
        certificate.stand_in = true;
        certificate.state = state;
        certificate.next_at = Some(Time::from_unix_seconds(NOW + next));
        site
    };
    let mut from_issuer = site("blog.example.com", "https", &routes, Some(59 * DAY));
    from_issuer.aliases = vec!["www.blog.example.com".to_owned()];
    let certificate = from_issuer.certificate.as_mut().unwrap();
    certificate.source = "acme".to_owned();
    certificate.issuer_name = Some("letsencrypt".to_owned());
    let mut from_file = site("forum.example.com", "https", &routes, Some(5 * DAY));
    from_file.certificate.as_mut().unwrap().source = "/etc/ssl/forum.pem".to_owned();
    let sites = Sites {
        sites: vec![
            stand_in("withcoffee.app", CertState::Waiting, 540),
            stand_in("new.example.com", CertState::Ordering, 0),
            stand_in("odd.example.com", CertState::Nobody, 0),
            from_issuer,
            from_file,
        ],
    };
    let shown = |width| {
        let (width, color) = (Some(width), Color::Plain);
        render(&sites, NOW, Screen { width, color })
    };
    assert_eq!(
        shown(80),
        "\
SITE                      ROUTE  TARGET  TO                       CERTIFICATE
https://withcoffee.app    /      proxy   http://127.0.0.1:3000    own CA for now
                                                                  try in 9 min
https://new.example.com   /      proxy   http://127.0.0.1:3000    own CA for now
                                                                  being got
https://odd.example.com   /      proxy   http://127.0.0.1:3000    own CA for now
                                                                  none to come
https://blog.example.com  /      proxy   http://127.0.0.1:3000    letsencrypt
  www.blog.example.com           alias   redirects to             in 59 days
                                         blog.example.com
https://forum.example.    /      proxy   http://127.0.0.1:3000    own file
com                                                               in 5 days
"
    );
    assert_eq!(shown(120), "\
SITE                       ROUTE  TARGET  TO                             CERTIFICATE
https://withcoffee.app     /      proxy   http://127.0.0.1:3000          own CA for now, try in 9 min
https://new.example.com    /      proxy   http://127.0.0.1:3000          own CA for now, being got
https://odd.example.com    /      proxy   http://127.0.0.1:3000          own CA for now, none to come
https://blog.example.com   /      proxy   http://127.0.0.1:3000          letsencrypt, in 59 days
  www.blog.example.com            alias   redirects to blog.example.com
https://forum.example.com  /      proxy   http://127.0.0.1:3000          own file, in 5 days
");
}

#[test]
fn the_certificate_of_a_site_that_is_passed_on_is_elsewhere() {
    let passed = [["/", "passthrough", "192.168.0.20:443"]];
    let sites = Sites {
        sites: vec![site("nvr.test", "https", &passed, None)],
    };
    let screen = Screen {
        width: Some(80),
        color: Color::Plain,
    };
    let row = "https://nvr.test  /      passthrough  192.168.0.20:443  not here\n";
    assert!(render(&sites, NOW, screen).ends_with(row));
}

#[test]
fn sites_that_are_looked_at_say_how_they_are() {
    let respond = [["/", "respond", "204"]];
    let mut up = site("a.test", "http", &respond, None);
    let health = SiteHealth {
        state: HealthState::Pass,
        since: Time::from_unix_seconds(NOW - 3 * DAY),
        sentence: String::new(),
        took_ms: Some(12),
        uptime: Some(0.99991),
    };
    up.health = Some(health.clone());
    let mut down = site("b.test", "http", &respond, None);
    down.health = Some(SiteHealth {
        state: HealthState::Fail,
        sentence: "b.test answers with status 502.".to_owned(),
        uptime: None,
        ..health
    });
    let unwatched = site("c.test", "http", &respond, None);
    let sites = vec![up, down, unwatched];
    let screen = Screen {
        width: Some(80),
        color: Color::Plain,
    };
    let shown = render(&Sites { sites }, NOW, screen);
    let (_, health) = shown.split_once("\n\n").unwrap();
    assert_eq!(
        health,
        "\
SITE    STATE  SINCE       ANSWER  30 DAYS  WHY
a.test  up     3 days ago   12 ms  99.99 %
b.test  down   3 days ago   12 ms        -  b.test answers with status 502.
"
    );
}
