//! Servers behind `https://`: whom they must be, what they are shown, and what goes through.

use std::collections::HashMap;
use std::io::Read as _;
use std::io::Write as _;
use std::net::TcpListener;
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use ondol_base::tasks;
use ondol_model::plan::CertificateFiles;
use ondol_model::plan::ProxyVersion;
use ondol_model::upstream::Address;
use ondol_model::upstream::HttpVersion;
use ondol_model::upstream::ServerName;
use ondol_model::upstream::Tls;
use ondol_model::upstream::Upstream;
use ondol_model::upstream::Verification;
use ondol_proxy::UpstreamFiles;
use ondol_proxy::UpstreamTls;
use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::IsCa;
use rcgen::Issuer;
use rcgen::KeyPair;
use rustls::HandshakeKind;
use rustls::RootCertStore;
use rustls::ServerConfig;
use rustls::ServerConnection;
use rustls::StreamOwned;
use rustls::server::WebPkiClientVerifier;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;

use crate::harness::Http2Upstream;
use crate::harness::PATIENCE;
use crate::harness::Plane;
use crate::harness::Wire;
use crate::harness::plan;
use crate::harness::proxy_to_all;
use crate::harness::reply;
use crate::harness::site;

const GET: &str = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";
const CA: &str = "/keys/ca.pem";
const CHAIN: &str = "/keys/box.pem";
const KEY: &str = "/keys/box.key";

type TlsWire = Wire<StreamOwned<ServerConnection, TcpStream>>;

/// An authority of a test's own.
struct Ca {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate that it issued, and its key.
struct Issued {
    pem: String,
    key: String,
}

impl Ca {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        Self { issuer, pem }
    }

    fn issue(&self, name: &str) -> Issued {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Issued {
            pem: certificate.pem(),
            key: key.serialize_pem(),
        }
    }
}

impl Issued {
    /// What a device makes for itself: its own authority.
    fn self_made(name: &str) -> Self {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self {
            pem: params.self_signed(&key).unwrap().pem(),
            key: key.serialize_pem(),
        }
    }

