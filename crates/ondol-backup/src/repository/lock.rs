//! A lock as restic writes it: nobody removes what a job needs while it works.
//!
//! A lock is an object that says who works, and since when; who works long writes it anew. One that was not written
//! anew for half an hour was left by somebody who is gone.

#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;
use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use ondol_base::clock;
use ondol_base::tasks;
use serde::Deserialize;
use serde::Serialize;

use crate::failure::Failure;
use crate::failure::FailureKind;
use crate::repository::Repository;
use crate::repository::adapter::read_whole;
use crate::repository::seal::Seal;
use crate::repository::seal::hash;
use crate::repository::seal::hex;
use crate::repository::trouble::of_target;
use crate::target::Folder;
use crate::target::Object;
use crate::target::Target;
use crate::target::TargetError;
use crate::target::Trouble;

/// A lock that was not written anew for so long is stale, for restic too.
const STALE_AFTER: i64 = 30 * 60;
/// So often it is written anew, as restic does.
const ANEW_EVERY: Duration = Duration::from_secs(5 * 60);
/// Somebody else may have locked at the same moment: their lock is to be seen after so long.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(200);

/// What is in a lock; the fields of restic, and one of ours.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Content {
    time: Timestamp,
    exclusive: bool,
    #[serde(default)]
    hostname: String,
    #[serde(default)]
    username: String,
    #[serde(default)]
    pid: u32,
    #[serde(default)]
    uid: u32,
    #[serde(default)]
    gid: u32,
    /// The process among all that ever ran on this machine; so it is known at once when it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    process: Option<Process>,
}

/// A process among all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Process {
    /// The start of the machine, and the space of process numbers.
    within: String,
    /// When the process started, in ticks after that of the machine.
    started: u64,
}

/// A lock, until it is dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    held: Arc<Held>,
    keeper: Option<JoinHandle<()>>,
}

/// What a lock and the thread that writes it anew share.
struct Held {
    target: Arc<dyn Target>,
    seal: Arc<Seal>,
    exclusive: bool,
    /// The object of now; `None` when nothing could be written.
    object: Mutex<Option<Object>>,
    is_over: Mutex<bool>,
    over: Condvar,
}

impl Repository {
    /// Locks the repository: for others that remove, or, exclusively, for all others. Fails with `Locked`. Where nothing
    /// can be written, with a credential that only reads or on a full disk, reading goes on without.
    pub(crate) fn lock(&self, exclusive: bool) -> Result<Lock, Failure> {
        self.lock_anew_every(ANEW_EVERY, exclusive)
    }

    fn lock_anew_every(&self, time: Duration, exclusive: bool) -> Result<Lock, Failure> {
        self.look_for_others(exclusive, None)?;
        let held = Arc::new(Held {
            target: Arc::clone(&self.target),
            seal: Arc::clone(&self.seal),
            exclusive,
            object: Mutex::new(None),
            is_over: Mutex::new(false),
            over: Condvar::new(),
        });
        let own = match held.write() {
            Ok(own) => own,
            Err(error)
                if !exclusive && matches!(error.trouble, Trouble::Refused | Trouble::Full) =>
            {
                return Ok(Lock { held, keeper: None });
            }
            Err(error) => return Err(of_target(&self.place(), &error)),
        };
        held.replace(Some(own.clone()));
        let mut lock = Lock { held, keeper: None };
        std::thread::sleep(LOOK_AGAIN_AFTER);
        self.look_for_others(exclusive, Some(&own))?;
        let held = Arc::clone(&lock.held);
        // Without it the lock is stale after half an hour; it is not worth failing for.
        lock.keeper = tasks::spawn_thread("lock", move || held.keep(time)).ok();
        Ok(lock)
    }

    /// Fails when somebody else's lock is in the way; removes those of nobody.
    fn look_for_others(&self, exclusive: bool, own: Option<&Object>) -> Result<(), Failure> {
        let failed = |error: TargetError| of_target(&self.place(), &error);
        let listed = match self.target.list(Folder::Locks) {
            // A repository that was copied without its empty folders.
            Err(error) if error.trouble == Trouble::Missing => Vec::new(),
            listed => listed.map_err(failed)?,
        };
        let mut others = Ok(());
        for (id, _) in listed {
            let object = Object::In(Folder::Locks, id);
            if Some(&object) == own {
                continue;
            }
            let sealed = match read_whole(&*self.target, &object) {
                Ok(sealed) => sealed,
                Err(error) if error.trouble == Trouble::Missing => continue,
                // One that was cut off while it was written is nobody's.
                Err(error) if error.trouble == Trouble::Wrong => {
                    let _ = self.target.remove(&object);
                    continue;
                }
                Err(error) => return Err(failed(error)),
            };
            let text = self.seal.open_file(&sealed);
            let content = text.and_then(|text| serde_json::from_slice::<Content>(&text).ok());
            match content {
                Some(content) if !content.is_stale(clock::unix_seconds()) => {
                    if exclusive || content.exclusive {
                        others = Err(locked(&self.place(), &content));
                    }
                }
                // When it may not be removed, it is in nobody's way either.
                _ => drop(self.target.remove(&object)),
            }
        }
        others
    }
}

