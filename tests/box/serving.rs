//! What visitors get: by name and certificate, from apps, folders and fixed answers, and what is logged of it.

use std::fs;
use std::fs::Permissions;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::ClientConnection;
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::ServerName;
use rustls_pki_types::pem::PemObject;
use serde_json::Value;

use crate::harness::Folders;
use crate::harness::Running;
use crate::harness::eventually;
use crate::peers;
use crate::peers::Answer;
use crate::peers::Certificate;
use crate::peers::WebSocket;
use crate::peers::address;
use crate::peers::ask;
use crate::peers::is_there;
use crate::peers::root;
use crate::peers::text;

const LISTEN: &str = "[listen]\nhttp = [\"127.0.0.1:0\"]\nhttps = [\"127.0.0.1:0\"]\n";
const TWO_SITES: &str =
    "[sites.\"a.test\"]\nrespond = \"this is a\"\n[sites.\"b.test\"]\nrespond = \"this is b\"\n";

fn serving(sites: &str) -> Running {
    Folders::with(&format!("{LISTEN}{sites}")).start()
}

/// The body of a good answer.
#[track_caller]
fn body(address: SocketAddr, arguments: &[&str]) -> String {
    let answer = ask(address, arguments).unwrap();
    assert_eq!(answer.status, 200, "{arguments:?}: {answer:?}");
    answer.body
}

#[test]
fn curl_gets_each_site_by_its_name_in_every_version() {
    if !is_there("curl") {
        return;
    }
    let running = serving(TWO_SITES);
    let (https, root) = (address(&running, "https"), root(&running));
    let versions = [
        (["--http1.1", "--tlsv1.3"], "http/1.1 200"),
        (["--http2", "--tlsv1.3"], "http/2 200"),
        (["--http1.1", "--tls-max=1.2"], "http/1.1 200"),
        (["--http2", "--tls-max=1.2"], "http/2 200"),
    ];
    for (version, expected) in versions {
        for name in ["a", "b"] {
            let url = format!("https://{name}.test/");
            let [http, tls] = version;
            let tls: Vec<_> = tls.split('=').collect();
            let answer = ask(https, &[&[http, "--cacert", &root, &url], &*tls].concat()).unwrap();
            assert_eq!(answer.body, format!("this is {name}"), "{version:?}");
            assert!(answer.head.starts_with(expected), "{}", answer.head);
        }
    }
    let said = ask(https, &["https://a.test/"]).unwrap_err();
    assert!(said.contains("certificate"), "without the root: {said}");
    let said = ask(
        https,
        &["--cacert", &root, "--tls-max", "1.1", "https://a.test/"],
    );
    said.expect_err("TLS 1.1 is refused");
}

/// What `openssl s_client` says about a connection for a name.
fn s_client(https: SocketAddr, name: &str, arguments: &[&str]) -> String {
    let output = Command::new("openssl")
        .args(["s_client", "-brief", "-connect", &https.to_string()])
        .args(["-servername", name])
        .args(arguments)
        .stdin(Stdio::null())
        .output();
    text(&output.unwrap())
}

#[test]
fn openssl_is_shown_the_certificate_of_each_name() {
    if !is_there("openssl") {
        return;
    }
    let running = serving(TWO_SITES);
    let (https, root) = (address(&running, "https"), root(&running));
    for name in ["a.test", "b.test"] {
        for (version, expected) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")] {
            let arguments = ["-CAfile", &root, "-verify_hostname", name, version];
            let said = s_client(https, name, &arguments);
            let certificate = format!("Peer certificate: CN = {name}");
            for expected in [expected, &certificate, "Verification: OK"] {
                assert!(said.contains(expected), "{expected} for {name}: {said}");
            }
        }
    }
    let said = s_client(https, "nobody.test", &[]);
    assert!(
        !said.contains("Peer certificate"),
        "an unknown name: {said}"
    );
    let said = s_client(https, "a.test", &["-groups", "X25519MLKEM768"]);
    if said.contains("cannot be set") || said.contains("SSL_CONF_cmd") {
        peers::skipped("openssl", "its version does not know X25519MLKEM768");
        return;
    }
    assert!(said.contains("MLKEM768"), "{said}");
}

