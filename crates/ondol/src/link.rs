//! The link between the agent and a data plane: the values that travel on it, and their frames.
//!
//! A frame is a length (four bytes, big endian) and as many bytes of JSON. Every value is whole and may
//! arrive twice. A kind that the receiver does not know is ignored, so that an agent can drain a data
//! plane of another version. This file knows sockets and text, not what either side does with them.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::io;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::PathBuf;
use std::task::Context;
use std::task::Poll;
use std::task::ready;

use bytes::Buf;
use bytes::Bytes;
use bytes::BytesMut;
use ondol_model::listen::Preface;
use serde::Deserialize;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

mod apps;
mod counters;
mod own;

pub(crate) use apps::Endpoints;
pub(crate) use apps::Traffic;
pub(crate) use counters::Counters;
pub(crate) use counters::SiteCounts;
pub(crate) use counters::Sites;
pub(crate) use own::Own;
pub(crate) use own::Ping;
pub(crate) use own::TakesPings;

/// The largest frame: a configuration of 4 MiB and the certificates of some ten thousand sites.
const FRAME_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Frames that wait for a reader who does not read; one more and the link counts as broken.
const FRAMES_WAITING_MAX: usize = 64;
/// What one read of the link may take.
const READ_BYTES: usize = 64 * 1024;
const LENGTH_BYTES: usize = 4;

/// What the agent tells a data plane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[expect(
    clippy::large_enum_variant,
    reason = "the large one is the first value, and there is one of it"
)]
pub(crate) enum Down {
    /// The first value, after the sockets themselves: all that is needed to serve.
    Start(Start),
    /// A configuration that the agent accepted.
    Configuration { sequence: u64, texts: Vec<Text> },
    /// All certificates, and who issues those of visitors.
    Certificates {
        sequence: u64,
        entries: Vec<Certificate>,
        #[serde(default)]
        client_authorities: Vec<ClientAuthority>,
        #[serde(default)]
        upstream_files: UpstreamFiles,
    },
    /// What issuers are to be shown.
    Challenges(Challenges),
    /// What visitors get of each app.
    Endpoints(Endpoints),
    /// What the box answers on sites by itself. Older versions let it pass.
    Own(Own),
    /// The access log was moved away: begin a new file.
    ReopenLog,
    /// Accept nobody any more, and end when the last request has ended or the time is over.
    Drain { grace_ms: u64 },
    /// Of a later version.
    #[serde(other)]
    Unknown,
}

/// What a data plane starts with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Start {
    /// What the sockets that came before this value are for, in their order.
    pub(crate) sockets: Vec<SocketUse>,
    /// See [`Down::Configuration`].
    pub(crate) texts: Vec<Text>,
    /// See [`Down::Certificates`].
    pub(crate) certificates: Vec<Certificate>,
    /// See [`Down::Certificates`].
    #[serde(default)]
    pub(crate) client_authorities: Vec<ClientAuthority>,
    /// See [`Down::Certificates`].
    #[serde(default)]
    pub(crate) upstream_files: UpstreamFiles,
    /// What issuers are to be shown from the first visitor on.
    #[serde(default)]
    pub(crate) challenges: Challenges,
    /// What visitors get of each app from the first one on.
    #[serde(default)]
    pub(crate) endpoints: Endpoints,
    /// What the box answers on sites by itself, from the first visitor on.
    #[serde(default)]
    pub(crate) own: Own,
    /// The access log's file.
    pub(crate) access_log: PathBuf,
    /// Folders to read; nothing else of the disk is served.
    pub(crate) roots: Vec<PathBuf>,
}

/// What a socket is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)] // Visitors must not be taken in otherwise than a later agent meant.
pub(crate) struct SocketUse {
    /// Which worker accepts from it, counted from 0.
    pub(crate) worker: usize,
    /// What is spoken on it.
    pub(crate) protocol: SocketProtocol,
    /// What stands in front of each connection.
    #[serde(default)]
    pub(crate) preface: SocketPreface,
}

/// What stands in front of each connection of a socket.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SocketPreface {
    #[default]
    None,
    ProxyProtocol,
}

impl From<Preface> for SocketPreface {
    fn from(preface: Preface) -> Self {
        match preface {
            Preface::None => Self::None,
            Preface::ProxyProtocol => Self::ProxyProtocol,
        }
    }
}

impl From<SocketPreface> for Preface {
    fn from(preface: SocketPreface) -> Self {
        match preface {
            SocketPreface::None => Self::None,
            SocketPreface::ProxyProtocol => Self::ProxyProtocol,
        }
    }
}

