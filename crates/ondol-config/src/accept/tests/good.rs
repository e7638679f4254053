//! What good configurations become.

use ondol_model::Target;
use ondol_model::balance::Balance;
use ondol_model::listen::Preface;
use ondol_model::path::RoutePath;
use ondol_model::plan::AccessLogFormat;
use ondol_model::plan::AliasAnswer;
use ondol_model::plan::BodyKind;
use ondol_model::plan::Candidate;
use ondol_model::plan::ClientCertificate;
use ondol_model::plan::CompressionLevel;
use ondol_model::plan::Dotfiles;
use ondol_model::plan::Encoding;
use ondol_model::plan::HeaderChange;
use ondol_model::plan::HealthCheck;
use ondol_model::plan::Listing;
use ondol_model::plan::LogCompression;
use ondol_model::plan::LogTo;
use ondol_model::plan::Precompressed;
use ondol_model::plan::ProxyVersion;
use ondol_model::plan::RedirectPath;
use ondol_model::plan::RequestIdHeader;
use ondol_model::plan::RespondBody;
use ondol_model::plan::Rules;
use ondol_model::plan::Scheme;
use ondol_model::plan::Security;
use ondol_model::plan::SentHost;
use ondol_model::plan::SentPath;
use ondol_model::plan::Symlinks;
use ondol_model::plan::Template;
use ondol_model::plan::access::Methods;
use ondol_model::plan::auth::AuthBy;
use ondol_model::plan::auth::Authorization;
use ondol_model::rewrite::Rewrite;
use ondol_model::upstream::HttpVersion;
use ondol_model::upstream::Verification;

use super::*;

fn plan(files: &[(&str, &str)]) -> Plan {
    let accepted = accept(&sources(files)).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    Arc::unwrap_or_clone(accepted.plan)
}

fn everything() -> Plan {
    let text = testdata("testdata/good/everything.toml");
    plan(&[("/etc/ondol/ondol.toml", &text)])
}

#[test]
fn the_sections_of_the_box_are_taken_over() {
    let plan = everything();
    assert_eq!(plan.box_name, "seocho");
    assert_eq!(plan.email.as_deref(), Some("me@example.com"));
    assert_eq!(plan.timezone.as_deref(), Some("Asia/Seoul"));
    assert_eq!(plan.access_log.format, AccessLogFormat::Json);
    let http = plan.listen.http.iter();
    let http: Vec<_> = http.map(|listener| listener.address.to_string()).collect();
    assert_eq!(http, ["127.0.0.1:8080", "[::1]:8080", ":0"]);
    let https = plan.listen.https.iter();
    let https: Vec<_> = https
        .map(|listener| (listener.address.to_string(), listener.preface))
        .collect();
    let expected = [
        (":8443", Preface::None),
        ("127.0.0.1:8444", Preface::ProxyProtocol),
        ("127.0.0.1:8445", Preface::None),
    ];
    assert_eq!(
        https,
        expected.map(|(address, it)| (address.to_owned(), it))
    );
    let proxies = plan.listen.trusted_proxies.iter().map(ToString::to_string);
    assert_eq!(proxies.collect::<Vec<_>>(), ["10.0.0.0/8", "::1/128"]);
    let [wild] = &plan.certificates[..] else {
        panic!("{:?}", plan.certificates)
    };
    assert_eq!(wild.chain, Path::new("/etc/ondol/wild/chain.pem"));
    assert_eq!(wild.key, Path::new("/keys/wild.pem"));
}

#[test]
fn a_log_is_rotated_and_redacted_as_it_is_asked_for() {
    let site = "[sites.'a.test']\nrespond = 'a'\n";
    let of = |log: &str| plan(&[("a.toml", &format!("[log]\n{log}\n{site}"))]).access_log;
    let usual = of("");
    assert_eq!(usual, of("rotate = true"));
    assert_eq!(of("rotate = false").rotation, None);
    let log = of(
        "rotate = { size = '100MB', age = '30d', keep = 3, compress = 'zstd' }\n\
                  redact = ['x*']\nsample = '12.5%'",
    );
    let rotation = log.rotation.unwrap();
    assert_eq!((rotation.size_bytes, rotation.keep), (100_000_000, 3));
    assert_eq!(rotation.age.unwrap().as_secs(), 30 * 24 * 3600);
    assert_eq!(rotation.compression, LogCompression::Zstd);
    assert!(log.redact.len() == 1 && log.redact[0].is(b"xyz"));
    assert_eq!(log.sample.millionths(), 125_000);
    let ageless = of("rotate = { age = false, compress = 'none' }")
        .rotation
        .unwrap();
    assert_eq!(
        (ageless.age, ageless.compression),
        (None, LogCompression::None)
    );
    assert!(of("redact = []").redact.is_empty());
}

