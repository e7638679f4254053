//! When a request that a server failed is sent to another.

use std::time::Duration;

/// Once: a request that two servers fail is more likely to be what is wrong with them.
const RETRIES: u8 = 1;
/// A visitor who has waited longer gets an answer, whatever it is.
const WITHIN: Duration = Duration::from_secs(10);

/// How often, and how long, another server is asked. A server that can't be reached costs no retry,
/// because nothing was sent to it. What must not happen twice (RFC 9110 §9.2.2) is never sent twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retry {
    /// So often.
    pub times: u8,
    /// No further server is asked after this time.
    pub within: Duration,
    /// Answers after which another server is asked, in order; mostly none.
    pub statuses: Vec<u16>,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            times: RETRIES,
            within: WITHIN,
            statuses: Vec::new(),
        }
    }
}
