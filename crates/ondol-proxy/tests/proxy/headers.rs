//! What owners say of header fields, on the way to an app and on the way back.

use ondol_model::Site;
use ondol_model::path::RoutePath;
use ondol_model::plan::HeaderChange;
use ondol_model::plan::HeaderRule;
use ondol_model::plan::HeaderRules;
use ondol_model::plan::Hsts;
use ondol_model::plan::Template;

use crate::harness::Identity;
use crate::harness::Message;
use crate::harness::Plane;
use crate::harness::Upstream;
use crate::harness::plan;
use crate::harness::proxy_to;
use crate::harness::respond;
use crate::harness::ruled;
use crate::harness::secure_site;
use crate::harness::site;

fn rules(rules: &[(&str, HeaderChange)]) -> HeaderRules {
    let mut all = HeaderRules::default();
    for (name, change) in rules {
        let (name, change) = ((*name).into(), change.clone());
        all.put(HeaderRule { name, change });
    }
    all
}

fn set(value: &str) -> HeaderChange {
    HeaderChange::Set(template(value))
}

fn template(value: &str) -> Template {
    Template::parse(value).unwrap()
}

/// What a visitor gets of an app's answer.
fn dressed(site: impl Fn(Site) -> Site, answer: &str) -> Message {
    let upstream = Upstream::new();
    let plane = Plane::start(plan([site(self::site("a.test", proxy_to(&upstream)))]));
    let mut visitor = plane.visit();
    visitor.send("GET /x?y=z HTTP/1.1\r\nHost: A.test:80\r\n\r\n");
    let mut app = upstream.accept();
    app.message();
    app.send(answer);
    visitor.message()
}

#[test]
fn fields_of_an_answer_are_set_removed_added_and_defaulted() {
    let wanted = rules(&[
        ("x-set", set("ours")),
        (
            "x-new",
            set("$scheme://$host$path?$query $method $client $site $$"),
        ),
        ("server", HeaderChange::Remove),
        (
            "x-add",
            HeaderChange::Add(vec![template("b"), template("c")]),
        ),
        ("x-there", HeaderChange::Default(template("ours"))),
        ("x-absent", HeaderChange::Default(template("ours"))),
    ]);
    let answer = dressed(
        |site| ruled(site, |rules| rules.headers = wanted.clone()),
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nServer: app\r\nX-Set: 1\r\nX-Set: 2\r\nX-Add: a\r\nX-There: app\r\n\r\nok",
    );
    assert_eq!(answer.text(), "ok");
    assert_eq!(answer.all("x-set"), ["ours"]);
    assert_eq!(
        answer.field("x-new"),
        Some("http://a.test/x?y=z GET 127.0.0.1 a.test $")
    );
    assert_eq!(answer.field("server"), None);
    assert_eq!(answer.all("x-add"), ["a", "b", "c"]);
    assert_eq!(answer.field("x-there"), Some("app"));
    assert_eq!(answer.field("x-absent"), Some("ours"));
}

#[test]
fn our_own_pages_have_them_too_of_the_site_where_no_route_is() {
    let mut target = ruled(site("a.test", respond("hello")), |rules| {
        rules.headers = self::rules(&[("x-by", set("site $request_id"))]);
    });
    target.routes[0].path = RoutePath::parse("/in").unwrap();
    target.routes[0].rules.headers = rules(&[("x-by", set("route"))]);
    let plane = Plane::start(plan([target]));
    let mut visitor = plane.visit();
    let answer = visitor.get("a.test", "/in");
    assert_eq!(
        (answer.status(), answer.field("x-by")),
        (200, Some("route"))
    );
    let page = visitor.get("a.test", "/elsewhere");
    let id = page.text().lines().last().unwrap();
    let id = id.trim_start_matches("Request ").to_owned();
    assert_eq!(page.status(), 404);
    assert_eq!(page.field("x-by"), Some(&*format!("site {id}")));
    let unknown = visitor.get("b.test", "/in");
    assert_eq!((unknown.status(), unknown.field("x-by")), (404, None));
}

/// What an app gets of a visitor's request.
fn passed_on(wanted: &[(&str, HeaderChange)], fields: &str) -> Message {
    let upstream = Upstream::new();
    let site = ruled(site("a.test", proxy_to(&upstream)), |rules| {
        rules.request_headers = self::rules(wanted);
    });
    let plane = Plane::start(plan([site]));
    let mut visitor = plane.visit();
    visitor.send(format!("GET /p HTTP/1.1\r\nHost: a.test\r\n{fields}\r\n"));
    let mut app = upstream.accept();
    let request = app.message();
    app.reply("ok");
    visitor.message();
    request
}

