//! Frames and values of the link, cut anywhere, and a reader who does not read.

use proptest::prelude::*;

use super::*;

fn text() -> Text {
    Text {
        path: "/etc/ondol/ondol.toml".into(),
        text: "[box]\nname = \"a\"\n".into(),
    }
}

fn challenges() -> Challenges {
    Challenges {
        sequence: 9,
        http: BTreeMap::from([("token".to_owned(), "token.print".to_owned())]),
        tls_alpn: vec![Certificate {
            names: vec!["a.test".into()],
            chain: "chain".into(),
            key: "secret".into(),
        }],
    }
}

fn received(bytes: &[u8]) -> Vec<Down> {
    let mut frames = Frames::default();
    frames.extend(bytes);
    std::iter::from_fn(|| frames.next().unwrap()).collect()
}

#[test]
fn values_arrive_as_they_were_sent() {
    let sent = [
        Down::Configuration {
            sequence: 7,
            texts: vec![text()],
        },
        Down::Certificates {
            sequence: 8,
            entries: Vec::new(),
            client_authorities: vec![ClientAuthority {
                path: "/etc/ondol/clients.pem".into(),
                pem: "-----BEGIN".to_owned(),
            }],
            upstream_files: UpstreamFiles {
                system_roots: "roots".into(),
                named: vec![text()],
            },
        },
        Down::Challenges(challenges()),
        Down::ReopenLog,
        Down::Drain { grace_ms: 30_000 },
    ];
    let bytes: Vec<u8> = sent
        .iter()
        .flat_map(|value| frame(value).unwrap())
        .collect();
    assert_eq!(received(&bytes), sent);
}

#[test]
fn what_a_later_version_sends_is_ignored() {
    let later = serde_json::json!({ "kind": "dance", "steps": [1, 2] });
    assert_eq!(received(&frame(&later).unwrap()), [Down::Unknown]);
    let more = serde_json::json!({ "kind": "drain", "grace_ms": 5, "reason": "new here" });
    assert_eq!(
        received(&frame(&more).unwrap()),
        [Down::Drain { grace_ms: 5 }]
    );
}

#[test]
fn an_earlier_version_says_nothing_of_challenges() {
    let start = serde_json::json!({
        "kind": "start", "sockets": [], "texts": [], "certificates": [], "access_log": "/a", "roots": []
    });
    let [Down::Start(start)] = &received(&frame(&start).unwrap())[..] else {
        panic!("no start");
    };
    assert_eq!(start.challenges, Challenges::default());
}

#[test]
fn a_socket_of_a_kind_that_is_not_known_is_no_other_socket() {
    let socket = serde_json::json!({ "worker": 0, "protocol": "http" });
    let known: SocketUse = serde_json::from_value(socket).unwrap();
    assert_eq!(known.preface, SocketPreface::None);
    for later in [
        serde_json::json!({ "worker": 0, "protocol": "http", "preface": "proxy-protocol-3" }),
        serde_json::json!({ "worker": 0, "protocol": "http", "preface": "none", "secret": "x" }),
    ] {
        serde_json::from_value::<SocketUse>(later).unwrap_err();
    }
}

#[test]
fn a_frame_over_the_limit_is_refused_before_it_is_read() {
    let mut frames = Frames::default();
    frames.extend(&u32::MAX.to_be_bytes());
    assert!(matches!(frames.next::<Down>(), Err(LinkError::TooLarge(_))));
}

