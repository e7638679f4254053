//! A server that answers as a test wants it: in the middle of things, with nothing, not at all.

use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use ondol_base::tasks;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// With its query.
    pub(crate) path: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(header, _)| header == name);
        found.map(|(_, value)| &**value)
    }
}

/// What is answered, in bytes, and what comes then.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// The next request on the same connection.
    Says(Vec<u8>),
    /// The end of the connection.
    Ends(Vec<u8>),
    /// Nothing, for ever.
    Waits(Vec<u8>),
}

/// Says this, with its length.
pub(crate) fn says(status: &str, more: &str, body: &[u8]) -> Reply {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\n{more}\r\n",
        body.len()
    );
    Reply::Says([head.as_bytes(), body].concat())
}

/// What the server on this port of this machine answers to the same request.
pub(crate) fn forward(port: u16, asked: &Asked) -> Vec<u8> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let headers = asked.headers.iter();
    let headers: String = headers
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let head = format!(
        "{} {} HTTP/1.1\r\nConnection: close\r\n{headers}",
        asked.method, asked.path
    );
    let request = [head.as_bytes(), b"\r\n", &asked.body].concat();
    // A server that refuses may do so before it has read all, and hang up; what it said is there.
    let _ = stream.write_all(&request);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer
}

/// The same, by a line that fails often: nothing comes, or half of it, or that all are busy.
pub(crate) fn forward_badly(port: u16, number: usize, asked: &Asked) -> Reply {
    let nothing = [3, 14].contains(&(number % 17));
    let busy = [1, 2, 9].contains(&(number % 13));
    let half = number % 7 == 4;
    match (nothing, busy, half) {
        (true, _, _) => Reply::Ends(Vec::new()),
        (_, true, _) => says("503 Slow Down", "", b""),
        (_, _, true) => {
            let answer = forward(port, asked);
            Reply::Ends(answer[..answer.len() / 2].to_vec())
        }
        (false, false, false) => Reply::Ends(forward(port, asked)),
    }
}

/// See the file's own words. It ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    connections: Arc<AtomicUsize>,
    has_ended: Arc<AtomicBool>,
}

impl Server {
    /// Answers by this, which is told which request it is, counted from 0.
    pub(crate) fn start(answer: impl Fn(usize, &Asked) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_with(true, answer)
    }

    /// The same, but it does not read what is sent before it answers.
    pub(crate) fn start_hasty(
        answer: impl Fn(usize, &Asked) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::start_with(false, answer)
    }

    fn start_with(
        reads_bodies: bool,
        answer: impl Fn(usize, &Asked) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            asked: Arc::default(),
            connections: Arc::default(),
            has_ended: Arc::default(),
        };
        let (asked, connections, has_ended) = (
            Arc::clone(&server.asked),
            Arc::clone(&server.connections),
            Arc::clone(&server.has_ended),
        );
        let answer = Arc::new(answer);
        let accept = move || {
            for stream in listener.incoming() {
                if has_ended.load(Ordering::SeqCst) {
                    return;
                }
                connections.fetch_add(1, Ordering::SeqCst);
                let (asked, answer) = (Arc::clone(&asked), Arc::clone(&answer));
                let serve = move || serve(stream.unwrap(), reads_bodies, &asked, &*answer);
                drop(tasks::spawn_thread("connection", serve).unwrap());
            }
        };
        drop(tasks::spawn_thread("server", accept).unwrap());
        server
    }

    /// What was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// How many connections were made so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.has_ended.store(true, Ordering::SeqCst);
        // It waits for one more.
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(
    stream: TcpStream,
    reads_bodies: bool,
    asked: &Mutex<Vec<Asked>>,
    answer: &dyn Fn(usize, &Asked) -> Reply,
) {
    let mut reader = BufReader::new(&stream);
    while let Some(request) = read(&mut reader, reads_bodies) {
        let number = {
            let mut asked = asked.lock().unwrap();
            asked.push(request.clone());
            asked.len() - 1
        };
        let reply = answer(number, &request);
        let (Reply::Says(bytes) | Reply::Ends(bytes) | Reply::Waits(bytes)) = &reply;
        // The other side may be gone.
        if (&stream).write_all(bytes).is_err() {
            return;
        }
        match reply {
            Reply::Says(_) => {}
            Reply::Ends(_) => return,
            Reply::Waits(_) => {
                // Until the other side hangs up.
                let _ = std::io::copy(&mut reader, &mut std::io::sink());
                return;
            }
        }
    }
}

fn read(reader: &mut BufReader<&TcpStream>, reads_bodies: bool) -> Option<Asked> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut asked = Asked {
        method,
        path,
        headers,
        body: Vec::new(),
    };
    if reads_bodies {
        let length = asked.header("content-length");
        let length = length.map_or(0, |length| length.parse().unwrap());
        asked.body = vec![0; length];
        reader.read_exact(&mut asked.body).ok()?;
    }
    Some(asked)
}
