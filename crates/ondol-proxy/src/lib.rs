//! The request path: accept, TLS and SNI, choose a site, and forward or serve.
//!
//! It knows nothing of the store, of issuers, of processes, or of configuration text: it is given
//! sockets and a [`Snapshot`], and gives counters and failures.
//!
//! A request's way is `answer.rs`, which reads as the list of its phases. What is around it:
//! `data_plane.rs` (the owner's view) → `worker.rs` (one thread) → `accept.rs`, `http.rs` (one
//! connection) → `answer.rs` (one request) → `upstream.rs`, `files.rs`, `redirect.rs`, `respond.rs` (its target).

mod abuse;
mod accept;
mod access_log;
mod admission;
mod answer;
mod arrival;
mod body;
mod certificates;
mod client_auth;
mod client_hello;
mod connection;
mod counters;
mod data_plane;
mod error_page;
mod failure;
mod files;
mod handshakes;
mod headers;
mod http;
mod http2_frames;
mod passthrough;
mod proxy_header;
mod proxy_protocol;
mod redirect;
mod refusal;
mod request_id;
mod respond;
mod shortage;
mod snapshot;
mod tls;
mod tunnel;
mod upstream;
mod via;
mod view;
mod visit;
mod visitor_stream;
mod worker;

pub use certificates::CertificateEntry;
pub use certificates::CertificateError;
pub use certificates::Certificates;
pub use certificates::KeyPair;
pub use counters::Counters;
pub use data_plane::DataPlane;
pub use data_plane::Failures;
pub use data_plane::Protocol;
pub use data_plane::ServeFailure;
pub use data_plane::Socket;
pub use snapshot::Snapshot;
