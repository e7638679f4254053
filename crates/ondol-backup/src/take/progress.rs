//! How far a part is, while another thread counts how much there is.

use std::fmt;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use ondol_base::tasks;

use crate::report::Amount;
use crate::reporter::Reporter;
use crate::source::Gaps;
use crate::source::Source;

/// How far a part is.
pub(super) struct Progress {
    state: Arc<State>,
    /// `None` where there is no thread to count: then the end is not known.
    counting: Option<JoinHandle<()>>,
}

struct State {
    done: AtomicU64,
    total: OnceLock<Amount>,
    has_ended: AtomicBool,
    gaps: Arc<Gaps>,
    reporter: Reporter,
}

impl Progress {
    /// Begins to count what a source has.
    pub(super) fn begin(source: &Source, gaps: &Arc<Gaps>, reporter: &Reporter) -> Self {
        let state = Arc::new(State {
            done: AtomicU64::new(0),
            total: OnceLock::new(),
            has_ended: AtomicBool::new(false),
            gaps: Arc::clone(gaps),
            reporter: reporter.clone(),
        });
        let counting = {
            let (source, state) = (source.clone(), Arc::clone(&state));
            tasks::spawn_thread("count", move || {
                if let Some(amount) = source.amount(&state.has_ended) {
                    let _ = state.total.set(amount); // It is counted once.
                }
            })
        };
        Self {
            state,
            counting: counting.ok(),
        }
    }

    /// Who is told of each byte that is done.
    pub(super) fn on_bytes(&self) -> Arc<dyn Fn(u64) + Send + Sync> {
        let state = Arc::clone(&self.state);
        Arc::new(move |bytes| {
            let bytes = state.done.fetch_add(bytes, Ordering::Relaxed) + bytes;
            let items = state.gaps.seen();
            let done = Amount { items, bytes };
            state.reporter.progress(done, state.total.get().copied());
        })
    }

    /// Ends the counting.
    pub(super) fn end(self) {
        self.state.has_ended.store(true, Ordering::Relaxed);
        if let Some(counting) = self.counting {
            let _ = counting.join(); // One that panicked counted nothing.
        }
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Progress").finish_non_exhaustive()
    }
}
