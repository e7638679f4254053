//! A small HTTP server on this machine.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::sync::oneshot;

/// A request.
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: BTreeMap<String, String>,
    pub(super) target: String,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Vec<u8>,
}

/// An answer.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) retry_after: Option<u32>,
    pub(super) body: String,
}

/// A provider in small.
pub(super) trait Fake {
    fn answer(&mut self, asked: &Asked) -> Answer;
    /// The texts at the one name that tests use.
    fn texts(&self) -> Vec<String>;
}

/// Asks the fake what it keeps.
#[derive(Clone)]
pub(super) struct Keeper(mpsc::Sender<oneshot::Sender<Vec<String>>>);

impl Keeper {
    pub(super) async fn texts(&self) -> Vec<String> {
        let (sender, texts) = oneshot::channel();
        self.0.send(sender).await.unwrap();
        texts.await.unwrap()
    }
}

impl Asked {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The parts of the path.
    pub(super) fn parts(&self) -> Vec<&str> {
        self.path.trim_matches('/').split('/').collect()
    }

    async fn read(stream: &mut TcpStream) -> Self {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        let (first, fields) = head.split_once("\r\n").unwrap();
        let mut first = first.split(' ');
        let (method, target) = (first.next().unwrap(), first.next().unwrap());
        let headers: BTreeMap<_, _> = fields
            .lines()
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let length = headers
            .get("content-length")
            .map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.unwrap();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let query = query.split('&').filter_map(|pair| pair.split_once('='));
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            target: target.to_owned(),
            headers,
            body,
        }
    }
}

impl Answer {
    pub(super) fn new(status: u16, body: impl ToString) -> Self {
        let retry_after = None;
        let body = body.to_string();
        Self {
            status,
            retry_after,
            body,
        }
    }

    /// That the provider is busy.
    pub(super) fn busy(seconds: u32) -> Self {
        let retry_after = Some(seconds);
        let body = "{\"detail\":\"Request was throttled.\"}".to_owned();
        Self {
            status: 429,
            retry_after,
            body,
        }
    }
}

/// Lets a fake answer while somebody talks to it, who is given the start of its URLs.
pub(super) async fn serve<T>(
    mut fake: impl Fake,
    talk: impl AsyncFnOnce(String, Keeper) -> T,
) -> T {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let (sender, mut wanted) = mpsc::channel(1);
    let answering = async {
        loop {
            tokio::select! {
                accepted = listener.accept() => answer(&mut fake, accepted.unwrap().0).await,
                Some(sender) = wanted.recv() => {
                    let sender: oneshot::Sender<_> = sender;
                    let _ = sender.send(fake.texts());
                }
            }
        }
    };
    tokio::select! {
        () = answering => unreachable!(),
        said = talk(base, Keeper(sender)) => said,
    }
}

async fn answer(fake: &mut impl Fake, mut stream: TcpStream) {
    let asked = Asked::read(&mut stream).await;
    let answer = fake.answer(&asked);
    let wait = answer
        .retry_after
        .map(|seconds| format!("retry-after: {seconds}\r\n"));
    let text = format!(
        "HTTP/1.1 {} x\r\ncontent-length: {}\r\n{}\r\n{}",
        answer.status,
        answer.body.len(),
        wait.unwrap_or_default(),
        answer.body
    );
    stream.write_all(text.as_bytes()).await.unwrap();
}
