//! Requests whose framing is unclear, through Ondol and through two other proxies: what the server behind
//! gets from Ondol must be what it gets from at least one of them, or less.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use crate::harness::Folders;
use crate::harness::eventually;
use crate::peers::is_there;

/// Threads that ask each proxy.
const LANES: usize = 8;
/// A proxy that waits for more says nothing; no answer that counts takes this long.
const SILENCE: Duration = Duration::from_millis(1_500);

const LINES: &[&str] = &[
    "{method} {target} HTTP/1.1\r\nHost: a.test\r\n",
    "{method} {target} HTTP/1.0\r\nHost: a.test\r\n",
    "{method} http://a.test{target} HTTP/1.1\r\nHost: a.test\r\n",
    "{method} {target} HTTP/1.1\nHost: a.test\r\n",
    "\r\n{method} {target} HTTP/1.1\r\nHost: a.test\r\n",
    "{method} {target} HTTP/1.1\r\nHost: a.test\r\nHost: a.test\r\n",
    "{method}  {target} HTTP/1.1\r\nHost: a.test\r\n",
    "{method} {target} HTTP/1.1\r\n Host: a.test\r\nHost: a.test\r\n",
];
const METHODS: &[&str] = &["GET", "POST", "HEAD", "DELETE"];
const FRAMINGS: &[&str] = &[
    "",
    "Content-Length: 5\r\n",
    "Content-Length: 0\r\n",
    "Content-Length: 05\r\n",
    "Content-Length: +5\r\n",
    "Content-Length: 5, 5\r\n",
    "Content-Length: 5\r\nContent-Length: 5\r\n",
    "Content-Length: 5\r\nContent-Length: 0\r\n",
    "Content-Length: 5 \r\n",
    "Content-Length : 5\r\n",
    "Content-Length:\r\n",
    "Content-Length: 0x5\r\n",
    "Content-Length: 99999999999999999999\r\n",
    "content_length: 5\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: Chunked\r\n",
    "Transfer-Encoding: chunked \r\n",
    "Transfer-Encoding:\tchunked\r\n",
    "Transfer-Encoding : chunked\r\n",
    " Transfer-Encoding: chunked\r\n",
    "X: y\r\n Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: \x0bchunked\r\n",
    "Transfer-Encoding: identity\r\n",
    "Transfer-Encoding: chunked, identity\r\n",
    "Transfer-Encoding: identity, chunked\r\n",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
    "Transfer-Encoding: xchunked\r\n",
    "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
    "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
    "Content-Length: 5\r\nTransfer-Encoding: identity\r\n",
    "Transfer-Encoding: chunked\nContent-Length: 5\r\n",
    "Transfer-Encoding: chunked\r\nConnection: transfer-encoding\r\n",
    "Content-Length: 5\r\nConnection: content-length\r\n",
    "Expect: 100-continue\r\nContent-Length: 5\r\n",
];
const BODIES: &[&str] = &[
    "",
    "hello",
    "5\r\nhello\r\n0\r\n\r\n",
    "0\r\n\r\n",
    "5;x=y\r\nhello\r\n0\r\n\r\n",
    "5\nhello\r\n0\r\n\r\n",
    "5\r\nhello0\r\n\r\n",
    "05\r\nhello\r\n0\r\n\r\n",
    "0x5\r\nhello\r\n0\r\n\r\n",
    "5\r\nhello\r\n0\r\nX: y\r\n\r\n",
    "5\r\nhello\r\n0\r\n\n",
    "5;\nx\r\nhello\r\n0\r\n\r\n",
    "ffffffffffffffff1\r\nhello\r\n0\r\n\r\n",
    "0\r\n\r\nGET {target}-smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n",
];

/// Equal lengths are one (RFC 9112 §6.3), which HAProxy grants to HTTP/1.1 alone, and nginx to nobody.
const TOLERATED: (&str, &str) = ("HTTP/1.0", "Content-Length: 5\r\nContent-Length: 5\r\n");

/// What the server behind got: method, target and body of each request, in order.
type Got = Vec<(String, String, String)>;

/// A server that writes down what it gets, by the case that its target names.
#[derive(Clone)]
struct Recorder {
    address: SocketAddr,
    got: Arc<Mutex<BTreeMap<usize, Got>>>,
}

