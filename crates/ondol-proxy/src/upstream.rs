//! Our own HTTP/1.1 client to the servers behind a site.
//!
//! Connections are pooled per worker and upstream, belong to no task, and are polled inside the
//! request that uses them: one buffer, one write, one read for the common exchange.

mod ask;
mod attempts;
mod changes;
mod chunked;
mod exchange;
mod forward;
#[cfg(test)]
mod fuzz;
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
mod watched;

pub(crate) use ask::Question;
pub(crate) use ask::ask;
pub(crate) use changes::Changes;
pub(crate) use forward::Asked;
pub(crate) use forward::Forwarded;
pub(crate) use forward::Outgoing;
pub(crate) use forward::forward;
pub(crate) use max_forwards::left as forwards_left;
pub(crate) use news::Known;
pub use news::ServerState;
pub(crate) use pool::Pool;
pub(crate) use prober::Prober;
pub(crate) use request_head::Forwarding;
pub(crate) use request_head::Peer;
pub(crate) use response_body::UpstreamBody;
pub(crate) use servers::Servers;
pub(crate) use stream::Leases;
pub(crate) use stream::UpstreamStream;
pub(crate) use watched::InFlight;
pub(crate) use watched::Watch;
