//! Our own client to the servers behind a site: HTTP/1.1 and FastCGI are spoken here, HTTP/2 by `h2`.
//!
//! Connections are pooled per worker and upstream, belong to no task, and are polled inside the
//! request that uses them: one buffer, one write, one read for the common exchange.

mod ask;
mod asking;
mod attempts;
mod changes;
mod chunked;
mod connector;
mod exchange;
mod fastcgi;
mod forward;
#[cfg(test)]
mod fuzz;
mod gather;
mod http2;
mod max_forwards;
mod news;
mod pool;
mod prober;
mod request_body;
mod request_head;
mod response_body;
mod response_head;
mod sent;
mod servers;
mod stall;
mod stream;
mod tls;
mod upload;
mod watched;

pub(crate) use ask::Question;
pub(crate) use ask::ask;
pub(crate) use changes::Changes;
pub(crate) use connector::Connector;
pub(crate) use connector::VisitorEnds;
pub(crate) use fastcgi::FastCgiBody;
pub(crate) use fastcgi::Script;
pub(crate) use forward::Asked;
pub(crate) use forward::Forwarded;
pub(crate) use forward::Outgoing;
pub(crate) use forward::Unsent;
pub(crate) use forward::forward;
pub(crate) use http2::Http2Body;
pub(crate) use max_forwards::left as forwards_left;
pub(crate) use news::Known;
pub use news::ServerState;
pub(crate) use pool::Pool;
pub(crate) use prober::Probed;
pub(crate) use prober::Prober;
pub(crate) use request_head::Forwarding;
pub(crate) use request_head::Peer;
pub(crate) use response_body::UpstreamBody;
pub(crate) use servers::Servers;
pub(crate) use stream::UpstreamStream;
pub use tls::UpstreamFiles;
pub use tls::UpstreamTls;
pub use tls::UpstreamTlsError;
pub(crate) use watched::InFlight;
pub(crate) use watched::Watch;
