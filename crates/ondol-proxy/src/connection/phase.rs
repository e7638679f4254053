//! The words for where a connection is in its life, and what it is told.

/// Where a connection is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Nothing has been received.
    Opening,
    /// The TLS handshake has begun.
    Handshake,
    /// Between two requests.
    Idle,
    /// Inside the head of a request.
    Head,
    /// At least one request is being answered.
    Request,
    /// Upgraded: bytes are passed both ways.
    Tunnel,
}

/// What a connection is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Carry on.
    Serve,
    /// End after what is in flight.
    Finish,
    /// End now.
    Close,
}

/// Whether an answer has been taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// All of it.
    Whole,
    /// Less than all.
    Unfinished,
}

/// How a connection's HTTP version tells bytes apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaks {
    /// Bytes between requests are the head of the next one.
    Http1,
    /// Bytes may be frames that ask for nothing.
    Http2,
}
