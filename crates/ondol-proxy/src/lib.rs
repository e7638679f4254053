//! The request path: accept, TLS and SNI, choose a site, and forward or serve.
//!
//! It knows nothing of the store, of issuers, of processes, or of configuration text: it is given
//! sockets and a [`Snapshot`], and gives counters and failures.
//!
//! A request's way is `answer.rs`, which reads as the list of its phases. What is around it:
//! `data_plane.rs` (the owner's view) → `worker.rs` (one thread) → `accept.rs`, `http.rs` (one
//! connection) → `answer.rs` (one request) → `upstream.rs`, `files.rs`, `redirect.rs`, `respond.rs` (its target).
//!
//! ## What attackers get
//!
//! Everything that a visitor can hold has a limit in size and in time; most of them are in
//! `ondol_model::limits`, those of one file at its top.
//!
//! | what | at most | where |
//! |---|---|---|
//! | connections: of a core, of an address | 16,384 / cores, 512 / cores; the idlest go first when there is no room | `admission.rs` |
//! | a connection without a request | TLS handshake and first byte 10 s, head 15 s, idle 120 s | `connection.rs` |
//! | the memory of a connection | 30 KiB with a head of at most 16 KiB; TLS 40 KiB more; of an answer 32 KiB and a part, see below | `http.rs` |
//! | the kernel's memory of a connection | 64 KiB of an answer beyond what is on its way | `worker.rs` |
//! | bodies sent by HTTP/2 and not taken on | 256 KiB of one, 1 MiB of a connection: no more than the visitor itself has sent | `http.rs` |
//! | answers that visitors were given and don't take | 64 MiB of a core, for moments twice that; those who have had theirs for longest lose it | `connection.rs`, `admission.rs` |
//! | a body, an answer | no limit as a whole; 60 s without a byte, 240 bytes a second on the average of 60 s of waiting (`timeouts`) | `upstream/stall.rs`, `connection.rs` |
//! | HTTP/2 frames that ask for nothing | credit for 2,000; 100 with each second; what answers earn | `connection/credit.rs` |
//! | requests that wait for an app that is not ready | 1,000 of an app, as long as the app host says; bodies stay unread, who leaves is forgotten | `apps/room.rs` |
//! | streams that are open, that are reset | 128; 20 that were not looked at yet, 200 by the server itself | `http.rs` |
//! | threads that wait for disks | 64 of a core | `worker.rs` |
//! | handshakes before other work gets its turn | 8 | `handshakes.rs` |
//! | clients that are remembered for the log | 1,024 of a core | `abuse.rs` |
//!
//! ## What is not done yet
//!
//! * New connections of an address are not limited by their rate, only by their number: behind one address
//!   there may be a company or a whole provider, and what a new connection costs (a handshake) takes turns.
//! * An HTTP/2 answer whose last part is with h2 has ended for us. Its visitor may keep it there until the
//!   connection has been idle for three minutes: 128 streams of 16 KiB (128 KiB for an answer in one piece).
//! * A visitor who is cut off for its frames sees the connection closed, not a GOAWAY: hyper can't send
//!   one with a reason.
//! * A slow head is not answered with 408; its connection is closed. It is an attack or a lost network.
//!
//! What attackers must not be able to change, rule by rule, is in [`correctness`].

mod abuse;
mod accept;
mod access_log;
mod admission;
mod answer;
mod apps;
mod arrival;
mod body;
mod certificates;
mod challenges;
mod client_auth;
mod client_hello;
mod connection;
pub mod correctness {
    #![doc = include_str!("../CORRECTNESS.md")]
}
mod counters;
mod data_plane;
mod dress;
mod error_page;
mod failure;
mod files;
mod gate;
mod handshakes;
mod headers;
mod http;
mod http2_frames;
mod own;
mod passthrough;
mod php;
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

pub use apps::Hosted;
pub use certificates::CertificateEntry;
pub use certificates::CertificateError;
pub use certificates::Certificates;
pub use certificates::KeyPair;
pub use challenges::Challenges;
pub use counters::Counters;
pub use counters::SiteCounts;
pub use data_plane::DataPlane;
pub use data_plane::Failures;
pub use data_plane::Protocol;
pub use data_plane::ServeFailure;
pub use data_plane::Socket;
pub use own::Own;
pub use own::Report;
pub use snapshot::Snapshot;
pub use upstream::ServerState;
pub use upstream::UpstreamFiles;
pub use upstream::UpstreamTls;
pub use upstream::UpstreamTlsError;
