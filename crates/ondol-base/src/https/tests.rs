//! Requests over real sockets, to a peer that answers well or badly.

use std::io::Write as _;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use http::Method;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::*;

const AGENT: &str = "sample/1";

/// Answers one connection with these bytes once it has seen a head; returns the head.
async fn answer_once(listener: TcpListener, answer: Vec<u8>) -> String {
    let (mut stream, _) = listener.accept().await.unwrap();
    let head = head(&mut stream).await;
    // The one who asked may have had enough.
    let _ = stream.write_all(&answer).await;
    head
}

async fn head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

async fn ask(answer: Vec<u8>) -> (String, Result<Response<Bytes>, HttpsError>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let folder = tempfile::tempdir().unwrap();
    let client = Https::new(AGENT, Some(&root(folder.path()).0))
        .unwrap()
        .plain_where("http://");
    let url = format!("http://127.0.0.1:{port}/a?b=c");
    let request = Request::get(url).body(Bytes::new()).unwrap();
    tokio::join!(answer_once(listener, answer), client.request(request))
}

/// A certificate for `localhost` that vouches for itself, in a file.
fn root(folder: &Path) -> (PathBuf, rcgen::CertifiedKey<rcgen::KeyPair>) {
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let path = folder.join("root.pem");
    let mut file = std::fs::OpenOptions::new();
    let mut file = file.write(true).create(true).open(&path).unwrap();
    file.write_all(pair.cert.pem().as_bytes()).unwrap();
    (path, pair)
}

#[tokio::test]
async fn a_request_is_sent_to_its_host_and_the_answer_read_to_its_end() {
    let (head, answer) = ask(b"HTTP/1.1 404 Not Found\r\n\r\nnothing".to_vec()).await;
    let answer = answer.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.body()[..]),
        (404, &b"nothing"[..])
    );
    assert!(head.starts_with("GET /a?b=c HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("\r\nhost: 127.0.0.1:"), "{head}");
    assert!(head.contains("\r\nuser-agent: sample/1\r\n"), "{head}");
}

#[tokio::test]
async fn an_answer_has_a_limit() {
    let mut answer = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    answer.resize(answer.len() + ANSWER_BYTES_MAX, b'x');
    assert!(ask(answer.clone()).await.1.is_ok());
    answer.push(b'x');
    let error = ask(answer).await.1.unwrap_err();
    assert!(matches!(error, HttpsError::TooLarge(_)), "{error}");
}

#[tokio::test]
async fn what_is_no_http_is_said_to_be_none() {
    for answer in [
        "220 mail.example.com ESMTP\r\n",
        "",
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort",
    ] {
        let error = ask(answer.into()).await.1.unwrap_err();
        assert!(
            matches!(error, HttpsError::Http { .. }),
            "{answer}: {error}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn who_never_answers_is_not_waited_for_forever() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let client = Https::new(AGENT, Some(&root(folder.path()).0))
        .unwrap()
        .plain_where("http://");
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let request = Request::get(url).body(Bytes::new()).unwrap();
    let error = client.request(request).await.unwrap_err();
    assert_eq!(error.to_string(), "127.0.0.1 did not answer within 30 s");
}

#[tokio::test]
async fn only_those_who_are_trusted_are_asked() {
    let folder = tempfile::tempdir().unwrap();
    let (path, pair) = root(folder.path());
    let key = rustls_pki_types::PrivatePkcs8KeyDer::from(pair.signing_key.serialize_der());
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(
        rustls::crypto::aws_lc_rs::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .unwrap()
    .with_no_client_auth()
    .with_single_cert(vec![pair.cert.der().clone()], key.into())
    .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!(
        "https://localhost:{}/",
        listener.local_addr().unwrap().port()
    );
    let server = async {
        for _ in 0..2 {
            let (stream, _) = listener.accept().await.unwrap();
            if let Ok(mut stream) = acceptor.accept(stream).await {
                head(&mut stream).await;
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\n\r\nhello")
                    .await
                    .unwrap();
                stream.shutdown().await.unwrap();
            }
        }
    };
    let trusting = Https::new(AGENT, Some(&path)).unwrap();
    let (other, _) = root(
        tempfile::tempdir_in(folder.path())
            .unwrap()
            .keep()
            .as_path(),
    );
    let stranger = Https::new(AGENT, Some(&other)).unwrap();
    let client = async {
        let request = || Request::get(&url).body(Bytes::new()).unwrap();
        let answer = trusting.request(request()).await.unwrap();
        assert_eq!(&answer.body()[..], b"hello");
        stranger.request(request()).await.unwrap_err()
    };
    let ((), error) = tokio::join!(server, client);
    assert!(matches!(error, HttpsError::Tls { .. }), "{error}");
}

#[tokio::test]
async fn plain_http_is_spoken_only_where_it_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let client = Https::new(AGENT, Some(&root(folder.path()).0)).unwrap();
    for url in ["http://127.0.0.1/", "ftp://127.0.0.1/", "/path"] {
        let request = Request::get(url).body(Bytes::new()).unwrap();
        let error = client.request(request).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("`{url}` is no URL that begins with https://")
        );
    }
}

#[test]
fn a_file_of_roots_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none.pem");
    let error = Https::new(AGENT, Some(&path)).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("cannot use the roots in {}", path.display())
    );
}

