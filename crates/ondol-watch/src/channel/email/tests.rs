//! Mail to a stand-in that speaks as servers do, and to a real one with TLS and a login.

use ondol_model::plan::Secret;
use ondol_model::watch::NoticeKind;
use ondol_model::watch::Severity;
use tokio::io::AsyncBufReadExt;
use tokio::io::AsyncWriteExt;
use tokio::io::BufReader;
use tokio::net::TcpListener;

use super::*;
use crate::channel::failure::SendFailureKind;

mod real;

fn parcel() -> Parcel {
    Parcel {
        id: 42,
        incident: Some(7),
        kind: NoticeKind::Problem,
        severity: Severity::Critical,
        box_name: "home".to_owned(),
        subject: "site:blog.example.com".to_owned(),
        url: "https://blog.example.com/".to_owned(),
        title: "blog.example.com이 응답하지 않아요 — 긴 제목은 여러 줄로 나뉘어야 하고, 그래도 한 줄로 읽혀야 해요".to_owned(),
        text: ".\n04:05부터 502로 답해요.\n\nOndol looks again each minute.\n".to_owned(),
        queued_at: 1_772_337_906,
        wants_answer: true,
    }
}

fn smtp(port: u16, security: SmtpSecurity) -> Smtp {
    Smtp {
        host: "127.0.0.1".to_owned(),
        port,
        security,
        user: None,
        password: None,
        from: "box@example.com".to_owned(),
    }
}

/// A server that answers each line which begins with a word as told, and every other with 250.
async fn server(listener: TcpListener, greeting: &str, answers: &[(&str, &str)]) -> Vec<String> {
    let (stream, _) = listener.accept().await.unwrap();
    let mut stream = BufReader::new(stream);
    let mut lines = Vec::new();
    let _ = stream.write_all(format!("{greeting}\r\n").as_bytes()).await;
    let mut is_letter = false;
    loop {
        let mut line = String::new();
        match stream.read_line(&mut line).await {
            Ok(0) | Err(_) => return lines,
            Ok(_) => lines.push(line.trim_end().to_owned()),
        }
        let is_end = is_letter && line == ".\r\n";
        if is_letter && !is_end {
            continue;
        }
        let line = if is_end { "END" } else { line.trim_end() };
        let told = answers.iter().find(|(word, _)| line.starts_with(word));
        let answer = match (told, line) {
            (Some((_, answer)), _) => answer,
            (None, "DATA") => "354 go on",
            (None, _) => "250 fine",
        };
        is_letter = line == "DATA" && answer.starts_with("354");
        let _ = stream.write_all(format!("{answer}\r\n").as_bytes()).await;
    }
}

/// A greeting, what is answered to which words, and what is made of it.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], SendFailureKind, &'a str);

/// What comes of mail to such a server, and the lines that it saw.
async fn sent(
    greeting: &str,
    answers: &[(&str, &str)],
    change: impl FnOnce(&mut Smtp),
) -> (Result<(), SendFailure>, Vec<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut smtp = smtp(port, SmtpSecurity::None);
    change(&mut smtp);
    let parcel = parcel();
    let sending = send("me@example.com", Some(&smtp), &parcel);
    tokio::join!(sending, server(listener, greeting, answers))
}