impl Held {
    /// Writes the lock, with the time of now.
    fn write(&self) -> Result<Object, TargetError> {
        let content = Content::of_this(self.exclusive);
        let text = serde_json::to_vec(&content).unwrap_or_default();
        let no_numbers = || TargetError::new(Trouble::Other, "there are no random numbers");
        let sealed = self.seal.close(&text).ok_or_else(no_numbers)?;
        let object = Object::In(Folder::Locks, hex(&hash(&sealed)));
        self.target.write(&object, &[Bytes::from(sealed)])?;
        Ok(object)
    }

    fn replace(&self, new: Option<Object>) -> Option<Object> {
        let mut object = self.object.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut object, new)
    }

    /// Writes it anew now and then, until it is over. What fails is tried again at the next turn: there are five
    /// before the lock is stale.
    fn keep(&self, time: Duration) {
        while !self.is_over_after(time) {
            self.write_anew();
        }
    }

    fn write_anew(&self) {
        if let Ok(new) = self.write()
            && let Some(old) = self.replace(Some(new))
        {
            let _ = self.target.remove(&old); // It is stale soon.
        }
    }

    fn is_over_after(&self, time: Duration) -> bool {
        let is_over = self.is_over.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .over
            .wait_timeout_while(is_over, time, |is_over| !*is_over);
        let (is_over, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *is_over
    }
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Held")
            .field("exclusive", &self.exclusive)
            .finish_non_exhaustive()
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let mut is_over = self
            .held
            .is_over
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *is_over = true;
        drop(is_over);
        self.held.over.notify_all();
        if let Some(keeper) = self.keeper.take() {
            let _ = keeper.join();
        }
        if let Some(object) = self.held.replace(None) {
            let _ = self.held.target.remove(&object); // It is stale soon.
        }
    }
}

impl Content {
    fn of_this(exclusive: bool) -> Self {
        let uname = rustix::system::uname();
        let hostname = uname.nodename().to_string_lossy().into_owned();
        let pid = std::process::id();
        Self {
            time: Timestamp::from_millisecond(clock::unix_milliseconds()).unwrap_or_default(),
            exclusive,
            hostname,
            username: "ondol".to_owned(),
            pid,
            uid: rustix::process::getuid().as_raw(),
            gid: rustix::process::getgid().as_raw(),
            process: Process::of(pid).ok(),
        }
    }

    /// Whether nobody holds it any more.
    fn is_stale(&self, now: i64) -> bool {
        let is_old = now.saturating_sub(self.time.as_second()) > STALE_AFTER;
        let is_gone = self
            .process
            .as_ref()
            .is_some_and(|process| process.is_gone(self.pid));
        is_old || is_gone
    }
}

impl Process {
    fn of(pid: u32) -> io::Result<Self> {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
        let space = std::fs::read_link("/proc/self/ns/pid")?;
        let status = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
        // The name of a process may have spaces and brackets; the start is the 20th field behind it.
        let behind = status.rsplit(')').next().unwrap_or_default();
        let started = behind
            .split_whitespace()
            .nth(19)
            .and_then(|ticks| ticks.parse().ok());
        Ok(Self {
            within: format!("{} {}", boot.trim(), space.display()),
            started: started.ok_or(io::ErrorKind::InvalidData)?,
        })
    }

    /// Whether it ran here and runs no more; what can't be known is not.
    fn is_gone(&self, pid: u32) -> bool {
        let Ok(this) = Self::of(std::process::id()) else {
            return false;
        };
        this.within == self.within
            && match Self::of(pid) {
                Ok(other) => other != *self,
                Err(error) => error.kind() == io::ErrorKind::NotFound,
            }
    }
}

fn locked(place: &str, content: &Content) -> Failure {
    let how = if content.exclusive {
        "exclusively "
    } else {
        ""
    };
    let (who, host) = (&content.username, &content.hostname);
    let (pid, since) = (content.pid, clock::rfc3339(content.time.as_second()));
    Failure::new(
        FailureKind::Locked,
        format!(
            "The repository at {place} is locked {how}by {who} on {host} (process {pid}) since {since}. Nothing was \
             changed; Ondol tries again by itself. A lock that somebody left behind counts for half an hour, or until \
             `restic unlock`."
        ),
    )
}
