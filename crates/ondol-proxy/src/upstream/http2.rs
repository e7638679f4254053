//! HTTP/2 to upstreams that are asked in it: a few connections per worker and upstream, each driven by a
//! task of its own, and one stream of them per request, polled inside of the request.

mod body;
mod connections;
mod exchange;
mod head;

use tokio::time::Duration;

pub(crate) use body::Http2Body;
pub(super) use connections::Connections;
pub(super) use connections::Slot;
pub(super) use exchange::Http2Exchange;

/// Streams at once on one connection, if the upstream has nothing against it.
const STREAMS_MAX: usize = 100;
/// Connections to one upstream, of one worker. With all of them full, requests wait for a stream.
const CONNECTIONS_MAX: usize = 4;
/// What an upstream may send of one response before the visitor takes it.
const STREAM_WINDOW_BYTES: u32 = 128 * 1024;
/// The same of all streams together: visitors who take nothing never hold up the others.
const CONNECTION_WINDOW_BYTES: u32 = STREAM_WINDOW_BYTES * 100;
/// Request bytes that are kept for an upstream that is slow to take them, per stream; and as many, until
/// its answer begins, in case they must be sent again.
const SEND_BUFFER_BYTES: usize = 64 * 1024;
/// A connection without a stream is kept this long: it costs more to make than one of HTTP/1.1.
const IDLE: Duration = Duration::from_secs(60);
