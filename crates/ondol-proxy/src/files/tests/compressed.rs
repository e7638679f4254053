//! Files that are compressed beside themselves.

use ondol_model::plan::Precompressed;

use super::*;

const PLAIN: &str = "a script of more bytes than any of those beside it";
const FILES: [(&str, &str); 5] = [
    ("x.js", PLAIN),
    ("x.js.br", "br"),
    ("x.js.zst", "zstd"),
    ("x.js.gz", "gzip…"),
    ("alone.js", "alone"),
];

async fn asked(site: &Site, accept: &str) -> Answer {
    site.ask(Method::GET, "/x.js", &[("accept-encoding", accept)])
        .await
}

#[tokio::test]
async fn visitors_get_what_they_like_most_and_of_that_the_smallest() {
    let site = Site::new(&FILES);
    for (accept, encoding) in [
        ("gzip, deflate, br, zstd", Some("br")),
        ("gzip, zstd", Some("zstd")),
        ("gzip", Some("gzip")),
        ("br;q=0.5, gzip", Some("gzip")),
        ("*", Some("br")),
        ("*, br;q=0", Some("zstd")),
        ("identity, br;q=0.5", None),
        ("br;q=0", None),
        ("deflate", None),
        ("", None),
        ("identity;q=0", None),
    ] {
        let answer = asked(&site, accept).await;
        assert_eq!(answer.status, 200);
        assert_eq!(
            answer.header(header::CONTENT_ENCODING),
            encoding,
            "{accept}"
        );
        let kind = answer.header(header::CONTENT_TYPE);
        assert_eq!(kind, Some("text/javascript; charset=utf-8"));
        assert_eq!(answer.header(header::VARY), Some("Accept-Encoding"));
        let expected = match encoding {
            Some("gzip") => "gzip…",
            Some(encoding) => encoding,
            None => PLAIN,
        };
        assert_eq!(answer.text(), expected, "{accept}");
        let length = expected.len().to_string();
        assert_eq!(answer.header(header::CONTENT_LENGTH), Some(&*length));
    }
    let alone = site
        .ask(Method::GET, "/alone.js", &[("accept-encoding", "br")])
        .await;
    assert_eq!((alone.text(), alone.header(header::VARY)), ("alone", None));
}

#[tokio::test]
async fn each_encoding_is_a_version_of_its_own() {
    let site = Site::new(&FILES);
    let mut tags = Vec::new();
    for accept in ["", "br", "zstd", "gzip"] {
        let answer = asked(&site, accept).await;
        let tag = answer.header(header::ETAG).unwrap().to_owned();
        let fields = [("accept-encoding", accept), ("if-none-match", &*tag)];
        let known = site.ask(Method::GET, "/x.js", &fields).await;
        assert_eq!(known.status, 304);
        assert_eq!(known.header(header::ETAG), Some(&*tag));
        assert_eq!(known.header(header::VARY), Some("Accept-Encoding"));
        assert_eq!(known.header(header::CONTENT_ENCODING), None);
        tags.push(tag);
    }
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), 4);
    let other = [("accept-encoding", "gzip"), ("if-none-match", &*tags[0])];
    let other = site.ask(Method::GET, "/x.js", &other).await.status;
    assert!([200, 304].contains(&other));
}

#[tokio::test]
async fn ranges_are_of_what_is_sent() {
    let site = Site::new(&FILES);
    let fields = [("accept-encoding", "zstd"), ("range", "bytes=1-2")];
    let answer = site.ask(Method::GET, "/x.js", &fields).await;
    assert_eq!((answer.status, answer.text()), (206, "st"));
    assert_eq!(answer.header(header::CONTENT_RANGE), Some("bytes 1-2/4"));
    assert_eq!(answer.header(header::CONTENT_ENCODING), Some("zstd"));
    let beyond = [("accept-encoding", "zstd"), ("range", "bytes=9-")];
    let beyond = site.ask(Method::GET, "/x.js", &beyond).await;
    assert_eq!(beyond.header(header::CONTENT_RANGE), Some("bytes */4"));
    assert_eq!(beyond.header(header::CONTENT_ENCODING), None);
    let head = site
        .ask(Method::HEAD, "/x.js", &[("accept-encoding", "zstd")])
        .await;
    assert_eq!(head.header(header::CONTENT_LENGTH), Some("4"));
    assert_eq!(head.header(header::CONTENT_ENCODING), Some("zstd"));
}

#[tokio::test(start_paused = true)]
async fn what_is_older_larger_or_no_file_does_not_stand_in() {
    let site = Site::new(&FILES);
    let at = |name: &str| site.folder.path().join(name);
    let br = fs::File::open(at("x.js.br")).unwrap();
    let old = std::time::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    br.set_modified(old).unwrap();
    site.write("x.js.zst", PLAIN.repeat(2).as_bytes());
    fs::remove_file(at("x.js.gz")).unwrap();
    fs::create_dir(at("x.js.gz")).unwrap();
    let answer = asked(&site, "br, zstd, gzip").await;
    assert_eq!(answer.text(), PLAIN);
    assert_eq!(answer.header(header::VARY), None);
    br.set_modified(clock_now()).unwrap();
    site.later().await;
    assert_eq!(asked(&site, "br, zstd, gzip").await.text(), "br");
    fs::remove_file(at("x.js")).unwrap();
    site.later().await;
    assert_eq!(asked(&site, "br, zstd, gzip").await.status, 404);
}

fn clock_now() -> std::time::SystemTime {
    ondol_base::clock::wall()
}

#[tokio::test]
async fn a_compressed_file_itself_is_a_file_like_any_other() {
    let site = Site::new(&FILES);
    let direct = site
        .ask(Method::GET, "/x.js.gz", &[("accept-encoding", "gzip")])
        .await;
    assert_eq!(
        direct.header(header::CONTENT_TYPE),
        Some("application/gzip")
    );
    assert_eq!(direct.header(header::CONTENT_ENCODING), None);
    let site = Site::with(&FILES, |files| files.precompressed = Precompressed::Ignored);
    assert_eq!(asked(&site, "br").await.text(), PLAIN);
}

#[tokio::test]
async fn an_index_and_a_candidate_are_compressed_too() {
    let files = [
        ("index.html", "a page of some length"),
        ("index.html.br", "br"),
    ];
    let site = Site::with(&files, |files| {
        files.candidates = ["$path", "/index.html"]
            .map(|text| Candidate::parse(text).unwrap())
            .to_vec();
    });
    for path in ["/", "/app/x"] {
        let answer = site
            .ask(Method::GET, path, &[("accept-encoding", "br")])
            .await;
        assert_eq!(answer.text(), "br", "{path}");
    }
}
