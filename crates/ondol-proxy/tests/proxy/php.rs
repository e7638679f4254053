//! PHP applications: which script a path leads to, what it is asked, and what becomes of what it says.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;

use ondol_model::Plan;
use ondol_model::app::AppName;
use ondol_model::app::Endpoint;
use ondol_model::app::EndpointState;
use ondol_model::app::Endpoints;
use ondol_model::path::RoutePath;
use ondol_model::plan::PhpVia;
use ondol_model::upstream::Address;
use tempfile::TempDir;

use crate::harness::Cut;
use crate::harness::Plane;
use crate::harness::Upstream;
use crate::harness::UpstreamStream;
use crate::harness::Wire;
use crate::harness::complaint;
use crate::harness::end;
use crate::harness::output;
use crate::harness::php;
use crate::harness::plan;
use crate::harness::ruled;
use crate::harness::site;
use crate::harness::wait_until;

const GET: &str = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";
const PAGE: &str = "Content-Type: text/plain\r\n\r\npage";

/// An application: its folder, who runs its scripts, and what is between them and visitors.
struct App {
    folder: TempDir,
    runner: Upstream,
    plane: Plane,
}

impl App {
    /// One with `index.php` alone.
    fn new() -> Self {
        Self::with(&["index.php"], |plan| plan)
    }

    #[expect(clippy::disallowed_methods, reason = "a test may write in place")]
    fn with(files: &[&str], change: impl FnOnce(Plan) -> Plan) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        for name in files {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            if !name.ends_with('/') {
                fs::write(path, name).unwrap();
            }
        }
        let runner = Upstream::unix(folder.path());
        let via = PhpVia::Socket(runner.address().address);
        let plan = change(plan([site("a.test", php(&root, via))]));
        Self {
            folder,
            runner,
            plane: Plane::start_one(plan),
        }
    }

    /// Sends this, and gives both ends.
    fn ask(&self, request: impl AsRef<[u8]>) -> (Wire<std::net::TcpStream>, Wire<UpstreamStream>) {
        let mut visitor = self.plane.visit();
        visitor.send(request);
        (visitor, self.runner.accept())
    }

    fn root(&self) -> std::path::PathBuf {
        self.folder.path().canonicalize().unwrap().join("root")
    }
}

#[test]
fn a_script_gets_the_request_and_the_visitor_its_answer() {
    let app = App::new();
    let (mut visitor, mut script) =
        app.ask("GET /some/page?a=b HTTP/1.1\r\nHost: a.test\r\nCookie: c=d\r\nProxy: x\r\n\r\n");
    let asked = script.asked();
    let root = app.root();
    asked.is("SCRIPT_FILENAME", root.join("index.php").to_str().unwrap());
    asked.is("DOCUMENT_ROOT", root.to_str().unwrap());
    asked.is("SCRIPT_NAME", "/index.php");
    asked.is("REQUEST_URI", "/some/page?a=b");
    asked.is("QUERY_STRING", "a=b");
    asked.is("PATH_INFO", "");
    asked.is("HTTP_COOKIE", "c=d");
    asked.is("HTTP_HOST", "a.test");
    asked.is("REMOTE_ADDR", "127.0.0.1");
    asked.is("SERVER_ADDR", "127.0.0.1");
    asked.is("SERVER_PORT", "80");
    assert!(!asked.variables.contains_key("HTTP_PROXY"));
    assert!(!asked.variables.contains_key("HTTP_X_FORWARDED_FOR"));
    assert!(!asked.is_kept, "nobody knows how many processes there are");
    assert_eq!(script.whole_input(), b"");
    script.send(output(
        "Status: 418 Teapot\r\nX-A: b\r\nSet-Cookie: e=f\r\n\r\nhot",
    ));
    script.send(end(0));
    let answer = visitor.message();
    assert_eq!((answer.status(), answer.text()), (418, "hot"));
    assert_eq!(answer.field("x-a"), Some("b"));
    assert_eq!(answer.field("set-cookie"), Some("e=f"));
    assert_eq!(answer.field("status"), None);
}

