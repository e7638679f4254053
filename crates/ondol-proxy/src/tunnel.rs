//! What follows an upgrade, or stands in place of TLS here: bytes passed both ways until one side ends, or nothing moves for too long.

mod farewell;
mod frames;

use std::io;

use bytes::Bytes;
use http::Response;
use http::header;
use tokio::io::AsyncWriteExt;
use tokio::io::copy_bidirectional_with_sizes;

use crate::apps::InAppTunnel;
use crate::upstream::InFlight;
use crate::upstream::UpstreamStream;
use crate::visitor_stream::VisitorStream;

/// The buffer of each direction: WebSocket messages are small, and a tunnel may be one of thousands.
const BUFFER_BYTES: usize = 8 * 1024;

/// The upstream's half of a tunnel.
#[derive(Debug)]
pub(crate) struct Tunnel {
    pub(crate) upstream: UpstreamStream,
    /// What the upstream said right behind its agreement.
    pub(crate) from_upstream: Bytes,
    /// Counts it where several servers share the requests.
    pub(crate) in_flight: Option<InFlight>,
    /// Counts it where it leads to an app, which may be stopped.
    pub(crate) in_app: Option<InAppTunnel>,
    pub(crate) kind: TunnelKind,
}

/// What is spoken in a tunnel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TunnelKind {
    /// RFC 6455.
    WebSocket,
    Other,
}

/// How a tunnel ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// By one of its two sides.
    ByItself,
    /// With its app; what was said to the visitor last is on its way.
    WithApp(VisitorStream),
}

impl TunnelKind {
    /// By an upstream's agreement to change the protocol.
    pub(crate) fn of<B>(agreement: &Response<B>) -> Self {
        let upgrade = agreement.headers().get(header::UPGRADE);
        match upgrade {
            Some(to) if to.as_bytes().eq_ignore_ascii_case(b"websocket") => Self::WebSocket,
            Some(_) | None => Self::Other,
        }
    }
}

/// Passes bytes until both sides have ended. `from_visitor` is what the visitor sent right behind
/// its request.
pub(crate) async fn run(
    mut visitor: VisitorStream,
    from_visitor: Bytes,
    tunnel: Tunnel,
) -> io::Result<Ended> {
    let Tunnel {
        mut upstream,
        from_upstream,
        in_flight: _counted,
        in_app,
        kind,
    } = tunnel;
    if let Some(in_app) = in_app {
        upstream.write_all(&from_visitor).await?;
        let ends = (visitor, upstream);
        return Box::pin(farewell::run(ends, &from_upstream, in_app, kind)).await;
    }
    visitor.write_all(&from_upstream).await?;
    visitor.flush().await?;
    upstream.write_all(&from_visitor).await?;
    copy_bidirectional_with_sizes(&mut visitor, &mut upstream, BUFFER_BYTES, BUFFER_BYTES).await?;
    Ok(Ended::ByItself)
}