#[test]
fn an_app_gets_the_owners_fields_and_no_false_ones() {
    let wanted = [
        ("x-user", set("owner of $host")),
        ("accept-encoding", HeaderChange::Remove),
        ("cookie", HeaderChange::Add(vec![template("box=1")])),
        ("x-there", HeaderChange::Default(template("ours"))),
        ("x-absent", HeaderChange::Default(template("ours"))),
    ];
    let fields = "X-User: evil\r\nX_User: evil\r\nX-user: evil\r\nAccept-Encoding: gzip\r\nX_There: a\r\nX-Other: 1\r\n";
    let request = passed_on(&wanted, fields);
    assert_eq!(request.all("x-user"), ["owner of a.test"]);
    assert_eq!(request.all("x_user"), [""; 0]);
    assert_eq!(request.field("accept-encoding"), None);
    assert_eq!(request.field("cookie"), Some("box=1"));
    assert_eq!(request.field("x-there"), None);
    assert_eq!(request.field("x-absent"), Some("ours"));
    assert_eq!(request.field("x-other"), Some("1"));
}

#[test]
fn what_a_request_says_cannot_make_lines_of_its_own() {
    let wanted = [("x-q", set("$path $query"))];
    let upstream = Upstream::new();
    let site = ruled(site("a.test", proxy_to(&upstream)), |rules| {
        rules.request_headers = self::rules(&wanted);
    });
    let plane = Plane::start(plan([site]));
    let mut visitor = plane.visit();
    visitor.send("GET /a%0d%0aX-Evil:1?b%0d%0ac HTTP/1.1\r\nHost: a.test\r\n\r\n");
    let request = upstream.accept().message();
    assert_eq!(request.field("x-q"), Some("/a%0d%0aX-Evil:1 b%0d%0ac"));
    assert_eq!(request.field("x-evil"), None);
}

/// Some apps take what follows a body for headers.
#[test]
fn what_the_owner_says_of_a_request_cannot_be_said_behind_its_body() {
    let wanted = [("x-role", set("guest")), ("x-gone", HeaderChange::Remove)];
    let upstream = Upstream::new();
    let site = ruled(site("a.test", proxy_to(&upstream)), |rules| {
        rules.request_headers = self::rules(&wanted);
    });
    let plane = Plane::start(plan([site]));
    let mut visitor = plane.visit();
    visitor.send(
        "POST / HTTP/1.1\r\nHost: a.test\r\nTrailer: X-Role, X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n\
         0\r\nX-Role: admin\r\nX-Gone: 1\r\nX-Sum: 7\r\n\r\n",
    );
    let mut connection = upstream.accept();
    assert_eq!(connection.head().all("x-role"), ["guest"]);
    let want = "0\r\nx-sum: 7\r\n\r\n";
    assert_eq!(
        String::from_utf8(connection.take(want.len())).unwrap(),
        want
    );
}

#[test]
fn an_app_that_says_something_about_safety_is_not_overruled() {
    let safe = |site| ruled(site, |rules| rules.security.has_usual_headers = true);
    let answer = dressed(safe, "HTTP/1.1 204 No\r\nX-Frame-Options: DENY\r\n\r\n");
    assert_eq!(answer.field("x-frame-options"), Some("DENY"));
    assert_eq!(answer.field("x-content-type-options"), Some("nosniff"));
    assert_eq!(
        answer.field("referrer-policy"),
        Some("strict-origin-when-cross-origin")
    );
    let answer = dressed(|site| site, "HTTP/1.1 204 No\r\n\r\n");
    assert_eq!(answer.field("x-content-type-options"), None);
}

#[test]
fn strict_transport_security_is_said_once_and_over_https_alone() {
    let strict = |site| ruled(site, |rules| rules.security.hsts = Some(Hsts::default()));
    let app = "HTTP/1.1 204 No\r\nStrict-Transport-Security: max-age=1\r\nStrict-Transport-Security: max-age=2\r\n\r\n";
    assert_eq!(
        dressed(strict, app).field("strict-transport-security"),
        None
    );

    let identity = Identity::new(&["s.test"]);
    let upstream = Upstream::answering(move |_| app.to_owned());
    let target = crate::harness::proxy_to_all([upstream]);
    let site = strict(secure_site("s.test", target));
    let plane = Plane::start_with(plan([site]), &[&identity]);
    let answer = plane.visit_tls("s.test").get("s.test", "/");
    let expected = Some("max-age=31536000");
    assert_eq!(answer.field("strict-transport-security"), expected);
    let redirect = plane.visit().get("s.test", "/");
    assert_eq!(redirect.status(), 308);
    assert_eq!(redirect.field("strict-transport-security"), None);
}