#[test]
fn a_route_is_logged_like_its_site_unless_it_says_otherwise() {
    let routes = "routes = [{ path = '/own', respond = '', log = 'own.log' },\n\
                  { path = '/health', respond = '', log = false },\n\
                  { path = '/box', respond = '', log = true },\n\
                  { path = '/some', respond = '', log = { sample = '50%' } }]";
    let plan = plan(&[(
        "a.toml",
        &format!(
            "[sites.'a.test']\nrespond = ''\nlog = {{ file = 'a.log', sample = '1%' }}\n{routes}"
        ),
    )]);
    let routes = plan.sites[0].routes.iter();
    let logs: Vec<_> = routes
        .map(|route| {
            let file = match &route.rules.log.to {
                LogTo::Box => "the box's",
                LogTo::File(name) => name.as_str(),
                LogTo::Nowhere => "none",
            };
            let sample = route.rules.log.sample.unwrap().millionths();
            (route.path.as_str(), file, sample)
        })
        .collect();
    let expected = [
        ("/health", "none", 10_000),
        ("/some", "a.log", 500_000),
        ("/box", "the box's", 10_000),
        ("/own", "own.log", 10_000),
        ("/", "a.log", 10_000),
    ];
    assert_eq!(logs, expected);
}

#[test]
fn a_box_has_only_so_many_log_files() {
    let site =
        |number: usize| format!("[sites.'a{number}.test']\nrespond = ''\nlog = '{number}.log'\n");
    let text = |count| (0..count).map(site).collect::<String>();
    assert_eq!(plan(&[("a.toml", &text(100))]).sites.len(), 100);
    let mistakes = accept(&sources(&[("a.toml", &text(101))])).expect_err("it was accepted");
    assert!(
        mistakes.to_string().contains("one log file more"),
        "{mistakes}"
    );
}

#[test]
fn sites_are_in_the_order_of_their_names() {
    let plan = everything();
    let names: Vec<_> = plan
        .sites
        .iter()
        .map(|site| site.name.to_string())
        .collect();
    let expected = [
        "kept.example",
        "old.example",
        "shared.example",
        "spoken.example",
        "told.example",
        "withcoffee.app",
        "xn--3e0b707e.example",
        "*.example.com",
    ];
    assert_eq!(names, expected);
}

#[test]
fn a_site_of_another_machine_is_passed_on() {
    let text = "[sites.'machine.example']\naliases = ['www.machine.example']\n\
        passthrough = { tls = ['192.168.0.20:443', '[fd00::20]:8443'], http = 'other.lan:80', proxy_protocol = 'v2' }";
    let site = plan(&[("a.toml", text)]).sites.swap_remove(0);
    let passed = site.passthrough.as_ref().expect("it is passed on");
    let tls: Vec<_> = passed.tls.iter().map(ToString::to_string).collect();
    assert_eq!(tls, ["192.168.0.20:443", "[fd00::20]:8443"]);
    assert_eq!(passed.proxy_protocol, Some(ProxyVersion::Two));
    assert_eq!(site.alias_answer, AliasAnswer::Serve);
    assert!(!site.has_tls() && !site.leads_to_https());
    let [route] = &site.routes[..] else {
        panic!("{:?}", site.routes)
    };
    let Target::Proxy(proxy) = &route.target else {
        panic!("{:?}", route.target)
    };
    assert_eq!(
        proxy.upstreams().next().unwrap().to_string(),
        "http://other.lan:80"
    );
    let short = "[sites.'a.test']\npassthrough = '192.168.0.20:443'";
    let site = plan(&[("a.toml", short)]).sites.swap_remove(0);
    assert!(site.routes.is_empty() && site.leads_to_https());
}

