//! Messages to stand-ins, and what is made of every kind of answer.

use ondol_model::plan::Hook;
use ondol_model::plan::Topic;
use ondol_model::watch::NoticeKind;
use ondol_model::watch::Severity;
use tokio::net::TcpListener;

use super::*;
use crate::standin;
use crate::standin::Asked;
use crate::standin::Reply;

mod messages;

/// Something critical about a site, which wants an answer.
fn parcel() -> Parcel {
    Parcel {
        id: 42,
        incident: Some(7),
        kind: NoticeKind::Problem,
        severity: Severity::Critical,
        box_name: "거실 box".to_owned(),
        subject: "site:blog.example.com".to_owned(),
        url: "https://blog.example.com/".to_owned(),
        title: "blog.example.com is down".to_owned(),
        text: "It answers \"502\" since 04:05.\nOndol looks again each minute.".to_owned(),
        queued_at: 1_772_337_906,
        wants_answer: true,
    }
}

fn plain(text: impl Into<String>) -> Value {
    Value::Plain(text.into())
}

fn hook(url: String) -> Hook {
    Hook {
        url: plain(url),
        headers: vec![("authorization".to_owned(), plain("Bearer S3CRET-TOKEN"))],
        template: None,
    }
}

/// Sends to a channel at a stand-in that always answers the same.
async fn answered(
    reply: Reply,
    channel: impl Fn(String) -> Channel,
) -> (Result<Option<Receipt>, SendFailure>, Vec<Asked>) {
    let client = async |url| send(&channel(url), &Alarms::default(), &parcel()).await;
    standin::with(|_| reply.clone(), client).await
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table")]
async fn every_answer_means_something_for_the_next_try() {
    use SendFailureKind::*;
    let busy = |seconds| Busy(Some(Duration::from_secs(seconds)));
    let page = "<html><head><title>Log in</title></head><body>Hotel</body></html>";
    let cases = [
        (
            "401 Unauthorized",
            "",
            "bad token S3CRET-TOKEN",
            Refused,
            "(401 Unauthorized): `bad token ***`; look at",
        ),
        (
            "403 Forbidden",
            "",
            page,
            Refused,
            "(403 Forbidden): `Log in Hotel`",
        ),
        (
            "404 Not Found",
            "",
            "no S3CRET-PATH here",
            Refused,
            "`no *** here`",
        ),
        ("410 Gone", "", "", Refused, "(410 Gone); look at"),
        ("413 Payload Too Large", "", "", Refused, "(413"),
        (
            "301 Moved Permanently",
            "location: https://new.example/S3CRET-PATH\r\n",
            "",
            Refused,
            "on to new.example",
        ),
        (
            "429 Too Many Requests",
            "retry-after: 120\r\n",
            "",
            busy(120),
            "no more messages for 120 s",
        ),
        (
            "429 Too Many Requests",
            "",
            "slow down",
            Busy(None),
            "no more messages (429",
        ),
        (
            "503 Service Unavailable",
            "retry-after: 30\r\n",
            "",
            busy(30),
            "for 30 s",
        ),
        (
            "503 Service Unavailable",
            "",
            "",
            Unreachable,
            "can't take messages now",
        ),
        (
            "500 Internal Server Error",
            "",
            page,
            Unreachable,
            "`Log in Hotel`",
        ),
        ("408 Request Timeout", "", "", Unreachable, "(408"),
    ];
    for (status, fields, body, kind, words) in cases {
        let reply = Reply::of(status, fields, body);
        let channel = |url| Channel::Webhook(hook(format!("{url}/hooks/S3CRET-PATH")));
        let (sent, _) = answered(reply, channel).await;
        let failure = sent.unwrap_err();
        assert_eq!(failure.kind, kind, "{status}: {}", failure.message);
        assert!(
            failure.message.contains(words),
            "{status}: {}",
            failure.message
        );
        assert!(
            failure.message.starts_with("the webhook at 127.0.0.1:"),
            "{}",
            failure.message
        );
        assert!(
            !failure.message.contains("S3CRET"),
            "{status}: {}",
            failure.message
        );
    }
}

#[tokio::test]
async fn a_date_says_when_to_come_back() {
    let at = ondol_base::clock::wall() + Duration::from_secs(300);
    let fields = format!("retry-after: {}\r\n", httpdate::fmt_http_date(at));
    let reply = Reply::of("429 Too Many Requests", &fields, "");
    let (sent, _) = answered(reply, |url| Channel::Slack(plain(url))).await;
    let SendFailureKind::Busy(Some(wait)) = sent.unwrap_err().kind else {
        panic!("it says when");
    };
    assert!((290..=300).contains(&wait.as_secs()), "{wait:?}");
}

#[tokio::test]
async fn a_web_page_is_no_answer() {
    let page = "<!doctype html><title>Welcome</title><script>var x</script><p>Accept the terms";
    let topic = |url| {
        Channel::Ntfy(Topic {
            url: plain(format!("{url}/S3CRET-TOPIC")),
            token: None,
        })
    };
    let slack = |url| Channel::Slack(plain(format!("{url}/services/S3CRET")));
    let discord = |url| Channel::Discord(plain(format!("{url}/api/webhooks/1/S3CRET")));
    let channels: [&dyn Fn(String) -> Channel; 3] = [&topic, &slack, &discord];
    for channel in channels {
        let (sent, _) = answered(Reply::ok(page), channel).await;
        let failure = sent.unwrap_err();
        assert_eq!(failure.kind, SendFailureKind::Strange);
        let words = "with a web page, and not as it should (200 OK): `Welcome Accept the terms`";
        assert!(failure.message.contains(words), "{}", failure.message);
    }
}

#[tokio::test]
async fn what_is_no_http_or_ends_in_the_middle_may_have_been_sent() {
    for answer in [
        "220 mail.example.com ESMTP\r\n",
        "",
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort",
    ] {
        let reply = Reply::Whole(answer.to_owned());
        let (sent, _) = answered(reply, |url| Channel::Slack(plain(url))).await;
        assert_eq!(sent.unwrap_err().kind, SendFailureKind::Strange, "{answer}");
    }
}

#[tokio::test]
async fn nobody_there_is_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let channel = Channel::Webhook(hook(format!("http://{address}/S3CRET")));
    let sent = send(&channel, &Alarms::default(), &parcel()).await;
    let failure = sent.unwrap_err();
    assert_eq!(failure.kind, SendFailureKind::Unreachable);
    assert!(!failure.message.contains("S3CRET"), "{}", failure.message);
}

