//! What is known of a request when it is over.

use std::net::IpAddr;
use std::time::Duration;
use std::time::SystemTime;

use http::Version;

use crate::request_id::ShownId;

/// A request that is over. Nothing in it needs to be clean: each format escapes what it must.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry<'a> {
    /// When its head had arrived.
    pub(crate) at: SystemTime,
    /// Who asked.
    pub(crate) client: IpAddr,
    /// The name it was let through by.
    pub(crate) user: Option<&'a [u8]>,
    /// As it was sent; empty when the request could not be read.
    pub(crate) method: &'a str,
    /// Path and query as they were sent; empty when there was none.
    pub(crate) target: &'a str,
    /// Of the request.
    pub(crate) version: Version,
    /// Of the response.
    pub(crate) status: u16,
    /// Of the response's body, as far as it was sent.
    pub(crate) body_bytes: u64,
    /// From the head's arrival to the last byte of the response.
    pub(crate) duration: Duration,
    /// The host that was asked for.
    pub(crate) host: &'a str,
    /// The main name of the site that answered; empty when there was none.
    pub(crate) site: &'a str,
    /// The path of the route that was asked, once one was found.
    pub(crate) route: Option<&'a str>,
    /// `Referer`.
    pub(crate) referer: Option<&'a [u8]>,
    /// `User-Agent`.
    pub(crate) user_agent: Option<&'a [u8]>,
    /// Also on the error page.
    pub(crate) request_id: ShownId<'a>,
    /// The upstream that was asked.
    pub(crate) upstream: Option<&'a str>,
    /// Until the upstream's head had arrived, in microseconds.
    pub(crate) upstream_us: Option<u64>,
    /// The version of TLS; `None` on plain HTTP.
    pub(crate) tls: Option<rustls::ProtocolVersion>,
    /// Who the visitor's certificate is for; `None` when it has shown none.
    pub(crate) client_certificate: Option<&'a str>,
    /// What went wrong.
    pub(crate) failure: Option<&'a str>,
}

/// The version as it stands in a request line.
pub(super) fn version_text(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 => "HTTP/0.9",
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_11 => "HTTP/1.1",
        Version::HTTP_2 => "HTTP/2.0",
        Version::HTTP_3 => "HTTP/3.0",
        _ => "HTTP/?",
    }
}
