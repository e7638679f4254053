//! Servers that behave, and servers that do not.

use std::net::TcpListener;
use std::sync::Arc;

use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::CertifiedIssuer;
use rcgen::DnType;
use rcgen::IsCa;
use rcgen::KeyPair;
use rustls::RootCertStore;
use rustls::ServerConfig;
use rustls::ServerConnection;
use rustls::StreamOwned;
use rustls::pki_types::PrivateKeyDer;

use self::server::Asked;
use self::server::Reply;
use self::server::Server;
use self::server::says;
use super::*;

pub(crate) mod program;
pub(crate) mod server;

/// Short, for servers that never answer.
const WAITS: Waits = Waits {
    connect: Duration::from_secs(15),
    stall: Duration::from_millis(300),
};
const PATIENT: Waits = Waits {
    connect: Duration::from_secs(15),
    stall: Duration::from_secs(60),
};

fn client(server: &Server, waits: Waits) -> Http {
    let (origin, _) = Origin::of_url(&format!("http://{}", server.address)).unwrap();
    Http::with(origin, None, waits).unwrap()
}

fn get(http: &Http, path: &str) -> Result<Answer, TargetError> {
    put(http, path, &[])
}

fn put(http: &Http, path: &str, body: &[Bytes]) -> Result<Answer, TargetError> {
    http.send(&Ask {
        method: if body.is_empty() {
            Method::GET
        } else {
            Method::PUT
        },
        path,
        headers: HeaderMap::new(),
        body,
        answer_bytes_max: 1_000_000,
    })
}

/// What a server that answers so leads to.
#[track_caller]
fn check(reply: Reply, expected: Trouble, words: &str) {
    let server = Server::start(move |_, _| reply.clone());
    let http = client(&server, WAITS);
    let error = get(&http, "/").unwrap_err();
    assert_eq!(error.trouble, expected, "{error}");
    assert!(error.what.contains(words), "{error}");
    assert!(error.what.starts_with("the server "), "{error}");
}

fn echo(_: usize, asked: &Asked) -> Reply {
    says("200 OK", "X-Path: y\r\n", &asked.body)
}

#[test]
fn requests_arrive_as_they_are_and_share_a_connection() {
    let server = Server::start(echo);
    let http = client(&server, PATIENT);
    let big = Bytes::from(vec![b'x'; 300_000]);
    for body in [&[Bytes::from_static(b"a"), Bytes::new(), big][..], &[]] {
        let answer = put(&http, "/a?b=c", body).unwrap();
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.header("x-path"), Some("y"));
        assert_eq!(answer.body, body.concat());
    }
    assert_eq!(server.connections(), 1);
    let asked = server.asked();
    assert_eq!(asked[0].path, "/a?b=c");
    assert_eq!(asked[0].header("host"), Some(&*server.address.to_string()));
    assert_eq!(asked[0].header("content-length"), Some("300001"));
    assert_eq!(asked[1].method, "GET");
    assert_eq!(asked[1].header("accept-encoding"), Some("identity"));
}

#[test]
fn several_threads_ask_at_once() {
    let server = Server::start(echo);
    let http = client(&server, PATIENT);
    std::thread::scope(|scope| {
        for thread in 0..2 * CONNECTIONS_MAX {
            let http = &http;
            scope.spawn(move || {
                let body = Bytes::from(vec![thread as u8; 50_000 + thread]);
                for _ in 0..3 {
                    let answer = put(http, "/", std::slice::from_ref(&body));
                    assert!(answer.unwrap().body == body);
                }
            });
        }
    });
    assert!(server.connections() <= CONNECTIONS_MAX);
}

#[test]
fn a_connection_that_ended_while_it_was_idle_is_no_error() {
    let server = Server::start(|_, _| match says("200 OK", "", b"x") {
        Reply::Says(bytes) => Reply::Ends(bytes),
        other => other,
    });
    let http = client(&server, PATIENT);
    for _ in 0..5 {
        assert_eq!(get(&http, "/").unwrap().body, "x");
    }
    assert_eq!(server.connections(), 5);
}

#[test]
fn a_server_that_stops_is_not_waited_for_for_ever() {
    let words = "stopped answering: nothing moved";
    check(Reply::Waits(Vec::new()), Trouble::Unreachable, words);
    check(
        Reply::Waits(b"HTTP/1.1 200 OK\r\nConte".to_vec()),
        Trouble::Unreachable,
        words,
    );
    let half = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf".to_vec();
    check(Reply::Waits(half), Trouble::Unreachable, words);
}

#[test]
fn an_answer_that_is_cut_off_is_none() {
    let cut = "broke off in the middle";
    let half = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf".to_vec();
    check(Reply::Ends(half), Trouble::Unreachable, cut);
    let half = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n".to_vec();
    check(Reply::Ends(half), Trouble::Unreachable, cut);
    check(
        Reply::Ends(Vec::new()),
        Trouble::Unreachable,
        "without an answer",
    );
    let unbounded = b"HTTP/1.1 200 OK\r\n\r\nhalf or all?".to_vec();
    check(
        Reply::Ends(unbounded),
        Trouble::Wrong,
        "where its answer ends",
    );
}

#[test]
fn an_answer_that_is_too_long_is_none() {
    let words = "more than 1000000 bytes";
    let announced = b"HTTP/1.1 200 OK\r\nContent-Length: 1000001\r\n\r\n".to_vec();
    check(Reply::Waits(announced), Trouble::Wrong, words);
    let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nf4241\r\n";
    let chunk = [&head[..], &vec![b'x'; 1_000_001]].concat();
    check(Reply::Waits(chunk), Trouble::Wrong, words);
}

