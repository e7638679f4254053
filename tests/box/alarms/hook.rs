//! Those who take messages by HTTP, each in a manner of its own.

use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::channel;

use serde_json::Value;

use crate::harness::eventually;

/// How a receiver answers.
#[derive(Debug, Clone, Copy)]
pub(super) enum Manner {
    /// As it should.
    Takes,
    /// As it should; but of so many messages it hangs up after taking one.
    HangsUp(usize),
    /// With this, whatever comes.
    Says(&'static str),
    /// With a head that never ends.
    Drips,
    /// With a body that never ends.
    Pours,
    /// Not at all.
    Silent,
}

/// What was sent.
#[derive(Debug, Clone)]
pub(super) struct Taken {
    pub(super) key: String,
    pub(super) body: Value,
}

/// A receiver of messages.
#[derive(Debug)]
pub(super) struct Hook {
    pub(super) at: SocketAddr,
    manner: Arc<Mutex<Manner>>,
    taken: Arc<Mutex<Vec<Taken>>>,
}

impl Hook {
    pub(super) fn open(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let taken = Arc::new(Mutex::new(Vec::new()));
        let manner = Arc::new(Mutex::new(manner));
        let (shared, mannered) = (Arc::clone(&taken), Arc::clone(&manner));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, shared) = (stream.unwrap(), Arc::clone(&shared));
                let manner = *mannered.lock().unwrap();
                // Who asks may be killed at any moment.
                std::thread::spawn(move || drop(serve(stream, manner, &shared)));
            }
        });
        Self { at, manner, taken }
    }

    /// From the next connection on it answers in another manner.
    pub(super) fn becomes(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    /// All that came, in its order.
    pub(super) fn taken(&self) -> Vec<Taken> {
        self.taken.lock().unwrap().clone()
    }

    /// Waits for so many messages.
    pub(super) fn wait(&self, count: usize) {
        eventually(&format!("{count} messages"), || {
            (self.taken.lock().unwrap().len() >= count).then_some(())
        });
    }
}

fn serve(stream: TcpStream, manner: Manner, shared: &Mutex<Vec<Taken>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head)? == 0 {
                return Ok(());
            }
        }
        let field = |name: &str| {
            let mut lines = head.lines().filter_map(|line| line.split_once(": "));
            lines.find_map(|(key, value)| key.eq_ignore_ascii_case(name).then_some(value))
        };
        let length = field("content-length").and_then(|length| length.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        reader.read_exact(&mut body)?;
        let body = serde_json::from_slice(&body).unwrap_or_default();
        let key = field("idempotency-key").unwrap_or_default().to_owned();
        let count = {
            let mut taken = shared.lock().unwrap();
            taken.push(Taken { key, body });
            taken.len()
        };
        match manner {
            Manner::HangsUp(every) if count.is_multiple_of(every) => return Ok(()),
            Manner::Takes | Manner::HangsUp(_) => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")?;
            }
            Manner::Says(answer) => return stream.write_all(answer.as_bytes()),
            Manner::Drips => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nX: ")?;
                // A byte for each second, told by nobody: the other end hangs up in its own time.
                let (_never, wait): (_, Receiver<()>) = channel();
                while wait
                    .recv_timeout(std::time::Duration::from_secs(1))
                    .is_err()
                {
                    stream.write_all(b"x")?;
                }
            }
            Manner::Pours => {
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
                loop {
                    stream.write_all(&[b'x'; 4096])?;
                }
            }
            Manner::Silent => {
                reader.read_line(&mut String::new())?; // Until the other end hangs up.
            }
        }
    }
}