fn with_login(smtp: &mut Smtp) {
    smtp.user = Some("box".to_owned());
    smtp.password = Some(Secret::Environment("PATH".into()));
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table")]
async fn what_a_server_says_means_something_for_the_next_try() {
    use SendFailureKind::*;
    const GREETING: &str = "220 mail.example.com ESMTP";
    let auth = ("EHLO", "250-hello\r\n250 AUTH PLAIN LOGIN");
    let cases: [Case<'_>; 10] = [
        (
            "554 you are listed",
            &[],
            Refused,
            "refused the connection (554): `you are listed`",
        ),
        (
            "421 too busy",
            &[],
            Busy(None),
            "takes no mail for now (421): `too busy`",
        ),
        (
            GREETING,
            &[auth, ("AUTH", "535 5.7.8 bad credentials")],
            Refused,
            "refused the user or the password in `alarms.smtp` (535)",
        ),
        (
            GREETING,
            &[("EHLO", "250 hello")],
            Refused,
            "no way to log in",
        ),
        (
            GREETING,
            &[auth, ("AUTH", "235 ok"), ("MAIL", "530 not yours")],
            Refused,
            "(530): `not yours`",
        ),
        (
            GREETING,
            &[auth, ("AUTH", "235 ok"), ("RCPT", "550 5.1.1 no such user")],
            Refused,
            "refused the letter to me@example.com",
        ),
        (
            GREETING,
            &[auth, ("AUTH", "235 ok"), ("RCPT", "450 greylisted")],
            Busy(None),
            "(450): `greylisted`; Ondol tries again",
        ),
        (
            GREETING,
            &[auth, ("AUTH", "235 ok"), ("END", "550 Spam")],
            Refused,
            "or the words not liked (550): `Spam`",
        ),
        (
            GREETING,
            &[auth, ("AUTH", "235 ok"), ("END", "452 full")],
            Busy(None),
            "(452)",
        ),
        (
            "HTTP/1.1 400 Bad Request",
            &[],
            Strange,
            "does not answer as a mail server does",
        ),
    ];
    for (greeting, answers, kind, words) in cases {
        let (sent, lines) = sent(greeting, answers, with_login).await;
        let failure = sent.unwrap_err();
        assert_eq!(failure.kind, kind, "{}: {lines:?}", failure.message);
        assert!(failure.message.contains(words), "{}", failure.message);
        assert!(
            failure.message.starts_with("the mail server 127.0.0.1:"),
            "{}",
            failure.message
        );
    }
}

#[tokio::test]
async fn nothing_is_said_in_the_open_to_one_who_offers_no_tls() {
    let tls = |smtp: &mut Smtp| {
        smtp.security = SmtpSecurity::StartTls;
        with_login(smtp);
    };
    let (sent, lines) = sent("220 hello", &[("EHLO", "250 AUTH PLAIN")], tls).await;
    let failure = sent.unwrap_err();
    assert_eq!(failure.kind, SendFailureKind::Refused);
    assert!(
        failure.message.contains("offers no TLS by STARTTLS"),
        "{}",
        failure.message
    );
    let is_greeting = |line: &String| line.starts_with("EHLO") || line == "QUIT";
    assert!(lines.iter().all(is_greeting), "{lines:?}");
}

#[tokio::test]
async fn one_who_hangs_up_or_is_not_there_is_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let smtp = smtp(listener.local_addr().unwrap().port(), SmtpSecurity::None);
    let hang_up = async {
        drop(listener.accept().await.unwrap());
        drop(listener);
    };
    let parcel = parcel();
    let send = async || send("me@example.com", Some(&smtp), &parcel).await;
    let (sent, ()) = tokio::join!(send(), hang_up);
    let failure = sent.unwrap_err();
    assert!(failure.kind != SendFailureKind::Refused, "{failure:?}");
    let failure = send().await.unwrap_err();
    assert_eq!(failure.kind, SendFailureKind::Unreachable, "{failure:?}");
}

#[tokio::test]
async fn letters_about_an_incident_belong_together_and_one_is_always_the_same() {
    let (sent_first, first) = sent("220 hello", &[], |_| {}).await;
    let (_, second) = sent("220 hello", &[], |_| {}).await;
    assert_eq!(sent_first, Ok(()));
    assert_eq!(first, second);
    for line in [
        "Message-ID: <ondol-home-42-1772337906@example.com>",
        "In-Reply-To: <ondol-home-incident-7@example.com>",
        "References: <ondol-home-incident-7@example.com>",
        "Date: Sun, 01 Mar 2026 04:05:06 +0000",
        "Auto-Submitted: auto-generated",
        "To: me@example.com",
        "MAIL FROM:<box@example.com>",
        "RCPT TO:<me@example.com>",
    ] {
        assert!(first.iter().any(|seen| seen == line), "{line}: {first:#?}");
    }
    assert!(
        first.iter().all(|line| line.is_ascii() && line.len() < 200),
        "{first:#?}"
    );
}

#[tokio::test]
async fn what_is_no_address_is_said_to_be_none() {
    let smtp = smtp(1, SmtpSecurity::None);
    let failure = send("me at example", Some(&smtp), &parcel())
        .await
        .unwrap_err();
    assert_eq!(failure.kind, SendFailureKind::Refused);
    assert!(
        failure.message.contains("`me at example` in `email`"),
        "{}",
        failure.message
    );
}
