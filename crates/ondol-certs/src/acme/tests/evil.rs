//! Issuers that are evil, or broken in ways that nobody thinks of: they get nothing out of this box, and
//! what they say is shown to its owner without harm.

use super::faults::Fronted;
use super::front::Answer;
use super::front::Front;
use super::*;

/// An answer with this made of its body.
fn with_body(answer: &str, change: impl FnOnce(&str) -> String) -> String {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let fields = head
        .split("\r\n")
        .filter(|field| !field.to_lowercase().starts_with("content-length"));
    let head: Vec<_> = fields.collect();
    let body = change(body);
    let length = body.len();
    format!(
        "{}\r\ncontent-length: {length}\r\n\r\n{body}",
        head.join("\r\n")
    )
}

fn with_field(answer: &str, field: &str) -> String {
    answer.replacen("\r\n", &format!("\r\n{field}\r\n"), 1)
}

/// What comes of an order when requests that begin so get such answers.
async fn refused(request: &str, change: fn(String) -> String) -> Option<Failure> {
    let fronted = Fronted::new().await?;
    let session = fronted.open().await.unwrap();
    fronted.front.answer(request, Answer::Changed(change));
    let failure = fronted.get(&session).await.err().unwrap();
    assert!(fronted.world.plane.shown().http.is_empty());
    assert!(fronted.world.plane.asked.lock().unwrap().is_empty());
    Some(failure)
}

#[tokio::test]
async fn a_time_to_wait_that_no_clock_can_hold_is_none() {
    let Some(fronted) = Fronted::new().await else {
        return;
    };
    let session = fronted.open().await.unwrap();
    fronted.front.answer(
        "POST /my-order/",
        Answer::Changed(|answer| with_field(&answer, "retry-after: 18446744073709551615")),
    );
    fronted.get(&session).await.unwrap();
}

#[tokio::test]
async fn a_directory_leads_nowhere_but_to_its_issuer_and_the_internet() {
    let front = Front::new(None).await;
    let folder = tempfile::tempdir().unwrap();
    let issuer = issuer(&front.directory(), &front.root());
    let ask = async |nonce: &str| {
        let body = format!(
            r#"{{ "newNonce": "{nonce}", "newAccount": "https://localhost/a", "newOrder": "https://localhost/o" }}"#
        );
        front.answer_text("GET /dir", "200 OK", &body);
        let opening = open(&issuer, folder.path());
        front.while_it_answers(opening).await.unwrap_err()
    };
    for nonce in [
        "",
        "/nonce",
        "no url",
        "http://localhost/nonce",
        "file:///etc/passwd",
        "https://",
        "https://a b/",
        "https://ca.example/\\u0000",
    ] {
        let failure = ask(nonce).await;
        assert_eq!(failure.kind, FailureKind::Unreachable);
        assert_eq!(
            failure.sentence,
            "the directory of pebble has no URL for `newNonce`"
        );
    }
    for host in ["169.254.169.254", "127.0.0.1", "[::1]", "[::ffff:10.0.0.1]"] {
        let failure = ask(&format!("https://{host}:1/nonce")).await;
        let bare = host.trim_matches(['[', ']']);
        assert_eq!(failure.kind, FailureKind::Unreachable);
        assert_eq!(
            failure.sentence,
            format!(
                "pebble cannot be reached: {bare} is at {bare}, in a private network, where only the host of the first URL may be"
            )
        );
    }
}

#[tokio::test]
async fn an_order_leads_nowhere_else_either() {
    let failure = refused("POST /my-order/", |answer| {
        with_body(&answer, |body| {
            body.replace("https://localhost:", "https://127.0.0.1:")
        })
    });
    let Some(failure) = failure.await else {
        return;
    };
    assert!(
        failure.sentence.contains("in a private network"),
        "{failure}"
    );
}

#[tokio::test]
async fn a_name_that_was_not_ordered_is_shown_to_nobody() {
    let failure = refused("POST /authZ/", |answer| {
        with_body(&answer, |body| {
            body.replace("app.example.com", "victim.example\\u001b[2J")
        })
    });
    let Some(failure) = failure.await else {
        return;
    };
    assert_eq!(failure.kind, FailureKind::Rejected);
    assert_eq!(
        failure.sentence,
        "pebble asks about `victim.example[2J`, which was not ordered"
    );
}

#[tokio::test]
async fn a_token_is_part_of_a_path_and_nothing_else() {
    fn with_token(answer: &str, token: &str) -> String {
        with_body(answer, |body| {
            let mark = "\"token\": \"";
            let mut parts = body.split(mark);
            let first = parts.next().unwrap();
            let others = parts.flat_map(|part| {
                let (_, after) = part.split_once('"').unwrap();
                [mark, token, "\"", after]
            });
            [first].into_iter().chain(others).collect()
        })
    }
    let cases: [fn(String) -> String; 5] = [
        |answer| with_token(&answer, ""),
        |answer| with_token(&answer, "../../secret"),
        |answer| with_token(&answer, "a\\r\\nset-cookie: b"),
        |answer| with_token(&answer, "\\u001b[2J"),
        |answer| with_token(&answer, &"a".repeat(100_000)),
    ];
    for case in cases {
        let Some(failure) = refused("POST /authZ/", case).await else {
            return;
        };
        assert_eq!(failure.kind, FailureKind::Rejected);
        assert_eq!(
            failure.sentence,
            "pebble sets a challenge for app.example.com that is none"
        );
    }
}

#[tokio::test]
async fn more_proofs_than_names_are_not_fetched() {
    let Some(fronted) = Fronted::new().await else {
        return;
    };
    let session = fronted.open().await.unwrap();
    fronted.front.answer(
        "POST /my-order/",
        Answer::Changed(|answer| {
            with_body(&answer, |body| {
                let more = "\"https://localhost/authZ/x\", ".repeat(5_000);
                let start = "\"authorizations\": [";
                assert!(body.contains(start), "{body}");
                body.replace(start, &format!("{start}{more}"))
            })
        }),
    );
    let failure = fronted.get(&session).await.err().unwrap();
    assert_eq!(failure.kind, FailureKind::Rejected);
    assert_eq!(failure.sentence, "pebble wants 5001 proofs for 1 names");
    let asked = fronted.front.asked.lock().unwrap().join("\n");
    assert!(!asked.contains("authZ"), "{asked}");
}

#[tokio::test]
async fn a_chain_that_could_not_be_read_again_is_not_taken() {
    let failure = refused_at_the_end(|answer| {
        with_body(&answer, |body| format!("{body}{}", "#\n".repeat(100_000)))
    });
    let Some(failure) = failure.await else {
        return;
    };
    assert_eq!(failure.kind, FailureKind::WrongCertificate);
    assert_eq!(
        failure.sentence,
        "pebble sent a certificate that is larger than 131072 bytes; it was not kept"
    );
}

async fn refused_at_the_end(change: fn(String) -> String) -> Option<Failure> {
    let fronted = Fronted::new().await?;
    let session = fronted.open().await.unwrap();
    fronted
        .front
        .answer("POST /certZ/", Answer::Changed(change));
    fronted.get(&session).await.err()
}
