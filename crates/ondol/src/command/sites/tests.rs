//! The table of sites on a narrow terminal.

use ondol_admin::api::Route;
use ondol_admin::api::SiteCertificate;
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
        scheme: scheme.to_owned(),
        listens: Vec::new(),
        routes: routes.iter().map(route).collect(),
        certificate: ends.map(|ends| SiteCertificate {
            issuer: "Ondol".to_owned(),
            expires: Time::from_unix_seconds(NOW + ends),
            source: "internal".to_owned(),
        }),
    }
}

#[test]
fn names_run_down_beside_the_routes() {
    let blog_routes = [
        ["/assets/", "files", "/srv/coffee/current/public/assets"],
        ["/", "proxy", "http://127.0.0.1:9000, http://127.0.0.1:9001"],
    ];
    let mut blog = site("blog.example.com", "https", &blog_routes, Some(59 * DAY));
    blog.aliases = vec![
        "www.blog.example.com".to_owned(),
        "*.blog.example.com".to_owned(),
    ];
    let respond = [["/", "respond", "204"]];
    let sites = Sites {
        sites: vec![
            blog,
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
SITE                    ROUTE     TARGET   TO                         ENDS
blog.example.com        /assets/  files    /srv/coffee/current/       in 59 days
                                           public/assets
  www.blog.example.com  /         proxy    http://127.0.0.1:9000,
                                           http://127.0.0.1:9001
  *.blog.example.com
http://nas.home.arpa    /         respond  204                        -
new.example.com         /         respond  204                        missing
old.example.com         /         respond  204                        3 days ago
"
    );
    let none = render(&Sites::default(), NOW, screen);
    assert_eq!(none, "The configuration has no sites.\n");
}
