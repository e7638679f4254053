//! What an app gets of the path and the host that a visitor asked for.

use ondol_model::Plan;
use ondol_model::Target;
use ondol_model::network::Network;
use ondol_model::path::RoutePath;
use ondol_model::plan::Proxy;
use ondol_model::plan::SentHost;
use ondol_model::plan::SentPath;
use ondol_model::rewrite::Rewrite;

use crate::harness::Message;
use crate::harness::Plane;
use crate::harness::Upstream;
use crate::harness::plan;
use crate::harness::site;

fn prefix(text: &str) -> RoutePath {
    RoutePath::parse(text).unwrap()
}

/// A plan whose one route is this path and changes what its app gets.
fn changing(upstream: &Upstream, route: &str, change: impl Fn(&mut Proxy)) -> Plan {
    let mut proxy = Proxy::to(vec![upstream.address()]);
    change(&mut proxy);
    let mut site = site("a.test", Target::Proxy(proxy));
    site.routes[0].path = prefix(route);
    plan([site])
}

struct App {
    upstream: Upstream,
    plane: Plane,
}

impl App {
    fn start(route: &str, trusts: bool, change: impl Fn(&mut Proxy)) -> Self {
        let upstream = Upstream::new();
        let mut plan = changing(&upstream, route, change);
        if trusts {
            plan.listen.trusted_proxies = vec![Network::parse("127.0.0.0/8").unwrap()];
        }
        let plane = Plane::start_one(plan);
        Self { upstream, plane }
    }

    /// What the app gets of a request for this target, with these fields.
    fn gets(&self, target: &str, fields: &str) -> Message {
        let mut visitor = self.plane.visit();
        visitor.send(format!(
            "GET {target} HTTP/1.1\r\nHost: a.test\r\n{fields}\r\n"
        ));
        let mut connection = self.upstream.accept();
        let request = connection.message();
        connection.send("HTTP/1.1 204 Fine\r\nConnection: close\r\n\r\n");
        assert_eq!(visitor.message().status(), 204);
        request
    }

    #[track_caller]
    fn check(&self, target: &str, expected: &str) {
        let line = format!("GET {expected} HTTP/1.1");
        assert_eq!(self.gets(target, "").line(), line, "{target}");
    }
}

#[test]
fn a_prefix_is_taken_off_and_told() {
    let app = App::start("/api", false, |proxy| {
        proxy.path = SentPath::After(prefix("/api"));
    });
    for (target, expected) in [
        ("/api", "/"),
        ("/api?a=b", "/?a=b"),
        ("/api/", "/"),
        ("/api/a%20b/%2e%2e/c?d=%2F", "/a%20b/%2e%2e/c?d=%2F"),
        ("/%61pi/x", "/x"),
        ("//api/x", "/x"),
        ("/api//evil.test/x", "/evil.test/x"),
        ("/api/../api/x", "/x"),
        ("http://a.test/api/x", "/x"),
    ] {
        app.check(target, expected);
    }
    let request = app.gets("/api/x", "X-Forwarded-Prefix: /evil\r\n");
    assert_eq!(request.field("x-forwarded-prefix"), Some("/api"));
    let hidden = format!("{}/api/x", "/.".repeat(100));
    assert_eq!(app.plane.visit().get("a.test", &hidden).status(), 400);
}

#[test]
fn a_prefix_that_is_not_there_stays_away() {
    let app = App::start("/", false, |proxy| {
        proxy.path = SentPath::After(prefix("/a b"));
    });
    app.check("/a", "/a");
    app.check("//a//%62", "//a//%62");
    assert_eq!(app.gets("/a", "").field("x-forwarded-prefix"), None);
    let request = app.gets("/a%20b/c", "");
    assert_eq!(request.line(), "GET /c HTTP/1.1");
    assert_eq!(request.field("x-forwarded-prefix"), Some("/a%20b"));
}

#[test]
fn a_prefix_of_a_trusted_proxy_comes_first() {
    let app = App::start("/api", true, |proxy| {
        proxy.path = SentPath::After(prefix("/api"));
    });
    let request = app.gets("/api/x", "X-Forwarded-Prefix: /outer/\r\n");
    assert_eq!(request.field("x-forwarded-prefix"), Some("/outer/api"));
}

#[test]
fn a_path_is_written_anew() {
    let rewritten = |text: &str| {
        let rewrite = Rewrite::parse(text, prefix("/wiki")).unwrap();
        App::start("/wiki", false, move |proxy| {
            proxy.path = SentPath::Rewritten(rewrite.clone());
        })
    };
    let app = rewritten("/mediawiki$rest");
    app.check("/wiki/A%20b?c=d", "/mediawiki/A%20b?c=d");
    app.check("/wiki", "/mediawiki");
    let app = rewritten("/index.php?title=$rest&$query");
    app.check("/wiki/A?c=d", "/index.php?title=/A&c=d");
    let app = rewritten("$rest");
    app.check("/wiki//evil.test/", "/evil.test/");
}

#[test]
fn an_app_gets_the_host_that_it_is_meant_to() {
    let host = |host: SentHost| {
        let app = App::start("/", false, move |proxy| proxy.host = host.clone());
        let request = app.gets("/x?y", "");
        assert_eq!(request.line(), "GET /x?y HTTP/1.1");
        assert_eq!(request.field("x-forwarded-host"), Some("a.test"));
        let address = app.upstream.address().to_string();
        let host = request.field("host").unwrap().to_owned();
        (host, address.replace("http://", ""))
    };
    assert_eq!(host(SentHost::Visitor).0, "a.test");
    assert_eq!(host(SentHost::Name("b.test:81".to_owned())).0, "b.test:81");
    let (host, address) = host(SentHost::Upstream);
    assert_eq!(host, address);
}