#[test]
fn visitors_with_certificates_must_show_them_unless_they_may() {
    for (more, expected) in [
        ("", ClientCertificate::Required),
        (
            "client_certificate = 'required'",
            ClientCertificate::Required,
        ),
        (
            "client_certificate = 'optional'",
            ClientCertificate::Optional,
        ),
    ] {
        let text = format!("[sites.'a.test']\nfiles = '/a'\nclient_ca = 'ca.pem'\n{more}");
        let site = plan(&[("/etc/ondol/a.toml", &text)]).sites.swap_remove(0);
        let auth = site.client_auth.expect("it asks for certificates");
        assert_eq!(auth.ca, Path::new("/etc/ondol/ca.pem"));
        assert_eq!(auth.certificate, expected, "{more}");
    }
}

#[test]
fn a_site_is_taken_over_with_its_routes_longest_first() {
    let plan = everything();
    let site = &plan.sites[5];
    assert_eq!(site.aliases.len(), 1);
    assert_eq!(site.alias_answer, AliasAnswer::Redirect);
    assert_eq!(site.scheme, Scheme::Https);
    assert_eq!(site.rules.body_bytes_max, 32_000_000);
    assert_eq!(site.rules.timeouts.connect.as_millis(), 500);
    assert_eq!(site.rules.timeouts.response.as_secs(), 120);
    assert_eq!(site.rules.patience.body.as_secs(), 300);
    assert_eq!(site.rules.patience.send.as_secs(), 90);
    assert_eq!(site.rules.patience.bytes_per_second_min, 1_000);
    assert_eq!(site.rules.request_id, RequestIdHeader::Present);
    let inherited = &site.routes[2].rules;
    assert_eq!(inherited.request_id, RequestIdHeader::Absent);
    let times = inherited.timeouts;
    let times = [
        times.response,
        times.until_head(),
        times.between_parts(BodyKind::Events),
    ];
    assert_eq!(times.map(|time| time.as_secs()), [60, 300, 30]);
    let certificate = site.certificate.as_ref().expect("its certificate");
    assert_eq!(certificate.key, Path::new("/etc/ondol/coffee/key.pem"));
    let routes = site.routes.iter();
    let routes: Vec<_> = routes
        .map(|route| (route.path.as_str(), route.target.word()))
        .collect();
    let expected = [
        ("/assets/", "files"),
        ("/old", "redirect"),
        ("/a", "files"),
        ("/", "proxy"),
    ];
    assert_eq!(routes, expected);
    let Target::Files(files) = &site.routes[2].target else {
        panic!("{site:?}")
    };
    assert_eq!(files.root, Path::new("/etc/ondol/assets"));
    let Target::Proxy(proxy) = &site.routes[3].target else {
        panic!("{site:?}")
    };
    let upstreams: Vec<_> = proxy.upstreams().map(ToString::to_string).collect();
    assert_eq!(
        upstreams,
        ["http://127.0.0.1:3000", "unix:/run/coffee.sock"]
    );
}

#[test]
fn servers_share_by_their_weights() {
    let plan = everything();
    let Target::Proxy(proxy) = &plan.sites[2].routes[3].target else {
        panic!("{plan:?}")
    };
    let servers = proxy.servers.iter();
    let servers: Vec<_> = servers
        .map(|server| (server.upstream.to_string(), server.weight))
        .collect();
    let expected = [("http://10.0.0.2:3000", 1), ("http://10.0.0.3:3000", 3)];
    assert_eq!(
        servers,
        expected.map(|(at, weight)| (at.to_owned(), weight))
    );
    assert_eq!(proxy.balance, Balance::ClientHash);
    let failing = &proxy.failing;
    assert_eq!((failing.max_fails, &failing.statuses), (1, &vec![502, 504]));
    let times = [failing.window, failing.out, failing.slow_start];
    assert_eq!(times.map(|time| time.as_secs()), [5, 60, 0]);
    let retry = &proxy.retry;
    assert_eq!((retry.times, retry.within.as_secs()), (2, 3));
    assert_eq!(retry.statuses, [503]);
    assert_eq!(
        proxy.health.as_deref(),
        Some(&HealthCheck::of("/up".to_owned()))
    );
}