    /// The settings of a server that shows it, and asks who comes if `visitors_of` is given.
    fn server(&self, alpn: &str, visitors_of: Option<&Ca>) -> Arc<ServerConfig> {
        let builder = ServerConfig::builder_with_provider(Arc::new(
            rustls::crypto::aws_lc_rs::default_provider(),
        ))
        .with_safe_default_protocol_versions()
        .unwrap();
        let builder = match visitors_of {
            None => builder.with_no_client_auth(),
            Some(ca) => {
                let mut roots = RootCertStore::empty();
                let root = CertificateDer::from_pem_slice(ca.pem.as_bytes()).unwrap();
                roots.add(root).unwrap();
                let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let chain = vec![CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).unwrap();
        let mut config = builder.with_single_cert(chain, key).unwrap();
        config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
        Arc::new(config)
    }
}

/// A server that speaks TLS; a test accepts its connections.
struct Server {
    listener: TcpListener,
    config: Arc<ServerConfig>,
}

impl Server {
    fn new(config: Arc<ServerConfig>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Self { listener, config }
    }

    fn upstream(&self, tls: Tls) -> Upstream {
        let address = Address::Tcp {
            host: "127.0.0.1".to_owned(),
            port: self.listener.local_addr().unwrap().port(),
        };
        Upstream {
            tls: Some(Arc::new(tls)),
            ..Upstream::from(address)
        }
    }

    fn accept_tcp(&self) -> TcpStream {
        let (stream, _) = self.listener.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    fn try_accept(&self) -> std::io::Result<TlsWire> {
        self.shake_hands(self.accept_tcp())
    }

    fn shake_hands(&self, mut stream: TcpStream) -> std::io::Result<TlsWire> {
        let mut connection = ServerConnection::new(Arc::clone(&self.config)).unwrap();
        while connection.is_handshaking() {
            connection.complete_io(&mut stream)?;
        }
        Ok(Wire::new(StreamOwned::new(connection, stream)))
    }
}

fn files(texts: &[(&str, &str)]) -> UpstreamFiles {
    let named = texts
        .iter()
        .map(|(path, text)| (path.into(), Arc::from(*text)));
    UpstreamFiles {
        system_roots: Arc::from(""),
        named: named.collect::<HashMap<_, _>>(),
    }
}

fn with_ca() -> Tls {
    Tls {
        ca: Some(CA.into()),
        ..Tls::default()
    }
}

fn named(name: &str) -> Tls {
    Tls {
        server_name: ServerName::parse(name),
        ..with_ca()
    }
}

fn start(upstream: Upstream, files: &UpstreamFiles) -> Plane {
    Plane::start_tls(plan([site("a.test", proxy_to_all([upstream]))]), files)
}

fn ok(wire: &mut TlsWire, text: &str) {
    let length = text.len();
    wire.send(format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{text}"
    ));
}

#[test]
fn a_server_that_its_authority_vouches_for_is_asked_on_a_connection_that_is_kept() {
    let ca = Ca::new();
    let server = Server::new(ca.issue("127.0.0.1").server("http/1.1", None));
    let plane = start(server.upstream(with_ca()), &files(&[(CA, &ca.pem)]));
    let mut visitor = plane.visit();
    visitor.send(GET);
    let mut connection = server.try_accept().unwrap();
    let got = connection.message();
    assert_eq!(got.field("host"), Some("a.test"));
    ok(&mut connection, "first");
    assert_eq!(visitor.message().text(), "first");
    visitor.send(GET);
    connection.message();
    ok(&mut connection, "second");
    assert_eq!(visitor.message().text(), "second");
}

#[test]
fn a_second_connection_resumes_the_session() {
    let ca = Ca::new();
    let server = Server::new(ca.issue("127.0.0.1").server("http/1.1", None));
    let plane = start(server.upstream(with_ca()), &files(&[(CA, &ca.pem)]));
    for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
        let mut visitor = plane.visit();
        visitor.send(GET);
        let mut connection = server.try_accept().unwrap();
        connection.message();
        connection.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
        assert_eq!(visitor.message().text(), "ok");
        let asked = connection.stream.conn.handshake_kind();
        // Whether keys were agreed on anew does not matter here.
        assert_eq!(
            asked == Some(HandshakeKind::Resumed),
            kind == HandshakeKind::Resumed
        );
    }
}

#[test]
fn a_server_that_nobody_vouches_for_or_with_another_name_gets_no_request() {
    let (ca, other) = (Ca::new(), Ca::new());
    for (shown, tls) in [
        (other.issue("127.0.0.1"), with_ca()),
        (ca.issue("nas.test"), with_ca()),
        (ca.issue("127.0.0.1"), named("nas.test")),
        (Issued::self_made("127.0.0.1"), with_ca()),
    ] {
        let server = Server::new(shown.server("http/1.1", None));
        let plane = start(server.upstream(tls), &files(&[(CA, &ca.pem)]));
        let mut visitor = plane.visit();
        visitor.send(GET);
        let refused: std::io::Result<()> = server.try_accept().and_then(|mut connection| {
            connection.stream.read(&mut [0]).and_then(|count| {
                assert_eq!(count, 0, "it was asked");
                Err(std::io::ErrorKind::UnexpectedEof.into())
            })
        });
        assert!(refused.is_err());
        assert_eq!(visitor.message().status(), 502);
    }
}

#[test]
fn what_the_certificate_must_say_can_be_another_name() {
    let ca = Ca::new();
    let server = Server::new(ca.issue("nas.test").server("http/1.1", None));
    let plane = start(server.upstream(named("nas.test")), &files(&[(CA, &ca.pem)]));
    let mut visitor = plane.visit();
    visitor.send(GET);
    let mut connection = server.try_accept().unwrap();
    assert_eq!(connection.stream.conn.server_name(), Some("nas.test"));
    connection.message();
    ok(&mut connection, "ok");
    assert_eq!(visitor.message().text(), "ok");
}

#[test]
fn a_device_is_known_by_its_own_certificate_whatever_that_says() {
    let device = Issued::self_made("some-device");
    let server = Server::new(device.server("http/1.1", None));
    let plane = start(server.upstream(with_ca()), &files(&[(CA, &device.pem)]));
    let mut visitor = plane.visit();
    visitor.send(GET);
    let mut connection = server.try_accept().unwrap();
    connection.message();
    ok(&mut connection, "ok");
    assert_eq!(visitor.message().text(), "ok");
}

#[test]
fn without_verification_any_server_is_asked() {
    let server = Server::new(Issued::self_made("whoever").server("http/1.1", None));
    let tls = Tls {
        verification: Verification::Off,
        ..Tls::default()
    };
    let plane = start(server.upstream(tls), &files(&[]));
    let mut visitor = plane.visit();
    visitor.send(GET);
    let mut connection = server.try_accept().unwrap();
    connection.message();
    ok(&mut connection, "ok");
    assert_eq!(visitor.message().text(), "ok");
}

#[test]
fn a_server_that_asks_who_comes_is_shown_a_certificate() {
    let ca = Ca::new();
    let own = ca.issue("box.test");
    let server = Server::new(ca.issue("127.0.0.1").server("http/1.1", Some(&ca)));
    let tls = Tls {
        certificate: Some(CertificateFiles {
            chain: CHAIN.into(),
            key: KEY.into(),
        }),
        ..with_ca()
    };
    let files = files(&[(CA, &ca.pem), (CHAIN, &own.pem), (KEY, &own.key)]);
    let plane = start(server.upstream(tls), &files);
    let mut visitor = plane.visit();
    visitor.send(GET);
    let mut connection = server.try_accept().unwrap();
    let shown = &connection.stream.conn.peer_certificates().unwrap()[0];
    assert_eq!(
        *shown,
        CertificateDer::from_pem_slice(own.pem.as_bytes()).unwrap()
    );
    connection.message();
    ok(&mut connection, "ok");
    assert_eq!(visitor.message().text(), "ok");
}

#[test]
fn a_large_body_goes_through_both_ways() {
    let ca = Ca::new();
    let server = Server::new(ca.issue("127.0.0.1").server("http/1.1", None));
    let plane = start(server.upstream(with_ca()), &files(&[(CA, &ca.pem)]));
    let body: Vec<u8> = (0..3_000_017_u32).map(|at| (at / 7 % 251) as u8).collect();
    let echo = body.clone();
    let echoing = tasks::spawn_thread("echo", move || {
        let mut connection = server.try_accept().unwrap();
        let got = connection.message();
        assert!(got.body == echo, "the upload differs");
        let length = echo.len();
        connection.send(format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n"
        ));
        connection.send(&echo);
    });
    let mut visitor = plane.visit();
    let length = body.len();
    visitor.send(format!(
        "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: {length}\r\n\r\n"
    ));
    visitor.send(&body);
    assert!(visitor.message().body == body, "the download differs");
    echoing.unwrap().join().unwrap();
}