impl Recorder {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let recorder = Self {
            address: listener.local_addr().unwrap(),
            got: Arc::default(),
        };
        let shared = recorder.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let recorder = shared.clone();
                std::thread::spawn(move || while recorder.record(&mut BufReader::new(&stream)) {});
            }
        });
        recorder
    }

    /// Takes a request and answers it; false at the end of the connection, or where it can't be read.
    fn record(&self, stream: &mut BufReader<&TcpStream>) -> bool {
        loop {
            let Some((method, target, body)) = request(stream) else {
                return false;
            };
            let target = target
                .strip_prefix("http://a.test")
                .unwrap_or(&target)
                .to_owned();
            let number: String = target
                .chars()
                .skip(2)
                .take_while(char::is_ascii_digit)
                .collect();
            if let Ok(number) = number.parse() {
                let mut got = self.got.lock().unwrap();
                got.entry(number).or_default().push((method, target, body));
            }
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
            if stream.get_mut().write_all(answer).is_err() {
                return false;
            }
        }
    }

    fn of(&self, case: usize) -> Got {
        self.got
            .lock()
            .unwrap()
            .get(&case)
            .cloned()
            .unwrap_or_default()
    }
}

fn request(stream: &mut impl BufRead) -> Option<(String, String, String)> {
    let first = line(stream)?;
    let mut words = first.split(' ').map(str::to_owned);
    let (method, target) = (words.next()?, words.next()?);
    let (mut length, mut is_chunked) = (0, false);
    loop {
        let field = line(stream)?.to_ascii_lowercase();
        match field.split_once(':') {
            None => break,
            Some(("content-length", value)) => length = value.trim().parse().ok()?,
            Some(("transfer-encoding", value)) => is_chunked = value.trim() == "chunked",
            Some(_) => {}
        }
    }
    let mut body = Vec::new();
    if is_chunked {
        loop {
            let size = usize::from_str_radix(line(stream)?.split(';').next()?.trim(), 16).ok()?;
            if size == 0 {
                break;
            }
            let begun = body.len();
            body.resize(begun + size, 0);
            stream.read_exact(&mut body[begun..]).ok()?;
            line(stream)?;
        }
        while !line(stream)?.is_empty() {}
    } else {
        body.resize(length, 0);
        stream.read_exact(&mut body).ok()?;
    }
    Some((method, target, String::from_utf8_lossy(&body).into_owned()))
}

fn line(stream: &mut impl BufRead) -> Option<String> {
    let mut line = Vec::new();
    stream.read_until(b'\n', &mut line).ok()?;
    let line = line.strip_suffix(b"\r\n")?;
    Some(String::from_utf8_lossy(line).into_owned())
}

/// Every way to begin with every framing, and every framing with every body: what differs in one thing
/// only, and what differs in two.
fn cases() -> Vec<String> {
    let mut cases = Vec::new();
    let mut add = |line: &str, method: &str, framing: &str, body: &str| {
        let target = format!("/c{}", cases.len());
        let mut case = format!("{line}{framing}\r\n{body}").replace("{method}", method);
        case = case.replace("{target}", &target);
        // What follows is a request of its own only if the one before it has ended.
        write!(
            case,
            "GET {target}-end HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        cases.push(case);
    };
    for framing in FRAMINGS {
        for body in BODIES {
            for method in &METHODS[..2] {
                add(LINES[0], method, framing, body);
            }
        }
        let (version, lengths) = TOLERATED;
        let is_tolerated = |line: &&&str| *framing == lengths && line.contains(version);
        for line in LINES.iter().filter(|line| !is_tolerated(line)) {
            for method in METHODS {
                add(line, method, framing, "hello");
                add(line, method, framing, "5\r\nhello\r\n0\r\n\r\n");
            }
        }
    }
    cases
}

/// Sends all cases, and gives each time for what it may still say.
fn ask_all(proxy: SocketAddr, cases: &[String]) {
    std::thread::scope(|scope| {
        for lane in 0..LANES {
            scope.spawn(move || {
                for case in cases.iter().skip(lane).step_by(LANES) {
                    ask(proxy, case);
                }
            });
        }
    });
}

fn ask(proxy: SocketAddr, case: &str) {
    let mut stream = TcpStream::connect(proxy).unwrap();
    stream.set_read_timeout(Some(SILENCE)).unwrap();
    // A proxy that refuses at the first line may close before it has read the rest.
    let _ = stream.write_all(case.as_bytes());
    let _ = stream.read_to_end(&mut Vec::new());
}

/// A program that is ended with the test.
struct Peer {
    child: Child,
    address: SocketAddr,
}

impl Drop for Peer {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let _ = self.child.wait();
    }
}

