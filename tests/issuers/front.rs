//! What stands between a box and Pebble, and fails as it is told to: it passes everything on, counts
//! orders, and can be switched off.
//!
//! Pebble names itself by the `Host` of each request, so its URLs lead to this front, and what the box
//! signs stays as it is.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::ServerConfig;
use rustls::ServerConnection;
use rustls::StreamOwned;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::Value;
use serde_json::json;
use tempfile::TempDir;

use super::https;
use super::pebble::Pebble;
use super::pebble::write_certificate;

/// Silence ends with the connection; nobody should wait longer.
const SILENCE: Duration = Duration::from_secs(120);

/// A front that listens until the test's process ends.
#[derive(Debug)]
pub(crate) struct Front {
    folder: TempDir,
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    pebble: SocketAddr,
    believing: Arc<ClientConfig>,
    serving: Arc<ServerConfig>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    is_off: bool,
    fault: Option<(Part, Fault)>,
    orders: Vec<Order>,
    requests: Vec<String>,
}

/// A part of the protocol, as Pebble's paths tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Directory,
    Account,
    Order,
    Authorization,
    Finalization,
    Certificate,
}

/// How a part fails.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// An answer with this status and a problem of this type (RFC 8555 §6.7).
    Problem {
        status: u16,
        kind: &'static str,
        detail: &'static str,
        /// In seconds, when it is said.
        retry_after: Option<u32>,
    },
    /// 200, and what is no JSON.
    Garbage,
    /// None at all.
    Silence,
    /// The connection ends.
    Hangup,
    /// Another body in place of Pebble's.
    Body(String),
    /// Pebble's answer with every token exchanged for another.
    OtherToken,
}

/// An order that Pebble took.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) names: Vec<String>,
    /// Which certificate it is to replace (RFC 9773 §5).
    pub(crate) replaces: Option<String>,
    pub(crate) profile: Option<String>,
}

struct Asked {
    method: String,
    path: String,
    head: String,
    body: Vec<u8>,
}

impl Front {
    /// One before this Pebble.
    pub(crate) fn start(pebble: &Pebble) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_certificate(folder.path(), "tls");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let root = std::fs::read_to_string(pebble.tls_root()).unwrap();
        let shared = Arc::new(Shared {
            pebble: pebble.address(),
            believing: https::believing(&root),
            serving: serving(&folder),
            state: Mutex::default(),
        });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&accepting);
                std::thread::spawn(move || {
                    let _ended = shared.serve(stream);
                });
            }
        });
        Self {
            folder,
            address,
            shared,
        }
    }

    /// The URL of the directory.
    pub(crate) fn directory(&self) -> String {
        format!("https://localhost:{}/dir", self.address.port())
    }

    /// The file of the root that vouches for the front's own TLS.
    pub(crate) fn tls_root(&self) -> PathBuf {
        self.folder.path().join("tls.root")
    }

    /// From now on a part fails; what failed before does not.
    pub(crate) fn fail(&self, part: Part, fault: Fault) {
        self.state().fault = Some((part, fault));
    }

    /// From now on everything is passed on.
    pub(crate) fn heal(&self) {
        let mut state = self.state();
        state.fault = None;
        state.is_off = false;
    }

    /// Takes connections, but ends each at once.
    pub(crate) fn switch_off(&self) {
        self.state().is_off = true;
    }

    /// The orders that Pebble took, oldest first.
    pub(crate) fn orders(&self) -> Vec<Order> {
        self.state().orders.clone()
    }

    /// How many orders were taken for each name.
    pub(crate) fn orders_by_name(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for name in self.state().orders.iter().flat_map(|order| &order.names) {
            *counts.entry(name.clone()).or_default() += 1;
        }
        counts
    }

    /// How many requests there were for a part.
    pub(crate) fn requests(&self, part: Part) -> usize {
        let state = self.state();
        let paths = state.requests.iter();
        paths.filter(|path| part.has(path)).count()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.shared.state.lock().unwrap()
    }
}

