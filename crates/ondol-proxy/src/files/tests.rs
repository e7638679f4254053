//! Real folders, asked as the request path asks them.

mod candidates;
mod compressed;
mod kept;
mod lists;
mod ranges;
mod symlinks;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use http::Uri;
use http_body::Body as _;
use ondol_model::limits::FILES_CACHE_BYTES;
use ondol_model::limits::FILES_KNOWN;
use ondol_model::plan::Files;
use tempfile::TempDir;

use super::known::Shelf;
use super::*;

/// A folder and what it answers.
struct Site {
    folder: TempDir,
    root: Root,
}

#[derive(Debug)]
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: header::HeaderName) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    fn text(&self) -> &str {
        str::from_utf8(&self.body).unwrap()
    }
}

impl Site {
    fn new(files: &[(&str, &str)]) -> Self {
        Self::with(files, |_| {})
    }

    /// A folder that is served as `change` says.
    fn with(files: &[(&str, &str)], change: impl FnOnce(&mut Files)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut wanted = Files::at(folder.path().to_owned());
        change(&mut wanted);
        let root = Root::new(wanted, &shelf());
        let site = Self { folder, root };
        for (name, content) in files {
            site.write(name, content.as_bytes());
        }
        site
    }

    #[expect(clippy::disallowed_methods, reason = "a test may write in place")]
    fn write(&self, name: &str, content: &[u8]) {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    async fn ask(&self, method: Method, target: &str, fields: &[(&str, &str)]) -> Answer {
        match self.try_ask(method, target, fields).await {
            Ok(response) => read(response).await.unwrap(),
            Err(failure) => Answer {
                status: failure.status().as_u16(),
                headers: HeaderMap::new(),
                body: Vec::new(),
            },
        }
    }

    async fn try_ask(
        &self,
        method: Method,
        target: &str,
        fields: &[(&str, &str)],
    ) -> Result<Response<Body>, Failure> {
        let original: Uri = target.parse().unwrap();
        let path = ondol_model::path::normalize(original.path()).unwrap();
        let headers = fields
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect();
        let request = FileRequest {
            method: &method,
            headers: &headers,
            path: &path,
            original: &original,
        };
        self.root.answer(request).await
    }

    /// Lets so much time pass that what was known must be looked up again. Time has to stand still.
    async fn later(&self) {
        tokio::time::advance(FILES_KNOWN * 2).await;
    }

    async fn get(&self, target: &str) -> Answer {
        self.ask(Method::GET, target, &[]).await
    }
}

fn shelf() -> Rc<Shelf> {
    Rc::new(Shelf::new(FILES_CACHE_BYTES))
}

fn root_at(path: &Path) -> Root {
    Root::new(Files::at(path.to_owned()), &shelf())
}

async fn read(response: Response<Body>) -> std::io::Result<Answer> {
    let (parts, body) = response.into_parts();
    let mut body = std::pin::pin!(body);
    let mut bytes = Vec::new();
    while let Some(frame) = std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        bytes.extend(frame?.into_data().unwrap());
    }
    Ok(Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: bytes,
    })
}

/// Bytes that differ from place to place.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|place| (place * 7 % 251) as u8).collect()
}

#[tokio::test]
async fn a_file_comes_with_its_type_length_date_and_tag() {
    let site = Site::new(&[("a.html", "<p>hello")]);
    let answer = site.get("/a.html").await;
    assert_eq!((answer.status, answer.text()), (200, "<p>hello"));
    assert_eq!(
        answer.header(header::CONTENT_TYPE),
        Some("text/html; charset=utf-8")
    );
    assert_eq!(answer.header(header::CONTENT_LENGTH), Some("8"));
    assert_eq!(answer.header(header::ACCEPT_RANGES), Some("bytes"));
    let modified = fs::metadata(site.folder.path().join("a.html"))
        .unwrap()
        .modified()
        .unwrap();
    assert_eq!(
        answer.header(header::LAST_MODIFIED),
        Some(httpdate::fmt_http_date(modified).as_str())
    );
    let tag = answer.header(header::ETAG).unwrap();
    assert!(tag.starts_with('"') && tag.ends_with("-8\""), "{tag}");

    let head = site.ask(Method::HEAD, "/a.html", &[]).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.headers, answer.headers);
}

#[tokio::test]
async fn names_are_decoded_once() {
    let site = Site::new(&[
        ("커피 1.txt", "coffee"),
        ("100%.txt", "all"),
        ("a%2Fb.txt", "literal"),
    ]);
    assert_eq!(
        site.get("/%EC%BB%A4%ED%94%BC%201.txt").await.text(),
        "coffee"
    );
    assert_eq!(site.get("/100%25.txt").await.text(), "all");
    assert_eq!(site.get("/a%252Fb.txt").await.text(), "literal");
    assert_eq!(site.get("/a%252525.txt").await.status, 404);
}

