//! Issuers in trouble: what the owner reads, and when the next try may come.

use std::net::Ipv4Addr;

use ondol_base::clock;
use tokio::net::TcpListener;

use super::front::Answer;
use super::front::Front;
use super::*;
use crate::acme::begin::Begun;

const GARBAGE: &str = "<html>\r\n<h1>Welcome to nginx!</h1>\u{7}</html>";

/// What an issuer's directory is answered by, as a head and a body; which failure that is.
struct Case {
    head: &'static str,
    body: &'static str,
    kind: FailureKind,
    sentence: &'static str,
    /// In seconds from now.
    retry_in: Option<i64>,
}

const CASES: [Case; 6] = [
    Case {
        head: "200 OK",
        body: GARBAGE,
        kind: FailureKind::Unreachable,
        sentence: "pebble answered something that is no ACME (HTTP 200: Welcome to nginx!); if that lasts, see whether its URL in `issuers` is right",
        retry_in: None,
    },
    Case {
        head: "200 OK",
        body: "{}",
        kind: FailureKind::Unreachable,
        sentence: "pebble answered something that is no ACME (HTTP 200: {}); if that lasts, see whether its URL in `issuers` is right",
        retry_in: None,
    },
    Case {
        head: "500 Internal Server Error",
        body: "oops",
        kind: FailureKind::Unreachable,
        sentence: "pebble has trouble of its own (HTTP 500: oops)",
        retry_in: None,
    },
    Case {
        head: "429 Too Many Requests\r\nretry-after: 120",
        body: "slow down",
        kind: FailureKind::RateLimited,
        sentence: "pebble takes no more requests for now (HTTP 429)",
        retry_in: Some(120),
    },
    Case {
        head: "503 Service Unavailable\r\nretry-after: 60",
        body: "",
        kind: FailureKind::Unreachable,
        sentence: "pebble has too much to do for now (HTTP 503)",
        retry_in: Some(60),
    },
    Case {
        head: "404 Not Found",
        body: "",
        kind: FailureKind::Unreachable,
        sentence: "pebble answered something that is no ACME (HTTP 404); if that lasts, see whether its URL in `issuers` is right",
        retry_in: None,
    },
];

