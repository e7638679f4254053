//! Who has tried wrong passwords, and when each may try again.
//!
//! The first few are free, because people mistype. Then each doubles the wait for the next; nobody is held
//! on a connection for it. A password that was wrong and comes again is no new guess: an app that does not
//! know of a changed one asks every minute, and would lock its owner out.

use std::collections::HashMap;
use std::net::IpAddr;

use tokio::time::Duration;
use tokio::time::Instant;

use super::passwords::Digest;

/// Wrong passwords of one address before the next has to wait.
const FREE: u32 = 5;
/// The wait after the first that is not free.
const WAIT_MIN: Duration = Duration::from_secs(1);
/// The longest wait: a guess in five minutes finds nothing.
const WAIT_MAX: Duration = Duration::from_secs(300);
/// How long an address is remembered after its last wrong password.
const REMEMBERED: Duration = Duration::from_secs(900);
/// Addresses that are remembered at once; more forget the one that has been quiet for longest.
const ADDRESSES_MAX: usize = 4_096;

/// The addresses that wrong passwords came from.
#[derive(Debug, Default)]
pub(super) struct Tries {
    of: HashMap<IpAddr, Tried>,
}

#[derive(Debug)]
struct Tried {
    failures: u32,
    last: Instant,
    wait_until: Instant,
    wrong: Digest,
}

impl Tries {
    /// How long an address has to wait before its next try; `None` when it need not.
    pub(super) fn wait(&self, address: IpAddr, now: Instant) -> Option<Duration> {
        let wait = self
            .of
            .get(&address)?
            .wait_until
            .checked_duration_since(now)?;
        (!wait.is_zero()).then_some(wait)
    }

    /// Whether this is what was wrong the last time.
    pub(super) fn is_repeated(&self, address: IpAddr, digest: &Digest) -> bool {
        self.of
            .get(&address)
            .is_some_and(|tried| tried.wrong == *digest)
    }

    /// Remembers a wrong password. Says after how many the waiting begins, when it does with this one.
    pub(super) fn failed(&mut self, address: IpAddr, digest: Digest, now: Instant) -> Option<u32> {
        if !self.of.contains_key(&address) {
            self.make_room(now);
        }
        let tried = self.of.entry(address).or_insert(Tried {
            failures: 0,
            last: now,
            wait_until: now,
            wrong: digest,
        });
        if tried.is_forgotten(now) {
            tried.failures = 0;
        }
        tried.failures = tried.failures.saturating_add(1);
        tried.last = now;
        tried.wrong = digest;
        let doubled = tried.failures.checked_sub(FREE)?;
        let wait = WAIT_MIN.saturating_mul(1_u32.checked_shl(doubled).unwrap_or(u32::MAX));
        tried.wait_until = now + wait.min(WAIT_MAX);
        (doubled == 0).then_some(tried.failures)
    }

    fn make_room(&mut self, now: Instant) {
        if self.of.len() < ADDRESSES_MAX {
            return;
        }
        self.of.retain(|_, tried| !tried.is_forgotten(now));
        if self.of.len() < ADDRESSES_MAX {
            return;
        }
        let quiet = self.of.iter().min_by_key(|(_, tried)| tried.last);
        if let Some(address) = quiet.map(|(address, _)| *address) {
            self.of.remove(&address);
        }
    }
}

impl Tried {
    fn is_forgotten(&self, now: Instant) -> bool {
        now.duration_since(self.last) > REMEMBERED
    }
}

#[cfg(test)]
mod tests {
    use ondol_base::clock;

    use super::*;

    const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn digest(number: u32) -> Digest {
        let mut digest = [0; 32];
        digest[..4].copy_from_slice(&number.to_be_bytes());
        digest
    }

    #[test]
    fn the_wait_doubles_after_the_free_ones_and_is_told_once() {
        let mut tries = Tries::default();
        let mut now = clock::now();
        let mut waits = Vec::new();
        let mut told = Vec::new();
        for number in 0..FREE + 10 {
            told.extend(tries.failed(ADDRESS, digest(number), now));
            let wait = tries.wait(ADDRESS, now).unwrap_or_default();
            waits.push(wait.as_secs());
            now += wait;
            assert_eq!(tries.wait(ADDRESS, now), None, "the wait is over");
        }
        assert_eq!(told, [FREE]);
        let expected = [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300];
        assert_eq!(waits, expected);
    }

    #[test]
    fn an_address_is_forgotten_after_a_while() {
        let mut tries = Tries::default();
        let now = clock::now();
        for number in 0..FREE {
            tries.failed(ADDRESS, digest(number), now);
        }
        assert!(tries.wait(ADDRESS, now).is_some());
        let later = now + REMEMBERED + WAIT_MIN;
        tries.failed(ADDRESS, digest(0), later);
        assert_eq!(tries.wait(ADDRESS, later), None);
    }

    #[test]
    fn only_the_last_wrong_one_is_a_repetition() {
        let mut tries = Tries::default();
        let now = clock::now();
        assert!(!tries.is_repeated(ADDRESS, &digest(1)));
        tries.failed(ADDRESS, digest(1), now);
        assert!(tries.is_repeated(ADDRESS, &digest(1)));
        tries.failed(ADDRESS, digest(2), now);
        assert!(!tries.is_repeated(ADDRESS, &digest(1)));
        assert!(!tries.is_repeated(IpAddr::from([192, 0, 2, 2]), &digest(2)));
    }

    #[test]
    fn so_many_addresses_are_remembered_and_the_loudest_stay() {
        let mut tries = Tries::default();
        let now = clock::now();
        let address = |number: u32| IpAddr::from(number.to_be_bytes());
        let most = u32::try_from(ADDRESSES_MAX).expect("a small number");
        for number in 0..most + 2 {
            let at = now + Duration::from_millis(u64::from(number));
            tries.failed(address(number), digest(number), at);
        }
        assert_eq!(tries.of.len(), ADDRESSES_MAX);
        assert!(!tries.of.contains_key(&address(0)) && !tries.of.contains_key(&address(1)));
        assert!(tries.of.contains_key(&address(2)));
        tries.failed(ADDRESS, digest(0), now + REMEMBERED * 2);
        assert_eq!(tries.of.len(), 1);
    }
}
