//! A connection before HTTP: it is let in or closed, and its TLS handshake is done.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use ondol_base::tasks;
use ondol_model::listen::Preface;
use ondol_model::plan::Scheme;
use rustls::ServerConfig;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::abuse::Abuse;
use crate::admission::Place;
use crate::client_auth::ClientIdentity;
use crate::client_auth::Guard;
use crate::client_hello;
use crate::client_hello::Hello;
use crate::connection::Connection;
use crate::connection::ConnectionState;
use crate::connection::Speaks;
use crate::data_plane::Protocol;
use crate::http;
use crate::passthrough;
use crate::passthrough::Passage;
use crate::proxy_header;
use crate::proxy_header::HeaderError;
use crate::proxy_header::Introduction;
use crate::proxy_protocol::Told;
use crate::tls;
use crate::visitor_stream::VisitorStream;
use crate::worker::Worker;

/// How visitors come in by a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arrival {
    pub(crate) protocol: Protocol,
    pub(crate) preface: Preface,
}

/// Lets a connection in, or closes it.
pub(crate) fn admit(worker: &Rc<Worker>, stream: TcpStream, peer: SocketAddr, arrival: Arrival) {
    let is_trusted = worker.view().trusts(peer.ip());
    if arrival.preface == Preface::ProxyProtocol && !is_trusted {
        worker.refuse_stranger(
            peer,
            "it came to a listener for proxies (`proxy_protocol`), and is none of `trusted_proxies`",
        );
        return;
    }
    let state = Rc::new(ConnectionState::new(Rc::clone(&worker.ledger)));
    if worker.connections.is_full() {
        let max = worker.connections.max();
        let why = format!("there was no room for another visitor (a core may have {max})");
        if worker.make_room(&why) == 0 {
            worker.counters.shed.add(1);
            return;
        }
    }
    let counted = Some(peer.ip()).filter(|_| !is_trusted);
    let Some(place) = worker.connections.admit(counted, &state) else {
        worker.counters.shed.add(1);
        worker.abused_by(peer.ip(), Abuse::Connections);
        return;
    };
    worker.counters.connections.add(1);
    worker.counters.connections_total.add(1);
    let mut presence = Presence {
        worker: Rc::clone(worker),
        place,
    };
    // Dropping the handle leaves the task running; its place among the connections owns it.
    drop(tasks::spawn_local(async move {
        let serving = pin!(serve(&mut presence, &state, stream, peer, arrival));
        state.until_closed(serving).await;
    }));
}

/// Counts a connection until its task ends, however it does.
struct Presence {
    worker: Rc<Worker>,
    place: Place,
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.worker.connections.leave(&self.place);
        self.worker.counters.connections.subtract(1);
    }
}

async fn serve(
    presence: &mut Presence,
    state: &Rc<ConnectionState>,
    mut stream: TcpStream,
    peer: SocketAddr,
    arrival: Arrival,
) {
    if stream.set_nodelay(true).is_err() {
        return; // The visitor has left already.
    }
    let came = match arrival.preface {
        Preface::None => Some(Came::by_itself(peer)),
        Preface::ProxyProtocol => Box::pin(introduced(presence, &mut stream, peer)).await,
    };
    let Some(came) = came else { return };
    let connection = Connection {
        local: local(&presence.worker, &stream, came.destination),
        worker: Rc::clone(&presence.worker),
        state: Rc::clone(state),
        peer: came.peer,
        introduction: came.introduction,
        peer_text: came.peer.ip().to_string().into_boxed_str(),
        scheme: Scheme::Http,
        tls_version: None,
        server_name: None,
        guard: None,
        client: None,
    };
    // What a handshake needs is given up before the first request: a connection may live for long.
    let ready = match arrival.protocol {
        Protocol::Http => Some(Ready {
            stream: VisitorStream::plain(stream, Rc::clone(state)),
            speaks: Speaks::Http1,
            connection,
        }),
        Protocol::Https => Box::pin(https(connection, stream, came.destination)).await,
    };
    let Some(ready) = ready else { return };
    let connection = Rc::new(ready.connection);
    match ready.speaks {
        Speaks::Http1 => http::http1(connection, ready.stream).await,
        Speaks::Http2 => http::http2(connection, ready.stream).await,
    }
}

/// The address that was visited; asked for only where an upstream is told, because that is a system call.
fn local(
    worker: &Worker,
    stream: &TcpStream,
    destination: Option<SocketAddr>,
) -> Option<SocketAddr> {
    if !worker.view().tells_visitors {
        return None;
    }
    let local = destination.or_else(|| stream.local_addr().ok())?;
    Some(SocketAddr::new(local.ip().to_canonical(), local.port()))
}

/// A connection on which requests are to come.
struct Ready {
    connection: Connection,
    stream: VisitorStream,
    speaks: Speaks,
}

/// Who comes on a connection.
struct Came {
    peer: SocketAddr,
    introduction: Introduction,
    /// The address that was visited, where the connection does not know it itself.
    destination: Option<SocketAddr>,
}

impl Came {
    fn by_itself(peer: SocketAddr) -> Self {
        Self {
            peer,
            introduction: Introduction::None,
            destination: None,
        }
    }
}