#[test]
fn a_connection_cut_without_a_goodbye_is_no_clean_end_of_a_body() {
    let ca = Ca::new();
    let server = Server::new(ca.issue("127.0.0.1").server("http/1.1", None));
    let plane = start(server.upstream(with_ca()), &files(&[(CA, &ca.pem)]));
    let mut visitor = plane.visit();
    visitor.send(GET);
    let mut connection = server.try_accept().unwrap();
    connection.message();
    connection.send("HTTP/1.1 200 OK\r\n\r\npart of it");
    visitor.head();
    // Whoever is in between can end a connection, but not say goodbye in the server's name.
    connection
        .stream
        .sock
        .shutdown(std::net::Shutdown::Both)
        .unwrap();
    let rest = String::from_utf8(visitor.rest()).unwrap();
    assert!(!rest.ends_with("0\r\n\r\n"), "{rest:?}");
}

#[test]
fn a_websocket_goes_through() {
    let ca = Ca::new();
    let server = Server::new(ca.issue("127.0.0.1").server("http/1.1", None));
    let plane = start(server.upstream(with_ca()), &files(&[(CA, &ca.pem)]));
    let mut visitor = plane.visit();
    visitor.send(
        "GET /chat HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    );
    let mut connection = server.try_accept().unwrap();
    assert_eq!(connection.message().field("upgrade"), Some("websocket"));
    connection.send(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nhello",
    );
    assert_eq!(visitor.head().status(), 101);
    assert_eq!(visitor.take(5), b"hello");
    visitor.send("and to you");
    assert_eq!(connection.take(10), b"and to you");
    connection.send("bye");
    connection.stream.conn.send_close_notify();
    connection.stream.flush().unwrap();
    assert_eq!(visitor.take(3), b"bye");
    assert_eq!(visitor.rest(), b"");
}

#[test]
fn the_header_of_the_proxy_protocol_comes_before_tls() {
    let ca = Ca::new();
    let server = Server::new(ca.issue("127.0.0.1").server("http/1.1", None));
    let upstream = Upstream {
        proxy_protocol: Some(ProxyVersion::One),
        ..server.upstream(with_ca())
    };
    let plane = start(upstream, &files(&[(CA, &ca.pem)]));
    let mut visitor = plane.visit();
    visitor.send(GET);
    let mut stream = server.accept_tcp();
    let from = visitor.stream.local_addr().unwrap().port();
    let want = format!(
        "PROXY TCP4 127.0.0.1 127.0.0.1 {from} {}\r\n",
        plane.http.port()
    );
    let mut got = vec![0; want.len()];
    stream.read_exact(&mut got).unwrap();
    assert_eq!(String::from_utf8(got).unwrap(), want);
    let mut connection = server.shake_hands(stream).unwrap();
    connection.message();
    ok(&mut connection, "ok");
    assert_eq!(visitor.message().text(), "ok");
}

#[test]
fn http2_is_agreed_on_in_the_handshake_or_not_spoken() {
    let ca = Ca::new();
    let shown = ca.issue("127.0.0.1");
    let h1 = Server::new(shown.server("http/1.1", None));
    let asked_in_two = |upstream: Upstream| Upstream {
        http: HttpVersion::Two,
        ..upstream
    };
    let plane = start(
        asked_in_two(h1.upstream(with_ca())),
        &files(&[(CA, &ca.pem)]),
    );
    let mut visitor = plane.visit();
    visitor.send(GET);
    assert!(h1.try_accept().is_err(), "it has nothing to agree on");
    assert_eq!(visitor.message().status(), 502);

    let server = Http2Upstream::new();
    let mut upstream = server.address();
    upstream.tls = Some(Arc::new(with_ca()));
    let plane = start(upstream, &files(&[(CA, &ca.pem)]));
    let mut visitor = plane.visit();
    visitor.send(GET);
    plane.block_on(async {
        let mut connection = server.accept_tls(&shown.server("h2", None)).await;
        let (request, answering) = connection.request().await;
        assert_eq!(request.uri(), "https://a.test/");
        reply(answering, "by HTTP/2");
        let answer = tasks::spawn_blocking(move || visitor.message());
        assert_eq!(answer.await.unwrap().text(), "by HTTP/2");
    });
}

#[test]
fn a_plan_whose_files_are_no_use_says_so_and_what_was_stays() {
    let ca = Ca::new();
    let server = Server::new(ca.issue("127.0.0.1").server("http/1.1", None));
    let plan = plan([site("a.test", proxy_to_all([server.upstream(with_ca())]))]);
    let good = files(&[(CA, &ca.pem)]);
    let (first, problems) = UpstreamTls::new(&plan, &good, None);
    assert!(problems.is_empty());
    for bad in [
        files(&[]),
        files(&[(CA, "no PEM")]),
        files(&[(Path::new("/x").to_str().unwrap(), "")]),
    ] {
        let (_, problems) = UpstreamTls::new(&plan, &bad, Some(&first));
        assert_eq!(problems.len(), 1);
        assert_eq!(
            problems[0].0.to_string(),
            server.upstream(with_ca()).to_string()
        );
    }
}