impl Shared {
    fn serve(&self, stream: TcpStream) -> io::Result<()> {
        if self.state.lock().unwrap().is_off {
            return Ok(());
        }
        let connection = ServerConnection::new(Arc::clone(&self.serving));
        let connection = connection.map_err(io::Error::other)?;
        let mut stream = BufReader::new(StreamOwned::new(connection, stream));
        let asked = Asked::read(&mut stream)?;
        let fault = {
            let mut state = self.state.lock().unwrap();
            state.requests.push(asked.path.clone());
            let fault = state.fault.clone();
            fault.filter(|(part, _)| part.has(&asked.path))
        };
        let answer = self.answer(&asked, fault.map(|(_, fault)| fault))?;
        if let Some(answer) = answer {
            let stream = stream.get_mut();
            stream.write_all(&answer)?;
            stream.conn.send_close_notify();
            stream.flush()?;
        }
        Ok(())
    }

    fn answer(&self, asked: &Asked, fault: Option<Fault>) -> io::Result<Option<Vec<u8>>> {
        let answer = match fault {
            None => self.pass_on(asked)?,
            Some(Fault::Hangup) => return Ok(None),
            Some(Fault::Silence) => {
                std::thread::sleep(SILENCE);
                return Ok(None);
            }
            Some(Fault::Garbage) => answer("200 OK", "", "<html>{not JSON at all"),
            Some(Fault::Problem {
                status,
                kind,
                detail,
                retry_after,
            }) => {
                let kind = format!("urn:ietf:params:acme:error:{kind}");
                let problem = json!({ "type": kind, "detail": detail, "status": status });
                let mut fields = "Content-Type: application/problem+json\r\n".to_owned();
                if let Some(seconds) = retry_after {
                    let _infallible = write!(fields, "Retry-After: {seconds}\r\n");
                }
                // An answer to what was signed brings the next nonce (RFC 8555 §6.5).
                if let Some(nonce) = self.nonce(asked) {
                    let _infallible = write!(fields, "Replay-Nonce: {nonce}\r\n");
                }
                answer(&format!("{status} Problem"), &fields, &problem.to_string())
            }
            Some(Fault::Body(body)) => {
                let passed = self.pass_on(asked)?;
                exchanged(&passed, |_| body.clone())
            }
            Some(Fault::OtherToken) => {
                let passed = self.pass_on(asked)?;
                exchanged(&passed, |body| with_other_tokens(&body))
            }
        };
        Ok(Some(answer))
    }

    /// A fresh nonce, asked for as a client does.
    fn nonce(&self, asked: &Asked) -> Option<String> {
        let question = Asked {
            method: "HEAD".to_owned(),
            path: "/nonce-plz".to_owned(),
            head: asked.head.clone(),
            body: Vec::new(),
        };
        let passed = self.pass_on(&question).ok()?;
        let head = String::from_utf8_lossy(&passed).into_owned();
        field(&head, "replay-nonce").map(str::to_owned)
    }

    /// What Pebble answers, which ends with its connection.
    fn pass_on(&self, asked: &Asked) -> io::Result<Vec<u8>> {
        let mut pebble = https::connect(self.pebble, "localhost", &self.believing)?;
        let Asked { method, path, .. } = asked;
        // HTTP/1.0, so that the body comes as it is.
        let mut question = format!("{method} {path} HTTP/1.0\r\n");
        for name in ["Host", "User-Agent", "Content-Type", "Accept"] {
            if let Some(value) = field(&asked.head, &name.to_ascii_lowercase()) {
                let _infallible = write!(question, "{name}: {value}\r\n");
            }
        }
        let _infallible = write!(question, "Content-Length: {}\r\n\r\n", asked.body.len());
        pebble.write_all(question.as_bytes())?;
        pebble.write_all(&asked.body)?;
        let mut passed = Vec::new();
        match pebble.read_to_end(&mut passed) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
            Err(error) => return Err(error),
        }
        if Part::Order.has(path) && passed.starts_with(b"HTTP/1.0 201") {
            let order = Order::read(&asked.body);
            self.state.lock().unwrap().orders.extend(order);
        }
        Ok(as_http_1_1(&passed, method == "HEAD"))
    }
}

impl Part {
    fn has(self, path: &str) -> bool {
        let prefixes: &[&str] = match self {
            Self::Directory => &["/dir"],
            Self::Account => &["/sign-me-up"],
            Self::Order => &["/order-plz"],
            Self::Authorization => &["/authZ/"],
            Self::Finalization => &["/finalize-order/"],
            Self::Certificate => &["/certZ/"],
        };
        prefixes.iter().any(|prefix| path.starts_with(prefix))
    }
}