impl Peer {
    fn start(mut command: Command, address: SocketAddr) -> Self {
        let command = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = command.spawn().unwrap();
        let peer = Self { child, address };
        eventually("a peer answers", || TcpStream::connect(address).ok());
        peer
    }
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}

fn nginx(folders: &Folders, to: SocketAddr) -> Peer {
    let address = free_address();
    let folder = folders.path("nginx");
    fs::create_dir(&folder).unwrap();
    let text = format!(
        "daemon off; pid {0}/pid; error_log {0}/error.log;\n\
         events {{}}\n\
         http {{ access_log off; client_body_temp_path {0}/body; proxy_temp_path {0}/proxy;\n\
         fastcgi_temp_path {0}/f; uwsgi_temp_path {0}/u; scgi_temp_path {0}/s;\n\
         server {{ listen {address}; location / {{ proxy_pass http://{to}; proxy_http_version 1.1; }} }} }}\n",
        folder.display()
    );
    fs::write(folder.join("nginx.conf"), text).unwrap();
    let mut command = Command::new("nginx");
    command
        .arg("-p")
        .arg(&folder)
        .arg("-c")
        .arg(folder.join("nginx.conf"));
    Peer::start(command, address)
}

fn haproxy(folders: &Folders, to: SocketAddr) -> Peer {
    let address = free_address();
    let text = format!(
        "defaults\n mode http\n timeout connect 5s\n timeout client 5s\n timeout server 5s\n\
         frontend f\n bind {address}\n default_backend b\n\
         backend b\n server s {to}\n"
    );
    let file = folders.path("haproxy.cfg");
    fs::write(&file, text).unwrap();
    let mut command = Command::new("haproxy");
    command.arg("-db").arg("-f").arg(&file);
    Peer::start(command, address)
}

/// Whether some requests are the first ones of others.
fn begins(one: &Got, other: &Got) -> bool {
    one.len() <= other.len() && one.iter().zip(other).all(|(one, other)| one == other)
}

#[test]
fn unclear_requests_mean_no_more_here_than_elsewhere() {
    if !is_there("nginx") || !is_there("haproxy") {
        return;
    }
    let recorders = [(); 3].map(|()| Recorder::start());
    let to = recorders[0].address;
    let running = Folders::with(&format!(
        "[listen]\nhttp = ['127.0.0.1:0']\nhttps = []\n[sites.'a.test']\nhttps = false\nproxy = 'http://{to}'\n"
    ))
    .start();
    let nginx = nginx(&running.folders, recorders[1].address);
    let haproxy = haproxy(&running.folders, recorders[2].address);
    let cases = cases();
    std::thread::scope(|scope| {
        for proxy in [running.http(), nginx.address, haproxy.address] {
            let cases = &cases;
            scope.spawn(move || ask_all(proxy, cases));
        }
    });
    let mut forwarded = 0;
    let mut differences = String::new();
    for (number, case) in cases.iter().enumerate() {
        let [ours, nginx, haproxy] = [0, 1, 2].map(|proxy| recorders[proxy].of(number));
        forwarded += usize::from(!ours.is_empty());
        if !begins(&ours, &nginx) && !begins(&ours, &haproxy) {
            writeln!(
                differences,
                "{case:?}\n  ondol   {ours:?}\n  nginx   {nginx:?}\n  haproxy {haproxy:?}"
            )
            .unwrap();
        }
    }
    assert!(differences.is_empty(), "{differences}");
    assert!(
        forwarded > cases.len() / 4,
        "only {forwarded} of {} got through",
        cases.len()
    );
}
