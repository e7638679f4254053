//! Makes connections to upstreams: as many as there may be, over TCP or a Unix socket, with the header
//! of the PROXY protocol and TLS where the plan asks for them.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use ondol_model::plan::ProxyVersion;
use ondol_model::upstream::Address;
use ondol_model::upstream::HttpVersion;
use ondol_model::upstream::Upstream;
use socket2::SockRef;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::UnixStream;
use tokio::time::Duration;

use super::stream::Leases;
use super::stream::Transport;
use super::stream::UpstreamStream;
use super::tls::UpstreamTls;
use crate::proxy_protocol;

/// How long until an upstream whose queue was full is asked again.
const QUEUE_PAUSE: Duration = Duration::from_millis(5);

/// A connection of HTTP/2 on which nobody acknowledges anything for so long has ended. It is shared: where the
/// machine at its other end has vanished, requests whose visitors leave early would be sent on it for a quarter
/// of an hour.
const UNHEARD_MAX: Duration = Duration::from_secs(30);

/// What all pools of a worker connect with. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Connector {
    leases: Leases,
    tls: Rc<RefCell<Arc<UpstreamTls>>>,
}

/// Both ends of a visitor's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct VisitorEnds {
    /// Where the visitor is.
    pub(crate) from: SocketAddr,
    /// What was visited.
    pub(crate) to: SocketAddr,
}

impl Connector {
    /// One that has at most so many connections open.
    pub(crate) fn new(connections_max: usize) -> Self {
        Self {
            leases: Leases::new(connections_max),
            tls: Rc::default(),
        }
    }

    /// Connects with this from now on.
    pub(crate) fn replace_tls(&self, tls: &Arc<UpstreamTls>) {
        *self.tls.borrow_mut() = Arc::clone(tls);
    }

    /// Connects; names are looked up each time, so that a moved server is found. It may wait for
    /// ever, so the caller sets a time. `QuotaExceeded` when there are as many as there may be.
    pub(crate) async fn connect(
        &self,
        upstream: &Upstream,
        visitor: Option<VisitorEnds>,
    ) -> io::Result<UpstreamStream> {
        let lease = self.leases.take()?;
        let introduction = upstream
            .proxy_protocol
            .map(|version| introduction(version, visitor));
        let transport = match &upstream.address {
            Address::Tcp { host, port } => {
                let mut stream = TcpStream::connect((host.as_str(), *port)).await?;
                stream.set_nodelay(true)?;
                if upstream.http == HttpVersion::Two {
                    SockRef::from(&stream).set_tcp_user_timeout(Some(UNHEARD_MAX))?;
                }
                if let Some(introduction) = introduction {
                    stream.write_all(&introduction).await?;
                }
                self.secure(upstream, stream).await?
            }
            Address::Unix(path) => loop {
                match UnixStream::connect(path).await {
                    // Unlike TCP, a Unix socket whose queue is full refuses at once.
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        tokio::time::sleep(QUEUE_PAUSE).await;
                    }
                    connected => {
                        let mut stream = connected?;
                        if let Some(introduction) = &introduction {
                            stream.write_all(introduction).await?;
                        }
                        break Transport::Unix(stream);
                    }
                }
            },
        };
        Ok(UpstreamStream::new(transport, lease))
    }

    async fn secure(&self, upstream: &Upstream, stream: TcpStream) -> io::Result<Transport> {
        if upstream.tls.is_none() {
            return Ok(Transport::Tcp(stream));
        }
        let tls = Arc::clone(&self.tls.borrow());
        let stream = Box::pin(tls.shake_hands(upstream, stream)).await?;
        Ok(Transport::Tls(Box::new(stream)))
    }
}

/// The header for a visitor, or for a connection that is nobody's.
fn introduction(version: ProxyVersion, visitor: Option<VisitorEnds>) -> Vec<u8> {
    match (version, visitor) {
        (ProxyVersion::One, Some(VisitorEnds { from, to })) => proxy_protocol::v1(from, to),
        (ProxyVersion::Two, Some(VisitorEnds { from, to })) => proxy_protocol::v2(from, to),
        (ProxyVersion::One, None) => b"PROXY UNKNOWN\r\n".to_vec(),
        (ProxyVersion::Two, None) => b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0".to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_shared_connection_to_a_machine_that_vanished_ends_soon() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        for (scheme, expected) in [("h2c", Some(UNHEARD_MAX)), ("http", None)] {
            let upstream = Upstream::parse(&format!("{scheme}://{address}")).unwrap();
            let stream = Connector::new(1).connect(&upstream, None).await.unwrap();
            let Transport::Tcp(stream) = stream.transport() else {
                panic!("{stream:?}")
            };
            let unheard_max = SockRef::from(stream).tcp_user_timeout().unwrap();
            assert_eq!(unheard_max, expected, "{scheme}");
        }
    }
}
