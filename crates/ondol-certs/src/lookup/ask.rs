//! One question to name servers: over UDP, and over TCP when the answer is too long (RFC 7766 §5).

use std::io;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::time::Duration;

use hickory_proto::op::Edns;
use hickory_proto::op::Message;
use hickory_proto::op::Query;
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::Name;
use hickory_proto::rr::RecordType;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::UdpSocket;

use super::LookupError;
use super::answer::Answer;
use super::text_of;

/// How long each try waits: 5 s in all. A name server that took longer has the answer at the next try.
const TRIES: [Duration; 3] = [
    Duration::from_millis(1000),
    Duration::from_millis(1500),
    Duration::from_millis(2500),
];
/// The longest answer over UDP that is asked for: what no network cuts in pieces.
const UDP_BYTES_MAX: u16 = 1232;

/// Whether the name server is to ask others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recursion {
    Wanted,
    Unwanted,
}

/// Asks the name servers in turn until one says whether the name exists, at most three times.
pub(super) async fn ask(
    servers: &[SocketAddr],
    name: &Name,
    kind: RecordType,
    recursion: Recursion,
) -> Result<Answer, LookupError> {
    let mut question = question(name, kind, recursion);
    let mut error = None;
    for (wait, server) in TRIES.into_iter().zip(servers.iter().cycle()) {
        let answer = tokio::time::timeout(wait, exchange(*server, &question)).await;
        let message = match answer {
            Ok(Ok(message)) => message,
            Ok(Err(source)) => {
                error.get_or_insert(unreachable(name, *server, source));
                continue;
            }
            Err(_) => continue,
        };
        match message.metadata.response_code {
            // It may not know EDNS (RFC 6891 §7).
            ResponseCode::FormErr | ResponseCode::NotImp => question.edns = None,
            _ => {}
        }
        let code = message.metadata.response_code;
        match Answer::new(message) {
            Some(answer) => return Ok(answer),
            None => error = Some(refused(name, kind, *server, code)),
        }
    }
    Err(error.unwrap_or_else(|| LookupError::TimedOut {
        name: text_of(name),
        servers: servers
            .iter()
            .take(TRIES.len())
            .map(SocketAddr::to_string)
            .collect::<Vec<_>>()
            .join(", "),
    }))
}

fn question(name: &Name, kind: RecordType, recursion: Recursion) -> Message {
    let mut message = Message::query();
    message.metadata.recursion_desired = recursion == Recursion::Wanted;
    message.add_query(Query::query(name.clone(), kind));
    let mut edns = Edns::new();
    edns.set_max_payload(UDP_BYTES_MAX);
    message.set_edns(edns);
    message
}

async fn exchange(server: SocketAddr, question: &Message) -> io::Result<Message> {
    let bytes = question.to_vec().map_err(io::Error::other)?;
    let answer = over_udp(server, question, &bytes).await?;
    if answer.metadata.truncation {
        return over_tcp(server, question, &bytes).await;
    }
    Ok(answer)
}

async fn over_udp(server: SocketAddr, question: &Message, bytes: &[u8]) -> io::Result<Message> {
    let socket = udp_socket(server).await?;
    socket.send(bytes).await?;
    let mut buffer = vec![0; usize::from(u16::MAX)];
    loop {
        let length = socket.recv(&mut buffer).await?;
        // What is no answer to the question may be a forgery, and is as if it had not come.
        if let Some(answer) = answer_to(question, &buffer[..length]) {
            return Ok(answer);
        }
    }
}

/// A socket that can only speak with this server. An error when no way leads there; nothing is sent.
pub(super) async fn udp_socket(server: SocketAddr) -> io::Result<UdpSocket> {
    let any: SocketAddr = match server {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(server).await?;
    Ok(socket)
}

async fn over_tcp(server: SocketAddr, question: &Message, bytes: &[u8]) -> io::Result<Message> {
    let answer = exchange_over_tcp(server, bytes).await?;
    answer_to(question, &answer).ok_or_else(|| io::Error::other("its answer can't be understood"))
}

/// A message and its answer, each behind its length (RFC 1035 §4.2.2).
pub(crate) async fn exchange_over_tcp(server: SocketAddr, message: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(message.len()).map_err(io::Error::other)?;
    let framed = [&length.to_be_bytes(), message].concat();
    stream.write_all(&framed).await?;
    let mut answer = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut answer).await?;
    Ok(answer)
}

fn answer_to(question: &Message, bytes: &[u8]) -> Option<Message> {
    let answer = Message::from_vec(bytes).ok()?;
    let is_of_question = answer.metadata.id == question.metadata.id
        && answer.metadata.message_type == hickory_proto::op::MessageType::Response
        // Some leave the question out when they could not read it.
        && (answer.queries == question.queries || answer.queries.is_empty());
    is_of_question.then_some(answer)
}

fn unreachable(name: &Name, server: SocketAddr, source: io::Error) -> LookupError {
    LookupError::Unreachable {
        name: text_of(name),
        server,
        source,
    }
}

fn refused(name: &Name, kind: RecordType, server: SocketAddr, code: ResponseCode) -> LookupError {
    let name = text_of(name);
    match code {
        ResponseCode::ServFail => LookupError::ServerFailure { name, server },
        ResponseCode::NotImp => LookupError::NotImplemented {
            name,
            server,
            kind: kind.to_string(),
        },
        code => LookupError::Refused {
            name,
            server,
            code: code.to_str().to_owned(),
        },
    }
}
