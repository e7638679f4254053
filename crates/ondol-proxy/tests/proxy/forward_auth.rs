//! Another server says who is let through, as Authelia, Authentik and oauth2-proxy do.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::combinators::BoxBody;
use ondol_base::tasks::spawn_blocking;
use ondol_model::Site;
use ondol_model::Target;
use ondol_model::path::RoutePath;
use ondol_model::plan::Route;
use ondol_model::plan::Scheme;
use ondol_model::plan::access::Access;
use ondol_model::plan::auth::Auth;
use ondol_model::plan::auth::AuthBy;
use ondol_model::plan::auth::ForwardAuth;
use ondol_model::upstream::Upstream as Address;

use crate::harness::Http2;
use crate::harness::Http2Upstream;
use crate::harness::Identity;
use crate::harness::Message;
use crate::harness::PATIENCE;
use crate::harness::Plane;
use crate::harness::Upstream;
use crate::harness::guarded;
use crate::harness::plan;
use crate::harness::proxy_to;
use crate::harness::proxy_to_all;
use crate::harness::reply;
use crate::harness::respond;
use crate::harness::trusting;

fn asking(to: Address, timeout: Duration) -> Access {
    let forward = ForwardAuth {
        to,
        target: "/api/verify?rd=x".to_owned(),
        copy: ["remote-user", "remote-groups"].map(str::to_owned).to_vec(),
        timeout,
    };
    let auth = Auth {
        except: Vec::new(),
        by: AuthBy::Forward(forward),
    };
    Access {
        auth: Some(Arc::new(auth)),
        ..Access::default()
    }
}

fn protected(target: Target, auth: &Upstream) -> Site {
    guarded("a.test", target, asking(auth.address(), PATIENCE))
}

/// A portal like Authelia's: knows a cookie, and leads everyone else to its login page.
fn portal(request: &Message) -> String {
    if request.field("cookie") == Some("session=alice") {
        "HTTP/1.1 200 OK\r\nRemote-User: alice\r\nRemote-Groups: family\r\nRemote-Groups: admins\r\n\
         Remote-Email: alice@example.com\r\nSet-Cookie: session=renewed\r\nContent-Length: 2\r\n\r\nOK"
            .to_owned()
    } else {
        "HTTP/1.1 302 Found\r\nLocation: https://auth.test/?rd=x\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\
         Content-Type: text/html\r\nContent-Length: 5\r\n\r\nlogin"
            .to_owned()
    }
}

#[test]
fn who_has_no_session_is_led_to_the_login() {
    let app = Upstream::new();
    let site = guarded(
        "a.test",
        proxy_to(&app),
        asking(Upstream::answering(portal), PATIENCE),
    );
    let plane = Plane::start(plan([site]));
    let mut visitor = plane.visit();
    for _ in 0..2 {
        let answer = visitor.get("a.test", "/");
        assert_eq!(answer.status(), 302);
        assert_eq!(answer.field("location"), Some("https://auth.test/?rd=x"));
        assert_eq!(answer.all("set-cookie"), ["a=1", "b=2"]);
        assert_eq!(answer.text(), "login");
    }
    visitor.send("HEAD / HTTP/1.1\r\nHost: a.test\r\n\r\n");
    assert_eq!(visitor.head().status(), 302);
    assert_eq!(
        visitor.get("a.test", "/").status(),
        302,
        "nothing is left of the answer to HEAD"
    );
    assert!(app.is_left_alone());
}

#[test]
fn http2_gets_the_login_too_and_none_of_its_body_for_head() {
    let identity = Identity::new(&["a.test"]);
    let access = asking(Upstream::answering(portal), PATIENCE);
    let site = Site {
        scheme: Scheme::Https,
        ..guarded("a.test", respond("a"), access)
    };
    let plane = Plane::start_with(plan([site]), &[&identity]);
    plane.block_on(async {
        let mut visitor = Http2::connect(&plane, "a.test").await;
        for (method, body) in [("HEAD", ""), ("GET", "login"), ("POST", "login")] {
            let request = http::Request::builder().method(method);
            let request = request.uri("https://a.test/").body(BoxBody::default());
            let answer = visitor.request(request.unwrap()).await.unwrap();
            assert_eq!(answer.status(), 302, "{method}");
            let cookies = answer.headers().get_all("set-cookie").iter().count();
            assert_eq!(
                (cookies, answer.into_body().to_bytes().as_ref()),
                (2, body.as_bytes())
            );
        }
    });
}

