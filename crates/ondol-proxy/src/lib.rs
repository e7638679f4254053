//! The request path: accept, TLS and SNI, choose a site, and forward or serve.
//!
//! It knows nothing of the store, of issuers, of processes, or of configuration text: it is given
//! sockets and a [`Snapshot`], and gives counters and failures.

mod access_log;
mod body;
mod error_page;
mod failure;
mod files;
mod request_id;
mod snapshot;

pub use snapshot::Snapshot;
