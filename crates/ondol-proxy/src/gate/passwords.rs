//! Checks passwords for all workers. A hash takes memory and a good part of a second of a core, so few are
//! computed at once, off the workers' threads, and what was right is remembered for a while.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use aws_lc_rs::hmac;
use ondol_base::clock;
use ondol_base::slow_hash;
use ondol_base::tasks;
use ondol_model::password::PasswordHash;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::Semaphore;
use tokio::time::Duration;
use tokio::time::Instant;

use super::tries::Tries;

/// Hashes that are computed at once: each takes up to 128 MiB and a core.
const AT_ONCE: usize = 2;
/// Requests that wait for one; a page asks for about thirty things when its password is new. More get 503.
const WAITING_MAX: usize = 64;
/// How long a right password needs not be checked again.
const REMEMBERED: Duration = Duration::from_secs(600);
/// Right passwords that are remembered: more than a home has people and devices.
const RIGHT_MAX: usize = 1_024;

/// What stands for a name, a password and a hash; means nothing to another process.
pub(super) type Digest = [u8; 32];

/// A name and a password, and what they have to fit to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim<'a> {
    /// Whose tries are counted.
    pub(super) client: IpAddr,
    pub(super) name: &'a [u8],
    pub(super) password: &'a [u8],
    pub(super) hash: &'a PasswordHash,
    /// Whether the name is one of a user. For others a hash is computed too, and its result not used.
    pub(super) is_known: bool,
}

/// What became of a claim.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Right,
    Wrong {
        /// After how many wrong ones the client's next have to wait, when that begins with this one.
        delayed_after: Option<u32>,
    },
    /// The client has to wait so long, after too many wrong ones.
    Later(Duration),
    /// Too many passwords are to be checked.
    Busy,
}

/// The passwords that have been shown. Cheap to clone; all clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Passwords(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    key: hmac::Key,
    /// Until when each needs not be checked again.
    right: Mutex<HashMap<Digest, Instant>>,
    tries: Mutex<Tries>,
    slots: Arc<Semaphore>,
    waiting: AtomicUsize,
}

impl Passwords {
    /// Fails when the system has no random numbers.
    pub(crate) fn new() -> io::Result<Self> {
        let mut key = [0; 32];
        aws_lc_rs::rand::fill(&mut key)
            .map_err(|_| io::Error::other("the system has no random numbers"))?;
        Ok(Self(Arc::new(Shared {
            key: hmac::Key::new(hmac::HMAC_SHA256, &key),
            right: Mutex::default(),
            tries: Mutex::default(),
            slots: Arc::new(Semaphore::new(AT_ONCE)),
            waiting: AtomicUsize::new(0),
        })))
    }

    pub(super) async fn check(&self, claim: Claim<'_>) -> Verdict {
        let Self(shared) = self;
        let digest = shared.digest(&claim);
        if let Some(verdict) = shared.known(claim.client, &digest) {
            return verdict;
        }
        let Some(slot) = shared.slot().await else {
            return Verdict::Busy;
        };
        // Others who waited may have asked the same, or have used up the client's tries.
        if let Some(verdict) = shared.known(claim.client, &digest) {
            return verdict;
        }
        let (hash, password) = (claim.hash.clone(), claim.password.to_vec());
        let (client, is_known) = (claim.client, claim.is_known);
        let shared = Arc::clone(shared);
        // All of it even if the visitor leaves meanwhile: its guess counts.
        let computing = tasks::spawn_blocking(move || {
            let is_right = fits(&hash, &password) && is_known;
            let verdict = shared.judged(client, digest, is_right);
            drop(slot);
            verdict
        });
        computing.await.unwrap_or(Verdict::Busy)
    }
}

impl Shared {
    /// What is known without a hash. Who has to wait is not even told of a right password: that would
    /// make one that is in use quick to guess.
    fn known(&self, client: IpAddr, digest: &Digest) -> Option<Verdict> {
        let now = clock::now();
        let tries = lock(&self.tries);
        if let Some(wait) = tries.wait(client, now) {
            return Some(Verdict::Later(wait));
        }
        if tries.is_repeated(client, digest) {
            return Some(Verdict::Wrong {
                delayed_after: None,
            });
        }
        drop(tries);
        let until = lock(&self.right).get(digest).copied()?;
        (now < until).then_some(Verdict::Right)
    }

    /// Remembers what was computed.
    fn judged(&self, client: IpAddr, digest: Digest, is_right: bool) -> Verdict {
        let now = clock::now();
        if is_right {
            self.remember(digest, now);
            return Verdict::Right;
        }
        let delayed_after = lock(&self.tries).failed(client, digest, now);
        Verdict::Wrong { delayed_after }
    }

    fn remember(&self, digest: Digest, now: Instant) {
        let mut right = lock(&self.right);
        if right.len() >= RIGHT_MAX {
            right.retain(|_, until| now < *until);
        }
        if right.len() >= RIGHT_MAX {
            right.clear(); // All are checked once more.
        }
        right.insert(digest, now + REMEMBERED);
    }

    /// The right to compute a hash; `None` when too many wait for it.
    async fn slot(&self) -> Option<OwnedSemaphorePermit> {
        let _place = Place::take(&self.waiting)?;
        Arc::clone(&self.slots).acquire_owned().await.ok()
    }

    fn digest(&self, claim: &Claim<'_>) -> Digest {
        let mut context = hmac::Context::with_key(&self.key);
        for part in [claim.name, claim.password] {
            context.update(&part.len().to_be_bytes());
            context.update(part);
        }
        match claim.hash {
            PasswordHash::Argon2id { cost, salt, hash } => {
                for number in [cost.memory_kib, cost.passes, cost.lanes] {
                    context.update(&number.to_be_bytes());
                }
                context.update(&salt.len().to_be_bytes());
                context.update(salt);
                context.update(hash);
            }
            PasswordHash::Bcrypt { cost, salt, hash } => {
                context.update(&cost.to_be_bytes());
                context.update(salt);
                context.update(hash);
            }
        }
        // A name that is none is compared with the hash of another.
        context.update(&[u8::from(claim.is_known)]);
        let mut digest = [0; 32];
        digest.copy_from_slice(context.sign().as_ref());
        digest
    }
}

/// A place among those who wait.
struct Place<'w>(&'w AtomicUsize);

impl<'w> Place<'w> {
    fn take(waiting: &'w AtomicUsize) -> Option<Self> {
        let place = Self(waiting); // Given back by its drop, whatever the answer.
        let before = waiting.fetch_add(1, Ordering::Relaxed);
        (before < WAITING_MAX).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn fits(hash: &PasswordHash, password: &[u8]) -> bool {
    match hash {
        PasswordHash::Argon2id { cost, salt, hash } => {
            let cost = (cost.memory_kib, cost.passes, cost.lanes);
            let computed = slow_hash::argon2id(password, salt, cost, hash.len());
            computed.is_some_and(|computed| slow_hash::is_equal(&computed, hash))
        }
        PasswordHash::Bcrypt { cost, salt, hash } => {
            let computed = slow_hash::bcrypt(password, *salt, *cost);
            computed.is_some_and(|computed| slow_hash::is_equal(&computed, hash))
        }
    }
}

#[cfg(test)]
mod tests;
