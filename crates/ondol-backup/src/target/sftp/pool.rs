//! A few connections to the same server: threads of a job work at once, and none waits for a large pack of another.

use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use super::session::Fault;
use super::session::Session;
use super::ssh::Reach;

/// Each is a process here, and a login and a process there.
const SESSIONS_MAX: usize = 4;

#[derive(Debug)]
pub(super) struct Pool {
    pub(super) reach: Reach,
    sessions: Mutex<Sessions>,
    freed: Condvar,
}

#[derive(Debug, Default)]
struct Sessions {
    idle: Vec<Session>,
    /// Those that are idle, and those in use.
    open: usize,
}

impl Pool {
    pub(super) fn new(reach: Reach) -> Self {
        Self {
            reach,
            sessions: Mutex::default(),
            freed: Condvar::new(),
        }
    }

    /// Does something by one of the connections. It may be done once more when that one had ended meanwhile.
    pub(super) fn with<T>(
        &self,
        call: impl Fn(&mut Session) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let Some(mut session) = self.idle() else {
            return self.with_new(call);
        };
        match call(&mut session) {
            Err(Fault::Broken(_)) => {
                drop(session);
                self.forget_idle();
                self.with_new(call)
            }
            outcome => {
                self.put_back(session);
                outcome
            }
        }
    }

    /// The connection is one that is counted already.
    fn with_new<T>(&self, call: impl Fn(&mut Session) -> Result<T, Fault>) -> Result<T, Fault> {
        let mut session = match Session::start(&self.reach) {
            Ok(session) => session,
            Err(error) => {
                self.closed(1);
                return Err(Fault::Broken(error));
            }
        };
        let outcome = call(&mut session);
        if matches!(outcome, Err(Fault::Broken(_))) {
            drop(session);
            self.closed(1);
        } else {
            self.put_back(session);
        }
        outcome
    }

    /// A connection that nobody uses, or leave to make one: `None`.
    fn idle(&self) -> Option<Session> {
        let mut sessions = self.lock();
        loop {
            if let Some(session) = sessions.idle.pop() {
                return Some(session);
            }
            if sessions.open < SESSIONS_MAX {
                sessions.open += 1;
                return None;
            }
            let freed = self.freed.wait(sessions);
            sessions = freed.unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn put_back(&self, session: Session) {
        self.lock().idle.push(session);
        self.freed.notify_one();
    }

    /// Where one has ended by itself, the others have too.
    fn forget_idle(&self) {
        let idle = std::mem::take(&mut self.lock().idle);
        self.closed(idle.len());
    }

    fn closed(&self, count: usize) {
        let mut sessions = self.lock();
        sessions.open = sessions.open.saturating_sub(count);
        drop(sessions);
        self.freed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
