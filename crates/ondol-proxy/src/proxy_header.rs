//! Takes the PROXY header off a connection, and not a byte more.

use std::io;

use ondol_model::limits;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::connection::Connection;
use crate::proxy_protocol;
use crate::proxy_protocol::HEADER_MAX;
use crate::proxy_protocol::NoHeader;
use crate::proxy_protocol::Progress;
use crate::proxy_protocol::Told;
use crate::view::View;

/// Who says whose connection it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Introduction {
    /// Nobody: it is the peer's own.
    None,
    /// A trusted proxy, by a header in front of it.
    Named,
    /// A trusted proxy, which names nobody: whoever it is must not be believed as the proxy is.
    Nameless,
}

impl Connection {
    /// Whether the peer's word about visitors is believed.
    pub(crate) fn is_trusted(&self, view: &View) -> bool {
        self.introduction != Introduction::Nameless && view.trusts(self.peer.ip())
    }
}

/// Why a connection was not introduced.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HeaderError {
    /// It begins with something else.
    #[error("it did not begin with a PROXY header")]
    Missing(#[from] NoHeader),
    /// It never came whole.
    #[error("its PROXY header did not come in time")]
    Late,
    /// The connection broke.
    #[error("it broke off in its PROXY header")]
    Broken(#[from] io::Error),
}

/// Reads the header. What follows it stays in the socket, for whoever reads next.
pub(crate) async fn read(stream: &mut TcpStream) -> Result<Told, HeaderError> {
    let reading = tokio::time::timeout(limits::PROXY_HEADER, read_header(stream));
    reading.await.unwrap_or(Err(HeaderError::Late))
}

async fn read_header(stream: &mut TcpStream) -> Result<Told, HeaderError> {
    let mut header = vec![0; HEADER_MAX];
    let mut taken = 0;
    loop {
        let seen = taken + stream.peek(&mut header[taken..]).await?;
        if seen == taken {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        let (told, end) = match proxy_protocol::parse(&header[..seen])? {
            Progress::Whole(told, end) => (Some(told), end),
            Progress::Partial(_) => (None, seen), // All of it belongs to the header.
        };
        stream.read_exact(&mut header[taken..end]).await?;
        taken = end;
        if let Some(told) = told {
            return Ok(told);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_header_that_does_not_come_whole_is_late() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        for begun in [&b""[..], b"PROXY TCP4 192.0.2.7"] {
            let proxy = TcpStream::connect(address).await.expect("a connection");
            assert_eq!(proxy.try_write(begun).expect("room"), begun.len());
            let (mut stream, _) = listener.accept().await.expect("the same");
            let told = read(&mut stream).await;
            assert!(matches!(told, Err(HeaderError::Late)), "{told:?}");
        }
    }
}
