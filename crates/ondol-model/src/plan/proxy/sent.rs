//! What servers get of the path and the host that a visitor asked for.

use crate::path::RoutePath;
use crate::rewrite::Rewrite;

/// The path that servers get.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum SentPath {
    /// As the visitor sent it.
    #[default]
    Original,
    /// What follows this prefix, where it is there; the prefix goes into `X-Forwarded-Prefix`.
    After(RoutePath),
    /// Another one.
    Rewritten(Rewrite),
}

/// The host that servers get. `X-Forwarded-Host` is the visitor's in any case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum SentHost {
    /// As the visitor sent it.
    #[default]
    Visitor,
    /// The address of the server that is asked.
    Upstream,
    /// This one.
    Name(String),
}

/// Whether `Via` tells servers that a request came through this box (RFC 9110 §7.6.3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Via {
    /// It does; a request that goes round in a circle is found by it.
    #[default]
    Told,
    /// It does not: some apps compress nothing for proxies.
    Silent,
}