#[test]
fn a_server_of_http_2_that_refuses_a_stream_is_asked_again() {
    let auth = Http2Upstream::new();
    let access = asking(auth.address(), PATIENCE);
    let plane = Plane::start_one(plan([guarded("a.test", respond("a"), access)]));
    let asks = || {
        let mut visitor = plane.visit();
        visitor.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
        spawn_blocking(move || visitor.message())
    };
    plane.block_on(async {
        let first = asks();
        let mut connection = auth.accept().await;
        reply(connection.request().await.1, "OK");
        assert_eq!(first.await.unwrap().text(), "a");
        let second = asks();
        let (_, mut answering) = connection.request().await;
        answering.send_reset(h2::Reason::REFUSED_STREAM);
        reply(connection.request().await.1, "OK");
        assert_eq!(second.await.unwrap().text(), "a");
    });
}

#[test]
fn the_app_is_told_who_it_is_by_the_server_alone() {
    let app = Upstream::new();
    let site = guarded(
        "a.test",
        proxy_to(&app),
        asking(Upstream::answering(portal), PATIENCE),
    );
    let mut plane = Plane::start_one(plan([site]));
    let mut visitor = plane.visit();
    visitor.send(
        "GET / HTTP/1.1\r\nHost: a.test\r\nCookie: session=alice\r\nRemote-User: admin\r\nRemote_User: admin\r\n\
         Remote-Groups: root\r\nremote.groups: root\r\nRemote-Email: its@own.test\r\n\r\n",
    );
    let mut connection = app.accept();
    let got = connection.message();
    assert_eq!(got.all("remote-user"), ["alice"]);
    assert_eq!(got.all("remote-groups"), ["family", "admins"]);
    assert_eq!(
        got.all("remote-email"),
        ["its@own.test"],
        "it is not in `copy`"
    );
    assert!(!got.head.contains("root"), "{}", got.head);
    assert_eq!(got.field("cookie"), Some("session=alice"));
    connection.reply("hello");
    let answer = visitor.message();
    assert_eq!((answer.status(), answer.text()), (200, "hello"));
    assert_eq!(answer.all("set-cookie"), ["session=renewed"]);
    drop(visitor);
    plane.drain(Duration::ZERO).join().unwrap();
    assert!(
        plane.access_log().starts_with("127.0.0.1 - alice ["),
        "{}",
        plane.access_log()
    );
}

#[test]
fn the_server_is_asked_about_the_request_without_its_body() {
    let (app, auth) = (Upstream::new(), Upstream::new());
    let plane = Plane::start(plan([protected(proxy_to(&app), &auth)]));
    let mut visitor = plane.visit();
    visitor.send(
        "POST /a%20b?c=d HTTP/1.1\r\nHost: a.test\r\nAccept: text/html\r\nCookie: x=y\r\nContent-Length: 5\r\n\
         If-None-Match: \"1\"\r\nRange: bytes=0-1\r\nX-Forwarded-Uri: /evil\r\nX_Forwarded_Method: GET\r\n\
         X-Original-URL: https://evil.test/\r\nRemote-User: admin\r\nExpect: 100-continue\r\n\r\n",
    );
    let mut asked = auth.accept();
    let question = asked.message();
    let id = question.field("x-request-id").unwrap().to_owned();
    let via = question.field("via").unwrap().to_owned();
    assert_eq!(
        question.head.replace(&id, "ID").replace(&via, "US"),
        "GET /api/verify?rd=x HTTP/1.1\r\nhost: a.test\r\naccept: text/html\r\ncookie: x=y\r\n\
         x-forwarded-for: 127.0.0.1\r\nx-real-ip: 127.0.0.1\r\nx-forwarded-proto: http\r\n\
         x-forwarded-host: a.test\r\nx-request-id: ID\r\nvia: US\r\nx-forwarded-method: POST\r\n\
         x-forwarded-uri: /a%20b?c=d\r\nx-original-method: POST\r\n\
         x-original-url: http://a.test/a%20b?c=d\r\n\r\n"
    );
    assert!(app.is_left_alone());
    asked.send("HTTP/1.1 204 No Content\r\n\r\n");
    assert_eq!(
        visitor.message().status(),
        100,
        "only now the body is asked for"
    );
    visitor.send("hello");
    let mut connection = blocking(app).accept();
    let got = connection.message();
    assert_eq!(got.line(), "POST /a%20b?c=d HTTP/1.1");
    assert_eq!(
        (got.body.as_slice(), got.field("range")),
        (&b"hello"[..], Some("bytes=0-1"))
    );
    connection.reply("ok");
    assert_eq!(visitor.message().text(), "ok");
}

