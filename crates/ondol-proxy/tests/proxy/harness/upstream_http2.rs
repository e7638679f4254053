//! Servers behind the proxy that speak HTTP/2: a test says what each stream answers.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use h2::RecvStream;
use h2::server;
use h2::server::SendResponse;
use http::Request;
use ondol_base::tasks;
use ondol_model::upstream::Address;
use ondol_model::upstream::HttpVersion;
use ondol_model::upstream::Upstream;
use rustls::ServerConfig;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

/// What a stream is answered with.
pub(crate) type Answering = SendResponse<Bytes>;

/// A server on a free port; it moves while its plane's runtime runs.
#[derive(Debug)]
pub(crate) struct Http2Upstream {
    listener: std::net::TcpListener,
}

/// A connection that the proxy made.
pub(crate) struct Http2Connection {
    streams: tokio::sync::mpsc::Receiver<(Request<RecvStream>, Answering)>,
    /// Ends the connection with GOAWAY, after what has begun.
    pub(crate) leave: Arc<tokio::sync::Notify>,
}

impl Http2Upstream {
    pub(crate) fn new() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self { listener }
    }

    /// Its address, for HTTP/2 without TLS.
    pub(crate) fn address(&self) -> Upstream {
        let address: SocketAddr = self.listener.local_addr().unwrap();
        let address = Address::Tcp {
            host: "127.0.0.1".to_owned(),
            port: address.port(),
        };
        Upstream {
            http: HttpVersion::Two,
            ..Upstream::from(address)
        }
    }

    /// The next connection that the proxy makes, with default settings.
    pub(crate) async fn accept(&self) -> Http2Connection {
        self.accept_with(&server::Builder::new()).await
    }

    pub(crate) async fn accept_with(&self, builder: &server::Builder) -> Http2Connection {
        Http2Connection::new(self.accept_tcp().await, builder).await
    }

    /// The same, over TLS.
    pub(crate) async fn accept_tls(&self, config: &Arc<ServerConfig>) -> Http2Connection {
        let acceptor = TlsAcceptor::from(Arc::clone(config));
        let stream = acceptor.accept(self.accept_tcp().await).await.unwrap();
        Http2Connection::new(stream, &server::Builder::new()).await
    }

    /// The next connection, before anything is said on it.
    pub(crate) async fn accept_tcp(&self) -> TcpStream {
        let listener = self.listener.try_clone().unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        listener.accept().await.unwrap().0
    }

    /// Whether the proxy has made no further connection.
    pub(crate) fn is_left_alone(&self) -> bool {
        self.listener.accept().is_err()
    }
}

impl Http2Connection {
    async fn new<S>(stream: S, builder: &server::Builder) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + 'static,
    {
        let mut connection = builder.handshake::<_, Bytes>(stream).await.unwrap();
        let (sender, streams) = tokio::sync::mpsc::channel(256);
        let leave = Arc::new(tokio::sync::Notify::new());
        let told = Arc::clone(&leave);
        drop(tasks::spawn_local(async move {
            loop {
                tokio::select! {
                    stream = connection.accept() => match stream {
                        Some(Ok(stream)) => drop(sender.send(stream).await),
                        Some(Err(_)) | None => return,
                    },
                    () = told.notified() => connection.graceful_shutdown(),
                }
            }
        }));
        Self { streams, leave }
    }

    /// The next request on it.
    pub(crate) async fn request(&mut self) -> (Request<RecvStream>, Answering) {
        self.try_request().await.expect("the connection has ended")
    }

    /// The next request on it; `None` when the proxy has ended it.
    pub(crate) async fn try_request(&mut self) -> Option<(Request<RecvStream>, Answering)> {
        self.streams.recv().await
    }
}

/// Answers 200 with this text.
pub(crate) fn reply(mut answering: Answering, text: &str) {
    let response = http::Response::new(());
    let mut stream = answering.send_response(response, false).unwrap();
    stream
        .send_data(Bytes::copy_from_slice(text.as_bytes()), true)
        .unwrap();
}

/// The whole body of a request.
pub(crate) async fn body_of(mut body: RecvStream) -> Result<Vec<u8>, h2::Error> {
    let mut whole = Vec::new();
    while let Some(data) = body.data().await {
        let data = data?;
        body.flow_control().release_capacity(data.len())?;
        whole.extend_from_slice(&data);
    }
    Ok(whole)
}