#[test]
fn both_versions_of_ip_get_their_turn() {
    let [a, b, c, d] =
        ["[::1]:1", "[::2]:1", "127.0.0.1:1", "127.0.0.2:1"].map(|text| text.parse().unwrap());
    assert_eq!(by_turns(vec![a, b, c, d]), [a, c, b, d]);
    assert_eq!(by_turns(vec![c, a, b]), [c, a, b]);
}

#[tokio::test(start_paused = true)]
async fn a_byte_a_second_is_no_answer() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let client = Https::new(AGENT, Some(&root(folder.path()).0))
        .unwrap()
        .plain_where("http://");
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let request = Request::get(url).body(Bytes::new()).unwrap();
    let trickle = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        for byte in b"HTTP/1.1 200 OK\r\n\r\n".iter().chain([b'x'; 1000].iter()) {
            tokio::time::sleep(Duration::from_secs(1)).await;
            stream.write_all(&[*byte]).await.unwrap();
        }
    };
    let error = tokio::select! {
        answer = client.request(request) => answer.unwrap_err(),
        () = trickle => unreachable!(),
    };
    assert_eq!(error.to_string(), "127.0.0.1 did not answer within 30 s");
}

#[tokio::test]
async fn heads_have_a_limit_and_nobody_is_led_on() {
    let long = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "x".repeat(1024 * 1024));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(1000));
    for head in [long, many] {
        let error = ask(head.into()).await.1.unwrap_err();
        assert!(matches!(error, HttpsError::Http { .. }), "{error}");
    }
    let moved = "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1/\r\ncontent-length: 0\r\n\r\n";
    let answer = ask(moved.into()).await.1.unwrap();
    assert_eq!(answer.status().as_u16(), 302);
}

#[tokio::test]
async fn only_the_first_host_may_be_private_or_without_tls() {
    let folder = tempfile::tempdir().unwrap();
    let url = "http://127.0.0.1:1/dir";
    let client = Https::new(AGENT, Some(&root(folder.path()).0)).unwrap();
    let client = client.plain_where(url).starting_at(url, |_| false).unwrap();
    let ask = async |url: &str| {
        let request = Request::get(url).body(Bytes::new()).unwrap();
        client.request(request).await.unwrap_err()
    };
    let own = ask("http://127.0.0.1:1/order").await;
    assert!(matches!(own, HttpsError::Connect { .. }), "{own}");
    let plain = ask("http://127.0.0.2:1/order").await;
    assert!(matches!(plain, HttpsError::Url(_)), "{plain}");
    for host in ["127.0.0.2", "[::1]", "10.0.0.1", "169.254.169.254"] {
        let error = ask(&format!("https://{host}/order")).await;
        assert!(matches!(error, HttpsError::Private { .. }), "{error}");
    }
}