/// A session that was renewed is the only one that holds: the visitor needs it whatever becomes of the request.
#[test]
fn a_renewed_session_reaches_its_visitor_with_an_error_too() {
    let access = || asking(Upstream::answering(portal), PATIENCE);
    let gone = guarded("gone.test", proxy_to_all([Upstream::gone()]), access());
    let mut small = guarded("small.test", respond("a"), access());
    small.routes[0].rules.body_bytes_max = 1;
    let plane = Plane::start(plan([gone, small]));
    for (host, status) in [("gone.test", 502), ("small.test", 413)] {
        let mut visitor = plane.visit();
        visitor.send(format!(
            "POST / HTTP/1.1\r\nHost: {host}\r\nCookie: session=alice\r\nContent-Length: 2\r\n\r\nxx"
        ));
        let answer = visitor.message();
        assert_eq!(answer.status(), status, "{host}");
        assert_eq!(answer.all("set-cookie"), ["session=renewed"], "{host}");
    }
}

/// Some apps take what follows a body for headers.
#[test]
fn nobody_says_who_it_is_behind_its_body() {
    let app = Upstream::new();
    let access = asking(Upstream::answering(portal), PATIENCE);
    let plane = Plane::start(plan([guarded("a.test", proxy_to(&app), access)]));
    let mut visitor = plane.visit();
    visitor.send(
        "POST / HTTP/1.1\r\nHost: a.test\r\nCookie: session=alice\r\nTrailer: Remote-User, X-Sum\r\n\
         Transfer-Encoding: chunked\r\n\r\n0\r\nRemote-User: admin\r\nRemote~Groups: admin\r\nX-Sum: 7\r\n\r\n",
    );
    let mut connection = app.accept();
    connection.head();
    let want = "0\r\nx-sum: 7\r\n\r\n";
    let got = String::from_utf8(connection.take(want.len())).unwrap();
    assert_eq!(got, want);
    connection.reply("ok");
    assert_eq!(visitor.message().text(), "ok");
}

/// A trusted proxy may pass on what its visitor says of the host, as Cloudflare does. The request is for the
/// host that it was led by here, and the server must decide about that one.
#[test]
fn the_server_is_asked_about_the_host_that_is_served() {
    let auth = Upstream::new();
    let site = protected(respond("secret"), &auth);
    let plane = Plane::start(trusting([site]));
    let mut visitor = plane.visit();
    visitor.send(
        "GET /secret HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: 203.0.113.5\r\nX-Forwarded-Host: open.test\r\n\
         X-Forwarded-Port: 1\r\nX-Forwarded-Server: open.test\r\nX-Forwarded-Prefix: /open\r\n\
         X-Original-URI: /open\r\nX-Original-Host: open.test\r\n\r\n",
    );
    let mut asked = auth.accept();
    let question = asked.message();
    assert_eq!(question.all("x-forwarded-host"), ["a.test"]);
    assert_eq!(question.all("x-forwarded-for"), ["203.0.113.5, 127.0.0.1"]);
    assert!(!question.head.contains("open"), "{}", question.head);
    asked.send("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(visitor.message().status(), 403);
}

/// The same upstream, after it was seen to be left alone.
fn blocking(upstream: Upstream) -> Upstream {
    if let Upstream::Tcp(listener) = &upstream {
        listener.set_nonblocking(false).unwrap();
    }
    upstream
}

#[test]
fn its_connection_is_used_again_and_replaced_when_it_was_closed() {
    let auth = Upstream::new();
    let plane = Plane::start_one(plan([protected(respond("a"), &auth)]));
    let mut visitor = plane.visit();
    let request = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";
    visitor.send(request);
    let mut asked = auth.accept();
    asked.message();
    asked.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nOK\r\n0\r\n\r\n");
    assert_eq!(visitor.message().status(), 200);
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
    ] {
        visitor.send(request);
        asked.message();
        asked.send(answer);
        let expected = if answer.contains("403") { 403 } else { 200 };
        assert_eq!(visitor.message().status(), expected, "{answer}");
    }
    visitor.send(request);
    asked.message();
    drop(asked); // As if it had been closed just before.
    let mut asked = auth.accept();
    asked.message();
    asked.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(visitor.message().status(), 200);
}