/// What is spoken on a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SocketProtocol {
    Http,
    Https,
}

/// One file of a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Text {
    /// Its name, for messages and for paths relative to it.
    pub(crate) path: PathBuf,
    /// What is in it.
    pub(crate) text: String,
}

/// A certificate and what it is to be used for.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Certificate {
    /// Names and wildcards, as a configuration has them.
    pub(crate) names: Vec<String>,
    /// PEM.
    pub(crate) chain: String,
    /// PEM.
    pub(crate) key: String,
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            names,
            chain: _,
            key: _,
        } = self; // A key must not get into a log.
        f.debug_struct("Certificate")
            .field("names", names)
            .finish_non_exhaustive()
    }
}

/// All answers that issuers of certificates may ask for now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Challenges {
    /// See [`Up::Challenges`].
    pub(crate) sequence: u64,
    /// What is answered by HTTP, by token.
    pub(crate) http: BTreeMap<String, String>,
    /// What is shown in handshakes that ask for its name.
    pub(crate) tls_alpn: Vec<Certificate>,
}

/// Those who issue certificates to a site's visitors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ClientAuthority {
    /// The file that the configuration names.
    pub(crate) path: PathBuf,
    /// PEM.
    pub(crate) pem: String,
}

/// What TLS towards upstreams needs of the disk, as PEM.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UpstreamFiles {
    /// The authorities that the system trusts; empty when no upstream needs them.
    pub(crate) system_roots: String,
    /// The files that the configuration names, each with what is in it.
    pub(crate) named: Vec<Text>,
}

impl std::fmt::Debug for UpstreamFiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let named = self.named.iter().map(|file| &file.path);
        let named: Vec<_> = named.collect(); // Some are keys, which must not get into a log.
        f.debug_struct("UpstreamFiles")
            .field("named", &named)
            .finish_non_exhaustive()
    }
}

/// What a data plane tells the agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(crate) enum Up {
    /// It accepts visitors.
    Ready { version: String },
    /// Every worker uses the value of this number.
    Applied { sequence: u64 },
    /// Every worker shows issuers the value of this number. Older versions never say so.
    Challenges { sequence: u64 },
    /// What visitors of apps do, and which value every worker acts by. Older versions never say so.
    Traffic(Traffic),
    /// Somebody wants this app, which sleeps.
    Wake { app: String },
    /// What it counted since its start.
    Counters(Counters),
    /// What it counted of sites since its start. Older versions never say so.
    Sites(Sites),
    /// Somebody else's job reports. Older versions never say so.
    Ping(Ping),
    /// How the servers behind the sites are.
    Servers { servers: Vec<Server> },
    /// Something worth an event.
    Failure {
        event: String,
        subject: String,
        message: String,
    },
    /// Its last request has ended, or its time is over.
    Drained { cut: u64 },
    /// Of a later version.
    #[serde(other)]
    Unknown,
}

/// How a server behind a site is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Server {
    /// As the configuration has it.
    pub(crate) address: String,
    /// By their main names.
    pub(crate) sites: Vec<String>,
    /// Those that it has at the moment.
    pub(crate) requests: u32,
    /// Why it is down; `None` while it is up.
    pub(crate) trouble: Option<String>,
}

/// Why a link cannot be used any more.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    #[error("a frame of {0} bytes is larger than {FRAME_BYTES_MAX}")]
    TooLarge(usize),
    #[error("a frame is not what it should be")]
    Malformed(#[source] serde_json::Error),
    #[error("the other side does not read")]
    Stuck,
    #[error("the other side closed the link")]
    Closed,
    #[error("the link could not be used")]
    Socket(#[source] io::Error),
}

/// A value as one frame.
pub(crate) fn frame<T: Serialize>(value: &T) -> Result<Bytes, LinkError> {
    let mut frame = vec![0; LENGTH_BYTES];
    serde_json::to_writer(&mut frame, value).map_err(LinkError::Malformed)?;
    let size = frame.len() - LENGTH_BYTES;
    let length = u32::try_from(size).ok().filter(|_| size <= FRAME_BYTES_MAX);
    let length = length.ok_or(LinkError::TooLarge(size))?;
    frame[..LENGTH_BYTES].copy_from_slice(&length.to_be_bytes());
    Ok(Bytes::from(frame))
}

/// Bytes of a link that are not yet whole frames.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    buffer: BytesMut,
}

