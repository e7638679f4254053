//! Asks an address, as an issuer would, for what only this box knows.

use std::io;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::time::Duration;

use aws_lc_rs::rand;
use bytes::Bytes;
use http_body_util::Empty;
use hyper::header;
use ondol_base::https::exchange::exchange;
use ondol_model::Hostname;
use socket2::Domain;
use socket2::Socket;
use socket2::Type;
use tokio::net::TcpSocket;
use tokio::net::TcpStream;

use super::judge::Http;
use crate::challenges::Board;
use crate::challenges::NotShown;
use crate::challenges::Posted;

/// How long an address may take to answer.
const ANSWER: Duration = Duration::from_secs(5);
/// How long a device of the own network may take to accept a connection.
const NEAR: Duration = Duration::from_secs(1);
/// How many routers a packet may pass to a device of the own network: one where this box is a virtual
/// machine or a container.
const NEAR_HOPS: u32 = 2;
/// Our own answer is shorter, and of others' no more is needed.
const BODY_BYTES_MAX: usize = 4096;

/// A word that this box answers with, for as long as this lives.
#[derive(Debug)]
pub(super) struct Beacon {
    path: String,
    answer: String,
    _posted: Posted,
}

impl Beacon {
    /// Posts a new word, and returns when it is shown.
    pub(super) async fn post(board: &Board) -> Result<Self, NotShown> {
        let (token, answer) = (random().ok_or(NotShown)?, random().ok_or(NotShown)?);
        let posted = board.post_http(&token, &answer).await?;
        Ok(Self {
            path: format!("/.well-known/acme-challenge/{token}"),
            answer,
            _posted: posted,
        })
    }

    /// Asks an address as if it were the host.
    pub(super) async fn fetch(&self, address: SocketAddr, host: &Hostname) -> Http {
        let answer = tokio::time::timeout(ANSWER, self.exchange(address, host)).await;
        answer.unwrap_or(Http::Silent)
    }

    async fn exchange(&self, address: SocketAddr, host: &Hostname) -> Http {
        let stream = match TcpStream::connect(address).await {
            Ok(stream) => stream,
            Err(error) => return without_connection(&error),
        };
        match self.ask(stream, host).await {
            Some(answer) => answer,
            None => Http::Unreadable,
        }
    }

    async fn ask(&self, stream: TcpStream, host: &Hostname) -> Option<Http> {
        let request = hyper::Request::get(&self.path)
            .header(header::HOST, host.as_str())
            .header(header::USER_AGENT, "Ondol (looks for itself)")
            .header(header::CONNECTION, "close")
            .body(Empty::<Bytes>::new())
            .ok()?;
        let answer = exchange(stream, request, BODY_BYTES_MAX).await;
        let (head, body) = answer.ok()?;
        let status = head.status.as_u16();
        let is_ours = |body: Bytes| body.trim_ascii() == self.answer.as_bytes();
        Some(match status {
            200 if body.is_ok_and(is_ours) => Http::Ours,
            300..400 => Http::Redirects {
                to: text(head.headers.get(header::LOCATION)),
            },
            429 | 500.. => Http::Busy { status },
            _ => Http::Other {
                status,
                server: text(head.headers.get(header::SERVER)),
                is_near: false,
            },
        })
    }
}

/// Whether something listens there.
pub(super) async fn is_open(address: SocketAddr) -> bool {
    let connecting = TcpStream::connect(address);
    matches!(tokio::time::timeout(ANSWER, connecting).await, Ok(Ok(_)))
}

/// Whether the machine at an address is at most a hop or two away: the router itself, say, which shows
/// its own page to those inside. Packets that are sent for this do not go further.
pub(super) async fn is_near(address: SocketAddr) -> bool {
    let Ok(socket) = short_lived(address.ip()) else {
        return true; // Not known.
    };
    let connecting = TcpSocket::from_std_stream(socket.into()).connect(address);
    matches!(tokio::time::timeout(NEAR, connecting).await, Ok(Ok(_)))
}

fn short_lived(address: IpAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address((address, 0).into()), Type::STREAM, None)?;
    match address {
        IpAddr::V4(_) => socket.set_ttl_v4(NEAR_HOPS)?,
        IpAddr::V6(_) => socket.set_unicast_hops_v6(NEAR_HOPS)?,
    }
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn without_connection(error: &io::Error) -> Http {
    match error.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset => Http::Refused,
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => Http::NoWay,
        io::ErrorKind::TimedOut => Http::Silent,
        _ => Http::NoWay,
    }
}

fn random() -> Option<String> {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).ok()?;
    Some(format!("{:032x}", u128::from_le_bytes(bytes)))
}

/// The beginning of a header's value that can be shown to people.
fn text(value: Option<&header::HeaderValue>) -> Option<String> {
    let text = value?.to_str().ok()?;
    let shown: String = text.chars().filter(|c| !c.is_control()).take(80).collect();
    (!shown.is_empty()).then_some(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_what_answers_at_once_and_nearby_is_near() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        assert!(is_open(address).await && is_near(address).await);
        drop(listener);
        assert!(!is_open(address).await && !is_near(address).await);
        assert_eq!(
            short_lived(address.ip()).unwrap().ttl_v4().unwrap(),
            NEAR_HOPS
        );
    }
}
