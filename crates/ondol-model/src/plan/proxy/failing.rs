//! When a server that fails is left out for a while.

use std::time::Duration;

/// One failure is a restart of the app, three in ten seconds are an app that is down.
const MAX_FAILS: u8 = 3;
const WINDOW: Duration = Duration::from_secs(10);
/// Long enough for an app to start, short enough that nobody has to reload anything.
const OUT: Duration = Duration::from_secs(10);
/// An app with cold caches would be given more requests than it can answer.
const SLOW_START: Duration = Duration::from_secs(10);

/// How many failures it takes until a server is left out, and how it comes back. A failure is a
/// connection that can't be made, an answer that does not begin, or one of `statuses`; never a
/// visitor who leaves.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Failing {
    /// So many failures; 0 means that no server is ever left out.
    pub max_fails: u8,
    /// Within this time.
    pub window: Duration,
    /// Then it is left out for so long; one request tries it afterwards.
    pub out: Duration,
    /// After it is back, its share grows to the full one over this time; zero means at once.
    pub slow_start: Duration,
    /// Answers that are failures, in order; mostly none.
    pub statuses: Vec<u16>,
}

impl Default for Failing {
    fn default() -> Self {
        Self {
            max_fails: MAX_FAILS,
            window: WINDOW,
            out: OUT,
            slow_start: SLOW_START,
            statuses: Vec::new(),
        }
    }
}
