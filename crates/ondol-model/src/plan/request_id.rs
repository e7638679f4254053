//! Whether visitors are told the ids of their requests.

/// Whether an answer carries the id of its request in `X-Request-Id`. The log, the app and an error page
/// have it in any case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RequestIdHeader {
    /// It does not.
    #[default]
    Absent,
    /// It does.
    Present,
}