impl Frames {
    /// The next value, once all of it is there.
    pub(crate) fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, LinkError> {
        let Some(length) = self.buffer.first_chunk::<LENGTH_BYTES>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes(*length) as usize;
        if length > FRAME_BYTES_MAX {
            return Err(LinkError::TooLarge(length));
        }
        if self.buffer.len() < LENGTH_BYTES + length {
            return Ok(None);
        }
        self.buffer.advance(LENGTH_BYTES);
        let json = self.buffer.split_to(length);
        let value = serde_json::from_slice(&json).map_err(LinkError::Malformed)?;
        Ok(Some(value))
    }

    /// Adds what arrived.
    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }
}

/// One end of a link. It never waits for the other side: what cannot be written yet is kept, up to a limit.
#[derive(Debug)]
pub(crate) struct Link {
    stream: UnixStream,
    incoming: Frames,
    outgoing: VecDeque<Bytes>,
}

impl Link {
    /// Takes over a socket, and the bytes that somebody else has read from it without using them.
    pub(crate) fn new(stream: StdUnixStream, unread: &[u8]) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        let mut incoming = Frames::default();
        incoming.extend(unread);
        Ok(Self {
            stream: UnixStream::from_std(stream)?,
            incoming,
            outgoing: VecDeque::new(),
        })
    }

    /// Gives the socket back, with the bytes that were read but not used.
    pub(crate) fn into_parts(self) -> io::Result<(StdUnixStream, Vec<u8>)> {
        Ok((self.stream.into_std()?, self.incoming.buffer.to_vec()))
    }

    /// Keeps a value to be written by the following [`Link::poll_next`].
    pub(crate) fn send<T: Serialize>(&mut self, value: &T) -> Result<(), LinkError> {
        self.send_frame(frame(value)?)
    }

    /// Like [`Link::send`], for a value that a later one makes up for: it is left out while others wait, so a
    /// reader who stands still does not break the link with it.
    pub(crate) fn send_unless_behind<T: Serialize>(&mut self, value: &T) -> Result<(), LinkError> {
        if self.is_behind() {
            return Ok(());
        }
        self.send(value)
    }

    /// Whether values wait for the reader.
    pub(crate) fn is_behind(&self) -> bool {
        !self.outgoing.is_empty()
    }

    /// Like [`Link::send`], for a frame that several links get.
    pub(crate) fn send_frame(&mut self, frame: Bytes) -> Result<(), LinkError> {
        if self.outgoing.len() >= FRAMES_WAITING_MAX {
            return Err(LinkError::Stuck);
        }
        self.outgoing.push_back(frame);
        Ok(())
    }

    /// Writes what waits, and returns the next value of the other side. Loses nothing when dropped halfway.
    pub(crate) async fn next<T: DeserializeOwned>(&mut self) -> Result<T, LinkError> {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Writes what waits, until the socket has all of it. Loses nothing when dropped halfway.
    pub(crate) async fn flush(&mut self) -> Result<(), LinkError> {
        std::future::poll_fn(|cx| self.poll_flush(cx)).await
    }

    /// Writes what waits, as far as the socket takes it at once.
    pub(crate) async fn flush_some(&mut self) -> Result<(), LinkError> {
        let flushed = std::future::poll_fn(|cx| Poll::Ready(self.poll_flush(cx))).await;
        match flushed {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => Ok(()),
        }
    }

    /// See [`Link::next`].
    pub(crate) fn poll_next<T: DeserializeOwned>(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<T, LinkError>> {
        if let Poll::Ready(Err(error)) = self.poll_flush(cx) {
            return Poll::Ready(Err(error));
        }
        loop {
            if let Some(value) = self.incoming.next()? {
                return Poll::Ready(Ok(value));
            }
            ready!(self.stream.poll_read_ready(cx)).map_err(LinkError::Socket)?;
            self.incoming.buffer.reserve(READ_BYTES);
            match self.stream.try_read_buf(&mut self.incoming.buffer) {
                Ok(0) => return Poll::Ready(Err(LinkError::Closed)),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(LinkError::Socket(error))),
            }
        }
    }

    /// Writes what waits, as far as the socket takes it.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LinkError>> {
        while let Some(front) = self.outgoing.front_mut() {
            ready!(self.stream.poll_write_ready(cx)).map_err(LinkError::Socket)?;
            match self.stream.try_write(front) {
                Ok(written) => front.advance(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(error) => return Poll::Ready(Err(LinkError::Socket(error))),
            }
            if front.is_empty() {
                self.outgoing.pop_front();
            }
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests;
