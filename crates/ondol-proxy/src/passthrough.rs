//! TLS connections that are passed on to another machine as they come, by the name that they ask for.
//!
//! There is no request to log here: they are counted, and what fails is told.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use bytes::Bytes;
use ondol_base::chain::Chain;
use ondol_model::limits;
use ondol_model::plan::Passthrough;
use ondol_model::plan::ProxyVersion;
use ondol_model::upstream::Upstream;
use tokio::net::TcpStream;

use crate::connection::Connection;
use crate::counters::Open;
use crate::proxy_protocol;
use crate::tunnel;
use crate::tunnel::Tunnel;
use crate::tunnel::TunnelKind;
use crate::upstream::Connector;
use crate::upstream::UpstreamStream;
use crate::visitor_stream::VisitorStream;

/// Where a site's connections are passed on to, of one worker.
#[derive(Debug)]
pub(crate) struct PassedTo {
    to: Vec<Upstream>,
    proxy_protocol: Option<ProxyVersion>,
    /// Whose turn it is.
    turn: Cell<usize>,
    connector: Connector,
}

/// A connection that is to be passed on.
#[derive(Debug)]
pub(crate) struct Passage {
    /// The site's main name.
    pub(crate) site: Box<str>,
    pub(crate) to: Rc<PassedTo>,
    /// What the visitor has sent.
    pub(crate) hello: Bytes,
    /// The address that was visited, where the connection does not know it itself.
    pub(crate) destination: Option<SocketAddr>,
}

impl PassedTo {
    pub(crate) fn new(passthrough: &Passthrough, connector: Connector) -> Self {
        let Passthrough {
            tls,
            proxy_protocol,
        } = passthrough;
        Self {
            to: tls.iter().map(|to| to.upstream()).collect(),
            proxy_protocol: *proxy_protocol,
            turn: Cell::new(0),
            connector,
        }
    }

    /// A connection to the next machine that can be reached.
    async fn connect(&self) -> io::Result<UpstreamStream> {
        let first = self.turn.get();
        self.turn.set(first.wrapping_add(1));
        let mut failed = io::Error::from(io::ErrorKind::NotConnected);
        for step in 0..self.to.len() {
            let next = first.wrapping_add(step) % self.to.len();
            let connecting = self.connector.connect(&self.to[next], None);
            match tokio::time::timeout(limits::UPSTREAM_CONNECT, connecting).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => failed = error,
                Err(_) => failed = io::ErrorKind::TimedOut.into(),
            }
        }
        Err(failed)
    }

    /// The header that stands in front of a visitor's bytes.
    fn header(&self, source: SocketAddr, destination: SocketAddr) -> Vec<u8> {
        match self.proxy_protocol {
            None => Vec::new(),
            Some(ProxyVersion::One) => proxy_protocol::v1(source, destination),
            Some(ProxyVersion::Two) => proxy_protocol::v2(source, destination),
        }
    }
}

/// Passes a connection on until both sides have ended it.
pub(crate) async fn run(connection: Connection, stream: TcpStream, passage: Passage) {
    let Passage {
        site,
        to,
        hello,
        destination,
    } = passage;
    let worker = &connection.worker;
    connection.state.is_passed_on();
    worker.counters.passed_through.add(1);
    let _presence = (
        Open::new(worker, |counters| &counters.tunnels),
        Open::new(worker, |counters| &counters.passing),
    );
    let upstream = match to.connect().await {
        Ok(upstream) => upstream,
        Err(error) => {
            if worker.may_warn() {
                let why = Chain(&error);
                tracing::warn!(%site, "a connection was closed, because no machine that it could be passed on to was reached: {why}. See whether the machines of `passthrough` are on");
            }
            return;
        }
    };
    let Some(destination) = destination.or_else(|| stream.local_addr().ok()) else {
        return; // The visitor has left.
    };
    let destination = SocketAddr::new(destination.ip().to_canonical(), destination.port());
    let mut first = to.header(connection.peer, destination);
    first.extend_from_slice(&hello);
    drop((to, hello));
    let visitor = VisitorStream::plain(stream, Rc::clone(&connection.state));
    let tunnel = Tunnel {
        upstream,
        from_upstream: Bytes::new(),
        in_flight: None,
        in_app: None,
        kind: TunnelKind::Other,
    };
    // What breaks off is the business of its two ends; nobody is left to tell.
    let _ = tunnel::run(visitor, first.into(), tunnel).await;
}
