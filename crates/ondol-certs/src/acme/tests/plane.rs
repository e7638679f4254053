//! What stands where names lead: it shows what is posted on a board, as the data plane does.

use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::Mutex;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::ClientHello;
use rustls::server::ResolvesServerCert;
use rustls::sign::CertifiedKey;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use tokio::io::AsyncBufReadExt;
use tokio::io::AsyncWriteExt;
use tokio::io::BufReader;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::challenges::Board;
use crate::challenges::BoardReader;
use crate::challenges::Challenges;
use crate::entry::KeyPair;

pub(crate) struct Plane {
    pub(crate) board: Board,
    reader: BoardReader,
    http: TcpListener,
    tls: TcpListener,
    /// What was asked for, in order.
    pub(crate) asked: Mutex<Vec<String>>,
}

#[derive(Debug)]
struct Shown(watch::Receiver<Arc<Challenges>>);

impl Plane {
    /// On free ports.
    pub(crate) async fn new() -> Self {
        Self::at(Ipv4Addr::LOCALHOST, [0, 0]).await
    }

    /// On the ports for HTTP and HTTPS of an address.
    pub(crate) async fn at(address: Ipv4Addr, [http, tls]: [u16; 2]) -> Self {
        let (board, reader) = Board::new();
        Self {
            board,
            reader,
            http: TcpListener::bind((address, http)).await.unwrap(),
            tls: TcpListener::bind((address, tls)).await.unwrap(),
            asked: Mutex::default(),
        }
    }

    pub(crate) fn http_port(&self) -> u16 {
        self.http.local_addr().unwrap().port()
    }

    pub(crate) fn tls_port(&self) -> u16 {
        self.tls.local_addr().unwrap().port()
    }

    pub(crate) fn shown(&self) -> Arc<Challenges> {
        Arc::clone(&self.reader.posted.borrow())
    }

    /// Answers while something is done.
    pub(crate) fn while_it_answers<'a, T>(
        &'a self,
        work: impl Future<Output = T> + 'a,
    ) -> Pin<Box<dyn Future<Output = T> + 'a>> {
        Box::pin(async move {
            tokio::select! {
                done = work => done,
                () = self.take_up() => unreachable!(),
                () = self.answer_http() => unreachable!(),
                () = self.answer_tls() => unreachable!(),
            }
        })
    }

    async fn take_up(&self) {
        let mut posted = self.reader.posted.clone();
        loop {
            let sequence = posted.borrow_and_update().sequence;
            self.reader.shown.send_replace(sequence);
            posted.changed().await.unwrap();
        }
    }

    async fn answer_http(&self) {
        loop {
            let (stream, _) = self.http.accept().await.unwrap();
            let mut stream = BufReader::new(stream);
            let mut line = String::new();
            let Ok(1..) = stream.read_line(&mut line).await else {
                continue;
            };
            let path = line.split(' ').nth(1).unwrap_or_default();
            self.asked.lock().unwrap().push(path.to_owned());
            let token = path.strip_prefix("/.well-known/acme-challenge/");
            let answer = token.and_then(|token| self.shown().http.get(token).cloned());
            let text = match answer {
                Some(answer) => format!(
                    "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{answer}",
                    answer.len()
                ),
                None => "HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
                    .to_owned(),
            };
            // All of the head is read, or closing would reset what is sent.
            let mut rest = String::new();
            while stream.read_line(&mut rest).await.is_ok_and(|read| read > 2) {
                rest.clear();
            }
            let _ = stream.write_all(text.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    }

    async fn answer_tls(&self) {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider);
        let config = config.with_safe_default_protocol_versions().unwrap();
        let resolver = Arc::new(Shown(self.reader.posted.clone()));
        let mut config = config.with_no_client_auth().with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"acme-tls/1".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        loop {
            let (stream, _) = self.tls.accept().await.unwrap();
            self.asked.lock().unwrap().push("handshake".to_owned());
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let _ = stream.shutdown().await;
            }
        }
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let all = Arc::clone(&self.0.borrow());
        let KeyPair { chain_pem, key_pem } = all.tls_alpn.get(hello.server_name()?)?;
        let chain = CertificateDer::from_pem_slice(chain_pem.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes()).unwrap();
        let key = aws_lc_rs::sign::any_supported_type(&key).unwrap();
        Some(Arc::new(CertifiedKey::new(vec![chain], key)))
    }
}
