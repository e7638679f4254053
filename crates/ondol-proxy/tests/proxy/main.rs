//! The request path through real sockets: what visitors and upstreams see of it.
//!
//! Nothing here knows how it is done inside. Time limits of the harness are generous: they end a test
//! that hangs, and no test measures time.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends at the first thing that is not as it should be"
)]

mod harness;

mod access;
mod apps;
mod balance;
mod basic_auth;
mod bodies;
mod broken_upstreams;
mod challenges;
mod circles;
mod client_address;
mod client_certificates;
mod compression;
mod counted;
mod descriptors;
mod error_pages;
mod expect;
mod files;
mod files_beside;
mod forward_auth;
mod forwarding;
mod garbage;
mod grpc;
mod half_closed;
mod headers;
mod health;
mod hosts;
mod http2;
mod http2_floods;
mod http2_heads;
mod lifecycle;
mod limits;
mod log;
mod own;
mod passthrough;
mod php;
mod php_fpm;
mod proxy_protocol;
mod proxy_protocol_out;
mod redirects;
mod responses;
mod retries;
mod reuse;
mod rewrite;
mod slow_visitors;
mod smuggling;
mod tls;
mod upgrade;
mod upstream_http2;
mod upstream_tls;