/// A folder with scripts, files, and what nobody may read.
const FILES: [&str; 17] = [
    "index.php",
    "a.php",
    "sub/index.php",
    "sub/page.html",
    "only/index.html",
    "static/s.txt",
    "uploads/evil.jpg",
    "folder.php/x.php",
    "nothing/",
    "wp-config.php~",
    "wp-config.php.bak",
    "Upper.PHP",
    "lib.inc",
    ".env",
    ".git/config",
    ".hidden/x.php",
    ".well-known/acme.txt",
];

#[test]
fn a_path_leads_to_a_file_or_a_script_and_never_to_a_source() {
    let app = App::with(&FILES, |plan| plan);
    let script = |path: &str, name: &str, path_info: &str| {
        let (mut visitor, mut script) =
            app.ask(format!("GET {path} HTTP/1.1\r\nHost: a.test\r\n\r\n"));
        let asked = script.answer(PAGE);
        let found = (
            &*asked.variables["SCRIPT_NAME"],
            &*asked.variables["PATH_INFO"],
        );
        assert_eq!(found, (name, path_info), "{path}");
        let file = app.root().join(name.trim_start_matches('/'));
        asked.is("SCRIPT_FILENAME", file.to_str().unwrap());
        assert_eq!(visitor.message().text(), "page");
    };
    let answered = |path: &str, status: u16, text: &str| {
        let answer = app.plane.visit().get("a.test", path);
        assert_eq!(answer.status(), status, "{path}");
        assert!(answer.text().contains(text), "{path}: {}", answer.text());
        answer
    };
    script("/", "/index.php", "");
    script("/?p=1", "/index.php", "");
    script("/a.php", "/a.php", "");
    script("/a%2Ephp", "/a.php", "");
    script("/a.php/", "/a.php", "/");
    script("/a.php/b/c", "/a.php", "/b/c");
    script("/a.php/b.php/c%20d", "/a.php", "/b.php/c d");
    script("/sub/", "/sub/index.php", "");
    script("/folder.php/x.php/y", "/folder.php/x.php", "/y");
    for pretty in [
        "/2026/11/hello",
        "/nothing",
        "/nothing/",
        "/uploads/evil.jpg/x.php",
        "/uploads/evil.jpg%00.php",
        "/missing.php",
        "/missing.php/b",
        "/missing.txt",
        "/.well-known/caldav",
    ] {
        if pretty.contains("%00") {
            answered(pretty, 400, "");
        } else {
            script(pretty, "/index.php", "");
        }
    }
    answered("/static/s.txt", 200, "static/s.txt");
    answered("/sub/page.html", 200, "sub/page.html");
    answered("/only/", 200, "only/index.html");
    answered("/uploads/evil.jpg", 200, "uploads/evil.jpg");
    answered("/.well-known/acme.txt", 200, ".well-known/acme.txt");
    for (path, to) in [("/sub", "/sub/"), ("/only?a", "/only/?a")] {
        assert_eq!(answered(path, 308, "").field("location"), Some(to));
    }
    for source in [
        "/wp-config.php~",
        "/wp-config.php.bak",
        "/Upper.PHP",
        "/lib.inc",
        "/.env",
        "/.git/config",
        "/.hidden/x.php",
        "/.missing",
    ] {
        let answer = answered(source, 404, "");
        assert!(!answer.text().contains(source.trim_start_matches('/')));
    }
    assert!(app.runner.is_left_alone());
}