#[tokio::test(start_paused = true)]
async fn one_who_accepts_and_never_answers_stalls_nobody_for_long() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let hook = Channel::Webhook(hook(format!("http://{address}/")));
    let email = Channel::Email("me@example.com".to_owned());
    let alarms = Alarms {
        smtp: Some(ondol_model::plan::Smtp {
            host: "127.0.0.1".to_owned(),
            port: address.port(),
            security: ondol_model::plan::SmtpSecurity::None,
            user: None,
            password: None,
            from: "box@example.com".to_owned(),
        }),
        ..Alarms::default()
    };
    for (channel, words) in [(hook, "within 14 s"), (email, "did not greet within 28 s")] {
        let began = ondol_base::clock::now();
        let failure = send(&channel, &alarms, &parcel()).await.unwrap_err();
        assert_eq!(failure.kind, SendFailureKind::Unreachable);
        assert!(failure.message.contains(words), "{}", failure.message);
        assert!(began.elapsed() <= SENDING);
    }
}

#[tokio::test]
async fn what_is_not_set_is_named() {
    for (channel, words) in [
        (
            Channel::Email("me@example.com".to_owned()),
            "`alarms.smtp` is not set",
        ),
        (
            Channel::Telegram("1".to_owned()),
            "`alarms.telegram` is not set",
        ),
        (
            Channel::Pushover(plain("u")),
            "`alarms.pushover` is not set",
        ),
        (Channel::Slack(plain("nonsense")), "is no URL"),
        (
            Channel::Ntfy(Topic {
                url: plain("https://ntfy.sh/"),
                token: None,
            }),
            "has no topic",
        ),
    ] {
        let failure = send(&channel, &Alarms::default(), &parcel())
            .await
            .unwrap_err();
        assert_eq!(failure.kind, SendFailureKind::Refused);
        assert!(failure.message.contains(words), "{}", failure.message);
    }
}
