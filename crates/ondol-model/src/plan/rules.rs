//! What a site or a route asks for besides its target.

use std::time::Duration;

use super::compression::Compression;
use super::error_pages::ErrorPages;
use super::headers::HeaderRules;
use super::request_id::RequestIdHeader;
use super::security::Security;
use crate::limits;
use crate::plan::Patience;
use crate::plan::access::Access;
use crate::plan::log::SiteLog;

/// What applies to requests on their way to a target, and to answers on their way back. A route has
/// the rules of its site, with its own in their place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Who is let through.
    pub access: Access,
    /// The largest request body in bytes; more is answered with 413.
    pub body_bytes_max: u64,
    /// How long an upstream may take.
    pub timeouts: Timeouts,
    /// How slow a visitor may be.
    pub patience: Patience,
    /// Where requests are logged.
    pub log: SiteLog,
    /// Whether visitors are told the ids of their requests.
    pub request_id: RequestIdHeader,
    /// What is done to the header fields of answers.
    pub headers: HeaderRules,
    /// What is done to the header fields that an app gets.
    pub request_headers: HeaderRules,
    /// What browsers are told about safety.
    pub security: Security,
    /// How answers are compressed; `None` is not at all.
    pub compression: Option<Compression>,
    /// The owner's pages for errors.
    pub error_pages: Option<ErrorPages>,
}

impl Default for Rules {
    /// Of a site that asks for nothing.
    fn default() -> Self {
        Self {
            access: Access::default(),
            body_bytes_max: limits::BODY_BYTES_MAX,
            timeouts: Timeouts::default(),
            patience: Patience::default(),
            log: SiteLog::default(),
            request_id: RequestIdHeader::default(),
            headers: HeaderRules::default(),
            request_headers: HeaderRules::default(),
            security: Security::default(),
            compression: Some(Compression::default()),
            error_pages: None,
        }
    }
}

/// How long an upstream may take before the visitor gets an answer without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection to be made; then 504. A connection that is refused is 502 at once.
    pub connect: Duration,
    /// Until the head of the response, and between two parts of its body; then 504, or a cut.
    pub response: Duration,
    /// Until the head of the response; `None` means `response`.
    pub head: Option<Duration>,
    /// Between two parts of the body; `None` means `response`, and for a stream of events, which is quiet
    /// by nature, as long as a WebSocket may be.
    pub silence: Option<Duration>,
}

impl Timeouts {
    /// Until the head of the response.
    pub fn until_head(&self) -> Duration {
        self.head.unwrap_or(self.response)
    }

    /// Between two parts of a body.
    pub fn between_parts(&self, kind: BodyKind) -> Duration {
        match (self.silence, kind) {
            (Some(silence), _) => silence,
            (None, BodyKind::Events) => self.response.max(limits::TUNNEL_IDLE),
            (None, BodyKind::Other) => self.response,
        }
    }
}

/// What a body is, as far as its pauses are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyKind {
    /// `text/event-stream`.
    Events,
    /// Anything else.
    Other,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: limits::UPSTREAM_CONNECT,
            response: limits::UPSTREAM_RESPONSE,
            head: None,
            silence: None,
        }
    }
}
