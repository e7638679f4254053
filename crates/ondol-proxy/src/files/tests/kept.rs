//! What is kept in memory, and that nobody gets what is no longer so.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_file_is_read_once_and_its_successor_seen_within_a_second() {
    let site = Site::new(&[("a.txt", "first")]);
    let first = site.get("/a.txt").await;
    assert_eq!(first.text(), "first");
    let at = |name: &str| site.folder.path().join(name);
    site.write("next", b"second!");
    fs::rename(at("next"), at("a.txt")).unwrap();
    let kept = site.get("/a.txt").await;
    assert_eq!((kept.text(), &kept.headers), ("first", &first.headers));
    tokio::time::advance(Duration::from_secs(1)).await;
    let second = site.get("/a.txt").await;
    assert_eq!(second.text(), "second!");
    assert_eq!(second.header(header::CONTENT_LENGTH), Some("7"));
    assert_ne!(second.header(header::ETAG), first.header(header::ETAG));
    fs::remove_file(at("a.txt")).unwrap();
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(site.get("/a.txt").await.status, 404);
    site.write("a.txt", b"third");
    assert_eq!(site.get("/a.txt").await.status, 404);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(site.get("/a.txt").await.text(), "third");
}

/// A file that is not in memory yet is opened for the second visitor, when it may be another one.
#[tokio::test(start_paused = true)]
async fn headers_and_bytes_are_always_of_one_version() {
    let site = Site::new(&[("small.txt", "old"), ("404.html", "lost")]);
    site.write("large.bin", &pattern(600_000));
    for path in ["/small.txt", "/large.bin", "/none"] {
        site.ask(Method::HEAD, path, &[]).await;
    }
    let at = |name: &str| site.folder.path().join(name);
    site.write("next", b"newer");
    fs::rename(at("next"), at("small.txt")).unwrap();
    site.write("next", &pattern(300_000)[1..]);
    fs::rename(at("next"), at("large.bin")).unwrap();
    site.write("next", b"nowhere");
    fs::rename(at("next"), at("404.html")).unwrap();
    for (path, body) in [
        ("/small.txt", b"newer".to_vec()),
        ("/large.bin", pattern(300_000)[1..].to_vec()),
        ("/none", b"nowhere".to_vec()),
    ] {
        let answer = site.get(path).await;
        let length = body.len().to_string();
        assert_eq!(
            answer.header(header::CONTENT_LENGTH),
            Some(&*length),
            "{path}"
        );
        assert!(answer.body == body, "{path}");
    }
}

/// Times of files move in steps: the same size in the same step is no proof of the same bytes.
#[tokio::test(start_paused = true)]
async fn what_was_read_right_after_a_change_is_read_again() {
    let site = Site::new(&[("a.txt", "one")]);
    let file = fs::File::options()
        .write(true)
        .open(site.folder.path().join("a.txt"))
        .unwrap();
    let times = file.metadata().unwrap().modified().unwrap();
    assert_eq!(site.get("/a.txt").await.text(), "one");
    std::os::unix::fs::FileExt::write_all_at(&file, b"two", 0).unwrap();
    file.set_modified(times).unwrap();
    site.later().await;
    assert_eq!(site.get("/a.txt").await.text(), "two");
}

/// A file that has not changed for some seconds: one of this crate's own.
#[tokio::test(start_paused = true)]
async fn bytes_are_kept_as_long_as_the_file_is_the_same() {
    let site = Site {
        root: root_at(Path::new(env!("CARGO_MANIFEST_DIR"))),
        folder: tempfile::tempdir().unwrap(),
    };
    let mut places = Vec::new();
    for _ in 0..2 {
        let response = site.try_ask(Method::GET, "/Cargo.toml", &[]).await.unwrap();
        let Body::Full(bytes) = response.into_body() else {
            panic!("it is streamed");
        };
        places.push(bytes.as_ptr());
        site.later().await;
    }
    assert_eq!(places[0], places[1]);
}

#[tokio::test(start_paused = true)]
async fn memory_has_a_bound_and_what_is_asked_for_again_stays() {
    let shelf = Rc::new(Shelf::new(1_000_000));
    let site = Site::new(&[]);
    let root = Root::new(Files::at(site.folder.path().to_owned()), &shelf);
    let site = Site { root, ..site };
    for name in 0..100 {
        site.write(&format!("{name}.bin"), &pattern(50_000));
    }
    for name in 0..100 {
        assert_eq!(site.get("/0.bin").await.body.len(), 50_000);
        assert_eq!(site.get(&format!("/{name}.bin")).await.body.len(), 50_000);
        assert!(shelf.bytes() <= 1_000_000, "{}", shelf.bytes());
    }
    for name in 0..20_000 {
        site.get(&format!("/none-{name}")).await;
        assert!(shelf.bytes() <= 1_000_000, "{}", shelf.bytes());
    }
    fs::remove_file(site.folder.path().join("0.bin")).unwrap();
    assert_eq!(site.get("/0.bin").await.status, 200, "it was driven out");
    drop(site);
    assert_eq!(shelf.bytes(), 0);
}

#[tokio::test]
async fn a_reload_keeps_what_is_known_of_the_same_folder() {
    let folders = Folders::new(1_000_000);
    let files = Files::at("/srv".into());
    let before = folders.of(&files);
    assert!(Rc::ptr_eq(&before, &folders.of(&files.clone())));
    let other = Files {
        index: Vec::new(),
        ..files.clone()
    };
    assert!(!Rc::ptr_eq(&before, &folders.of(&other)));
    let weak = Rc::downgrade(&before);
    drop(before);
    folders.rest(ondol_base::clock::now());
    assert!(weak.upgrade().is_none());
}

#[tokio::test]
async fn a_log_that_is_written_to_all_the_time_is_sent_as_it_is() {
    let site = Site::new(&[("a.log", "begin\n")]);
    let path = site.folder.path().join("a.log");
    let (stop, is_stopped) = std::sync::mpsc::channel::<()>();
    let writing = ondol_base::tasks::spawn_thread("writer", move || {
        let mut file = fs::File::options().append(true).open(path).unwrap();
        while is_stopped.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
            std::io::Write::write_all(&mut file, b"line\n").unwrap();
        }
    });
    let log = site.folder.path().join("a.log");
    while fs::metadata(&log).unwrap().len() < 100 {
        tokio::task::yield_now().await;
    }
    for _ in 0..20 {
        let answer = site.get("/a.log").await;
        assert_eq!(answer.status, 200);
        assert!(
            answer.text().starts_with("begin\nline"),
            "{}",
            answer.text()
        );
    }
    drop(stop);
    writing.unwrap().join().unwrap();
}