#[test]
fn a_visitor_who_can_agrees_on_a_key_that_quantum_computers_do_not_find() {
    let running = serving(TWO_SITES);
    let mut roots = RootCertStore::empty();
    let root = CertificateDer::from_pem_file(root(&running)).unwrap();
    roots.add(root).unwrap();
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let config = ClientConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("a.test").unwrap();
    let mut session = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = TcpStream::connect(address(&running, "https")).unwrap();
    while session.is_handshaking() {
        session.complete_io(&mut stream).unwrap();
    }
    let group = session.negotiated_key_exchange_group().unwrap().name();
    assert_eq!(group, rustls::NamedGroup::X25519MLKEM768);
}

#[test]
fn a_browser_shows_a_page_over_https() {
    if !is_there("chromium") || !is_there("openssl") {
        return;
    }
    let pages = tempfile::tempdir().unwrap();
    fs::set_permissions(pages.path(), Permissions::from_mode(0o755)).unwrap();
    let page = "<!doctype html><script src=\"/write.js\" defer></script><h1>plain</h1>";
    fs::write(pages.path().join("index.html"), page).unwrap();
    let script = "document.querySelector('h1').textContent = location.protocol + ' warms'";
    fs::write(pages.path().join("write.js"), script).unwrap();
    let running = serving(&format!("[sites.\"a.test\"]\nfiles = {:?}\n", pages.path()));
    let https = address(&running, "https");
    let pipeline = format!(
        "openssl s_client -connect {https} -servername a.test </dev/null 2>/dev/null | openssl x509 -noout -pubkey | \
         openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | openssl base64",
    );
    let output = Command::new("sh").args(["-c", &pipeline]).output().unwrap();
    let pin = text(&output);
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new("chromium")
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
        ])
        .args([
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg("--host-resolver-rules=MAP a.test 127.0.0.1")
        .arg(format!(
            "--ignore-certificate-errors-spki-list={}",
            pin.trim()
        ))
        .arg("--dump-dom")
        .arg(format!("https://a.test:{}/", https.port()))
        .output()
        .unwrap();
    let said = text(&output);
    assert!(said.contains("<h1>https: warms</h1>"), "{said}");
}

#[test]
fn certificates_come_from_files_and_changed_files_are_taken_up_by_themselves() {
    if !is_there("curl") {
        return;
    }
    let folders = Folders::with("");
    let folder = folders.path("");
    let own = Certificate::of(&["a.test"]).write(&folder, "own");
    let shared = Certificate::of(&["b.test", "c.test"]).write(&folder, "shared");
    let wild = Certificate::of(&["*.w.test"]).write(&folder, "wild");
    let pair = |name| format!("{{ chain = \"{name}.pem\", key = \"{name}.key\" }}");
    let sites = "\n[sites.\"b.test\"]\nrespond = \"b\"\n[sites.\"c.test\"]\nrespond = \"c\"\n\
         [sites.\"*.w.test\"]\nrespond = \"w\"\n[sites.\"d.test\"]\nrespond = \"d\"\n[sites.\"a.test\"]\nrespond = \"a\"\n";
    let tls = format!(
        "[tls]\ncertificate = [{}, {}]",
        pair("shared"),
        pair("wild")
    );
    let own_pair = pair("own");
    folders.configure(&format!("{LISTEN}{tls}{sites}certificate = {own_pair}\n"));
    let running = folders.start();
    let https = address(&running, "https");
    let internal = root(&running);
    for (name, root) in [
        ("a.test", &own),
        ("b.test", &shared),
        ("c.test", &shared),
        ("x.w.test", &wild),
        ("d.test", &internal),
    ] {
        let url = format!("https://{name}/");
        body(https, &["--cacert", root, &url]);
    }

    let before = running.status()["revision"].clone();
    Certificate::of(&["a.test"]).write(&folder, "own");
    eventually("the new certificate is shown", || {
        ask(https, &["--cacert", &own, "https://a.test/"]).ok()
    });
    assert_eq!(running.status()["revision"], before, "nobody reloaded");

    // What can't be used is not taken up, and the owner is told.
    fs::write(folder.join("own.pem"), "no certificate").unwrap();
    peers::event_with(&running, "certificate", "own.pem cannot be used");
    body(https, &["--cacert", &own, "https://a.test/"]);
}

#[test]
fn names_lead_where_they_should() {
    if !is_there("curl") {
        return;
    }
    let running = serving(
        "[sites.\"a.test\"]\naliases = [\"www.a.test\"]\nrespond = \"a\"\n\
         [sites.\"*.wild.test\"]\nrespond = \"wild\"\n\
         [sites.\"both.test\"]\naliases = [\"too.test\"]\nserve_aliases = true\nrespond = \"both\"\n\
         [sites.\"온돌.test\"]\nrespond = \"따뜻\"\n\
         [sites.\"plain.test\"]\nhttps = false\nrespond = \"plain\"\n",
    );
    let (http, https) = (address(&running, "http"), address(&running, "https"));
    let (root, port) = (root(&running), https.port());
    let location = |address, url: &str| {
        let answer = ask(address, &["--cacert", &root, url]).unwrap();
        assert_eq!(answer.status, 308, "{url}");
        answer.header("location").unwrap().to_owned()
    };
    let to_https = format!("https://a.test:{port}/x?y=1");
    assert_eq!(location(http, "http://a.test/x?y=1"), to_https);
    assert_eq!(location(http, "http://www.a.test/x?y=1"), to_https);
    assert_eq!(
        location(https, "https://www.a.test/x?y=1"),
        "https://a.test/x?y=1"
    );
    let wild = format!("https://deep.wild.test:{port}/");
    assert_eq!(location(http, "http://deep.wild.test/"), wild);

    for (url, expected) in [
        ("https://deep.wild.test/", "wild"),
        ("https://A.TEST/", "a"),
        ("https://a.test./", "a"),
        ("https://too.test/", "both"),
        ("https://xn--pq1b416a.test/", "따뜻"),
    ] {
        assert_eq!(body(https, &["--cacert", &root, url]), expected, "{url}");
    }
    let curl = text(&Command::new("curl").arg("--version").output().unwrap());
    if curl.contains("IDN") {
        assert_eq!(
            body(https, &["--cacert", &root, "https://온돌.test/"]),
            "따뜻"
        );
    } else {
        peers::skipped("curl", "its version does not know international names");
    }
    assert_eq!(body(http, &["http://plain.test/"]), "plain");

    assert_eq!(ask(http, &["http://nobody.test/"]).unwrap().status, 404);
    ask(https, &["--insecure", "https://nobody.test/"]).expect_err("no certificate is for it");
    for host in ["nobody.test", "both.test", "wild.test"] {
        let header = format!("Host: {host}");
        let answer = ask(
            https,
            &["--cacert", &root, "https://a.test/", "-H", &header],
        );
        assert_eq!(
            answer.unwrap().status,
            421,
            "{host} on a connection to a.test"
        );
    }
}

#[test]
fn version_6_is_served_like_version_4() {
    if !is_there("curl") {
        return;
    }
    if let Err(error) = TcpListener::bind("[::1]:0") {
        peers::skipped("IPv6", &error.to_string());
        return;
    }
    let listen = "[listen]\nhttp = [\"[::1]:0\", \"127.0.0.1:0\"]\nhttps = [\"[::1]:0\"]\n";
    let sites = "[sites.\"a.test\"]\nrespond = \"six\"\n[sites.\"plain.test\"]\nhttps = false\nrespond = \"plain\"\n\
                 [sites.\"::1\"]\nrespond = \"by address\"\n";
    let running = Folders::with(&format!("{listen}{sites}")).start();
    let (https, root) = (address(&running, "https"), root(&running));
    assert!(https.is_ipv6());
    assert_eq!(body(https, &["--cacert", &root, "https://a.test/"]), "six");
    for http in peers::addresses(&running, "http") {
        assert_eq!(body(http, &["http://plain.test/"]), "plain", "{http}");
    }
    let by_address = ["--cacert", &*root, "https://[::1]/"];
    assert_eq!(body(https, &by_address), "by address");
    let log = eventually("a line of the visitor", || {
        let log = fs::read_to_string(running.folders.path("logs/access.log")).ok()?;
        log.lines().count().ge(&4).then_some(log)
    });
    assert!(log.contains("::1 - - ["), "{log}");
}

#[test]
fn apps_are_asked_with_what_they_need_to_know() {
    if !is_there("curl") {
        return;
    }
    let tcp = peers::app_on_tcp();
    let folders = Folders::with("");
    let unix = folders.path("app.sock");
    peers::app_on_unix(&unix);
    let (echo, unix) = (peers::echo_on_tcp(), unix.display());
    folders.configure(&format!(
        "{LISTEN}[sites.\"tcp.test\"]\nproxy = \"http://{tcp}\"\n[sites.\"unix.test\"]\nproxy = \"unix:{unix}\"\n\
         [sites.\"echo.test\"]\nhttps = false\nproxy = \"http://{echo}\"\n"
    ));
    let running = folders.start();
    let (https, root) = (address(&running, "https"), root(&running));
    for name in ["tcp.test", "unix.test"] {
        for version in ["--http1.1", "--http2"] {
            let url = format!("https://{name}/path?query=1");
            let spoofed = "X-Forwarded-For: 203.0.113.9";
            let arguments = [
                version, "--cacert", &root, "-H", spoofed, "-d", "said", &url,
            ];
            let said = body(https, &arguments).to_ascii_lowercase();
            for expected in [
                "post /path?query=1 http/1.1\r\n",
                &format!("host: {name}\r\n"),
                "x-forwarded-proto: https\r\n",
                "x-forwarded-for: 127.0.0.1\r\n",
                "\r\n\r\nsaid",
            ] {
                assert!(said.contains(expected), "{expected:?} in {said}");
            }
            assert!(!said.contains("203.0.113.9"), "{said}");
        }
    }
    let mut socket = WebSocket::open(address(&running, "http"), "echo.test");
    for text in ["one", "two", &"long ".repeat(50_000)] {
        assert_eq!(socket.echo(text), text);
    }
}

/// A box that serves a folder, with a secret beside it.
fn serving_a_folder() -> Running {
    let folders = Folders::with("");
    let (www, secret) = (folders.path("www"), folders.path("secret.txt"));
    fs::create_dir_all(www.join("sub")).unwrap();
    fs::write(&secret, "secret").unwrap();
    for (name, content) in [
        ("index.html", "the index"),
        ("sub/index.html", "below"),
        ("digits.txt", "0123456789"),
        ("404.html", "gone fishing"),
        (".hidden", "secret"),
        ("온돌 방.txt", "warm"),
    ] {
        fs::write(www.join(name), content).unwrap();
    }
    std::os::unix::fs::symlink(&secret, www.join("link.txt")).unwrap();
    let site = "[sites.\"a.test\"]\nhttps = false\nfiles = \"www\"\n";
    folders.configure(&format!("{LISTEN}{site}"));
    folders.start()
}

/// What curl gets of a path that it leaves as it is.
fn get_path(http: SocketAddr, path: &str, more: &[&str]) -> Answer {
    let url = format!("http://a.test{path}");
    ask(http, &[&["--path-as-is", &url], more].concat()).unwrap()
}

#[test]
fn a_folder_is_served_with_what_browsers_ask_for() {
    if !is_there("curl") {
        return;
    }
    let running = serving_a_folder();
    let http = address(&running, "http");
    let get = |path: &str, more: &[&str]| get_path(http, path, more);
    let index = get("/", &[]);
    assert_eq!((index.status, &*index.body), (200, "the index"));
    let kind = index.header("content-type");
    assert_eq!(kind, Some("text/html; charset=utf-8"));
    assert_eq!(get("/sub/", &[]).body, "below");
    assert_eq!(get("/sub", &[]).header("location"), Some("/sub/"));
    assert_eq!(get("/%EC%98%A8%EB%8F%8C%20%EB%B0%A9.txt", &[]).body, "warm");

    let part = get("/digits.txt", &["--range", "2-4"]);
    assert_eq!((part.status, &*part.body), (206, "234"));
    assert_eq!(part.header("content-range"), Some("bytes 2-4/10"));
    assert_eq!(get("/digits.txt", &["--range", "20-"]).status, 416);
    let tag = get("/digits.txt", &[]).header("etag").unwrap().to_owned();
    let same = get("/digits.txt", &["-H", &format!("If-None-Match: {tag}")]);
    assert_eq!((same.status, &*same.body), (304, ""));
    let other = get("/digits.txt", &["-H", "If-None-Match: \"other\""]);
    assert_eq!(other.status, 200);
    assert_eq!(get("/digits.txt", &["--data", "x"]).status, 405);
    let missing = get("/missing", &[]);
    assert_eq!((missing.status, &*missing.body), (404, "gone fishing"));
}

#[test]
fn nothing_hidden_and_nothing_beside_a_folder_is_served() {
    if !is_there("curl") {
        return;
    }
    let running = serving_a_folder();
    let http = address(&running, "http");
    for path in [
        "/.hidden",
        "/sub/../.hidden",
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/sub/..%2f..%2fsecret.txt",
        "/sub/%2e%2e/%2e%2e/secret.txt",
        "/..%5csecret.txt",
        "//../secret.txt",
        "/link.txt",
        "/%00",
        "/digits.txt%00.html",
        "/digits.txt/",
        "/....//secret.txt",
    ] {
        let answer = get_path(http, path, &[]);
        let is_refused = matches!(answer.status, 400 | 403 | 404);
        assert!(is_refused, "{path}: {answer:?}");
        assert!(!answer.body.contains("secret"), "{path}: {answer:?}");
    }
}

#[test]
fn routes_redirects_answers_and_included_sites() {
    if !is_there("curl") {
        return;
    }
    let folders = Folders::with("");
    fs::create_dir(folders.path("sites")).unwrap();
    let included = "[sites.\"more.test\"]\nhttps = false\nrespond = \"included\"\n";
    fs::write(folders.path("sites/more.toml"), included).unwrap();
    folders.configure(&format!(
        "include = [\"sites/*.toml\"]\n{LISTEN}\
         [sites.\"old.test\"]\nhttps = false\nredirect = \"https://new.test\"\n\
         [sites.\"moved.test\"]\nhttps = false\nredirect = {{ to = \"https://new.test/here\", keep_path = false, status = 302 }}\n\
         [sites.\"a.test\"]\nhttps = false\nrespond = \"root\"\n\
         [[sites.\"a.test\".routes]]\npath = \"/api/\"\nrespond = {{ status = 418, body = \"{{}}\", content_type = \"application/json\" }}\n\
         [[sites.\"a.test\".routes]]\npath = \"/api/v2/\"\nrespond = \"v2\"\n\
         [[sites.\"a.test\".routes]]\npath = \"/exact\"\nrespond = \"exact\"\n"
    ));
    let running = folders.start();
    let http = address(&running, "http");
    let get = |url: &str| ask(http, &[url]).unwrap();
    for (url, status, expected) in [
        ("http://a.test/", 200, "root"),
        ("http://a.test/other", 200, "root"),
        ("http://a.test/api/x", 418, "{}"),
        ("http://a.test/api/v2/x", 200, "v2"),
        ("http://a.test/exact", 200, "exact"),
        ("http://a.test/exactly", 200, "root"),
        ("http://more.test/", 200, "included"),
    ] {
        let answer = get(url);
        assert_eq!((answer.status, &*answer.body), (status, expected), "{url}");
    }
    let api = get("http://a.test/api/x");
    assert_eq!(api.header("content-type"), Some("application/json"));
    let old = get("http://old.test/a/b?c=d");
    assert_eq!(old.header("location"), Some("https://new.test/a/b?c=d"));
    assert_eq!(old.status, 308);
    let moved = get("http://moved.test/a/b?c=d");
    assert_eq!(moved.header("location"), Some("https://new.test/here"));
    assert_eq!(moved.status, 302);

    let another = "[sites.\"another.test\"]\nhttps = false\nrespond = \"new file\"\n";
    fs::write(running.folders.path("sites/another.toml"), another).unwrap();
    let reload = running.folders.ondol(&["reload"]);
    assert!(
        text(&reload).contains("+ another.test"),
        "{}",
        text(&reload)
    );
    assert_eq!(get("http://another.test/").body, "new file");
}

#[test]
fn every_request_is_one_line_in_the_format_that_was_asked_for() {
    if !is_there("curl") {
        return;
    }
    let sites =
        format!("{LISTEN}{TWO_SITES}[sites.\"plain.test\"]\nhttps = false\nrespond = \"plain\"\n");
    let running = Folders::with(&sites).start();
    let (http, https) = (address(&running, "http"), address(&running, "https"));
    let root = root(&running);
    let log = running.folders.path("logs/access.log");
    let line_with = |part: &str| {
        eventually(&format!("a line with {part}"), || {
            let log = fs::read_to_string(&log).ok()?;
            let line = log.lines().find(|line| line.contains(part))?;
            Some(line.to_owned())
        })
    };
    let agent = ["-A", "Mozilla \"quoted\"", "-e", "http://from.test/"];
    body(
        http,
        &[&agent[..], &["http://plain.test/first?x=1"]].concat(),
    );
    let line = line_with("/first");
    let (before, after) = line.split_once(" - - [").unwrap();
    assert_eq!(before, "127.0.0.1");
    let (time, rest) = after.split_once("] ").unwrap();
    assert!(time.ends_with(" +0000") || time.len() == 26, "{time}");
    assert_eq!(
        rest,
        r#""GET /first?x=1 HTTP/1.1" 200 5 "http://from.test/" "Mozilla \"quoted\"""#
    );

    running
        .folders
        .configure(&format!("[log]\naccess = \"json\"\n{sites}"));
    let reload = running.folders.ondol(&["reload"]);
    assert!(reload.status.success(), "{}", text(&reload));
    body(
        https,
        &[&agent[..], &["--cacert", &root, "https://a.test/second"]].concat(),
    );
    let line: Value = serde_json::from_str(&line_with("/second")).unwrap();
    for (key, expected) in [
        ("client", Value::from("127.0.0.1")),
        ("method", "GET".into()),
        ("target", "/second".into()),
        ("version", "HTTP/2.0".into()),
        ("host", "a.test".into()),
        ("site", "a.test".into()),
        ("status", 200.into()),
        ("bytes", 9.into()),
        ("tls", "1.3".into()),
        ("user_agent", "Mozilla \"quoted\"".into()),
        ("upstream", Value::Null),
        ("failure", Value::Null),
    ] {
        assert_eq!(line[key], expected, "{key} in {line}");
    }
    let mode = fs::metadata(&log).unwrap().permissions().mode();
    assert_eq!(mode & 0o007, 0, "others can't read who visited: {mode:o}");
}