#[tokio::test]
async fn a_folder_shows_its_index_and_never_a_list() {
    let site = Site::new(&[
        ("index.html", "home"),
        ("docs/index.html", "docs"),
        ("pics/a.png", ""),
    ]);
    assert_eq!(site.get("/").await.text(), "home");
    assert_eq!(site.get("/docs/").await.text(), "docs");
    assert_eq!(site.get("/pics/").await.status, 404);
    assert_eq!(site.get("/index.html/").await.status, 404);
    fs::create_dir(site.folder.path().join("pics/index.html")).unwrap();
    assert_eq!(site.get("/pics/").await.status, 404);
}

#[tokio::test]
async fn a_folder_without_its_slash_is_redirected_on_this_host_alone() {
    let site = Site::new(&[
        ("docs/index.html", ""),
        ("a b/é/index.html", ""),
        ("back\\slash/x", ""),
    ]);
    for (target, location) in [
        ("/docs", "/docs/"),
        ("/docs?a=1&b=%20", "/docs/?a=1&b=%20"),
        ("//docs", "/docs/"),
        ("///docs?x", "/docs/?x"),
        ("/%2e/docs", "/docs/"),
        ("//evil.example/..%2f../docs", ""),
        ("//evil.example/../docs", "/docs/"),
        ("/a%20b/%C3%A9", "/a%20b/%C3%A9/"),
        ("/back%5Cslash", "/back%5Cslash/"),
        ("/back\\slash", "/back%5Cslash/"),
        ("http://example.com/docs?q", "/docs/?q"),
    ] {
        let answer = site.get(target).await;
        if location.is_empty() {
            assert_eq!(answer.status, 404, "{target}");
            continue;
        }
        assert_eq!(answer.status, 308, "{target}");
        assert_eq!(answer.header(header::LOCATION), Some(location), "{target}");
        assert_eq!(answer.header(header::CONTENT_LENGTH), Some("0"));
    }
}

#[tokio::test]
async fn a_route_without_its_slash_is_redirected_to_its_folder() {
    let site = Site::new(&[("index.html", "docs")]);
    for (target, status) in [
        ("/docs", 308),
        ("/docs?q=1", 308),
        ("/docs/", 200),
        ("/docs/.", 200),
        ("/docs/x/..", 200),
    ] {
        let original: Uri = target.parse().unwrap();
        let request = FileRequest {
            method: &Method::GET,
            headers: &HeaderMap::new(),
            path: "/",
            original: &original,
        };
        let answer = read(site.root.answer(request).await.unwrap())
            .await
            .unwrap();
        assert_eq!(answer.status, status, "{target}");
        let location = original.path().to_owned() + "/" + target.strip_prefix("/docs").unwrap();
        if status == 308 {
            assert_eq!(answer.header(header::LOCATION), Some(location.as_str()));
        }
    }
}

#[tokio::test]
async fn what_begins_with_a_dot_is_not_there_except_well_known() {
    let site = Site::new(&[
        (".env", "secret"),
        (".git/config", "secret"),
        ("a/.htpasswd", "secret"),
        (".well-known/security.txt", "mail us"),
        (".well-known/.hidden", "secret"),
        (".well-known-not/x", "secret"),
        ("a/.well-known/x", "secret"),
    ]);
    for path in [
        "/.env",
        "/%2eenv",
        "/.git/config",
        "/.git",
        "/a/.htpasswd",
        "/.well-known/.hidden",
        "/.well-known-not/x",
        "/a/.well-known/x",
    ] {
        assert_eq!(site.get(path).await.status, 404, "{path}");
    }
    assert_eq!(
        site.get("/.well-known/security.txt").await.text(),
        "mail us"
    );
}