#[test]
fn what_is_no_http_is_said_to_be_none() {
    let ssh = b"SSH-2.0-OpenSSH_9.2\r\n".to_vec();
    check(Reply::Waits(ssh), Trouble::Wrong, "did not answer in HTTP");
}

#[test]
fn who_refuses_before_all_is_sent_is_heard() {
    let Reply::Says(refusal) = says("403 Forbidden", "", b"no") else {
        panic!("it says nothing");
    };
    let server = Server::start_hasty(move |_, _| Reply::Ends(refusal.clone()));
    let http = client(&server, PATIENT);
    let big = Bytes::from(vec![b'x'; 32 << 20]);
    for _ in 0..20 {
        let answer = put(&http, "/", std::slice::from_ref(&big)).unwrap();
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert_eq!(answer.body, "no");
    }
    assert_eq!(server.connections(), 20);
}

#[test]
fn where_nobody_listens_is_said() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let (origin, _) = Origin::of_url(&format!("http://{address}")).unwrap();
    let http = Http::with(origin, None, PATIENT).unwrap();
    let error = get(&http, "/").unwrap_err();
    assert_eq!(error.trouble, Trouble::Unreachable);
    assert_eq!(
        error.what,
        "the server could not be connected to: Connection refused"
    );
}

#[test]
fn a_name_without_address_is_said() {
    let (origin, _) = Origin::of_url("http://nobody.invalid").unwrap();
    let http = Http::with(origin, None, PATIENT).unwrap();
    let error = get(&http, "/").unwrap_err();
    assert_eq!(error.trouble, Trouble::Unreachable);
    assert!(error.what.contains("nobody.invalid"), "{error}");
}

/// A server by TLS that answers one request with `x`, for this name until then; and who vouches for it.
fn secure(name: &str, until: (i32, u8, u8)) -> (u16, RootCertStore) {
    let mut of_issuer = CertificateParams::new(Vec::<String>::new()).unwrap();
    let issuer_name = format!("who vouches for {name}");
    of_issuer
        .distinguished_name
        .push(DnType::CommonName, issuer_name);
    of_issuer.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(of_issuer, KeyPair::generate().unwrap()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(issuer.der().clone()).unwrap();
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(until.0, until.1, until.2);
    let key = KeyPair::generate().unwrap();
    let chain = vec![params.signed_by(&key, &issuer).unwrap().der().clone()];
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serve = move || {
        let (stream, _) = listener.accept().unwrap();
        let connection = ServerConnection::new(Arc::new(config)).unwrap();
        let mut stream = StreamOwned::new(connection, stream);
        let mut buffer = [0; 4096];
        // A client that does not trust it says so instead.
        if std::io::Read::read(&mut stream, &mut buffer).is_ok() {
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx";
            std::io::Write::write_all(&mut stream, answer).unwrap();
        }
    };
    drop(ondol_base::tasks::spawn_thread("server", serve).unwrap());
    (port, roots)
}

#[track_caller]
fn check_tls(url: &str, roots: RootCertStore) -> Result<Bytes, TargetError> {
    let (origin, _) = Origin::of_url(url).unwrap();
    let tls = roots::trusting(roots).unwrap();
    let http = Http::with(origin, Some(tls), PATIENT).unwrap();
    get(&http, "/").map(|answer| answer.body)
}

#[test]
fn only_who_is_vouched_for_is_asked_by_tls() {
    let year = 2200;
    let (port, roots) = secure("localhost", (year, 1, 1));
    let url = format!("https://localhost:{port}");
    assert_eq!(check_tls(&url, roots).unwrap(), "x");

    let refused = |url: &str, roots, words: &str| {
        let error = check_tls(url, roots).unwrap_err();
        assert_eq!(error.trouble, Trouble::Refused, "{error}");
        assert!(error.what.contains(words), "{error}");
    };
    let (port, _) = secure("localhost", (year, 1, 1));
    let (_, strangers) = secure("stranger", (year, 1, 1));
    let url = format!("https://localhost:{port}");
    refused(&url, strangers, "nobody whom this machine trusts vouches");
    let (port, roots) = secure("elsewhere", (year, 1, 1));
    let url = format!("https://localhost:{port}");
    refused(&url, roots, "is not for localhost");
    let (port, roots) = secure("localhost", (2020, 1, 1));
    let url = format!("https://localhost:{port}");
    refused(&url, roots, "has expired, or the clock");
}

#[test]
fn a_server_without_tls_is_recognized() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serve = move || {
        let (mut stream, _) = listener.accept().unwrap();
        std::io::Write::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
    };
    drop(ondol_base::tasks::spawn_thread("server", serve).unwrap());
    let (_, roots) = secure("localhost", (2200, 1, 1));
    let error = check_tls(&format!("https://localhost:{port}"), roots).unwrap_err();
    assert_eq!(error.trouble, Trouble::Refused);
    assert!(error.what.contains("http://"), "{error}");
}

#[test]
fn secrets_of_headers_are_not_printed() {
    let server = Server::start(echo);
    let http = client(&server, PATIENT);
    let mut value = HeaderValue::from_static("Basic c2VjcmV0");
    value.set_sensitive(true);
    let ask = Ask {
        method: Method::GET,
        path: "/",
        headers: HeaderMap::from_iter([(header::AUTHORIZATION, value)]),
        body: &[],
        answer_bytes_max: 0,
    };
    assert!(!format!("{ask:?} {http:?}").contains("c2Vj"));
}