/// Asks with these limits one who answers so; returns what it saw, and what came of it.
async fn ask_within(
    path: &str,
    answer: &str,
    bytes_max: usize,
) -> (String, Result<Answer, HttpsError>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let client = Https::plain(AGENT).unwrap();
    let mut ask = Ask::new(Method::POST, format!("http://me:pw@{address}{path}"));
    ask.body = Bytes::from_static(b"a body");
    ask.bytes_max = bytes_max;
    tokio::join!(answer_once(listener, answer.into()), client.ask(ask))
}

#[tokio::test]
async fn of_a_longer_answer_the_beginning_is_enough_for_who_wants_no_more() {
    let answer = "HTTP/1.1 200 OK\r\nx: y\r\n\r\nthe beginning and the end";
    let (head, answered) = ask_within("?a=b", answer, 13).await;
    assert!(head.starts_with("POST /?a=b HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("\r\nhost: 127.0.0.1:"), "{head}");
    assert!(head.contains("\r\ncontent-length: 6\r\n"), "{head}");
    let answered = answered.unwrap();
    assert_eq!(&answered.body[..], b"the beginning");
    assert_eq!(
        (answered.status.as_u16(), &answered.headers["x"]),
        (200, &HeaderValue::from_static("y"))
    );
}

#[tokio::test]
async fn a_url_that_may_be_a_secret_is_in_no_error() {
    let client = Https::plain(AGENT).unwrap();
    for url in [
        "ftp://host.example/S3CRET",
        "http:///S3CRET",
        "S3CRET",
        "http://me:S3CRET@[::/S3CRET",
    ] {
        let ask = Ask::new(Method::GET, url);
        assert!(!format!("{ask:?}").contains("S3CRET"), "{ask:?}");
        let error = client.ask(ask).await.unwrap_err();
        assert!(matches!(error, HttpsError::Url(_)), "{error}");
        assert!(!error.to_string().contains("S3CRET"), "{error}");
    }
}

#[tokio::test]
async fn an_answer_that_goes_on_is_read_line_by_line() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}/lines", listener.local_addr().unwrap());
    let client = Https::plain(AGENT).unwrap();
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        head(&mut stream).await;
        let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        stream.write_all(chunked.as_bytes()).await.unwrap();
        for piece in [
            "5\r\none\nt\r\n",
            "3\r\nwo\r\r\n",
            "6\r\n\n\nlast\r\n",
            "0\r\n\r\n",
        ] {
            stream.write_all(piece.as_bytes()).await.unwrap();
        }
    };
    let reading = async {
        let mut lines = client.lines(Ask::new(Method::GET, url)).await.unwrap();
        assert_eq!(lines.status(), 200);
        let mut read = Vec::new();
        while let Some(line) = lines.next(WHOLE).await.unwrap() {
            read.push(line);
        }
        read
    };
    let ((), read) = tokio::join!(server, reading);
    assert_eq!(read, ["one", "two", "", "last"]);
}

#[tokio::test]
async fn a_line_without_an_end_and_silence_are_errors() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let client = Https::plain(AGENT).unwrap();
    for (answer, is_expected) in [
        (
            format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(100_000)),
            (|error| matches!(error, HttpsError::TooLarge(_))) as fn(HttpsError) -> bool,
        ),
        ("HTTP/1.1 200 OK\r\n\r\nhalf".to_owned(), |error| {
            matches!(error, HttpsError::Slow { .. })
        }),
    ] {
        let server = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            head(&mut stream).await;
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream
        };
        let asking = client.lines(Ask::new(Method::GET, &url));
        let (_stream, lines) = tokio::join!(server, asking);
        let error = lines
            .unwrap()
            .next(Duration::from_millis(300))
            .await
            .unwrap_err();
        assert!(is_expected(error));
    }
}