#[test]
fn files_have_ranges_and_no_other_methods() {
    let app = App::with(&["index.php", "s.txt"], |plan| plan);
    let ask = |request: &str| app.plane.visit().send(request).message();
    let part = ask("GET /s.txt HTTP/1.1\r\nHost: a.test\r\nRange: bytes=2-\r\n\r\n");
    assert_eq!((part.status(), part.text()), (206, "txt"));
    let post = ask("POST /s.txt HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(post.status(), 405);
}

#[test]
fn a_route_shows_an_application_below_a_path() {
    let app = App::with(&["index.php", "x/a.php"], |mut plan| {
        let route = &mut plan.sites[0].routes[0];
        route.path = RoutePath::parse("/blog").unwrap();
        route.base = route.path.clone();
        plan
    });
    for (path, name) in [
        ("/blog/", "/blog/index.php"),
        ("/blog/x/a.php", "/blog/x/a.php"),
        ("/blog/pretty", "/blog/index.php"),
    ] {
        let (mut visitor, mut script) =
            app.ask(format!("GET {path} HTTP/1.1\r\nHost: a.test\r\n\r\n"));
        let asked = script.answer(PAGE);
        asked.is("SCRIPT_NAME", name);
        asked.is("REQUEST_URI", path);
        let file = app.root().join(name.trim_start_matches("/blog/"));
        asked.is("SCRIPT_FILENAME", file.to_str().unwrap());
        assert_eq!(visitor.message().status(), 200);
    }
    let answer = app.plane.visit().get("a.test", "/blog-2/");
    assert_eq!(answer.status(), 404);
}

#[test]
fn without_an_index_what_is_not_there_is_not_found() {
    let app = App::with(&["a.php"], |plan| plan);
    assert_eq!(app.plane.visit().get("a.test", "/b").status(), 404);
    assert!(app.runner.is_left_alone());
}

#[test]
fn a_form_arrives_whole_and_no_process_waits_for_it() {
    let app = App::new();
    let mut visitor = app.plane.visit();
    visitor.send(
        "POST /f HTTP/1.1\r\nHost: a.test\r\nContent-Type: a/b\r\nContent-Length: 6\r\n\r\nabc",
    );
    let mut other = app.plane.visit();
    other.send(GET);
    // The other one comes first: nobody is asked for a form that is not here.
    app.runner.accept().answer(PAGE).is("REQUEST_METHOD", "GET");
    assert_eq!(other.message().text(), "page");
    assert!(app.runner.is_left_alone());
}

#[test]
fn a_body_has_its_length_whatever_it_came_in() {
    let app = App::new();
    for (fields, sent) in [
        ("Content-Length: 6\r\n", "abcdef"),
        (
            "Transfer-Encoding: chunked\r\n",
            "2\r\nab\r\n4;x\r\ncdef\r\n0\r\nT: x\r\n\r\n",
        ),
    ] {
        let (mut visitor, mut script) = app.ask(format!(
            "POST /f HTTP/1.1\r\nHost: a.test\r\nContent-Type: a/b\r\n{fields}\r\n{sent}"
        ));
        let asked = script.asked();
        asked.is("CONTENT_LENGTH", "6");
        asked.is("CONTENT_TYPE", "a/b");
        assert_eq!(script.whole_input(), b"abcdef");
        script.send([output(PAGE), end(0)].concat());
        assert_eq!(visitor.message().text(), "page");
    }
}

/// More than is gathered.
const LARGE: usize = 3 * 1024 * 1024 + 5;

#[test]
fn a_large_body_goes_on_as_it_comes() {
    let app = App::new();
    let head = format!("PUT /f HTTP/1.1\r\nHost: a.test\r\nContent-Length: {LARGE}\r\n\r\n");
    let body: Vec<u8> = (0..LARGE).map(|at| (at % 251) as u8).collect();
    let mut visitor = app.plane.visit();
    visitor.send(head).send(&body[..2 * 1024 * 1024]);
    let mut script = app.runner.accept();
    script.asked().is("CONTENT_LENGTH", &LARGE.to_string());
    let mut got = Vec::new();
    while got.len() < 2 * 1024 * 1024 {
        got.extend(script.input());
    }
    visitor.send(&body[2 * 1024 * 1024..]);
    got.extend(script.whole_input());
    assert!(got == body, "another body");
    script.send([output(PAGE), end(0)].concat());
    assert_eq!(visitor.message().text(), "page");
}

#[test]
fn a_large_body_of_unknown_length_is_refused() {
    let app = App::new();
    let mut visitor = app.plane.visit();
    visitor.send("PUT /f HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n");
    visitor.send(format!("{LARGE:x}\r\n"));
    visitor.send(vec![b'x'; LARGE / 2]);
    assert_eq!(visitor.message().status(), 411);
    assert!(app.runner.is_left_alone());
}

#[test]
fn a_body_that_is_too_large_reaches_no_script() {
    let app = App::with(&["index.php"], |mut plan| {
        let site = plan.sites.remove(0);
        plan.sites
            .push(ruled(site, |rules| rules.body_bytes_max = 5));
        plan
    });
    for sent in [
        "Content-Length: 6\r\n\r\nabcdef",
        "Transfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n0\r\n\r\n",
    ] {
        let request = format!("POST / HTTP/1.1\r\nHost: a.test\r\n{sent}");
        assert_eq!(app.plane.visit().send(request).message().status(), 413);
    }
    assert!(app.runner.is_left_alone());
}

#[test]
fn an_answer_is_passed_on_as_it_comes() {
    let app = App::new();
    let (mut visitor, mut script) = app.ask(GET);
    script.asked();
    script.send(output("Content-Type: text/event-stream\r\n\r\n"));
    script.send(output("one"));
    let head = visitor.head();
    assert_eq!(head.field("transfer-encoding"), Some("chunked"));
    assert_eq!(visitor.take(8), b"3\r\none\r\n");
    script.send(complaint("PHP Warning: it is late"));
    script.send(output("two"));
    assert_eq!(visitor.take(8), b"3\r\ntwo\r\n");
    script.send(end(0));
    assert_eq!(visitor.take(5), b"0\r\n\r\n");
}

#[test]
fn an_answer_that_is_here_whole_has_its_length() {
    let app = App::new();
    let (mut visitor, mut script) = app.ask(GET);
    script.asked();
    script.send([output("A: b\r\n\r\none"), output(""), output("two"), end(0)].concat());
    let answer = visitor.message();
    assert_eq!(answer.field("content-length"), Some("6"));
    assert_eq!(answer.text(), "onetwo");
}

#[test]
fn an_answer_that_is_cut_short_never_looks_whole() {
    let app = App::new();
    for (said, expected) in [
        (output("A: b\r\n\r\npart"), "part"),
        (
            [output("Content-Length: 9\r\n\r\npart"), end(0)].concat(),
            "part",
        ),
        (
            [output("A: b\r\n\r\npart"), b"HTTP/1.1".to_vec()].concat(),
            "part",
        ),
        ([output("A: b\r\n\r\npart"), end(2)].concat(), "part"),
    ] {
        let (mut visitor, mut script) = app.ask(GET);
        script.answer_raw(&said);
        drop(script);
        let Err(Cut(rest)) = visitor.try_message() else {
            panic!("it looks whole: {said:?}");
        };
        let rest = String::from_utf8_lossy(&rest).into_owned();
        assert!(rest.is_empty() || rest.contains(expected), "{rest}");
    }
}

#[test]
fn no_answer_is_longer_than_it_says() {
    let app = App::new();
    for said in [
        [output("Content-Length: 4\r\n\r\npage and more"), end(0)].concat(),
        [
            output("Content-Length: 4\r\n\r\npa"),
            output("ge and"),
            output(" more"),
            end(0),
        ]
        .concat(),
    ] {
        let (mut visitor, mut script) = app.ask(GET);
        script.answer_raw(&said);
        assert_eq!(visitor.message().text(), "page");
        visitor.send(GET);
        app.runner.accept().answer("A: b\r\n\r\nnext");
        assert_eq!(visitor.message().text(), "next");
    }
}

#[test]
fn who_does_not_answer_in_fastcgi_is_a_bad_gateway() {
    let app = App::new();
    for said in [
        b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
        Vec::new(),
        end(0),
        end(1),
        end(2),
        output("no head"),
        [output("no head"), end(0)].concat(),
        [output("broken\r\n\r\n"), end(0)].concat(),
        [complaint("PHP Fatal error: it is broken"), end(0)].concat(),
        [output("Status: 101 Switch\r\n\r\n"), end(0)].concat(),
        output(vec![b'x'; 40_000]).repeat(2),
    ] {
        let (mut visitor, mut script) = app.ask(GET);
        script.answer_raw(&said);
        drop(script);
        let answer = visitor.message();
        assert_eq!(answer.status(), 502, "{said:?}");
        assert!(!answer.text().contains("PHP"), "{}", answer.text());
    }
}

#[test]
fn answers_without_a_body_have_none() {
    let app = App::new();
    for (method, said) in [
        ("HEAD", "Content-Length: 4\r\n\r\npage"),
        ("HEAD", PAGE),
        ("GET", "Status: 304\r\nETag: \"a\"\r\n\r\n"),
        ("GET", "Status: 204\r\n\r\n"),
        ("GET", "Location: /there\r\nContent-Length: 0\r\n\r\n"),
    ] {
        let (mut visitor, mut script) =
            app.ask(format!("{method} / HTTP/1.1\r\nHost: a.test\r\n\r\n"));
        script.answer(said);
        visitor.head();
        visitor.send(GET);
        app.runner.accept().answer(PAGE);
        assert_eq!(visitor.message().text(), "page", "{method} {said}");
    }
}

#[test]
fn no_script_runs_on_for_a_visitor_who_left() {
    let app = App::new();
    for said in ["", "A: b\r\n\r\npart"] {
        let (mut visitor, mut script) = app.ask(GET);
        script.asked();
        script.whole_input();
        if !said.is_empty() {
            script.send(output(said));
            visitor.head();
        }
        let at_once = Some(std::time::Duration::ZERO); // A visitor who only has nothing more to say is waited for.
        socket2::SockRef::from(&visitor.stream)
            .set_linger(at_once)
            .unwrap();
        drop(visitor);
        assert_eq!(script.rest(), b"", "{said}");
    }
}

#[test]
fn scripts_get_the_folder_that_a_link_leads_to_now() {
    let folder = tempfile::tempdir().unwrap();
    for release in ["1", "2"] {
        let path = folder.path().join(release);
        fs::create_dir(&path).unwrap();
        ondol_base::file::replace(&path.join("index.php"), b"", 0o644).unwrap();
    }
    let current = folder.path().join("current");
    symlink("1", &current).unwrap();
    let runner = Upstream::unix(folder.path());
    let via = PhpVia::Socket(runner.address().address);
    let plane = Plane::start_one(plan([site("a.test", php(&current, via))]));
    let root = folder.path().canonicalize().unwrap();
    let asked = || {
        let mut visitor = plane.visit();
        visitor.send(GET);
        let asked = runner.accept().answer(PAGE);
        visitor.message();
        asked.variables["SCRIPT_FILENAME"].clone()
    };
    let in_release = |release: &str| root.join(release).join("index.php").display().to_string();
    assert_eq!(asked(), in_release("1"));
    symlink("2", folder.path().join("next")).unwrap();
    fs::rename(folder.path().join("next"), &current).unwrap();
    wait_until("the new release", || asked() == in_release("2"));
}

/// An app that is a pool with so many processes, in a plan of its own, and its endpoint.
struct Pool {
    app: App,
    name: AppName,
}

fn endpoint(sequence: u64, name: &AppName, state: EndpointState) -> Endpoints {
    let endpoint = Endpoint {
        state,
        retiring: Vec::new(),
        cut: Vec::new(),
    };
    Endpoints {
        sequence,
        apps: BTreeMap::from([(name.clone(), endpoint)]),
    }
}

impl Pool {
    fn new(children: u16) -> Self {
        let name = AppName::parse("wiki").unwrap();
        let app = App::with(&["index.php"], |mut plan| {
            let Some(ondol_model::Target::Php(php)) = plan.sites[0]
                .routes
                .first_mut()
                .map(|route| &mut route.target)
            else {
                panic!("a test's own plan");
            };
            php.via = PhpVia::Pool(name.clone());
            let mut app = ondol_model::plan::App::named(name.clone());
            app.php = Some(ondol_model::plan::PhpPool {
                program: None,
                children,
                ini: BTreeMap::new(),
            });
            plan.apps.push(app);
            plan
        });
        Self { app, name }
    }

    fn address(&self) -> Address {
        self.app.runner.address().address
    }

    fn ready(&self, sequence: u64, launch: u64) {
        let servers = vec![self.address()];
        let state = EndpointState::Ready { launch, servers };
        self.app.plane.tell(endpoint(sequence, &self.name, state));
    }
}

#[test]
fn a_pool_is_waited_for_and_its_requests_are_counted() {
    let pool = Pool::new(4);
    let mut visitor = pool.app.plane.visit();
    visitor.send(GET);
    wait_until("it waits", || {
        pool.app.plane.traffic().held.get(&pool.name) == Some(&1)
    });
    pool.ready(1, 7);
    let mut script = pool.app.runner.accept();
    script.answer("Status: 500\r\n\r\nno");
    assert_eq!(visitor.message().status(), 500);
    wait_until("it is counted", || {
        let traffic = pool.app.plane.traffic();
        let launch = traffic
            .apps
            .get(&pool.name)
            .and_then(|it| it.get(&7))
            .copied();
        launch.is_some_and(|it| (it.requests, it.failed, it.in_flight) == (1, 1, 0))
    });
}

#[test]
fn a_connection_is_kept_where_processes_are_left() {
    let pool = Pool::new(4); // Two of them may be held.
    pool.ready(1, 1);
    let mut visitor = pool.app.plane.visit();
    visitor.send(GET);
    let mut script = pool.app.runner.accept();
    assert!(script.answer(PAGE).is_kept);
    assert_eq!(visitor.message().text(), "page");
    visitor.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\nabc");
    assert!(script.asked().is_kept);
    assert_eq!(script.whole_input(), b"abc");
    // While it is in use one more is kept, and a third is not.
    let mut others = [pool.app.plane.visit(), pool.app.plane.visit()];
    let mut scripts = others.each_mut().map(|other| {
        other.send(GET);
        pool.app.runner.accept()
    });
    let kept = scripts.each_mut().map(|script| script.asked().is_kept);
    assert_eq!(kept, [true, false]);
    script.send([output(PAGE), end(0)].concat());
    assert_eq!(visitor.message().text(), "page");
}

#[test]
fn a_kept_connection_that_was_closed_costs_no_request() {
    let pool = Pool::new(4);
    pool.ready(1, 1);
    let mut visitor = pool.app.plane.visit();
    visitor.send(GET);
    let mut script = pool.app.runner.accept();
    script.answer(PAGE);
    visitor.message();
    // Closed by who runs scripts just as the next request is on its way: as if the close had crossed it.
    visitor.send(GET);
    script.asked();
    drop(script);
    pool.app.runner.accept().answer("A: b\r\n\r\nagain");
    assert_eq!(visitor.message().text(), "again");
}

#[test]
fn a_form_that_was_begun_is_not_sent_twice() {
    let pool = Pool::new(4);
    pool.ready(1, 1);
    let mut visitor = pool.app.plane.visit();
    visitor.send(GET);
    let mut script = pool.app.runner.accept();
    script.answer(PAGE);
    visitor.message();
    visitor.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\nabc");
    script.asked();
    drop(script);
    assert_eq!(visitor.message().status(), 502);
    assert!(pool.app.runner.is_left_alone());
}

#[test]
fn a_connection_with_something_left_on_it_is_not_kept() {
    let pool = Pool::new(4);
    pool.ready(1, 1);
    let mut visitor = pool.app.plane.visit();
    visitor.send(GET);
    let mut script = pool.app.runner.accept();
    script.asked();
    script.whole_input();
    script.send([output(PAGE), end(0), output("more")].concat());
    assert_eq!(visitor.message().text(), "page");
    visitor.send(GET);
    pool.app.runner.accept().answer("A: b\r\n\r\nnext");
    assert_eq!(visitor.message().text(), "next");
}

#[test]
fn a_new_launch_has_connections_of_its_own() {
    let pool = Pool::new(4);
    pool.ready(1, 1);
    let mut visitor = pool.app.plane.visit();
    visitor.send(GET);
    let mut script = pool.app.runner.accept();
    assert!(script.answer(PAGE).is_kept);
    visitor.message();
    let folder = tempfile::tempdir().unwrap();
    let next = Upstream::unix(folder.path());
    let servers = vec![next.address().address];
    let state = EndpointState::Ready { launch: 2, servers };
    pool.app.plane.tell(endpoint(2, &pool.name, state));
    visitor.send(GET);
    next.accept().answer("A: b\r\n\r\nnext");
    assert_eq!(visitor.message().text(), "next");
    assert_eq!(script.rest(), b"", "the one before is closed");
}