impl Order {
    /// Of a signed request (RFC 7515 §7.2.2).
    fn read(body: &[u8]) -> Option<Self> {
        let signed: Value = serde_json::from_slice(body).ok()?;
        let payload = base64url(signed["payload"].as_str()?)?;
        let payload: Value = serde_json::from_slice(&payload).ok()?;
        let names = payload["identifiers"].as_array()?.iter();
        let names = names.filter_map(|one| Some(one["value"].as_str()?.to_owned()));
        let text = |key: &str| Some(payload[key].as_str()?.to_owned());
        Some(Self {
            names: names.collect(),
            replaces: text("replaces"),
            profile: text("profile"),
        })
    }
}

impl Asked {
    fn read(stream: &mut impl BufRead) -> io::Result<Self> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let length = field(&head, "content-length").and_then(|length| length.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        stream.read_exact(&mut body)?;
        let mut words = head.split(' ').map(str::to_owned);
        let (method, path) = (words.next(), words.next());
        Ok(Self {
            method: method.unwrap_or_default(),
            path: path.unwrap_or_default(),
            head,
            body,
        })
    }
}

fn field<'h>(head: &'h str, wanted: &str) -> Option<&'h str> {
    head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case(wanted).then(|| value.trim())
    })
}

fn answer(status: &str, fields: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\n{fields}Content-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    [head.as_bytes(), body.as_bytes()].concat()
}

fn split(passed: &[u8]) -> (String, &[u8]) {
    let end = passed.windows(4).position(|four| four == b"\r\n\r\n");
    let end = end.map_or(passed.len(), |end| end + 4);
    let (head, body) = passed.split_at(end);
    (String::from_utf8_lossy(head).into_owned(), body)
}

/// Without the fields that tell where the body ends, which are said anew.
fn as_http_1_1(passed: &[u8], is_head: bool) -> Vec<u8> {
    let (head, body) = split(passed);
    let mut lines = head.lines();
    let status = lines
        .next()
        .unwrap_or_default()
        .replace("HTTP/1.0", "HTTP/1.1");
    let mut said = format!("{status}\r\n");
    for line in lines.filter(|line| !line.is_empty()) {
        let name = line.split(':').next().unwrap_or_default();
        let is_told_anew = ["content-length", "connection", "transfer-encoding"]
            .iter()
            .any(|told| name.eq_ignore_ascii_case(told));
        if !is_told_anew {
            let _infallible = write!(said, "{line}\r\n");
        }
    }
    if !is_head && !status.contains(" 204") {
        let _infallible = write!(said, "Content-Length: {}\r\n", body.len());
    }
    said += "Connection: close\r\n\r\n";
    [said.as_bytes(), body].concat()
}

fn exchanged(passed: &[u8], exchange: impl Fn(String) -> String) -> Vec<u8> {
    let (head, body) = split(passed);
    let body = exchange(String::from_utf8_lossy(body).into_owned());
    as_http_1_1(&[head.as_bytes(), body.as_bytes()].concat(), false)
}

fn with_other_tokens(body: &str) -> String {
    let Ok(mut authorization) = serde_json::from_str::<Value>(body) else {
        return body.to_owned();
    };
    let challenges = authorization["challenges"].as_array_mut();
    for challenge in challenges.into_iter().flatten() {
        if let Some(token) = challenge["token"].as_str() {
            let turned: String = token.chars().rev().collect();
            challenge["token"] = turned.into();
        }
    }
    authorization.to_string()
}

fn base64url(text: &str) -> Option<Vec<u8>> {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for letter in text.bytes() {
        let value = alphabet.iter().position(|one| *one == letter)?;
        bits = (bits << 6) | u32::try_from(value).ok()?;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 0xff).ok()?);
        }
    }
    Some(bytes)
}

fn serving(folder: &TempDir) -> Arc<ServerConfig> {
    let file = |end: &str| folder.path().join(format!("tls.{end}"));
    let chain = CertificateDer::pem_file_iter(file("pem")).unwrap();
    let chain = chain.map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(file("key")).unwrap();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider);
    let config = config.with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth();
    Arc::new(config.with_single_cert(chain, key).unwrap())
}
