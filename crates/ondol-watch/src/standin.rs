//! Stand-ins for services of others in tests: they speak HTTP, remember what they were asked, and answer as told.

use std::net::Ipv4Addr;

use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::net::TcpStream;

/// What a stand-in was asked.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Method and path with its query.
    pub(crate) line: String,
    /// The head, in small letters.
    pub(crate) head: String,
    pub(crate) body: String,
}

/// What it answers.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// All at once; then the connection ends.
    Whole(String),
    /// This, and then nothing for as long as the other side waits.
    Held(String),
}

impl Asked {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

impl Reply {
    /// A status with more header fields (`retry-after: 7\r\n`) and a body.
    pub(crate) fn of(status: &str, fields: &str, body: &str) -> Self {
        let length = body.len();
        Self::Whole(format!(
            "HTTP/1.1 {status}\r\n{fields}content-length: {length}\r\n\r\n{body}"
        ))
    }

    pub(crate) fn ok(body: &str) -> Self {
        Self::of("200 OK", "", body)
    }
}

/// Lets a client talk to a stand-in, of which it gets the URL without a slash at its end; returns what the client
/// returned, and all that the stand-in was asked.
pub(crate) async fn with<T>(
    answer: impl Fn(&Asked) -> Reply,
    client: impl AsyncFnOnce(String) -> T,
) -> (T, Vec<Asked>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut asked = Vec::new();
    let serving = async {
        let mut held = Vec::new();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let Some(question) = question(&mut stream).await else {
                continue;
            };
            let reply = answer(&question);
            asked.push(question);
            // Who asked may have had enough.
            match reply {
                Reply::Whole(text) => {
                    let _ = stream.write_all(text.as_bytes()).await;
                    let _ = stream.shutdown().await;
                }
                Reply::Held(text) => {
                    let _ = stream.write_all(text.as_bytes()).await;
                    held.push(stream);
                }
            }
        }
    };
    let done = tokio::select! {
        done = client(url) => done,
        () = serving => unreachable!("a stand-in does not end"),
    };
    (done, asked)
}

async fn question(stream: &mut TcpStream) -> Option<Asked> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let line = head.lines().next().unwrap();
    let line = line.trim_end_matches(" HTTP/1.1").to_owned();
    let head = head.to_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).await.ok()?;
    Some(Asked {
        line,
        head,
        body: String::from_utf8(body).unwrap(),
    })
}