#[tokio::test]
async fn a_symlink_is_followed_as_far_as_the_folder_reaches() {
    let outside = Site::new(&[("secret.txt", "secret")]);
    let secret = outside.folder.path().join("secret.txt");
    let site = Site::new(&[("real/a.txt", "a")]);
    let at = |name: &str| site.folder.path().join(name);
    symlink("real", at("folder")).unwrap();
    symlink("real/a.txt", at("file.txt")).unwrap();
    symlink("../real/a.txt", at("real/up.txt")).unwrap();
    symlink(&secret, at("absolute.txt")).unwrap();
    symlink("../../../../../../../../etc/passwd", at("climbing.txt")).unwrap();
    symlink(outside.folder.path(), at("away")).unwrap();
    symlink("circle.txt", at("circle.txt")).unwrap();
    symlink("/proc/self/root", at("magic")).unwrap();
    symlink("gone.txt", at("dangling.txt")).unwrap();
    for path in ["/folder/a.txt", "/file.txt", "/real/up.txt"] {
        assert_eq!(site.get(path).await.text(), "a", "{path}");
    }
    for path in [
        "/absolute.txt",
        "/climbing.txt",
        "/away/secret.txt",
        "/away",
        "/circle.txt",
        "/magic/etc/passwd",
        "/dangling.txt",
    ] {
        assert_eq!(site.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn pipes_sockets_and_devices_are_not_there_and_hold_nobody_up() {
    let site = Site::new(&[]);
    let pipe = site.folder.path().join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, 0o644.into()).unwrap();
    let socket = site.folder.path().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(socket).unwrap();
    for path in ["/pipe", "/socket"] {
        let answer = tokio::time::timeout(Duration::from_secs(5), site.get(path)).await;
        assert_eq!(answer.expect("it waited").status, 404, "{path}");
    }
    let devices = Site {
        root: root_at(Path::new("/dev")),
        ..site
    };
    assert_eq!(devices.get("/null").await.status, 404);
}

#[tokio::test]
async fn names_that_no_file_system_has_are_not_there() {
    let site = Site::new(&[("a.txt", "a")]);
    assert_eq!(site.get(&format!("/{}", "x".repeat(300))).await.status, 404);
    assert_eq!(
        site.get(&format!("/{}", "x/".repeat(2500))).await.status,
        404
    );
    assert_eq!(site.get("/a.txt/b").await.status, 404);
}

#[tokio::test]
async fn a_folders_own_page_is_shown_where_nothing_is() {
    let site = Site::new(&[("404.html", "<p>lost?"), ("a.txt", "a")]);
    for path in ["/nothing", "/.env", "/a.txt/"] {
        let answer = site.get(path).await;
        assert_eq!((answer.status, answer.text()), (404, "<p>lost?"), "{path}");
        assert_eq!(
            answer.header(header::CONTENT_TYPE),
            Some("text/html; charset=utf-8")
        );
        assert_eq!(answer.header(header::ETAG), None);
    }
    let head = site.ask(Method::HEAD, "/nothing", &[]).await;
    assert_eq!((head.status, head.body.len()), (404, 0));
    assert_eq!(head.header(header::CONTENT_LENGTH), Some("8"));
    let ranged = site
        .ask(
            Method::GET,
            "/nothing",
            &[("range", "bytes=0-0"), ("if-match", "\"x\"")],
        )
        .await;
    assert_eq!((ranged.status, ranged.text()), (404, "<p>lost?"));
}

#[tokio::test]
async fn only_reading_is_allowed() {
    let site = Site::new(&[("a.txt", "a")]);
    for method in [
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::PATCH,
        Method::TRACE,
    ] {
        let failure = site.try_ask(method, "/a.txt", &[]).await.unwrap_err();
        assert!(matches!(
            failure,
            Failure::MethodNotAllowed("GET, HEAD, OPTIONS")
        ));
    }
    let answer = site.ask(Method::OPTIONS, "/a.txt", &[]).await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header(header::ALLOW), Some("GET, HEAD, OPTIONS"));
}

#[tokio::test(start_paused = true)]
async fn a_version_that_the_visitor_has_is_not_sent_again() {
    let site = Site::new(&[("a.txt", "a")]);
    let full = site.get("/a.txt").await;
    let tag = full.header(header::ETAG).unwrap();
    let date = full.header(header::LAST_MODIFIED).unwrap();
    for field in [("if-none-match", tag), ("if-modified-since", date)] {
        let answer = site.ask(Method::GET, "/a.txt", &[field]).await;
        assert_eq!((answer.status, answer.body.len()), (304, 0), "{field:?}");
        assert_eq!(answer.header(header::ETAG), Some(tag));
        assert_eq!(answer.header(header::LAST_MODIFIED), Some(date));
        assert_eq!(answer.header(header::CONTENT_LENGTH), None);
        assert_eq!(answer.header(header::CONTENT_TYPE), None);
    }
    let failed = site
        .ask(Method::GET, "/a.txt", &[("if-match", "\"other\"")])
        .await;
    assert_eq!((failed.status, failed.body.len()), (412, 0));

    site.write("a.txt", b"b");
    site.later().await;
    let changed = site
        .ask(Method::GET, "/a.txt", &[("if-none-match", tag)])
        .await;
    assert_eq!((changed.status, changed.text()), (200, "b"));
}

#[tokio::test(start_paused = true)]
async fn a_date_that_build_tools_give_to_everything_is_no_validator() {
    let site = Site::new(&[("a.txt", "a")]);
    let file = fs::File::open(site.folder.path().join("a.txt")).unwrap();
    file.set_modified(std::time::UNIX_EPOCH + Duration::from_secs(1))
        .unwrap();
    let answer = site.get("/a.txt").await;
    assert_eq!(answer.header(header::ETAG), None);
    assert_eq!(answer.header(header::LAST_MODIFIED), None);
    for seconds in [4_000_000_000, 253_402_300_800] {
        file.set_modified(std::time::UNIX_EPOCH + Duration::from_secs(seconds))
            .unwrap();
        site.later().await;
        let future = site.get("/a.txt").await;
        assert_eq!(future.header(header::LAST_MODIFIED), None, "{seconds}");
        assert!(future.header(header::ETAG).is_some());
    }
    file.set_modified(std::time::UNIX_EPOCH - Duration::from_secs(86_400))
        .unwrap();
    site.later().await;
    assert_eq!(site.get("/a.txt").await.header(header::LAST_MODIFIED), None);
}

#[tokio::test(start_paused = true)]
async fn a_part_of_a_small_and_of_a_large_file() {
    let site = Site::new(&[]);
    for size in [1_000, CHUNK, CHUNK + 1, 700_000] {
        let content = pattern(size);
        site.write("a.bin", &content);
        site.later().await;
        for (first, last) in [(0, 0), (0, size - 1), (size - 1, size - 1), (10, size / 2)] {
            let range = format!("bytes={first}-{last}");
            let answer = site.ask(Method::GET, "/a.bin", &[("range", &range)]).await;
            assert_eq!(answer.status, 206);
            assert!(answer.body == content[first..=last], "{range} of {size}");
            assert_eq!(
                answer.header(header::CONTENT_RANGE),
                Some(format!("bytes {first}-{last}/{size}").as_str())
            );
            assert_eq!(
                answer.header(header::CONTENT_LENGTH),
                Some((last - first + 1).to_string().as_str())
            );
        }
        let beyond = site
            .ask(
                Method::GET,
                "/a.bin",
                &[("range", &format!("bytes={size}-"))],
            )
            .await;
        assert_eq!((beyond.status, beyond.body.len()), (416, 0));
        assert_eq!(
            beyond.header(header::CONTENT_RANGE),
            Some(format!("bytes */{size}").as_str())
        );
        let head = site
            .ask(Method::HEAD, "/a.bin", &[("range", "bytes=0-0")])
            .await;
        assert_eq!(head.status, 200);
        assert_eq!(
            head.header(header::CONTENT_LENGTH),
            Some(size.to_string().as_str())
        );
    }
}

#[tokio::test]
async fn a_part_of_another_version_is_the_whole() {
    let site = Site::new(&[("a.txt", "hello")]);
    let tag = site
        .get("/a.txt")
        .await
        .header(header::ETAG)
        .unwrap()
        .to_owned();
    for (validator, status) in [(tag.as_str(), 206), ("\"other\"", 200)] {
        let fields = [("range", "bytes=1-2"), ("if-range", validator)];
        assert_eq!(
            site.ask(Method::GET, "/a.txt", &fields).await.status,
            status
        );
    }
}

#[tokio::test(start_paused = true)]
async fn empty_small_and_large_files_arrive_whole() {
    let site = Site::new(&[]);
    for size in [
        0,
        1,
        16 * 1024,
        16 * 1024 + 1,
        CHUNK - 1,
        CHUNK,
        CHUNK + 1,
        3 * CHUNK,
        2_000_003,
    ] {
        let content = pattern(size);
        site.write("a.bin", &content);
        site.later().await;
        let answer = site.get("/a.bin").await;
        assert!(answer.body == content, "{size} bytes");
        assert_eq!(
            answer.header(header::CONTENT_LENGTH),
            Some(size.to_string().as_str())
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_not_in_memory_is_read_elsewhere() {
    let site = Site::new(&[]);
    let content = pattern(1_000_000);
    for size in [10_000, 100_000, 1_000_000] {
        site.write("a.bin", &content[..size]);
        site.later().await;
        let file = fs::File::open(site.folder.path().join("a.bin")).unwrap();
        file.sync_all().unwrap();
        rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
        assert!(
            site.get("/a.bin").await.body == content[..size],
            "{size} bytes"
        );
    }
}

#[tokio::test]
async fn many_visitors_of_one_file_get_their_own_bytes() {
    let site = Site::new(&[]);
    let (small, large) = (pattern(50_000), pattern(400_000));
    site.write("small.bin", &small);
    site.write("large.bin", &large);
    let mut responses = Vec::new();
    for _ in 0..40 {
        responses.push(site.try_ask(Method::GET, "/small.bin", &[]).await.unwrap());
        responses.push(site.try_ask(Method::GET, "/large.bin", &[]).await.unwrap());
    }
    for response in responses {
        let body = read(response).await.unwrap().body;
        assert!(body == small || body == large);
    }
}

#[tokio::test]
async fn a_file_that_shrinks_while_it_is_sent_is_cut_and_never_filled_up() {
    let site = Site::new(&[]);
    site.write("a.bin", &pattern(600_000));
    let response = site.try_ask(Method::GET, "/a.bin", &[]).await.unwrap();
    let file = fs::File::options()
        .write(true)
        .open(site.folder.path().join("a.bin"))
        .unwrap();
    file.set_len(200_000).unwrap();
    let error = read(response).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);
}

#[tokio::test]
async fn a_file_that_grows_while_it_is_sent_ends_where_it_was_announced() {
    let site = Site::new(&[]);
    let mut content = pattern(600_000);
    site.write("a.bin", &content);
    let response = site.try_ask(Method::GET, "/a.bin", &[]).await.unwrap();
    content.extend(pattern(100_000));
    site.write("a.bin", &content);
    assert!(read(response).await.unwrap().body == pattern(600_000));
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_is_switched_is_seen_within_a_second() {
    let releases = Site::new(&[("1/a.txt", "first"), ("2/a.txt", "second")]);
    let at = |name: &str| releases.folder.path().join(name);
    symlink("1", at("current")).unwrap();
    let site = Site {
        root: root_at(&at("current")),
        folder: tempfile::tempdir().unwrap(),
    };
    assert_eq!(site.get("/a.txt").await.text(), "first");
    symlink("2", at("next")).unwrap();
    fs::rename(at("next"), at("current")).unwrap();
    assert_eq!(site.get("/a.txt").await.text(), "first");
    site.later().await;
    assert_eq!(site.get("/a.txt").await.text(), "second");
}

#[tokio::test]
async fn a_root_that_is_gone_is_our_failure_and_not_a_missing_page() {
    let site = Site {
        root: root_at(Path::new("/nonexistent/folder")),
        folder: tempfile::tempdir().unwrap(),
    };
    let failure = site.try_ask(Method::GET, "/", &[]).await.unwrap_err();
    assert_eq!(
        failure.to_string(),
        "the folder /nonexistent/folder could not be opened"
    );
    assert_eq!(failure.status(), 500);
}

#[tokio::test]
async fn without_openat2_no_symlink_is_followed() {
    let site = Site::new(&[("real/deep/a.txt", "a")]);
    symlink("real", site.folder.path().join("link")).unwrap();
    symlink("a.txt", site.folder.path().join("real/deep/b.txt")).unwrap();
    let folder = site.root.folder().await.unwrap();
    assert!(open::open_by_parts(&folder, "real/deep/a.txt").is_ok());
    for name in [
        "link/deep/a.txt",
        "real/deep/b.txt",
        "real/none",
        "real/deep/a.txt/x",
    ] {
        assert!(open::open_by_parts(&folder, name).is_err(), "{name}");
    }
}

/// Root reads everything, so the question is asked by a thread that is nobody.
#[test]
fn a_file_that_must_not_be_read_is_refused() {
    let site = Site::new(&[("a.txt", "a"), ("index.html", "home")]);
    let open = fs::Permissions::from_mode(0o755);
    fs::set_permissions(site.folder.path(), open).unwrap();
    let closed = fs::Permissions::from_mode(0o000);
    fs::set_permissions(site.folder.path().join("a.txt"), closed).unwrap();
    let (closed, index) = std::thread::scope(|scope| {
        let ask = || {
            if rustix::process::geteuid().is_root() {
                rustix::thread::set_thread_uid(rustix::process::Uid::from_raw(65_534)).unwrap();
            }
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .build()
                .unwrap();
            let root = root_at(site.folder.path());
            let there = Site {
                root,
                folder: tempfile::tempdir_in("/tmp").unwrap(),
            };
            runtime.block_on(async { (there.get("/a.txt").await, there.get("/").await) })
        };
        scope.spawn(ask).join().unwrap()
    });
    assert_eq!(index.text(), "home");
    assert_eq!(closed.status, 403);
}

const CHUNK: usize = read::CHUNK_BYTES;
