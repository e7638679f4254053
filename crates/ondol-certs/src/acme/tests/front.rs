//! Something between Ondol and an issuer, which answers in its stead when it is told to.

use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::Mutex;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::ServerName;
use rustls_pki_types::pem::PemObject;
use tempfile::TempDir;
use tokio::io::AsyncRead;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::TlsConnector;

use super::issuers::https::believing;
use super::issuers::pebble::write_certificate;

/// What is answered to a request that begins so (`POST /order-plz`).
type Rule = (String, Answer);

/// What is done with a request.
#[derive(Debug, Clone)]
pub(super) enum Answer {
    /// This is sent; the status line and the head are part of it.
    Text(String),
    /// The issuer is asked, and this is made of its answer.
    Changed(fn(String) -> String),
}

pub(super) struct Front {
    listener: TcpListener,
    behind: Option<(SocketAddr, String)>,
    folder: TempDir,
    rules: Mutex<Vec<Rule>>,
    /// Rules that count for one request.
    once: Mutex<Vec<Rule>>,
    /// The first lines of the requests.
    pub(super) asked: Mutex<Vec<String>>,
}

impl Front {
    /// One with an issuer behind it, and the root that vouches for its TLS; without one, only what is told
    /// is answered.
    pub(super) async fn new(behind: Option<(SocketAddr, String)>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_certificate(folder.path(), "front");
        Self {
            listener: TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap(),
            behind,
            folder,
            rules: Mutex::default(),
            once: Mutex::default(),
            asked: Mutex::default(),
        }
    }

    pub(super) fn directory(&self) -> String {
        let port = self.listener.local_addr().unwrap().port();
        format!("https://localhost:{port}/dir")
    }

    pub(super) fn root(&self) -> PathBuf {
        self.folder.path().join("front.root")
    }

    /// From now on, this is what requests get that begin so.
    pub(super) fn answer(&self, request: &str, answer: Answer) {
        self.rules
            .lock()
            .unwrap()
            .insert(0, (request.to_owned(), answer));
    }

    pub(super) fn answer_text(&self, request: &str, head: &str, body: &str) {
        self.answer(request, text(head, body));
    }

    /// The next request that begins so gets this.
    pub(super) fn answer_once(&self, request: &str, head: &str, body: &str) {
        let rule = (request.to_owned(), text(head, body));
        self.once.lock().unwrap().push(rule);
    }

    /// How many of those are still to come.
    pub(super) fn unused(&self) -> usize {
        self.once.lock().unwrap().len()
    }

    /// Answers while something is done.
    pub(super) fn while_it_answers<'a, T>(
        &'a self,
        work: impl Future<Output = T> + 'a,
    ) -> Pin<Box<dyn Future<Output = T> + 'a>> {
        Box::pin(async move {
            tokio::select! {
                done = work => done,
                () = self.run() => unreachable!(),
            }
        })
    }

    async fn run(&self) {
        let acceptor = self.acceptor();
        loop {
            let (stream, _) = self.listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let Some(request) = read_request(&mut stream).await else {
                continue;
            };
            let line = request.lines().next().unwrap_or_default().to_owned();
            self.asked.lock().unwrap().push(line.clone());
            let answer = match self.rule(&line) {
                Some(Answer::Text(text)) => text,
                Some(Answer::Changed(change)) => change(self.pass_on(&request).await),
                None => self.pass_on(&request).await,
            };
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    }

    fn rule(&self, line: &str) -> Option<Answer> {
        let mut once = self.once.lock().unwrap();
        if let Some(at) = once
            .iter()
            .position(|(request, _)| line.starts_with(request))
        {
            return Some(once.remove(at).1);
        }
        let rules = self.rules.lock().unwrap();
        let rule = rules.iter().find(|(request, _)| line.starts_with(request));
        rule.map(|(_, answer)| answer.clone())
    }

    async fn pass_on(&self, request: &str) -> String {
        let Some((address, root)) = &self.behind else {
            return "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_owned();
        };
        let connector = TlsConnector::from(believing(root));
        let stream = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = connector.connect(name, stream).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // Its end is the end of the connection, however that comes.
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8(answer).unwrap()
    }

    fn acceptor(&self) -> TlsAcceptor {
        let read =
            |end: &str| std::fs::read(self.folder.path().join(format!("front.{end}"))).unwrap();
        let chain = CertificateDer::from_pem_slice(&read("pem")).unwrap();
        let key = PrivateKeyDer::from_pem_slice(&read("key")).unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider);
        let config = config.with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth();
        let config = config.with_single_cert(vec![chain], key).unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

fn text(head: &str, body: &str) -> Answer {
    let length = body.len();
    Answer::Text(format!(
        "HTTP/1.1 {head}\r\ncontent-length: {length}\r\n\r\n{body}"
    ))
}

pub(super) async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut request = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&request).to_ascii_lowercase();
        if let Some(head) = text.find("\r\n\r\n") {
            let length = text.split("content-length: ").nth(1);
            let length = length.and_then(|rest| rest.lines().next()?.parse().ok());
            let length: usize = length.unwrap_or(0);
            if request.len() >= head + 4 + length {
                return String::from_utf8(request).ok();
            }
        }
        let mut part = [0; 4096];
        match stream.read(&mut part).await {
            Ok(read @ 1..) => request.extend_from_slice(&part[..read]),
            Ok(_) | Err(_) => return None,
        }
    }
}