#[test]
fn a_key_does_not_get_into_a_log() {
    let certificate = Certificate {
        names: vec!["a.test".into()],
        chain: "chain".into(),
        key: "secret".into(),
    };
    let shown = format!(
        "{:?}",
        Down::Certificates {
            sequence: 1,
            entries: vec![certificate],
            client_authorities: Vec::new(),
            upstream_files: UpstreamFiles {
                system_roots: String::new(),
                named: vec![Text {
                    path: "/keys/box.pem".into(),
                    text: "secret".into(),
                }],
            },
        }
    );
    let challenges = format!("{:?}", Down::Challenges(challenges()));
    assert!(
        challenges.contains("a.test") && !challenges.contains("secret"),
        "{challenges}"
    );
    assert!(
        shown.contains("a.test") && shown.contains("box.pem") && !shown.contains("secret"),
        "{shown}"
    );
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut frames = Frames::default();
        frames.extend(&bytes);
        while let Ok(Some(_)) = frames.next::<Up>() {}
    }

    #[test]
    fn frames_are_found_wherever_the_bytes_are_cut(cuts in proptest::collection::vec(1_usize..40, 1..60)) {
        let sent = [Up::Ready { version: "1".into() }, Up::Applied { sequence: 3 }, Up::Drained { cut: 0 }];
        let bytes: Vec<u8> = sent.iter().flat_map(|value| frame(value).unwrap()).collect();
        let mut frames = Frames::default();
        let mut found: Vec<Up> = Vec::new();
        let mut rest = bytes.as_slice();
        for cut in cuts.into_iter().cycle() {
            let (head, tail) = rest.split_at(cut.min(rest.len()));
            frames.extend(head);
            while let Some(value) = frames.next().unwrap() {
                found.push(value);
            }
            rest = tail;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(found, sent);
    }
}

#[tokio::test]
async fn a_side_that_does_not_read_breaks_the_link_instead_of_blocking_it() {
    let (ours, theirs) = StdUnixStream::pair().unwrap();
    let mut link = Link::new(ours, &[]).unwrap();
    let large = "x".repeat(1024 * 1024);
    link.send(&large).unwrap();
    let error = loop {
        let written = std::future::poll_fn(|cx| Poll::Ready(link.poll_flush(cx))).await;
        assert!(!matches!(written, Poll::Ready(Err(_))));
        if let Err(error) = link.send(&Down::ReopenLog) {
            break error;
        }
    };
    assert!(matches!(error, LinkError::Stuck));
    drop(theirs);
}

#[tokio::test]
async fn counters_do_not_break_the_link_to_an_agent_that_stands_still() {
    let (ours, theirs) = StdUnixStream::pair().unwrap();
    let mut link = Link::new(ours, &[]).unwrap();
    let counters = Up::Counters(Counters::default());
    let mut full_for = 0;
    while full_for <= FRAMES_WAITING_MAX {
        link.send_unless_behind(&counters).unwrap();
        let written = std::future::poll_fn(|cx| Poll::Ready(link.poll_flush(cx))).await;
        assert!(!matches!(written, Poll::Ready(Err(_))));
        full_for += usize::from(written.is_pending());
        tokio::task::yield_now().await;
    }
    let mut reader = Link::new(theirs, &[]).unwrap();
    let drained = tokio::select! {
        flushed = link.flush() => flushed,
        gone = async {
            loop {
                if let Err(error) = reader.next::<Up>().await {
                    return error;
                }
            }
        } => Err(gone),
    };
    drained.unwrap();
    link.send_unless_behind(&counters).unwrap();
    assert!(link.is_behind(), "it is sent again");
}

#[tokio::test]
async fn a_link_changes_hands_in_the_middle_of_a_frame() {
    let (ours, theirs) = StdUnixStream::pair().unwrap();
    let bytes = frame(&Up::Applied { sequence: 9 }).unwrap();
    let (head, tail) = bytes.split_at(7);
    let mut first = Link::new(ours, &[]).unwrap();
    io::Write::write_all(&mut &theirs, head).unwrap();
    let halfway = std::future::poll_fn(|cx| Poll::Ready(first.poll_next::<Up>(cx))).await;
    assert!(halfway.is_pending());
    first.stream.readable().await.unwrap();
    let _ = std::future::poll_fn(|cx| Poll::Ready(first.poll_next::<Up>(cx))).await;
    let (stream, unread) = first.into_parts().unwrap();
    let mut second = Link::new(stream, &unread).unwrap();
    io::Write::write_all(&mut &theirs, tail).unwrap();
    assert_eq!(
        second.next::<Up>().await.unwrap(),
        Up::Applied { sequence: 9 }
    );
}
