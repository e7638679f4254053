//! How long a visitor is waited for while its request or the answer to it moves.

use std::time::Duration;

use crate::limits;

/// How slow a visitor may be. A body or an answer has no time limit as a whole: it may take hours as
/// long as it moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// The longest wait for any byte of a request's body; then 408.
    pub body: Duration,
    /// The longest wait for the visitor to take any byte of an answer; then the answer is cut.
    pub send: Duration,
    /// What must move per second of waiting, on the average of such a time; 0 for no least.
    pub bytes_per_second_min: u64,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            body: limits::STALL,
            send: limits::STALL,
            bytes_per_second_min: limits::BYTES_PER_SECOND_MIN,
        }
    }
}