#[test]
fn servers_get_what_they_are_meant_to() {
    let plan = everything();
    let sent = |index: usize| match &plan.sites[2].routes[index].target {
        Target::Proxy(proxy) => (proxy.path.clone(), proxy.host.clone()),
        other => panic!("{other:?}"),
    };
    let path = |text| RoutePath::parse(text).expect("a path");
    let rewrite = Rewrite::parse("/mediawiki$rest", path("/wiki")).expect("a target");
    let expected = [
        (SentPath::After(path("/other/deep")), SentHost::Visitor),
        (
            SentPath::Rewritten(rewrite),
            SentHost::Name("wiki.local:8080".to_owned()),
        ),
        (SentPath::After(path("/api")), SentHost::Upstream),
        (SentPath::Original, SentHost::Visitor),
    ];
    assert_eq!([0, 1, 2, 3].map(sent), expected);
}

#[test]
fn a_route_without_a_target_is_answered_as_its_site_is() {
    let of = |target: &str| {
        let routes =
            "routes = [{ path = '/admin', deny = ['all'] }, { path = '/own', files = '/x' }]";
        let text = format!("[sites.'a.test']\n{target}\n{routes}");
        let site = plan(&[("a.toml", &text)]).sites.remove(0);
        let [admin, own, all] = <[_; 3]>::try_from(site.routes).unwrap();
        assert_eq!((admin.path.as_str(), admin.base.as_str()), ("/admin", "/"));
        assert_eq!((own.path.as_str(), own.base.as_str()), ("/own", "/own"));
        assert_eq!(admin.target, all.target);
        assert_ne!(admin.rules.access, all.rules.access);
        admin.target
    };
    assert_eq!(of("files = '/srv/pages'").word(), "files");
    assert_eq!(
        of("proxy = { to = 'http://10.0.0.2', health = '/up' }").word(),
        "proxy"
    );
}

#[test]
fn one_cache_control_can_be_for_all_files() {
    let text = "[sites.'a.test']\nfiles = { root = '/srv', cache_control = ' no-cache ' }";
    let site = plan(&[("a.toml", text)]).sites.remove(0);
    let Target::Files(files) = &site.routes[0].target else {
        panic!("{site:?}")
    };
    for name in ["a.html", "x/y", ".well-known/z"] {
        assert_eq!(files.cache_control(name), Some("no-cache"), "{name}");
    }
}

#[test]
fn a_folder_is_taken_over_with_all_that_is_said_about_it() {
    let plan = everything();
    let Target::Files(files) = &plan.sites[5].routes[0].target else {
        panic!("{:?}", plan.sites[5])
    };
    assert_eq!(files.root, Path::new("/srv/assets"));
    assert_eq!(files.index, ["index.html", "index.htm"]);
    let tried = ["$path", "$path.html", "/app.html", "=404"].map(Candidate::parse);
    assert!(
        files
            .candidates
            .iter()
            .map(Some)
            .eq(tried.iter().map(Option::as_ref))
    );
    assert_eq!(files.listing, Listing::On);
    assert_eq!(files.precompressed, Precompressed::Ignored);
    assert_eq!(files.cache_control("a.html"), Some("no-cache"));
    assert_eq!(files.cache_control("a.js"), Some("max-age=60"));
    assert_eq!(files.charset.as_deref(), Some("euc-kr"));
    let gpx = ("gpx".to_owned(), "application/gpx+xml".to_owned());
    assert_eq!(files.types, [gpx]);
    assert_eq!(files.symlinks, Symlinks::None);
    assert_eq!(files.dotfiles, Dotfiles::Shown);
}