/// Whom a trusted proxy introduces; `None` when the connection is to be closed.
async fn introduced(
    presence: &mut Presence,
    stream: &mut TcpStream,
    proxy: SocketAddr,
) -> Option<Came> {
    let worker = &presence.worker;
    match proxy_header::read(stream).await {
        Ok(Told::Visitor {
            source,
            destination,
        }) => {
            let is_visitor = !worker.view().trusts(source.ip());
            let connections = &worker.connections;
            if is_visitor && !connections.count_visitor(&mut presence.place, source.ip()) {
                worker.counters.shed.add(1);
                worker.abused_by(source.ip(), Abuse::Connections);
                return None;
            }
            Some(Came {
                peer: source,
                introduction: Introduction::Named,
                destination: Some(destination),
            })
        }
        Ok(Told::Nobody) => Some(Came {
            introduction: Introduction::Nameless,
            ..Came::by_itself(proxy)
        }),
        // A proxy that only looks whether someone listens.
        Err(HeaderError::Broken(_)) => None,
        Err(error @ (HeaderError::Missing(_) | HeaderError::Late)) => {
            worker.refuse_stranger(proxy, &error.to_string());
            None
        }
    }
}

/// The handshake, or all of a connection that is passed on to another machine; `None` when it has ended.
async fn https(
    connection: Connection,
    mut stream: TcpStream,
    destination: Option<SocketAddr>,
) -> Option<Ready> {
    let view = connection.worker.view();
    let config = &connection.worker.tls;
    let certificates = &view.snapshot.certificates;
    let config = tls::for_visitors_of(&stream, destination, config, certificates);
    let names_decide = view.names_decide;
    drop(view); // A handshake takes as long as the visitor wants.
    if stream.readable().await.is_err() {
        return None; // The visitor has left already.
    }
    connection.state.handshake_begins();
    let (mut hello, mut guard) = (Hello::default(), None);
    if names_decide || connection.worker.challenges.has_certificates() {
        let Ok(read) = client_hello::read(&mut stream).await else {
            return None; // The visitor has left again.
        };
        hello = read;
        let name = hello.name.as_deref();
        let challenges = &connection.worker.challenges;
        let shown = name.filter(|_| hello.is_issuers);
        if let Some(config) = shown.and_then(|name| challenges.certificate(name)) {
            Box::pin(show_issuer(connection, stream, hello, config)).await;
            return None;
        }
        let view = connection.worker.view();
        if let Some((site, to)) = name.and_then(|name| view.passed_to(name)) {
            let passage = Passage {
                site: view.site_name(site).into(),
                to: Rc::clone(to),
                hello: hello.bytes.freeze(),
                destination,
            };
            drop(view);
            passthrough::run(connection, stream, passage).await;
            return None;
        }
        guard = name.and_then(|name| view.guard_of_name(name)).cloned();
    }
    connection.worker.handshakes.turn().await;
    let config = match &guard {
        None => Some(config),
        Some(guard) => guard.config.clone(),
    };
    let stream = match handshake(config, stream, &hello).await {
        Ok(stream) => stream,
        Err(error) => {
            connection.worker.counters.handshakes_failed.add(1);
            if let Some(guard) = guard {
                guard.tell_of_refused(&connection, &error);
            }
            return None;
        }
    };
    Some(secured(connection, stream, guard))
}

/// Shows an issuer the certificate that it looks for. That is all it came for (RFC 8737 §3).
async fn show_issuer(
    connection: Connection,
    stream: TcpStream,
    hello: Hello,
    config: Arc<ServerConfig>,
) {
    let worker = &connection.worker;
    worker.handshakes.turn().await;
    match handshake(Some(config), stream, &hello).await {
        Ok(mut stream) => {
            let (name, issuer) = (hello.name.as_deref(), connection.peer.ip());
            tracing::debug!(name, %issuer, "a challenge was answered in a handshake");
            let _ = stream.shutdown().await; // It may have left already.
        }
        Err(_) => worker.counters.handshakes_failed.add(1),
    }
}

/// A connection after its handshake; `guard` is that of the site that it asked for.
fn secured(
    connection: Connection,
    stream: TlsStream<TcpStream>,
    guard: Option<Arc<Guard>>,
) -> Ready {
    let (_, session) = stream.get_ref();
    let asked_for = session.server_name().and_then(ondol_model::host::authority);
    let shown = session.peer_certificates().and_then(<[_]>::first);
    let client = shown.map(ClientIdentity::new);
    let server_name = asked_for.map(|(name, _)| name.into_owned().into_boxed_str());
    let speaks = if session.alpn_protocol() == Some(b"h2") {
        Speaks::Http2
    } else {
        Speaks::Http1
    };
    connection.state.handshake_done(speaks);
    if speaks == Speaks::Http2 {
        // A drain may have begun during the handshake.
        connection.state.tell(connection.worker.order.get());
    }
    let tls_version = session.protocol_version();
    let connection = Connection {
        scheme: Scheme::Https,
        tls_version,
        server_name,
        guard,
        client,
        ..connection
    };
    Ready {
        stream: VisitorStream::tls(stream, Rc::clone(&connection.state)),
        speaks,
        connection,
    }
}

/// The handshake, of which a part may have been read already. Without a config nobody is let in.
async fn handshake(
    config: Option<Arc<ServerConfig>>,
    stream: TcpStream,
    hello: &Hello,
) -> io::Result<TlsStream<TcpStream>> {
    let config = config.ok_or(io::ErrorKind::PermissionDenied)?;
    let mut given_back = Ok(());
    let mut accepting = TlsAcceptor::from(config).accept_with(stream, |session| {
        given_back = hello.give_back(session);
    });
    if let Err(error) = given_back {
        // It would wait for more of what it refuses; what it says to that is written before.
        std::future::poll_fn(|cx| {
            let _ = Pin::new(&mut accepting).poll(cx);
            Poll::Ready(())
        })
        .await;
        return Err(error);
    }
    accepting.await
}
