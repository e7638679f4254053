//! From a name to a connection: address, TCP, TLS.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rustls::CertificateError;
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::Waits;
use super::connection::Connection;
use super::origin::Origin;
use super::patient::Patient;
use crate::target::TargetError;
use crate::target::Trouble;

/// What one address of several may take of it: where version 6 leads nowhere, version 4 gets its turn.
const CONNECT_ADDRESS: Duration = Duration::from_secs(3);
/// Addresses that are tried.
const ADDRESSES_MAX: usize = 6;
/// Bytes that the system takes ahead of the line. What it has taken looks as if it were sent: with more, a slow line
/// would look as if it stood still.
const UNSENT_BYTES_MAX: u32 = 128 * 1024;

/// A new connection.
pub(super) async fn connect(
    origin: &Origin,
    tls: Option<&TlsConnector>,
    waits: Waits,
) -> Result<Connection, TargetError> {
    let stream = Patient::new(tcp(origin).await?, waits.stall);
    let (Some(name), Some(tls)) = (origin.tls_name(), tls) else {
        return Connection::over(stream).await.map_err(|error| {
            let what = format!("the server could not be asked: {error}");
            TargetError::new(Trouble::Unreachable, what)
        });
    };
    let stream = tls.connect(name.clone(), stream).await;
    let stream = stream.map_err(|error| tls_error(origin, &error))?;
    Connection::over(stream).await.map_err(|error| {
        let what = format!("the server could not be asked: {error}");
        TargetError::new(Trouble::Unreachable, what)
    })
}

async fn tcp(origin: &Origin) -> Result<TcpStream, TargetError> {
    let unreachable = |what| TargetError::new(Trouble::Unreachable, what);
    let found = tokio::net::lookup_host((origin.host(), origin.port())).await;
    let addresses = found.map_err(|error| {
        let error = plain(&error);
        unreachable(format!(
            "the address of {} could not be looked up: {error}",
            origin.host()
        ))
    })?;
    let mut last = io::Error::other("it has no address");
    for address in by_turns(addresses.collect())
        .into_iter()
        .take(ADDRESSES_MAX)
    {
        match timeout(CONNECT_ADDRESS, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Without either only speed suffers.
                let _ = stream.set_nodelay(true);
                let _ = SockRef::from(&stream).set_tcp_notsent_lowat(UNSENT_BYTES_MAX);
                return Ok(stream);
            }
            Ok(Err(error)) => last = error,
            Err(_) => last = io::Error::new(io::ErrorKind::TimedOut, "it does not answer"),
        }
    }
    let last = plain(&last);
    Err(unreachable(format!(
        "the server could not be connected to: {last}"
    )))
}

/// The two versions of IP by turns, beginning with the one that the system prefers.
fn by_turns(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|address| address.is_ipv6() == first_is_v6);
    let mut second = second.into_iter();
    let mut turns = Vec::new();
    for address in first {
        turns.push(address);
        turns.extend(second.next());
    }
    turns.extend(second);
    turns
}

/// Why there is no TLS. A certificate that is wrong is not asked about again and again: that helps nobody, and the
/// owner is to know.
fn tls_error(origin: &Origin, error: &io::Error) -> TargetError {
    let of_tls = error.get_ref();
    let of_tls = of_tls.and_then(|error| error.downcast_ref::<rustls::Error>());
    let (trouble, why) = match of_tls {
        Some(rustls::Error::InvalidCertificate(why)) => {
            (Trouble::Refused, certificate_error(origin, why))
        }
        Some(rustls::Error::InvalidMessage(_)) => (
            Trouble::Refused,
            "the server does not speak TLS there: is its address one with http://?".to_owned(),
        ),
        Some(error) => (
            Trouble::Refused,
            format!("the server and this machine could not agree on TLS: {error}"),
        ),
        None => {
            let error = plain(error);
            let what = format!("the TLS handshake with the server broke off: {error}");
            (Trouble::Unreachable, what)
        }
    };
    TargetError::new(trouble, why)
}

fn certificate_error(origin: &Origin, why: &CertificateError) -> String {
    let host = origin.host();
    match why {
        CertificateError::UnknownIssuer => "nobody whom this machine trusts vouches for the server's certificate; where it is your own server, add its authority to those of the system (`update-ca-certificates`)".to_owned(),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("the server's certificate is not for {host}")
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the server's certificate has expired, or the clock of this machine is wrong".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "the server's certificate is not valid yet: the clock of this machine seems to be wrong".to_owned(),
        other => format!("the server's certificate can't be used: {other}"),
    }
}

/// An error of the system without its number.
pub(super) fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    text.strip_prefix("failed to lookup address information: ")
        .unwrap_or(text)
        .to_owned()
}