#[test]
fn servers_are_spoken_to_as_their_proxy_says() {
    let plan = everything();
    let upstreams = |site: usize| match &plan.sites[site].routes[0].target {
        Target::Proxy(proxy) => proxy.upstreams().cloned().collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    let [nas, plain] = &upstreams(3)[..] else {
        panic!("{plan:?}")
    };
    assert_eq!((nas.http, plain.http), (HttpVersion::Two, HttpVersion::Two));
    let (Some(tls), None) = (&nas.tls, &plain.tls) else {
        panic!("{nas:?} {plain:?}")
    };
    assert_eq!(tls.ca.as_deref(), Some(Path::new("/etc/ondol/nas-ca.pem")));
    let certificate = tls.certificate.as_ref().expect("a certificate");
    assert_eq!(certificate.chain, Path::new("/etc/ondol/box.pem"));
    assert_eq!(certificate.key, Path::new("/keys/box.pem"));
    let name = tls.server_name.as_ref().map(|name| name.as_str());
    assert_eq!(name, Some("nas.example"));
    assert_eq!(tls.verification, Verification::Full);
    let [secure, told] = &upstreams(4)[..] else {
        panic!("{plan:?}")
    };
    let tls = secure.tls.as_ref().expect("TLS");
    assert_eq!(tls.verification, Verification::Off);
    assert_eq!(told.proxy_protocol, Some(ProxyVersion::One));
    assert!(!secure.is_shared() && nas.is_shared());
}

#[test]
fn redirects_keep_the_path_where_the_new_address_has_none() {
    let plan = everything();
    let check = |index: usize, to: &str, path, status| match &plan.sites[index].routes[0].target {
        Target::Redirect(redirect) => {
            let found = (redirect.to.as_str(), redirect.path, redirect.status);
            assert_eq!(found, (to, path, status));
        }
        other => panic!("{other:?}"),
    };
    check(0, "https://new.example/blog", RedirectPath::Keep, 308);
    check(
        1,
        "http://new.example/%EA%B8%B8?a=b",
        RedirectPath::Drop,
        301,
    );
    check(6, "https://xn--og4b88n.example", RedirectPath::Keep, 308);
}

#[test]
fn a_wildcard_can_serve_its_aliases() {
    let plan = everything();
    let site = &plan.sites[7];
    assert_eq!(site.alias_answer, AliasAnswer::Serve);
    assert_eq!(site.scheme, Scheme::Http);
    let Target::Respond(respond) = &site.routes[0].target else {
        panic!("{site:?}")
    };
    assert_eq!(
        (respond.status, respond.content_type.as_deref()),
        (503, Some("text/html"))
    );
}

#[test]
fn an_included_file_has_its_own_folder() {
    let plan = plan(&[
        ("/etc/ondol/ondol.toml", "[sites.'b.test']\nfiles = 'www'\n"),
        (
            "/etc/ondol/sites/a.toml",
            "[sites.'a.test']\nfiles = 'www'\n",
        ),
    ]);
    let root = |index: usize| match &plan.sites[index].routes[0].target {
        Target::Files(files) => files.root.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(root(0), Path::new("/etc/ondol/sites/www"));
    assert_eq!(root(1), Path::new("/etc/ondol/www"));
}

#[test]
fn a_redirect_that_may_end_is_accepted() {
    for target in [
        "redirect = 'https://b.test'",
        "redirect = 'https://a.test:8443'",
        "redirect = 'https://other.test'",
        "redirect = '/welcome'\n[[sites.'a.test'.routes]]\npath = '/welcome'\nfiles = '/a'",
        "https = false\nredirect = 'https://a.test'",
    ] {
        let text = format!("[sites.'b.test']\nfiles = '/b'\n[sites.'a.test']\n{target}\n");
        plan(&[("/a.toml", &text)]);
    }
}

#[test]
fn the_order_of_the_file_does_not_matter() {
    let [a, b] = ["a", "b"].map(|name| format!("[sites.'{name}.test']\nfiles = '/{name}'\n"));
    let (one, other) = (format!("{a}{b}"), format!("{b}{a}"));
    assert_eq!(plan(&[("/a.toml", &one)]), plan(&[("/a.toml", &other)]));
}

#[test]
fn a_byte_order_mark_and_line_ends_of_windows_are_no_mistake() {
    plan(&[("/a.toml", "\u{feff}[sites.'a.test']\r\nfiles = '/a'\r\n")]);
}

#[test]
fn routes_ask_what_their_site_asks_or_something_else() {
    let text = testdata("testdata/good/access.toml");
    let plan = plan(&[("/etc/ondol/ondol.toml", &text)]);
    let site = &plan.sites[0];
    let access = &site.rules.access;
    let allowed = access.allow.as_ref().map(Vec::len);
    assert_eq!((allowed, access.deny.len()), (Some(9), 1));
    let methods = access.methods.as_ref().map(Methods::list);
    assert_eq!(methods.as_deref(), Some("GET, HEAD"));
    let auth = access.auth.as_deref().expect("a password is asked for");
    assert_eq!(auth.except.len(), 8);
    let AuthBy::Basic(basic) = &auth.by else {
        panic!("{auth:?}")
    };
    assert_eq!(basic.realm.as_deref(), Some("우리 집"));
    assert_eq!(basic.authorization, Authorization::Pass);
    assert_eq!(basic.user_header.as_deref(), Some("remote-user"));
    assert!(basic.users.find(b"bob").is_some() && basic.users.find(b"Al Ice").is_some());
    let [health, photos, own] = &site.routes[..] else {
        panic!("{:?}", site.routes)
    };
    assert_eq!(own.rules.access, *access);
    assert_eq!(health.rules.access.auth, None);
    assert_eq!(health.rules.access.allow, access.allow);
    let access = &photos.rules.access;
    assert_eq!((&access.allow, access.deny.len()), (&None, 0));
    let Some(AuthBy::Forward(forward)) = access.auth.as_deref().map(|auth| &auth.by) else {
        panic!("{access:?}")
    };
    assert_eq!(forward.to.to_string(), "http://127.0.0.1:9091");
    assert_eq!(forward.target, "/?a=b");
    assert_eq!(forward.copy, ["remote-user", "remote-groups"]);
    assert_eq!(forward.timeout.as_secs(), 3);
}

/// The rules of a site and of its one route.
fn inherited(site: &str, route: &str) -> (Rules, Rules) {
    let text = format!(
        "[sites.'a.test']\n{site}\n[[sites.'a.test'.routes]]\npath = '/x'\nfiles = '/x'\n{route}\n"
    );
    let plan = plan(&[("/etc/ondol/ondol.toml", &text)]);
    let site = plan.sites.into_iter().next().expect("a site");
    let route = site.routes.into_iter().next().expect("a route");
    (site.rules, route.rules)
}

#[test]
fn the_header_fields_of_a_route_come_on_top_of_its_sites() {
    let (site, route) = inherited(
        "headers = { Server = false, X-Box = '$site $$1' }",
        "headers = { x-box = { add = ['a', 'b'] }, Age = { default = '0' } }",
    );
    let names = |rules: &Rules| {
        let names = rules.headers.iter().map(|rule| rule.name.to_string());
        names.collect::<Vec<_>>()
    };
    assert_eq!(names(&site), ["server", "x-box"]);
    assert_eq!(names(&route), ["age", "server", "x-box"]);
    let values = |text| Template::parse(text).expect("a template");
    let added = HeaderChange::Add(vec![values("a"), values("b")]);
    assert!(route.headers.iter().any(|rule| rule.change == added));
    let set = HeaderChange::Set(values("$site $$1"));
    assert!(site.headers.iter().any(|rule| rule.change == set));
}

#[test]
fn what_a_route_says_of_compression_and_safety_is_its_own() {
    let (site, route) = inherited(
        "compression = false\nhsts = true\nerror_pages = 'pages'",
        "compression = { level = 'fast', encodings = ['gzip', 'gzip'] }\nhsts = { subdomains = true }",
    );
    assert_eq!(site.compression, None);
    let compression = route.compression.expect("compression");
    assert_eq!(compression.encodings, [Encoding::Gzip]);
    assert_eq!(compression.level, CompressionLevel::Fast);
    let value = |rules: Security| rules.hsts.expect("hsts").value();
    assert_eq!(value(site.security), "max-age=31536000");
    assert_eq!(value(route.security), "max-age=31536000; includeSubDomains");
    let pages = route.error_pages.expect("pages");
    assert_eq!(pages.folder, Path::new("/etc/ondol/pages"));
}

#[test]
fn a_fixed_answer_may_be_a_file() {
    let text = "[sites.'a.test']\nrespond = { status = 503, file = 'busy.html' }";
    let plan = plan(&[("/etc/ondol/ondol.toml", text)]);
    let Target::Respond(respond) = &plan.sites[0].routes[0].target else {
        panic!("{plan:?}")
    };
    let file = RespondBody::File("/etc/ondol/busy.html".into());
    assert_eq!((&respond.body, &respond.content_type), (&file, &None));
}
