//! An echo request (ICMP), where the system lets this process send one (`net.ipv4.ping_group_range`).

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::Domain;
use socket2::Protocol;
use socket2::Socket;
use socket2::Type;
use tokio::net::UdpSocket;
use tokio::time::timeout;

const TRIES: u8 = 2;
const ANSWER: Duration = Duration::from_secs(1);
/// The types of the messages (RFC 792, RFC 4443); the kernel fills in the checksum and the identifier.
const ECHO_V4: (u8, u8) = (8, 0);
const ECHO_V6: (u8, u8) = (128, 129);

/// Whether a machine answers; not when nobody may ask.
pub(super) async fn answers(address: SocketAddr) -> bool {
    let Ok(socket) = open(address) else {
        return false;
    };
    for number in 0..TRIES {
        if echo(&socket, address, number).await.unwrap_or(false) {
            return true;
        }
    }
    false
}

fn open(address: SocketAddr) -> io::Result<UdpSocket> {
    let (domain, protocol) = match address {
        SocketAddr::V4(_) => (Domain::IPV4, Protocol::ICMPV4),
        SocketAddr::V6(_) => (Domain::IPV6, Protocol::ICMPV6),
    };
    let socket = Socket::new(domain, Type::DGRAM.nonblocking(), Some(protocol))?;
    socket.connect(&address.into())?;
    UdpSocket::from_std(socket.into())
}

async fn echo(socket: &UdpSocket, address: SocketAddr, number: u8) -> io::Result<bool> {
    let (request, reply) = match address {
        SocketAddr::V4(_) => ECHO_V4,
        SocketAddr::V6(_) => ECHO_V6,
    };
    socket.send(&[request, 0, 0, 0, 0, 0, 0, number]).await?;
    let mut answer = [0; 64];
    match timeout(ANSWER, socket.recv(&mut answer)).await {
        Ok(length) => Ok(length? > 0 && answer[0] == reply),
        Err(_) => Ok(false),
    }
}
