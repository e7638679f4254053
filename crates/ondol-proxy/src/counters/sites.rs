//! What is counted of each site. Each worker has counters of its own, found once when a view is built and kept by
//! the site's name over reloads; a request adds to a few numbers that no other core touches.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use ondol_model::latency;
use tokio::time::Duration;

use super::Counter;

/// The name of no site: what asks for a host that nobody serves is counted by it.
const NOWHERE: &str = "";

/// What one worker counts of a site, on cache lines of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct SiteCounters {
    begun: Counter,
    responses: [Counter; 5],
    bytes_sent: Counter,
    duration_us: Counter,
    latency: [Counter; latency::CLASSES],
}

/// What one worker counts of all sites. The lock is taken when a view is built, and by who adds up; never by a
/// request.
#[derive(Debug, Default)]
pub(crate) struct SitesCounted(Mutex<BTreeMap<Box<str>, Arc<SiteCounters>>>);

/// What has been counted of a site since the data plane started, and what is under way now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SiteCounts {
    /// Requests under way.
    pub in_flight: u64,
    /// Responses ended so far, by class: 1xx, 2xx, 3xx, 4xx, 5xx.
    pub responses: [u64; 5],
    /// Bytes of response bodies sent so far.
    pub bytes_sent: u64,
    /// How long they took together, from a request's head to the last byte of its answer, in microseconds.
    pub duration_us: u64,
    /// How many of them took how long, by [`latency::class`].
    pub latency: [u64; latency::CLASSES],
}

impl SiteCounters {
    /// A request turned out to be for it.
    pub(crate) fn begins(&self) {
        self.begun.add(1);
    }

    /// A request has ended.
    pub(crate) fn ends(&self, status: u16, took: Duration, bytes: u64) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let class = usize::from(status / 100).clamp(1, self.responses.len()) - 1;
        self.responses[class].add(1);
        self.bytes_sent.add(bytes);
        self.duration_us.add(us);
        self.latency[latency::class(us)].add(1);
    }

    fn add_to(&self, sum: &mut SiteCounts) {
        let mut ended = 0;
        for (sum, counter) in sum.responses.iter_mut().zip(&self.responses) {
            let count = counter.value();
            *sum += count;
            ended += count;
        }
        // Read after those that ended, so that one that ends meanwhile is not missing.
        sum.in_flight += self.begun.value().saturating_sub(ended);
        sum.bytes_sent += self.bytes_sent.value();
        sum.duration_us += self.duration_us.value();
        for (sum, counter) in sum.latency.iter_mut().zip(&self.latency) {
            *sum += counter.value();
        }
    }
}

impl SitesCounted {
    /// The counters of sites, and at last those of requests for none. Those of other names are forgotten.
    pub(crate) fn of<'a>(
        &self,
        names: impl Iterator<Item = &'a str>,
    ) -> (Vec<Arc<SiteCounters>>, Arc<SiteCounters>) {
        let mut all = self.lock();
        let mut kept = BTreeMap::new();
        let mut keep = |name: &str| {
            let counters = all.remove(name).unwrap_or_default();
            Arc::clone(kept.entry(name.into()).or_insert(counters))
        };
        let sites = names.map(&mut keep).collect();
        let nowhere = keep(NOWHERE);
        *all = kept;
        (sites, nowhere)
    }

    /// Adds what was counted to what others counted.
    pub(crate) fn add_to(&self, sums: &mut BTreeMap<Box<str>, SiteCounts>) {
        for (name, counters) in &*self.lock() {
            match sums.get_mut(name) {
                Some(sum) => counters.add_to(sum),
                None => counters.add_to(sums.entry(name.clone()).or_default()),
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Box<str>, Arc<SiteCounters>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(sites: &SitesCounted) -> Vec<(String, u64, u64)> {
        let mut sums = BTreeMap::new();
        sites.add_to(&mut sums);
        let each = sums.into_iter();
        each.map(|(name, sum)| (name.into(), sum.responses.iter().sum(), sum.in_flight))
            .collect()
    }

    #[test]
    fn counts_are_kept_by_name_and_forgotten_with_it() {
        let sites = SitesCounted::default();
        let (first, nowhere) = sites.of(["a", "b"].into_iter());
        for counters in &first {
            counters.begins();
            counters.ends(200, Duration::from_millis(3), 10);
        }
        first[1].begins();
        nowhere.ends(404, Duration::ZERO, 0);
        let of = |name: &str, ended, open| (name.to_owned(), ended, open);
        assert_eq!(
            counted(&sites),
            [of("", 1, 0), of("a", 1, 0), of("b", 1, 1)]
        );
        // Another order, and one of them is gone; what is under way of the old view still counts.
        let (second, _) = sites.of(["c", "b"].into_iter());
        first[1].ends(500, Duration::from_secs(11), 1);
        second[1].begins();
        assert_eq!(
            counted(&sites),
            [of("", 1, 0), of("b", 2, 1), of("c", 0, 0)]
        );
    }

    #[test]
    fn an_answer_is_in_one_class_of_each_kind() {
        let counters = SiteCounters::default();
        for (status, ms) in [(101, 0), (204, 5), (499, 6), (599, 10_001), (999, 1)] {
            counters.begins();
            counters.ends(status, Duration::from_millis(ms), 7);
        }
        let mut sum = SiteCounts::default();
        counters.add_to(&mut sum);
        assert_eq!(sum.responses, [1, 1, 0, 1, 2]);
        assert_eq!(sum.latency, [3, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(
            (sum.bytes_sent, sum.duration_us, sum.in_flight),
            (35, 10_013_000, 0)
        );
    }
}