#[test]
fn nobody_is_let_through_by_a_server_that_does_not_answer() {
    let app = Upstream::new();
    let silent = Upstream::new();
    let broken = Upstream::answering(|_| {
        "HTTP/1.1 101 Go\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n".to_owned()
    });
    let odd = Upstream::answering(|_| "200 fine\r\n\r\n".to_owned());
    for (to, timeout, expected) in [
        (Upstream::gone(), PATIENCE, 502),
        (silent.address(), Duration::from_millis(50), 504),
        (broken, PATIENCE, 502),
        (odd, PATIENCE, 502),
    ] {
        let site = guarded("a.test", proxy_to(&app), asking(to, timeout));
        let mut plan = plan([site]);
        plan.access_log.format = ondol_model::plan::AccessLogFormat::Json;
        let mut plane = Plane::start_one(plan);
        let mut visitor = plane.visit();
        assert_eq!(visitor.get("a.test", "/").status(), expected);
        drop(visitor);
        plane.drain(Duration::ZERO).join().unwrap();
        let log = plane.access_log();
        assert!(
            log.contains("`forward_auth` gave no answer, so nobody is let through: "),
            "{log}"
        );
    }
    assert!(app.is_left_alone());
}

#[test]
fn a_server_that_leads_back_here_is_found_out() {
    let plane = Plane::start(plan([]));
    let itself = ondol_model::upstream::Address::Tcp {
        host: "127.0.0.1".to_owned(),
        port: plane.http.port(),
    };
    let itself = Address::from(itself);
    let site = guarded("a.test", respond("a"), asking(itself, PATIENCE));
    plane.apply(plan([site]), &[]);
    assert_eq!(plane.visit().get("a.test", "/").status(), 508);
}

#[test]
fn a_websocket_is_asked_about_too() {
    let app = Upstream::new();
    let auth = Upstream::answering(|_| "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n".to_owned());
    let plane = Plane::start(plan([guarded(
        "a.test",
        proxy_to(&app),
        asking(auth, PATIENCE),
    )]));
    let mut visitor = plane.visit();
    visitor.send(
        "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    );
    assert_eq!(visitor.message().status(), 401);
    assert!(app.is_left_alone());
}

#[test]
fn a_route_that_asks_nobody_passes_no_claims_on() {
    let app = Upstream::new();
    let mut site = guarded("a.test", respond("a"), asking(Upstream::gone(), PATIENCE));
    let mut rules = site.rules.clone();
    rules.access = Access::default();
    site.routes.insert(
        0,
        Route {
            path: RoutePath::parse("/public").unwrap(),
            base: RoutePath::parse("/public").unwrap(),
            rules,
            target: proxy_to(&app),
        },
    );
    let plane = Plane::start(plan([site]));
    let mut visitor = plane.visit();
    visitor.send("GET /public HTTP/1.1\r\nHost: a.test\r\nRemote-User: admin\r\nremote_groups: admins\r\n\r\n");
    let mut connection = app.accept();
    let got = connection.message();
    assert!(!got.head.contains("admin"), "{}", got.head);
    connection.reply("ok");
    assert_eq!(visitor.message().status(), 200);
}
