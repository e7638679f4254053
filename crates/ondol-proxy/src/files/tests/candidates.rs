//! `try`, `index` and dotfiles: which file a path leads to.

use ondol_model::plan::CacheRule;
use ondol_model::plan::Dotfiles;
use ondol_model::plan::Listing;
use ondol_model::plan::NamePattern;

use super::*;

fn tries(texts: &[&str]) -> impl FnOnce(&mut Files) {
    let candidates = texts.iter().map(|text| Candidate::parse(text).expect(text));
    let candidates = candidates.collect();
    |files| files.candidates = candidates
}

#[tokio::test]
async fn an_app_in_the_browser_answers_every_path_that_is_no_file() {
    let files = [
        ("index.html", "app"),
        ("assets/app.js", "script"),
        ("docs/index.html", "docs"),
        ("empty/x/y", ""),
    ];
    let site = Site::with(&files, tries(&["$path", "/index.html"]));
    for (path, text) in [
        ("/", "app"),
        ("/users/7", "app"),
        ("/assets/gone.js", "app"),
        ("/empty/", "app"),
        ("/empty", "app"),
        ("/.env", "app"),
        ("/assets/app.js", "script"),
        ("/docs/", "docs"),
    ] {
        let answer = site.get(path).await;
        assert_eq!((answer.status, answer.text()), (200, text), "{path}");
    }
    assert_eq!(site.get("/docs").await.status, 308);
    let tag = site.get("/users/7").await;
    let tag = ("if-none-match", tag.header(header::ETAG).unwrap());
    let again = site.ask(Method::GET, "/users/8", &[tag]).await;
    assert_eq!(again.status, 304);
    assert_eq!(again.header(header::CACHE_CONTROL), Some("no-cache"));
}

#[tokio::test]
async fn what_stands_for_other_paths_is_never_kept_for_long() {
    let immutable = CacheRule {
        pattern: NamePattern::parse("*").unwrap(),
        value: "public, max-age=31536000, immutable".to_owned(),
    };
    let site = Site::with(&[("index.html", "app")], |files| {
        tries(&["$path", "/index.html"])(files);
        files.cache_control = vec![immutable.clone()];
    });
    let own = site.get("/index.html").await;
    assert_eq!(own.header(header::CACHE_CONTROL), Some(&*immutable.value));
    let other = site.get("/assets/app-1.js").await;
    assert_eq!(other.header(header::CACHE_CONTROL), Some("no-cache"));
}

#[tokio::test]
async fn addresses_without_endings_find_their_pages() {
    let files = [
        ("about.html", "about"),
        ("blog.html", "blog"),
        ("blog/1.html", "first"),
        ("docs.html", "never"),
        ("odd.html/index.html", "odd"),
        ("docs/index.html", "docs"),
        ("404.html", "lost"),
    ];
    let site = Site::with(&files, tries(&["$path", "$path.html", "=404"]));
    for (path, status, text) in [
        ("/about", 200, "about"),
        ("/about.html", 200, "about"),
        ("/blog", 200, "blog"),
        ("/blog/1", 200, "first"),
        ("/docs/", 200, "docs"),
        ("/about/", 404, "lost"),
        ("/none", 404, "lost"),
        ("/odd", 404, "lost"),
        ("/odd.html/", 200, "odd"),
    ] {
        let answer = site.get(path).await;
        assert_eq!((answer.status, answer.text()), (status, text), "{path}");
    }
    assert_eq!(site.get("/docs").await.status, 308);
    let about = site.get("/about").await;
    let kind = about.header(header::CONTENT_TYPE);
    assert_eq!(kind, Some("text/html; charset=utf-8"));
}

#[tokio::test]
async fn a_fixed_file_that_is_not_there_is_passed_over() {
    let files = [("ko/a.txt", "가"), ("b.txt", "b"), ("offline.html", "off")];
    let site = Site::with(
        &files,
        tries(&["/ko$path", "/none.html", "$path", "/offline.html"]),
    );
    for (path, text) in [("/a.txt", "가"), ("/b.txt", "b"), ("/c.txt", "off")] {
        assert_eq!(site.get(path).await.text(), text, "{path}");
    }
}

#[tokio::test]
async fn the_first_index_that_is_there_is_shown() {
    let files = [
        ("a/index.htm", "htm"),
        ("b/index.htm", "htm"),
        ("b/home.html", "home"),
    ];
    let index = ["home.html", "index.htm"].map(str::to_owned);
    let site = Site::with(&files, |files| files.index = index.to_vec());
    assert_eq!(site.get("/a/").await.text(), "htm");
    assert_eq!(site.get("/b/").await.text(), "home");
    let none = Site::with(&files, |files| files.index.clear());
    assert_eq!(none.get("/a/").await.status, 404);
}

#[tokio::test]
async fn names_with_a_dot_are_served_where_they_are_wanted() {
    let files = [(".profile", "shell"), (".config/a.toml", "a")];
    let site = Site::with(&files, |files| {
        files.dotfiles = Dotfiles::Shown;
        files.listing = Listing::On;
    });
    assert_eq!(site.get("/.profile").await.text(), "shell");
    assert_eq!(site.get("/.config/a.toml").await.text(), "a");
    assert!(site.get("/").await.text().contains(".profile"));
}

#[tokio::test]
async fn each_file_has_the_cache_control_of_its_name() {
    let rule = |pattern: &str, value: &str| CacheRule {
        pattern: NamePattern::parse(pattern).unwrap(),
        value: value.to_owned(),
    };
    let files = [("index.html", ""), ("assets/a.js", "a"), ("b.png", "")];
    let site = Site::with(&files, |files| {
        files.cache_control = vec![rule("html", "no-cache"), rule("/assets/*", "immutable")];
    });
    for (path, expected) in [
        ("/", Some("no-cache")),
        ("/assets/a.js", Some("immutable")),
        ("/b.png", None),
    ] {
        let answer = site.get(path).await;
        assert_eq!(answer.header(header::CACHE_CONTROL), expected, "{path}");
    }
    let part = site
        .ask(Method::GET, "/assets/a.js", &[("range", "bytes=0-0")])
        .await;
    assert_eq!(part.header(header::CACHE_CONTROL), Some("immutable"));
    let failed = site
        .ask(Method::GET, "/assets/a.js", &[("if-match", "\"x\"")])
        .await;
    assert_eq!(
        (failed.status, failed.header(header::CACHE_CONTROL)),
        (412, None)
    );
}
