//! Those whom a box has to do with: visitors' programs, apps, and whoever makes certificates.

use std::fs;
use std::fs::Permissions;
use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;

use rcgen::CertificateParams;
use rcgen::DnType;
use rcgen::IsCa;
use rcgen::Issuer;
use rcgen::KeyPair;
use time::OffsetDateTime;
use tokio_tungstenite::tungstenite;

use crate::harness::PATIENCE;
use crate::harness::Running;
use crate::harness::eventually;

const DAY: i64 = 24 * 3600;

/// Says that a test, or a part of one, needs what is not here.
pub(crate) fn skipped(peer: &str, why: &str) {
    println!("skipped: {peer}: {why}");
}

/// Whether a program is on this machine; says so when it is not.
pub(crate) fn is_there(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output();
    let is_there = found.is_ok() || Command::new(program).arg("version").output().is_ok();
    if !is_there {
        skipped(program, "it is not installed");
    }
    is_there
}

/// What a verb of the command line, or any program, said on both channels.
pub(crate) fn text(output: &Output) -> String {
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text += &String::from_utf8_lossy(&output.stderr);
    text
}

/// The first address of a protocol.
pub(crate) fn address(running: &Running, protocol: &str) -> SocketAddr {
    addresses(running, protocol)[0]
}

pub(crate) fn addresses(running: &Running, protocol: &str) -> Vec<SocketAddr> {
    let status = running.status();
    let listeners = status["listeners"].as_array().unwrap().iter();
    listeners
        .filter(|one| one["protocol"] == protocol)
        .map(|one| one["address"].as_str().unwrap().parse().unwrap())
        .collect()
}

/// The root of the box's own authority, as `ondol certs root` prints it, in a file.
pub(crate) fn root(running: &Running) -> String {
    let output = running.folders.ondol(&["certs", "root"]);
    assert!(output.status.success(), "{}", text(&output));
    let file = running.folders.path("root.pem");
    fs::write(&file, output.stdout).unwrap();
    file.to_str().unwrap().to_owned()
}

/// Waits for an event of a kind whose message has a part; returns how many of the kind there are.
pub(crate) fn event_with(running: &Running, kind: &str, part: &str) -> usize {
    eventually(&format!("an event {kind} with {part:?}"), || {
        let events = running.ask("/events");
        let events = events["events"].as_array().unwrap().iter();
        let messages: Vec<_> = events
            .filter(|event| event["kind"] == kind)
            .map(|event| event["message"].as_str().unwrap().to_owned())
            .collect();
        let is_there = messages.iter().any(|message| message.contains(part));
        is_there.then_some(messages.len())
    })
}

/// What curl got.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The whole head, in lower case, with its status line.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            (key == name).then_some(value)
        })
    }

    /// `404 Not found` and its like, of a whole answer.
    pub(crate) fn parse(answer: &str) -> Option<Self> {
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some(Self {
            status,
            head: head.to_ascii_lowercase(),
            body: body.to_owned(),
        })
    }
}

/// curl as a visitor of a box: names lead to it, whatever they are.
pub(crate) fn curl(address: SocketAddr) -> Command {
    let mut command = Command::new("curl");
    let max = PATIENCE.as_secs().to_string();
    command.args(["--silent", "--show-error", "--globoff", "--max-time", &max]);
    command.args(["--noproxy", "*", "--connect-to", &format!("::{address}")]);
    command
}

/// The answer to one question, with its head; what curl says when there is none.
pub(crate) fn ask(address: SocketAddr, arguments: &[&str]) -> Result<Answer, String> {
    let output = curl(address)
        .arg("--include")
        .args(arguments)
        .output()
        .unwrap();
    let answer = Answer::parse(&String::from_utf8_lossy(&output.stdout));
    answer.ok_or_else(|| text(&output))
}

/// Sends bytes as they are, and reads until the other end closes.
pub(crate) fn raw(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

/// A connection that stays open from one question to the next.
pub(crate) struct KeptOpen(BufReader<TcpStream>);

impl KeptOpen {
    pub(crate) fn to(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self(BufReader::new(stream)))
    }

    /// The body of the answer.
    pub(crate) fn get(&mut self, host: &str) -> io::Result<String> {
        write!(self.0.get_mut(), "GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")?;
        let head = head(&mut self.0)?;
        let mut body = vec![0; content_length(&head)];
        self.0.read_exact(&mut body)?;
        Ok(String::from_utf8_lossy(&body).into_owned())
    }
}

fn head(stream: &mut impl BufRead) -> io::Result<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(head)
}

fn content_length(head: &str) -> usize {
    let head = head.to_ascii_lowercase();
    let mut lines = head.lines();
    let length = lines.find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    length.unwrap_or(0)
}

/// An app that tells what it was asked, on TCP; each connection may stay open.
pub(crate) fn app_on_tcp() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || answer_all(stream));
        }
    });
    address
}

/// The same app on a Unix socket.
pub(crate) fn app_on_unix(path: &Path) {
    let listener = UnixListener::bind(path).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o777)).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || answer_all(stream));
        }
    });
}

