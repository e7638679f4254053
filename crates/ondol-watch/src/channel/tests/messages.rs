//! What each kind of receiver gets, in its own format, and what it says when it does not like it.

use serde_json::json;

use super::*;

#[tokio::test]
async fn ntfy_gets_json_at_its_root() {
    let reply =
        Reply::ok(r#"{"id":"hwQ2YpKdmg","time":1772337907,"event":"message","topic":"home-x7"}"#);
    let channel = |url: String| {
        Channel::Ntfy(Topic {
            url: plain(format!("{url}/home-x7")),
            token: Some(plain("tk_secret")),
        })
    };
    let (sent, asked) = answered(reply, channel).await;
    assert_eq!(sent, Ok(None));
    let [asked] = &asked[..] else {
        panic!("{asked:?}")
    };
    assert_eq!(asked.line, "POST /");
    assert!(
        asked
            .head
            .contains("\r\nauthorization: bearer tk_secret\r\n"),
        "{}",
        asked.head
    );
    let host = asked
        .head
        .lines()
        .find_map(|line| line.strip_prefix("host: "));
    let ack = format!("http://{}/home-x7-ack", host.unwrap());
    assert_eq!(
        asked.json(),
        json!({
            "topic": "home-x7",
            "title": "blog.example.com is down",
            "message": parcel().text,
            "priority": 5,
            "tags": ["rotating_light"],
            "sequence_id": "ondol----box-incident-7",
            "click": "https://blog.example.com/",
            "actions": [{
                "action": "http", "label": "I look after it", "url": ack, "method": "POST",
                "body": "ack 7", "clear": true,
            }],
        })
    );
}

#[tokio::test]
async fn ntfy_shows_the_end_where_the_begin_was_and_a_reminder_beside_it() {
    let reply = r#"{"id":"hwQ2YpKdmg"}"#;
    let client = async |url: String| {
        let channel = Channel::Ntfy(Topic {
            url: plain(format!("{url}/home-x7")),
            token: None,
        });
        for kind in [
            NoticeKind::Problem,
            NoticeKind::Reminder,
            NoticeKind::Recovery,
        ] {
            let long = Parcel {
                kind,
                text: "가".repeat(3_000),
                ..parcel()
            };
            send(&channel, &Alarms::default(), &long).await.unwrap();
        }
    };
    let ((), asked) = standin::with(|_| Reply::ok(reply), client).await;
    let [problem, reminder, recovery] = [0, 1, 2].map(|at| asked[at].json());
    assert_eq!(problem["sequence_id"], recovery["sequence_id"]);
    assert_ne!(problem["sequence_id"], reminder["sequence_id"]);
    assert_eq!(
        (&problem["priority"], &recovery["priority"]),
        (&json!(5), &json!(3))
    );
    assert_eq!(problem["actions"][0]["label"], "제가 볼게요");
    // A server makes a file of what is longer than 4,096 bytes.
    assert!(problem["message"].as_str().unwrap().len() <= 3_800);
}

#[tokio::test]
async fn telegram_gets_a_text_with_a_button() {
    let reply = Reply::ok(r#"{"ok":true,"result":{"message_id":5}}"#);
    let client = async |url: String| telegram::send(&url, "12:S3CRET", "-100", &parcel()).await;
    let (sent, asked) = standin::with(|_| reply.clone(), client).await;
    assert_eq!(sent, Ok(()));
    assert_eq!(asked[0].line, "POST /bot12:S3CRET/sendMessage");
    let sent = asked[0].json();
    assert_eq!(sent["chat_id"], "-100");
    assert_eq!(
        sent["text"],
        format!("blog.example.com is down\n\n{}", parcel().text)
    );
    let button = &sent["reply_markup"]["inline_keyboard"][0][0];
    assert_eq!(button["callback_data"], "ack 7");
}

#[tokio::test]
async fn telegram_says_what_is_wrong_in_json() {
    use SendFailureKind::*;
    let cases = [
        (
            "401 Unauthorized",
            r#"{"ok":false,"error_code":401,"description":"Unauthorized"}"#,
            Refused,
            "@BotFather",
        ),
        (
            "400 Bad Request",
            r#"{"ok":false,"error_code":400,"description":"Bad Request: chat not found"}"#,
            Refused,
            "chat not found",
        ),
        (
            "403 Forbidden",
            r#"{"ok":false,"error_code":403,"description":"Forbidden: bot was blocked by the user"}"#,
            Refused,
            "blocked by the user",
        ),
        (
            "429 Too Many Requests",
            r#"{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 35","parameters":{"retry_after":35}}"#,
            Busy(Some(Duration::from_secs(35))),
            "for 35 s",
        ),
        (
            "400 Bad Request",
            r#"{"ok":false,"error_code":400,"description":"Bad Request: group chat was upgraded to a supergroup chat","parameters":{"migrate_to_chat_id":-1001234567890}}"#,
            Refused,
            "write `-1001234567890`",
        ),
        ("502 Bad Gateway", "<html>x</html>", Unreachable, "(502"),
        ("200 OK", r#"{"ok":false}"#, Strange, "does not understand"),
    ];
    for (status, body, kind, words) in cases {
        let client =
            async |url: String| telegram::send(&url, "12:S3CRET", "9876543", &parcel()).await;
        let (sent, _) = standin::with(|_| Reply::of(status, "", body), client).await;
        let failure = sent.unwrap_err();
        assert_eq!(failure.kind, kind, "{body}");
        assert!(failure.message.contains(words), "{}", failure.message);
        assert!(!failure.message.contains("S3CRET"), "{}", failure.message);
    }
}

#[tokio::test]
async fn slack_and_discord_call_nobody_by_what_a_text_says() {
    let loud = || Parcel {
        title: "<!channel> @everyone *x*".to_owned(),
        text: "& ".repeat(3_000),
        ..parcel()
    };
    let client = async |url: String| {
        let slack = Channel::Slack(plain(format!("{url}/services/T/B/x")));
        let discord = Channel::Discord(plain(format!("{url}/api/webhooks/1/x?thread_id=3")));
        for channel in [slack, discord] {
            send(&channel, &Alarms::default(), &loud()).await.unwrap();
        }
    };
    let reply = |asked: &Asked| match asked.line.contains("/api/") {
        true => Reply::ok(r#"{"id":"1"}"#),
        false => Reply::ok("ok"),
    };
    let ((), asked) = standin::with(reply, client).await;
    let [slack, discord] = &asked[..] else {
        panic!("{asked:?}")
    };
    let text = slack.json()["text"].as_str().unwrap().to_owned();
    assert!(
        text.starts_with("*&lt;!channel&gt; @everyone *x**\n&amp; "),
        "{text}"
    );
    assert_eq!(discord.line, "POST /api/webhooks/1/x?thread_id=3&wait=true");
    let sent = discord.json();
    assert_eq!(sent["allowed_mentions"], json!({ "parse": [] }));
    let text = sent["content"].as_str().unwrap();
    assert!(
        text.starts_with("**<!channel> @everyone \\*x\\***\n"),
        "{text}"
    );
    assert!(text.chars().count() <= 2_000);
}

#[tokio::test]
async fn discord_says_for_how_long_in_its_own_way() {
    let body = r#"{"message":"You are being rate limited.","retry_after":64.57,"global":false}"#;
    let reply = Reply::of("429 Too Many Requests", "", body);
    let (sent, _) = answered(reply, |url| Channel::Discord(plain(url))).await;
    let wait = Duration::from_secs_f64(64.57);
    assert_eq!(sent.unwrap_err().kind, SendFailureKind::Busy(Some(wait)));
    let (sent, _) = answered(
        Reply::Whole("HTTP/1.1 204 No Content\r\n\r\n".to_owned()),
        |url| Channel::Discord(plain(url)),
    )
    .await;
    assert_eq!(sent, Ok(None));
}

#[tokio::test]
async fn pushover_rings_until_it_is_answered_or_well_again() {
    let client = async |url: String| {
        let rings = pushover::send(&url, "aT0KEN", "uUSER", &parcel()).await;
        let well = Parcel {
            kind: NoticeKind::Recovery,
            wants_answer: false,
            ..parcel()
        };
        (rings, pushover::send(&url, "aT0KEN", "uUSER", &well).await)
    };
    let reply = |asked: &Asked| match asked.body.contains("\"retry\"") {
        true => {
            Reply::ok(r#"{"receipt":"rLqVuqTRh62UzxtmqiaLzQmVcPgiCy","status":1,"request":"5"}"#)
        }
        false => Reply::ok(r#"{"status":1,"request":"5"}"#),
    };
    let ((rings, well), asked) = standin::with(reply, client).await;
    let receipt = Receipt {
        id: "rLqVuqTRh62UzxtmqiaLzQmVcPgiCy".to_owned(),
        incident: Some(7),
    };
    assert_eq!((rings, well), (Ok(Some(receipt)), Ok(None)));
    let lines: Vec<_> = asked.iter().map(|asked| &*asked.line).collect();
    assert_eq!(
        lines,
        [
            "POST /1/messages.json",
            "POST /1/messages.json",
            "POST /1/receipts/cancel_by_tag/ondol----box-incident-7.json",
        ]
    );
    let ringing = asked[0].json();
    for (key, value) in [
        ("priority", json!(2)),
        ("retry", json!(60)),
        ("expire", json!(10_800)),
        ("tags", json!("ondol----box-incident-7")),
        ("user", json!("uUSER")),
        ("token", json!("aT0KEN")),
    ] {
        assert_eq!(ringing[key], value, "{key}");
    }
    assert_eq!(asked[1].json()["priority"], 0);
}

#[tokio::test]
async fn pushover_is_left_alone_for_a_day_at_most_when_the_month_is_used_up() {
    let reset = ondol_base::clock::unix_seconds() + 20 * 24 * 3600;
    let fields = format!("x-limit-app-reset: {reset}\r\n");
    let client = async |url: String| pushover::send(&url, "aT0KEN", "uUSER", &parcel()).await;
    let reply = Reply::of(
        "429 Too Many Requests",
        &fields,
        r#"{"status":0,"errors":["limit"]}"#,
    );
    let (sent, _) = standin::with(|_| reply.clone(), client).await;
    let day = Duration::from_secs(24 * 60 * 60);
    assert_eq!(sent.unwrap_err().kind, SendFailureKind::Busy(Some(day)));
    let reply = Reply::of(
        "400 Bad Request",
        "",
        r#"{"user":"invalid","errors":["user identifier is invalid"],"status":0}"#,
    );
    let (sent, _) = standin::with(|_| reply.clone(), client).await;
    let failure = sent.unwrap_err();
    assert_eq!(failure.kind, SendFailureKind::Refused);
    assert!(
        failure.message.contains("user identifier is invalid"),
        "{}",
        failure.message
    );
}

#[tokio::test]
async fn a_webhook_gets_everything_and_can_tell_what_came_twice() {
    let client = async |url: String| {
        let channel = Channel::Webhook(hook(url));
        for _ in 0..2 {
            send(&channel, &Alarms::default(), &parcel()).await.unwrap();
        }
    };
    let ((), asked) = standin::with(|_| Reply::ok("<html>thanks"), client).await;
    assert_eq!(asked[0].body, asked[1].body);
    let key = "\r\nidempotency-key: ondol----box-42-1772337906\r\n";
    assert!(
        asked.iter().all(|asked| asked.head.contains(key)),
        "{asked:?}"
    );
    let head = &asked[0].head;
    assert!(
        head.contains("\r\nauthorization: bearer s3cret-token\r\n"),
        "{head}"
    );
    assert!(
        head.contains("\r\ncontent-type: application/json\r\n"),
        "{head}"
    );
    assert_eq!(
        asked[0].json(),
        json!({
            "key": "ondol----box-42-1772337906", "id": 42, "incident": 7, "kind": "problem",
            "severity": "critical", "state": "fail", "box": "거실 box",
            "subject": "site:blog.example.com", "site": "blog.example.com",
            "url": "https://blog.example.com/", "title": "blog.example.com is down",
            "text": parcel().text, "queued_at": "2026-03-01T04:05:06Z", "wants_answer": true,
        })
    );
}

#[tokio::test]
async fn a_template_is_filled_as_json_has_it() {
    let template = r#"{"a": "{title}", "b": "{severity} {state} {site} {url}", "c": "{text}", "d": {"e": "{x}"}}"#;
    let client = async |url: String| {
        let channel = Channel::Webhook(Hook {
            template: Some(template.to_owned()),
            ..hook(url)
        });
        let tricky = Parcel {
            title: "a \"{text}\"".to_owned(),
            ..parcel()
        };
        send(&channel, &Alarms::default(), &tricky).await.unwrap();
    };
    let ((), asked) = standin::with(|_| Reply::ok(""), client).await;
    assert_eq!(
        asked[0].json(),
        json!({
            "a": "a \"{text}\"",
            "b": "critical fail blog.example.com https://blog.example.com/",
            "c": parcel().text,
            "d": { "e": "{x}" },
        })
    );
}

#[tokio::test]
async fn a_program_reads_the_message_and_says_why_it_did_not_take_it() {
    use SendFailureKind::*;
    let run = async |script: &str| {
        let arguments = ["sh", "-c", script].map(str::to_owned).to_vec();
        send(&Channel::Exec(arguments), &Alarms::default(), &parcel()).await
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("message");
    let sent = run(&format!("cat > {}", file.display())).await;
    assert_eq!(sent, Ok(None));
    let message = std::fs::read_to_string(&file).unwrap();
    let message: serde_json::Value = serde_json::from_str(&message).unwrap();
    assert_eq!(message["title"], "blog.example.com is down");
    for (script, kind, words) in [
        (
            "echo no modem; exit 1",
            Unreachable,
            "sh has not taken the message (exit status: 1): `no modem`",
        ),
        ("exit 78", Refused, "(exit status: 78), and said nothing"),
        ("kill -9 $$", Unreachable, "(signal: 9 (SIGKILL))"),
    ] {
        let failure = run(script).await.unwrap_err();
        assert_eq!(failure.kind, kind, "{}", failure.message);
        assert!(failure.message.contains(words), "{}", failure.message);
    }
    let nobody = Channel::Exec(vec!["/nowhere/at-all".to_owned()]);
    let failure = send(&nobody, &Alarms::default(), &parcel())
        .await
        .unwrap_err();
    assert_eq!(failure.kind, Refused);
    assert!(
        failure.message.contains("/nowhere/at-all can't be started"),
        "{}",
        failure.message
    );
}

#[test]
fn keys_are_of_plain_letters_and_no_longer_than_receivers_take() {
    let long = Parcel {
        box_name: "집".repeat(200),
        id: i64::MIN,
        ..parcel()
    };
    for key in [long.key(), long.thread().unwrap()] {
        assert!(key.len() <= 64, "{key}");
        assert!(
            key.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'),
            "{key}"
        );
    }
    assert!(long.answer().len() <= 64);
}
