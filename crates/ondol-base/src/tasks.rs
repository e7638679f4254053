//! The only place that starts tasks and threads, so that each has an owner, a name and an end.
//!
//! | kind | owner | when it fails |
//! |---|---|---|
//! | service | a [`Supervisor`] | it is started again, later and later |
//! | worker | a [`Group`] | only it ends |
//! | task of one core | who holds its [`JoinHandle`] | its owner finds out at the join |
//! | thread | who holds its handle | its owner finds out at the join |

use std::io;

use tokio::task::JoinHandle;

mod group;
mod stop;
mod supervisor;

pub use group::Group;
pub use stop::Stop;
pub use stop::Stopper;
pub use supervisor::ServiceState;
pub use supervisor::ServiceStatus;
pub use supervisor::Supervisor;

/// Starts a thread. An error when the system has no room for one.
pub fn spawn_thread<F, T>(name: &str, body: F) -> io::Result<std::thread::JoinHandle<T>>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(body)
}

/// Starts a task on the runtime of this thread, for futures that never leave it. Panics outside a
/// `LocalSet` or local runtime. The one who drops the handle gives the task away.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that does; the caller owns the handle"
)]
pub fn spawn_local<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
{
    tokio::task::spawn_local(future)
}

/// Runs what blocks (files, long calculations) on a thread where it may. It can't be stopped: the end
/// of the runtime waits for it.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that does; the caller owns the handle"
)]
pub fn spawn_blocking<F, T>(body: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    tokio::task::spawn_blocking(body)
}

/// What a panic said, of what a join returned.
fn panic_text(error: tokio::task::JoinError) -> String {
    let Ok(payload) = error.try_into_panic() else {
        return "it was aborted".to_owned();
    };
    let text = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned());
    match text {
        Some(text) => format!("it panicked: {text}"),
        None => "it panicked".to_owned(),
    }
}

#[cfg(test)]
mod tests;
