//! Names and passwords.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::combinators::BoxBody;
use ondol_base::slow_hash;
use ondol_model::Site;
use ondol_model::Target;
use ondol_model::password::PasswordHash;
use ondol_model::path::RoutePath;
use ondol_model::plan::Route;
use ondol_model::plan::Scheme;
use ondol_model::plan::access::Access;
use ondol_model::plan::auth::Auth;
use ondol_model::plan::auth::AuthBy;
use ondol_model::plan::auth::Authorization;
use ondol_model::plan::auth::BasicAuth;
use ondol_model::plan::auth::User;

use crate::harness::Http2;
use crate::harness::Identity;
use crate::harness::Message;
use crate::harness::Plane;
use crate::harness::Upstream;
use crate::harness::guarded;
use crate::harness::networks;
use crate::harness::plan;
use crate::harness::proxy_to;
use crate::harness::respond;
use crate::harness::trusting;

/// `alice` and `bob`, with passwords and cheap hashes.
fn basic() -> BasicAuth {
    let user = |name: &str, password: &str| {
        let salt = *b"sixteen bytes...";
        let hash = slow_hash::bcrypt(password.as_bytes(), salt, 4).unwrap();
        User {
            name: name.to_owned(),
            hash: PasswordHash::Bcrypt {
                cost: 4,
                salt,
                hash,
            },
        }
    };
    BasicAuth::of(vec![user("bob", "secret"), user("alice", "hunter2")])
}

fn access(basic: BasicAuth, except: &[&str]) -> Access {
    let auth = Auth {
        except: networks(except),
        by: AuthBy::Basic(basic),
    };
    Access {
        auth: Some(Arc::new(auth)),
        ..Access::default()
    }
}

fn protected(target: Target, basic: BasicAuth) -> Site {
    guarded("a.test", target, access(basic, &[]))
}

/// `alice:hunter2` and its like, as a header.
fn shown(credentials: &str) -> String {
    let text = ondol_model::base64::encode(credentials.as_bytes());
    format!("Authorization: Basic {text}\r\n")
}

fn ask(plane: &Plane, fields: &str) -> Message {
    let request = format!("GET / HTTP/1.1\r\nHost: a.test\r\n{fields}\r\n");
    plane.visit().send(request).message()
}

#[test]
fn only_who_knows_a_password_is_let_through() {
    let plane = Plane::start(plan([protected(respond("a"), basic())]));
    for (fields, expected) in [
        (String::new(), 401),
        (shown("alice:hunter2"), 200),
        (shown("bob:secret"), 200),
        (shown("alice:hunter3"), 401),
        (shown("bob:hunter2"), 401),
        (shown("nobody:hunter2"), 401),
        (
            "Authorization: Bearer YWxpY2U6aHVudGVyMg\r\n".to_owned(),
            401,
        ),
    ] {
        let answer = ask(&plane, &fields);
        assert_eq!(answer.status(), expected, "{fields}");
        let challenge = (expected == 401).then_some("Basic realm=\"a.test\", charset=\"UTF-8\"");
        assert_eq!(answer.field("www-authenticate"), challenge);
    }
}

#[test]
fn the_log_has_the_name_of_who_was_let_through_and_no_other() {
    let mut plane = Plane::start_one(plan([protected(respond("a"), basic())]));
    assert_eq!(ask(&plane, &shown("alice:hunter2")).status(), 200);
    assert_eq!(ask(&plane, &shown("bob:hunter2")).status(), 401);
    plane.drain(Duration::ZERO).join().unwrap();
    let log = plane.access_log();
    let users: Vec<_> = log.lines().map(|line| line.split(' ').nth(2)).collect();
    assert_eq!(users, [Some("alice"), Some("-")], "{log}");
    assert!(!log.contains("hunter2") && !log.contains("aHVudGVyMg"));
}

/// What an app behind it gets of a request.
fn forwarded(basic: BasicAuth, fields: &str) -> Message {
    let upstream = Upstream::new();
    let plane = Plane::start(plan([protected(proxy_to(&upstream), basic)]));
    let mut visitor = plane.visit();
    visitor.send(format!("GET / HTTP/1.1\r\nHost: a.test\r\n{fields}\r\n"));
    let mut connection = upstream.accept();
    let got = connection.message();
    connection.reply("ok");
    assert_eq!(visitor.message().text(), "ok");
    got
}

#[test]
fn the_app_gets_the_password_only_where_it_is_to() {
    let got = forwarded(basic(), &shown("alice:hunter2"));
    assert!(
        !got.head.to_lowercase().contains("authorization"),
        "{}",
        got.head
    );
    let passing = BasicAuth {
        authorization: Authorization::Pass,
        ..basic()
    };
    let got = forwarded(passing, &shown("alice:hunter2"));
    assert_eq!(got.field("authorization"), Some("Basic YWxpY2U6aHVudGVyMg"));
}

#[test]
fn the_app_is_told_the_name_and_no_other() {
    let named = BasicAuth {
        user_header: Some("remote-user".to_owned()),
        ..basic()
    };
    let fields = "Remote-User: admin\r\nREMOTE_USER: admin\r\nRemote.User: admin\r\n";
    let got = forwarded(named, &format!("{fields}{}", shown("bob:secret")));
    assert_eq!(got.all("remote-user"), ["bob"]);
    assert!(!got.head.contains("admin"), "{}", got.head);
}