fn answer_all(stream: impl Read + Write) {
    let mut stream = Both(BufReader::new(stream));
    while let Ok(head) = head(&mut stream.0) {
        let mut body = vec![0; content_length(&head)];
        if stream.0.read_exact(&mut body).is_err() {
            return; // The test is over.
        }
        let said = format!("{head}{}", String::from_utf8_lossy(&body));
        let length = said.len();
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{said}");
        if stream.0.get_mut().write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// A login portal, as small as one can be: `/login` gives everyone a session of `alice` and leads back to where
/// they came from; `/verify` knows who has one, and leads everyone else to `/login`.
pub(crate) fn portal_on_tcp() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                let mut stream = Both(BufReader::new(stream));
                while let Ok(head) = head(&mut stream.0) {
                    let answer = portal_answer(&head);
                    if stream.0.get_mut().write_all(answer.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

fn portal_answer(head: &str) -> String {
    let target = head.split(' ').nth(1).unwrap_or_default();
    let field = |name: &str| {
        let mut lines = head.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    };
    let fields = if let Some((_, back)) = target.split_once("/login?rd=") {
        format!(
            "302 Found\r\nSet-Cookie: session=alice; Domain=home.test; Path=/\r\nLocation: {back}"
        )
    } else if field("cookie").is_some_and(|cookie| cookie.contains("session=alice")) {
        "200 OK\r\nRemote-User: alice\r\nRemote-Groups: family".to_owned()
    } else {
        let part = |name| field(name).unwrap_or_default();
        let (proto, host) = (part("x-forwarded-proto"), part("x-forwarded-host"));
        let back = format!("{proto}://{host}{}", part("x-forwarded-uri"));
        format!("302 Found\r\nLocation: http://auth.home.test/login?rd={back}")
    };
    format!("HTTP/1.1 {fields}\r\nContent-Length: 0\r\n\r\n")
}

struct Both<S>(BufReader<S>);

/// An app that sends every message of a WebSocket back.
pub(crate) fn echo_on_tcp() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                let Ok(mut socket) = tungstenite::accept(stream) else {
                    return;
                };
                while let Ok(message) = socket.read() {
                    if message.is_close() || socket.send(message).is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

/// A visitor's WebSocket.
pub(crate) struct WebSocket(tungstenite::WebSocket<TcpStream>);

impl WebSocket {
    pub(crate) fn open(address: SocketAddr, host: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let (socket, answer) = tungstenite::client(format!("ws://{host}/"), stream).unwrap();
        assert_eq!(answer.status(), 101);
        Self(socket)
    }

    /// Sends a text, and returns what comes back.
    pub(crate) fn echo(&mut self, text: &str) -> String {
        self.0.send(tungstenite::Message::text(text)).unwrap();
        self.0.read().unwrap().into_text().unwrap().to_string()
    }

    /// Waits until the other end closes it; the code that it closes with.
    pub(crate) fn close_code(&mut self) -> Option<u16> {
        loop {
            match self.0.read().ok()? {
                tungstenite::Message::Close(frame) => return Some(frame?.code.into()),
                _ => continue,
            }
        }
    }
}

/// A certificate by an authority of its own, with any names and dates.
pub(crate) struct Certificate {
    issuer: String,
    leaf: String,
    key: String,
}

impl Certificate {
    /// Good from yesterday for 90 days.
    pub(crate) fn of(names: &[&str]) -> Self {
        Self::good_for(names, -1, 90)
    }

    /// Good from and until days relative to today.
    pub(crate) fn good_for(names: &[&str], from: i64, until: i64) -> Self {
        let now = OffsetDateTime::now_utc().unix_timestamp();
        let on = |days| OffsetDateTime::from_unix_timestamp(now + days * DAY).unwrap();
        let mut authority = CertificateParams::default();
        let name = format!("Authority of {}", names[0]);
        authority.distinguished_name.push(DnType::CommonName, name);
        authority.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let authority_key = KeyPair::generate().unwrap();
        let issuer = authority.self_signed(&authority_key).unwrap().pem();
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).unwrap();
        (params.not_before, params.not_after) = (on(from), on(until));
        let key = KeyPair::generate().unwrap();
        let issued_by = Issuer::new(authority, authority_key);
        let leaf = params.signed_by(&key, &issued_by).unwrap().pem();
        let key = key.serialize_pem();
        Self { issuer, leaf, key }
    }

    /// Writes `<name>.pem`, `<name>.key` and `<name>.root`, as programs that get certificates do.
    /// Returns the file of the root.
    pub(crate) fn write(&self, folder: &Path, name: &str) -> String {
        let file = |end: &str| folder.join(format!("{name}.{end}"));
        let Self { issuer, leaf, key } = self;
        replace(&file("key"), key, 0o600);
        replace(&file("pem"), &format!("{leaf}{issuer}"), 0o644);
        replace(&file("root"), issuer, 0o644);
        file("root").to_str().unwrap().to_owned()
    }
}

fn replace(path: &Path, text: &str, mode: u32) {
    let new = PathBuf::from(format!("{}.new", path.display()));
    fs::write(&new, text).unwrap();
    fs::set_permissions(&new, Permissions::from_mode(mode)).unwrap();
    fs::rename(&new, path).unwrap();
}

/// A box started once more in the folders of one that was killed. It is killed when dropped.
pub(crate) struct Again(Child);

impl Again {
    pub(crate) fn run(running: &Running) -> Self {
        let folders = &running.folders;
        let mut command = Command::new(folders.program());
        command.arg("run");
        if rustix::process::geteuid().is_root() {
            command.args(["--user", "nobody"]);
        }
        let places = [
            ("ONDOL_CONFIG", "ondol.toml"),
            ("ONDOL_STATE", "state"),
            ("ONDOL_RUNTIME", "run"),
            ("ONDOL_LOGS", "logs"),
            ("NOTIFY_SOCKET", "notify"),
        ];
        let places = places.map(|(name, place)| (name, folders.path(place)));
        let child = command.envs(places).stdin(Stdio::null()).spawn();
        Self(child.unwrap())
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Again {
    fn drop(&mut self) {
        // Data planes end with their link to the agent.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