#[tokio::test]
async fn a_directory_that_is_none_is_shown() {
    let front = Front::new(None).await;
    let folder = tempfile::tempdir().unwrap();
    let issuer = issuer(&front.directory(), &front.root());
    for case in CASES {
        front.answer_text("GET /dir", case.head, case.body);
        let opening = open(&issuer, folder.path());
        let failure = front.while_it_answers(opening).await.unwrap_err();
        assert_eq!(
            (failure.kind, &*failure.sentence),
            (case.kind, case.sentence)
        );
        assert_near(failure.retry_at, case.retry_in);
    }
    // Nothing is kept of an issuer that could not be asked.
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// Tests may be slow by some seconds.
fn assert_near(retry_at: Option<i64>, retry_in: Option<i64>) {
    let left = retry_at.map(|at| at - clock::unix_seconds());
    match (left, retry_in) {
        (None, None) => {}
        (Some(left), Some(wanted)) => assert!((wanted - 30..=wanted).contains(&left), "{left}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_issuer_that_is_not_there_or_not_trusted_is_said() {
    let front = Front::new(None).await;
    let folder = tempfile::tempdir().unwrap();
    let other = Front::new(None).await;
    let strange = issuer(&front.directory(), &other.root());
    let opening = open(&strange, folder.path());
    let failure = front.while_it_answers(opening).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unreachable);
    let says = "pebble cannot be reached: localhost and this box could not agree on TLS: invalid peer certificate";
    assert!(failure.sentence.starts_with(says), "{failure}");

    let nobody = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("https://{}/dir", nobody.local_addr().unwrap());
    drop(nobody);
    let failure = open(&issuer(&url, &front.root()), folder.path())
        .await
        .unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unreachable);
    let says = "pebble cannot be reached: 127.0.0.1 could not be connected to: Connection refused";
    assert!(failure.sentence.starts_with(says), "{failure}");
    let advice = "; see whether it runs there, or whether a firewall is in the way";
    assert!(failure.sentence.ends_with(advice), "{failure}");
}

/// A Pebble with a front.
pub(super) struct Fronted {
    pub(super) world: World,
    pub(super) front: Front,
}

impl Fronted {
    pub(super) async fn new() -> Option<Self> {
        // A request whose nonce is refused comes again, and some tests count.
        let world = World::new(|settings| settings.nonces_refused = 0).await?;
        let root = std::fs::read_to_string(world.pebble.tls_root()).unwrap();
        let front = Front::new(Some((world.pebble.address(), root))).await;
        Some(Self { world, front })
    }

    pub(super) async fn open(&self) -> Result<Session, Failure> {
        let issuer = issuer(&self.front.directory(), &self.front.root());
        self.front
            .while_it_answers(self.world.open_at(&issuer))
            .await
    }

    pub(super) async fn get(&self, session: &Session) -> Result<Got, Failure> {
        let names = ["app.example.com"];
        let getting = self.world.get(session, &names, &[Challenge::Http]);
        self.front.while_it_answers(getting).await
    }

    async fn begin(&self, session: &Session, replaces: Option<&str>) -> Result<Begun, Failure> {
        let names = [host("app.example.com")];
        let order = NewCertificate {
            names: &names,
            profile: None,
            replaces,
        };
        self.front.while_it_answers(session.begin(&order)).await
    }
}

#[tokio::test]
async fn an_order_that_is_refused_says_until_when() {
    let Some(fronted) = Fronted::new().await else {
        return;
    };
    let session = fronted.open().await.unwrap();
    let cases = [
        (
            "429 Too Many Requests\r\nretry-after: 3600",
            r#"{ "type": "urn:ietf:params:acme:error:rateLimited", "detail": "too many certificates (5) already issued for this exact set of identifiers" }"#,
            FailureKind::RateLimited,
            "pebble takes no more orders for now: “too many certificates (5) already issued for this exact set of identifiers”",
            Some(3600),
        ),
        (
            "429 Too Many Requests",
            r#"{ "type": "urn:ietf:params:acme:error:rateLimited", "detail": "Your account is temporarily prevented from requesting certificates for app.example.com. Please visit: https://ca.example/sfe/v1/unpause?jwt=abc" }"#,
            FailureKind::RateLimited,
            "pebble does not look at these names any more, because too many tries have failed; after the cause is mended, open https://ca.example/sfe/v1/unpause?jwt=abc",
            None,
        ),
        (
            "500 Internal Server Error",
            r#"{ "type": "urn:ietf:params:acme:error:serverInternal", "detail": "Error creating new order" }"#,
            FailureKind::Unreachable,
            "pebble has trouble of its own: “Error creating new order”",
            None,
        ),
        (
            "403 Forbidden",
            r#"{ "type": "urn:ietf:params:acme:error:userActionRequired", "detail": "Terms have changed", "instance": "https://ca.example/terms" }"#,
            FailureKind::Account,
            "pebble wants you to do something first: “Terms have changed”; see https://ca.example/terms",
            None,
        ),
        (
            "502 Bad Gateway",
            GARBAGE,
            FailureKind::Unreachable,
            "pebble has trouble of its own (HTTP 502: Welcome to nginx!)",
            None,
        ),
        (
            "201 Created",
            "{}",
            FailureKind::Unreachable,
            "pebble answered something that is no ACME (HTTP 201: {}); if that lasts, see whether its URL in `issuers` is right",
            None,
        ),
    ];
    for (head, body, kind, sentence, retry_in) in cases {
        fronted.front.answer_text("POST /order-plz", head, body);
        let failure = fronted.begin(&session, None).await.unwrap_err();
        assert_eq!((failure.kind, &*failure.sentence), (kind, sentence));
        assert_near(failure.retry_at, retry_in);
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_is_not_taken() {
    let Some(fronted) = Fronted::new().await else {
        return;
    };
    let session = fronted.open().await.unwrap();
    fronted.front.answer(
        "POST /certZ/",
        Answer::Changed(|answer| {
            let (head, _) = answer.split_once("\r\n\r\n").unwrap();
            let body = crate::sample::Sample::of(&["other.example.com"]).chain();
            let fields = head
                .split("\r\n")
                .filter(|field| !field.to_lowercase().starts_with("content-length"));
            let head: Vec<_> = fields.collect();
            format!(
                "{}\r\ncontent-length: {}\r\n\r\n{body}",
                head.join("\r\n"),
                body.len()
            )
        }),
    );
    let failure = fronted.get(&session).await.err().unwrap();
    assert_eq!(failure.kind, FailureKind::WrongCertificate);
    assert!(
        failure
            .sentence
            .starts_with("pebble sent a certificate that cannot be used ("),
        "{failure}"
    );
    assert!(failure.sentence.ends_with("; it was not kept"), "{failure}");
}

#[tokio::test]
async fn no_order_is_wasted_on_a_clock_that_is_wrong_by_a_year() {
    let Some(fronted) = Fronted::new().await else {
        return;
    };
    fronted.front.answer(
        "GET /dir",
        Answer::Changed(|answer| {
            let (before, rest) = answer.split_once("\r\nDate: ").unwrap();
            let (_, after) = rest.split_once("\r\n").unwrap();
            format!("{before}\r\nDate: Fri, 01 Jan 2100 00:00:00 GMT\r\n{after}")
        }),
    );
    let session = fronted.open().await.unwrap();
    let failure = fronted.begin(&session, None).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Machine);
    let sentence = failure.sentence;
    assert!(
        sentence.starts_with("this machine's clock says 20"),
        "{sentence}"
    );
    assert!(
        sentence.contains(", that of pebble 2100-01-01T00:00"),
        "{sentence}"
    );
    let asked = fronted.front.asked.lock().unwrap().join("\n");
    assert!(!asked.contains("order-plz"), "{asked}");
}

#[tokio::test]
async fn an_issuer_that_forgets_an_account_in_the_middle_gets_another_one() {
    let Some(fronted) = Fronted::new().await else {
        return;
    };
    let session = fronted.open().await.unwrap();
    let before = session.account_uri().to_owned();
    fronted.front.answer_text(
        "POST /order-plz",
        "400 Bad Request",
        r#"{ "type": "urn:ietf:params:acme:error:accountDoesNotExist", "detail": "no such account" }"#,
    );
    let failure = fronted.begin(&session, None).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Account);
    assert_eq!(
        failure.sentence,
        "pebble does not know the account of this box any more: “no such account”; the next try makes a new one"
    );
    let after = session.account_uri().to_owned();
    assert_ne!(before, after);
    // It has been done once, so it is not done again.
    fronted.begin(&session, None).await.unwrap_err();
    assert_eq!(session.account_uri(), after);
    let asked = fronted.front.asked.lock().unwrap().join("\n");
    let mended = Answer::Changed(|answer| answer);
    fronted.front.answer("POST /order-plz", mended);
    assert!(asked.matches("order-plz").count() >= 3, "{asked}");
    fronted.get(&session).await.unwrap();
}

#[tokio::test]
async fn an_issuer_that_is_silent_about_what_an_order_replaces_is_put_up_with() {
    let Some(fronted) = Fronted::new().await else {
        return;
    };
    let session = fronted.open().await.unwrap();
    let got = fronted.get(&session).await.unwrap();
    fronted.front.answer(
        "POST /order-plz",
        // The length stays, and so does everything else.
        Answer::Changed(|answer| answer.replace("\"replaces\"", "\"replaced\"")),
    );
    let begun = fronted.begin(&session, Some(&got.chain_pem)).await.unwrap();
    assert!(!begun.replaces);
    assert!(begun.url.contains("/my-order/"), "{}", begun.url);
    let asked = fronted.front.asked.lock().unwrap().join("\n");
    assert_eq!(asked.matches("order-plz").count(), 2, "{asked}");
}

#[tokio::test]
async fn a_suggestion_without_a_time_to_ask_again_holds_for_six_hours() {
    let Some(fronted) = Fronted::new().await else {
        return;
    };
    let session = fronted.open().await.unwrap();
    let got = fronted.get(&session).await.unwrap();
    let ask = || {
        fronted
            .front
            .while_it_answers(session.renewal_info(&got.chain_pem))
    };
    let silent = Answer::Changed(|answer| answer.replace("\r\nRetry-After:", "\r\nX-Silent:"));
    fronted.front.answer("GET /", silent);
    let info = ask().await.unwrap().unwrap();
    assert_near(Some(info.retry_at), Some(6 * 3600));
    fronted
        .front
        .answer_text("GET /", "500 Internal Server Error", "oops");
    let failure = ask().await.unwrap_err();
    assert_eq!(
        failure.sentence,
        "pebble has trouble of its own (HTTP 500: oops)"
    );
}

#[tokio::test]
async fn a_look_at_an_order_may_fail_now_and_then() {
    let Some(fronted) = Fronted::new().await else {
        return;
    };
    let session = fronted.open().await.unwrap();
    let begun = fronted.begin(&session, None).await.unwrap();
    let plane = &fronted.world.plane;
    let (names, key) = ([host("app.example.com")], new_key());
    let looks = Mutex::new(0);
    let solver = Solver {
        ways: &|_| vec![Challenge::Http],
        board: &plane.board,
        zone: None,
        step: &|step| {
            let mut looks = looks.lock().unwrap();
            if step == "waits for the certificate" && *looks == 0 {
                *looks = 1;
                fronted
                    .front
                    .answer_once("POST /my-order/", "502 Bad Gateway", "oops");
            }
        },
    };
    let proceeding = session.proceed(&begun.url, &names, &key, &solver);
    let proceeding = fronted.front.while_it_answers(proceeding);
    let chain = plane.while_it_answers(proceeding).await.unwrap();
    crate::files::parse(&chain, &key).unwrap();
    assert_eq!(fronted.front.unused(), 0);
}
