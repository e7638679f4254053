//! Several parts of a file at once.

use super::*;

/// The parts of a body as its own words tell them: `Content-Range`, and the bytes.
fn parts(answer: &Answer) -> Vec<(String, Vec<u8>)> {
    let kind = answer.header(header::CONTENT_TYPE).unwrap();
    let boundary = kind
        .strip_prefix("multipart/byteranges; boundary=")
        .expect(kind);
    let opening = format!("--{boundary}\r\n").into_bytes();
    let between = format!("\r\n--{boundary}").into_bytes();
    let mut rest = answer.body.strip_prefix(&*opening).unwrap();
    let mut parts = Vec::new();
    loop {
        let end = rest
            .windows(between.len())
            .position(|window| window == between)
            .unwrap();
        let (part, after) = rest.split_at(end);
        let head = part
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .unwrap();
        let (head, body) = (str::from_utf8(&part[..head]).unwrap(), &part[head + 4..]);
        let (kind, range) = head.split_once("\r\n").unwrap();
        assert_eq!(kind, "Content-Type: text/plain; charset=utf-8");
        parts.push((range.to_owned(), body.to_vec()));
        rest = &after[between.len()..];
        if rest == b"--\r\n" {
            return parts;
        }
        rest = rest.strip_prefix(b"\r\n").unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn several_parts_come_in_one_answer() {
    let site = Site::new(&[]);
    for size in [10_000, 700_000] {
        let content = pattern(size);
        site.write("a.txt", &content);
        site.later().await;
        let fields = [("range", "bytes=5000-5009, 0-1, -3")];
        let answer = site.ask(Method::GET, "/a.txt", &fields).await;
        assert_eq!(answer.status, 206);
        assert_eq!(answer.header(header::CONTENT_RANGE), None);
        let length = answer.body.len().to_string();
        assert_eq!(answer.header(header::CONTENT_LENGTH), Some(&*length));
        let part = |first: usize, last: usize| {
            let range = format!("Content-Range: bytes {first}-{last}/{size}");
            (range, content[first..=last].to_vec())
        };
        let expected = [part(5000, 5009), part(0, 1), part(size - 3, size - 1)];
        assert_eq!(parts(&answer), expected, "{size}");
    }
}

#[tokio::test]
async fn no_list_of_ranges_costs_more_than_the_file() {
    let site = Site::new(&[]);
    site.write("a.txt", &pattern(3_000));
    // CVE-2011-3192: the same bytes over and over.
    let many: Vec<_> = (0..30).map(|first| format!("{first}-")).collect();
    let many = format!("bytes={}", many.join(","));
    let answer = site.ask(Method::GET, "/a.txt", &[("range", &many)]).await;
    assert_eq!((answer.status, answer.body.len()), (206, 3_000));
    assert_eq!(
        answer.header(header::CONTENT_RANGE),
        Some("bytes 0-2999/3000")
    );
    // Parts with more words around them than there are bytes.
    let sparse: Vec<_> = (0..27).map(|part| format!("{0}-{0}", part * 110)).collect();
    let sparse = format!("bytes={}", sparse.join(","));
    let answer = site.ask(Method::GET, "/a.txt", &[("range", &sparse)]).await;
    assert_eq!((answer.status, answer.body.len()), (200, 3_000));
}