#[test]
fn nobody_can_claim_a_name_where_no_password_is_asked() {
    let upstream = Upstream::new();
    let named = BasicAuth {
        user_header: Some("remote-user".to_owned()),
        ..basic()
    };
    let mut site = guarded(
        "a.test",
        proxy_to(&upstream),
        access(named, &["192.168.0.0/16"]),
    );
    let mut rules = site.rules.clone();
    rules.access = Access::default();
    site.routes.insert(
        0,
        Route {
            path: RoutePath::parse("/public").unwrap(),
            base: RoutePath::parse("/public").unwrap(),
            rules,
            target: proxy_to(&upstream),
        },
    );
    let plane = Plane::start(trusting([site]));
    for (target, address) in [("/public", "8.8.8.8"), ("/", "192.168.0.1")] {
        let mut visitor = plane.visit();
        visitor.send(format!(
            "GET {target} HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: {address}\r\nRemote_User: admin\r\n\
             Remote-User: admin\r\nAuthorization: Bearer its-own\r\nConnection: close\r\n\r\n"
        ));
        let mut connection = upstream.accept();
        let got = connection.message();
        assert!(!got.head.contains("admin"), "{target}: {}", got.head);
        let is_public = target == "/public";
        let own = got.field("authorization").is_some();
        assert_eq!(own, is_public, "{target}: {}", got.head);
        connection.reply("ok");
        assert_eq!(visitor.message().status(), 200);
    }
    let request = "GET / HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: 8.8.8.8\r\n\r\n";
    assert_eq!(plane.visit().send(request).message().status(), 401);
}

#[test]
fn guesses_are_delayed_for_their_address_alone() {
    let plane = Plane::start(trusting([protected(respond("a"), basic())]));
    let guess = |address: &str, password: &str| {
        let field = shown(&format!("alice:{password}"));
        ask(&plane, &format!("X-Forwarded-For: {address}\r\n{field}"))
    };
    let mut guesses = 0;
    let mut is_wrong = || {
        guesses += 1;
        assert!(guesses < 100, "guesses are never delayed");
        guess("2001:db8::1", &format!("guess {guesses}")).status() == 401
    };
    // Even the right one, also from another address of the same network; on a machine that is busy the
    // first waits may be over before it is tried.
    let answer = loop {
        while is_wrong() {}
        let answer = guess("2001:db8::2", "hunter2");
        if answer.status() != 200 {
            break answer;
        }
    };
    assert_eq!(answer.status(), 429);
    assert!(answer.field("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
    assert_eq!(answer.field("www-authenticate"), None);
    for other in ["2001:db8:0:1::1", "192.0.2.1"] {
        assert_eq!(guess(other, "hunter2").status(), 200, "{other}");
    }
}

#[test]
fn a_device_with_an_old_password_does_not_lock_its_owner_out() {
    let plane = Plane::start(plan([protected(respond("a"), basic())]));
    for _ in 0..30 {
        assert_eq!(ask(&plane, &shown("alice:hunter3")).status(), 401);
    }
    assert_eq!(ask(&plane, &shown("alice:hunter2")).status(), 200);
}

#[test]
fn a_page_with_many_things_is_let_through_at_once() {
    let plane = Plane::start(plan([protected(respond("a"), basic())]));
    let mut visitors: Vec<_> = (0..30).map(|_| plane.visit()).collect();
    let request = format!(
        "GET / HTTP/1.1\r\nHost: a.test\r\n{}\r\n",
        shown("bob:secret")
    );
    for visitor in &mut visitors {
        visitor.send(&request);
    }
    for mut visitor in visitors {
        assert_eq!(visitor.message().status(), 200);
    }
}

#[test]
fn a_body_is_not_asked_for_before_the_password() {
    let upstream = Upstream::new();
    let plane = Plane::start(plan([protected(proxy_to(&upstream), basic())]));
    let post = |fields: &str| {
        format!(
            "POST / HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n{fields}\r\n"
        )
    };
    let mut visitor = plane.visit();
    visitor.send(post(""));
    assert_eq!(visitor.message().status(), 401, "there is no 100 before it");
    let mut visitor = plane.visit();
    visitor.send(post(&shown("alice:hunter2")));
    assert_eq!(visitor.message().status(), 100);
    visitor.stream.write_all(b"hello").unwrap();
    let mut connection = upstream.accept();
    assert_eq!(connection.message().body, b"hello");
    connection.reply("ok");
    assert_eq!(visitor.message().text(), "ok");
}

#[test]
fn http2_is_asked_for_a_password_too() {
    let identity = Identity::new(&["a.test"]);
    let site = Site {
        scheme: Scheme::Https,
        ..protected(respond("a"), basic())
    };
    let plane = Plane::start_with(plan([site]), &[&identity]);
    plane.block_on(async {
        let mut visitor = Http2::connect(&plane, "a.test").await;
        for (user, method, expected) in [
            (None, "HEAD", 401),
            (None, "POST", 401),
            (None, "OPTIONS", 401),
            (Some("bob:secret"), "GET", 200),
        ] {
            let mut request = http::Request::builder()
                .method(method)
                .uri("https://a.test/");
            if let Some(user) = user {
                let text = ondol_model::base64::encode(user.as_bytes());
                request = request.header("authorization", format!("Basic {text}"));
            }
            let request = request.body(BoxBody::default()).unwrap();
            let answer = visitor.request(request).await.unwrap();
            assert_eq!(answer.status(), expected, "{method}");
            let is_asked = answer.headers().contains_key("www-authenticate");
            assert_eq!(is_asked, expected == 401);
        }
    });
}

#[test]
fn a_denied_address_is_not_asked_for_a_password() {
    let access = Access {
        deny: networks(&["127.0.0.1"]),
        ..access(basic(), &[])
    };
    let plane = Plane::start(plan([guarded("a.test", respond("a"), access)]));
    let answer = ask(&plane, &shown("alice:hunter2"));
    assert_eq!(answer.status(), 403);
    assert_eq!(answer.field("www-authenticate"), None);
}
