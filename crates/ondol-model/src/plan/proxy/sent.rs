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
