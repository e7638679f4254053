//! Folders without an index, as pages and as JSON.

use std::task::Context;
use std::task::Waker;

use ondol_base::tasks::spawn_blocking;
use ondol_model::limits::LISTING_ENTRIES_MAX;
use ondol_model::plan::Listing;

use super::*;

fn listed(files: &[(&str, &str)]) -> Site {
    Site::with(files, |files| files.listing = Listing::On)
}

#[tokio::test]
async fn a_folder_shows_what_is_in_it_unless_it_has_an_index() {
    let site = listed(&[
        ("사진/한라산.jpg", "x"),
        ("사진/a&b <c>.txt", "12345"),
        ("사진/.secret", "x"),
        ("사진/더/index.html", "more"),
        ("index.html", "home"),
    ]);
    assert_eq!(site.get("/").await.text(), "home");
    let redirect = site.get("/%EC%82%AC%EC%A7%84").await;
    assert_eq!(
        redirect.header(header::LOCATION),
        Some("/%EC%82%AC%EC%A7%84/")
    );
    let page = site.get("/%EC%82%AC%EC%A7%84/").await;
    assert_eq!(page.status, 200);
    assert_eq!(
        page.header(header::CONTENT_TYPE),
        Some("text/html; charset=utf-8")
    );
    assert_eq!(page.header(header::VARY), Some("Accept"));
    let text = page.text();
    for part in [
        "<title>/사진/</title>",
        "<a href=\"../\">/</a>사진</h1>",
        "href=\"./%ED%95%9C%EB%9D%BC%EC%82%B0.jpg\">한라산.jpg</a>",
        "href=\"./a&amp;b%20%3Cc%3E.txt\">a&amp;b &lt;c&gt;.txt</a>",
        "href=\"./%EB%8D%94/\" class=\"folder\">더</a>",
        "<td class=\"size\">5 B</td>",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    assert!(!text.contains("secret"), "{text}");
    assert!(text.find(">더<") < text.find("a&amp;b"), "{text}");
    let head = site.ask(Method::HEAD, "/%EC%82%AC%EC%A7%84/", &[]).await;
    let length = page.body.len().to_string();
    assert_eq!(
        (head.body.len(), head.header(header::CONTENT_LENGTH)),
        (0, Some(&*length))
    );
    for path in ["/none/", "/index.html/", "/.git/"] {
        assert_eq!(site.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn programs_get_json() {
    let site = listed(&[("a \"b\"\\\n.txt", "12"), ("d/x", "")]);
    let json = ("accept", "application/json");
    let answer = site
        .ask(Method::GET, "/?sort=size&order=desc", &[json])
        .await;
    let kind = answer.header(header::CONTENT_TYPE);
    assert_eq!(kind, Some("application/json; charset=utf-8"));
    let list: serde_json::Value = serde_json::from_str(answer.text()).unwrap();
    assert_eq!(
        (&list["path"], &list["truncated"]),
        (&"/".into(), &false.into())
    );
    let entries = list["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 2);
    assert_eq!(
        (&entries[0]["name"], &entries[0]["type"]),
        (&"d".into(), &"directory".into())
    );
    assert_eq!(
        (&entries[1]["name"], &entries[1]["size"]),
        (&"a \"b\"\\\n.txt".into(), &2.into())
    );
    let modified = entries[1]["modified"].as_str().unwrap();
    assert!(
        modified.starts_with("20") && modified.ends_with('Z'),
        "{modified}"
    );
}

#[tokio::test]
async fn what_cannot_be_asked_for_is_not_listed() {
    let outside = Site::new(&[("secret.txt", "secret")]);
    let site = listed(&[("real/a.txt", "a"), ("b.txt", "b")]);
    let at = |name: &str| site.folder.path().join(name);
    symlink("real", at("inside")).unwrap();
    symlink(outside.folder.path(), at("outside")).unwrap();
    symlink("gone", at("dangling")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, at("pipe"), 0o644.into()).unwrap();
    let answer = site
        .ask(Method::GET, "/", &[("accept", "application/json")])
        .await;
    let list: serde_json::Value = serde_json::from_str(answer.text()).unwrap();
    let names = list["entries"].as_array().unwrap().iter();
    let names: Vec<_> = names.map(|entry| entry["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["inside", "real", "b.txt"]);
}

#[tokio::test]
async fn a_script_in_a_name_is_text() {
    let name = "javascript:alert('1');\">.html";
    let site = listed(&[(name, "")]);
    let page = site.get("/").await;
    let text = page.text();
    assert!(
        text.contains("href=\"./javascript:alert(&#39;1&#39;);%22%3E.html\""),
        "{text}"
    );
    assert!(
        text.contains(">javascript:alert(&#39;1&#39;);&quot;&gt;.html</a>"),
        "{text}"
    );
    assert!(
        page.header(header::CONTENT_SECURITY_POLICY)
            .unwrap()
            .starts_with("default-src 'none'")
    );
}

#[tokio::test]
async fn a_list_has_an_end_and_says_so() {
    let site = listed(&[]);
    for name in 0..=LISTING_ENTRIES_MAX {
        site.write(&format!("many/{name}"), b"");
    }
    let page = site.get("/many/").await;
    assert_eq!(
        page.text().matches("<tr><td><a href=\"./").count(),
        LISTING_ENTRIES_MAX
    );
    assert!(
        page.text()
            .contains("more in this folder than the 2000 entries")
    );
    let empty = listed(&[("empty/x", "")]);
    fs::remove_file(empty.folder.path().join("empty/x")).unwrap();
    assert!(
        empty
            .get("/empty/")
            .await
            .text()
            .contains("This folder is empty.")
    );
}

#[tokio::test]
async fn a_list_below_a_route_leads_no_further_up_than_the_route() {
    let site = listed(&[("sub/deep/a.txt", "a")]);
    let original: Uri = "/files/sub/deep/?sort=date".parse().unwrap();
    let request = FileRequest {
        method: &Method::GET,
        headers: &HeaderMap::new(),
        path: "/sub/deep/",
        original: &original,
    };
    let page = read(site.root.answer(request).await.unwrap())
        .await
        .unwrap();
    let crumbs = "<h1><a href=\"../../\">/files/</a><a href=\"../\">sub</a><span>/</span>deep</h1>";
    assert!(page.text().contains(crumbs), "{}", page.text());
    let bare: Uri = "/files".parse().unwrap();
    let request = FileRequest {
        path: "/",
        original: &bare,
        ..request
    };
    let answer = read(site.root.answer(request).await.unwrap())
        .await
        .unwrap();
    assert_eq!(answer.header(header::LOCATION), Some("/files/"));
}

#[test]
fn a_visitor_who_leaves_makes_no_room_while_the_folder_is_still_read() {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime
        .max_blocking_threads(1)
        .enable_all()
        .start_paused(true);
    runtime.build().unwrap().block_on(async {
        let site = listed(&[("a", "x")]);
        assert_eq!(site.get("/").await.status, 200);
        let room = site.root.listings.available_permits();
        let (let_go, held) = std::sync::mpsc::channel::<()>();
        let busy = spawn_blocking(move || held.recv().is_err());
        {
            let mut asked = std::pin::pin!(site.get("/"));
            let mut cx = Context::from_waker(Waker::noop());
            assert!(asked.as_mut().poll(&mut cx).is_pending());
        }
        assert_eq!(site.root.listings.available_permits(), room - 1);
        drop(let_go);
        assert!(busy.await.unwrap());
        spawn_blocking(|| ()).await.unwrap(); // What was asked for before is done before.
        assert_eq!(site.root.listings.available_permits(), room);
    });
}
