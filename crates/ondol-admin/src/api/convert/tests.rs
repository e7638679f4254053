//! What a person reads about each kind of site, change and service.

use std::path::PathBuf;
use std::time::Duration;

use ondol_base::tasks::ServiceState;
use ondol_model::HostPattern;
use ondol_model::path::RoutePath;
use ondol_model::upstream::Upstream;

use super::*;

fn name(text: &str) -> HostPattern {
    HostPattern::parse(text).unwrap()
}

fn route(path: &str, target: plan::Target) -> plan::Route {
    plan::Route {
        path: RoutePath::parse(path).unwrap(),
        base: RoutePath::root(),
        rules: plan::Rules::default(),
        target,
    }
}

fn site() -> plan::Site {
    let upstreams = ["http://127.0.0.1:9000", "unix:/run/app.sock"];
    let upstreams = upstreams.map(|text| Upstream::parse(text).unwrap());
    let proxy = plan::Proxy::to(upstreams.into());
    let redirect = plan::Redirect {
        to: "https://new.example.com".to_owned(),
        path: plan::RedirectPath::Keep,
        status: 308,
    };
    let respond = plan::Respond::text(204, "");
    let root = PathBuf::from("/srv/blog");
    plan::Site {
        name: name("blog.example.com"),
        aliases: vec![name("*.blog.example.com")],
        alias_answer: plan::AliasAnswer::Serve,
        scheme: plan::Scheme::Https,
        certificate: None,
        client_auth: None,
        passthrough: None,
        issuance: Default::default(),
        rules: plan::Rules::default(),
        redirects: Vec::new(),
        check: None,
        health: None,
        routes: vec![
            route("/app/", plan::Target::Proxy(proxy)),
            route("/old/", plan::Target::Redirect(redirect)),
            route("/ok/", plan::Target::Respond(respond)),
            route("/", plan::Target::Files(plan::Files::at(root))),
        ],
    }
}

#[test]
fn every_target_says_where_it_leads() {
    let shown = Site::new(&site(), vec![":443".to_owned()], None);
    assert_eq!(shown.name, "blog.example.com");
    assert_eq!(shown.aliases, ["*.blog.example.com"]);
    assert!(shown.serves_aliases);
    assert_eq!(shown.scheme, "https");
    let routes: Vec<_> = shown
        .routes
        .iter()
        .map(|route| format!("{} {} {}", route.path, route.target, route.to))
        .collect();
    assert_eq!(
        routes,
        [
            "/app/ proxy http://127.0.0.1:9000, unix:/run/app.sock",
            "/old/ redirect 308 https://new.example.com",
            "/ok/ respond 204",
            "/ files /srv/blog",
        ]
    );
}

#[test]
fn a_site_of_another_machine_says_where_it_is_passed_on_to() {
    let to = ["192.168.0.20:443", "[fd00::20]:443"];
    let mut site = site();
    site.routes.drain(1..);
    site.passthrough = Some(plan::Passthrough {
        tls: to.map(|to| plan::Destination::parse(to).unwrap()).into(),
        proxy_protocol: None,
    });
    let [passed, forwarded] = &Site::new(&site, Vec::new(), None).routes[..] else {
        panic!("not two routes");
    };
    assert_eq!(
        (&*passed.target, &*passed.to),
        ("passthrough", &*to.join(", "))
    );
    assert_eq!(forwarded.target, "proxy");
}

#[test]
fn changes_keep_their_kinds_apart() {
    let app = |name| ondol_model::AppName::parse(name).unwrap();
    let changes = diff::Changes {
        added: vec![name("a.test")],
        removed: vec![name("b.test")],
        changed: vec![name("c.test"), name("*.d.test")],
        apps: diff::AppChanges {
            added: vec![app("coffee")],
            removed: vec![app("tea")],
            changed: vec![app("milk")],
        },
        listeners: true,
        backup: true,
        care: true,
        settings: false,
    };
    let expected = Changes {
        added: vec!["a.test".to_owned()],
        removed: vec!["b.test".to_owned()],
        changed: vec!["c.test".to_owned(), "*.d.test".to_owned()],
        apps: AppChanges {
            added: vec!["coffee".to_owned()],
            removed: vec!["tea".to_owned()],
            changed: vec!["milk".to_owned()],
        },
        listeners: true,
        backup: true,
        care: true,
        settings: false,
    };
    assert_eq!(Changes::from(&changes), expected);
}

#[test]
fn a_failed_service_is_shown_with_its_reason() {
    let status = ServiceStatus {
        name: "admin",
        state: ServiceState::Failed,
        since: UNIX_EPOCH + Duration::from_millis(1_500),
        restarts: 6,
        last_error: Some("disk on fire".to_owned()),
    };
    let json = serde_json::to_string(&Service::from(status)).unwrap();
    assert_eq!(
        json,
        r#"{"name":"admin","state":"failed","since":"1970-01-01T00:00:01Z","restarts":6,"last_error":"disk on fire"}"#
    );
    let later: Result<Service, _> = serde_json::from_str(&json.replace("1970-01-01T", "noon "));
    let error = later.unwrap_err().to_string();
    assert!(error.contains("`noon 00:00:01Z` is no time"), "{error}");
}
