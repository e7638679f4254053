//! Adds up what data planes count, so that a change of data planes takes nothing away, and shows it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde::Serialize;
use tokio::sync::watch;

use crate::generation::Number;
use crate::generation::Status;
use crate::generation::member::Member;
use crate::generation::owner::Owner;
use crate::generation::roster::Phase;
use crate::link;
use crate::link::Counters;
use crate::link::SiteCounts;

/// What is counted of each site, by its main name; what is for no site is by the empty one.
pub(crate) type SiteTotals = BTreeMap<String, SiteCounts>;

/// What data planes counted that have ended. An image of the agent leaves it to the next.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Retired {
    counters: Counters,
    sites: SiteTotals,
}

/// What was counted of sites.
#[derive(Debug)]
pub(super) struct Sites {
    /// By data planes that have ended.
    retired: SiteTotals,
    is_changed: bool,
    published: watch::Sender<Arc<SiteTotals>>,
}

impl Sites {
    pub(super) fn new() -> (Self, watch::Receiver<Arc<SiteTotals>>) {
        let (published, reader) = watch::channel(Arc::default());
        let sites = Self {
            retired: SiteTotals::new(),
            is_changed: false,
            published,
        };
        (sites, reader)
    }

    /// Takes what a data plane says of sites.
    pub(super) fn heard(&mut self, member: &mut Member, said: link::Sites) {
        let link::Sites { are_all, sites } = said;
        if are_all {
            member.sites = sites;
        } else {
            member.sites.extend(sites);
        }
        self.is_changed = true;
    }

    /// Keeps what a data plane counted that has ended.
    fn ended(&mut self, sites: SiteTotals) {
        let retired = sites.into_iter();
        add(
            &mut self.retired,
            retired.map(|(name, counts)| (name, counts.retired())),
        );
        self.is_changed = true;
    }
}

impl Owner {
    /// Goes on with what an earlier image has added up.
    pub(crate) fn counting_on(mut self, retired: Retired) -> Self {
        let Retired { counters, sites } = retired;
        self.retired = self.retired.plus(&counters);
        self.sites.ended(sites);
        self
    }

    /// What data planes counted that have ended, for the next image.
    pub(super) fn retired(&self) -> Retired {
        Retired {
            counters: self.retired,
            sites: self.sites.retired.clone(),
        }
    }

    /// Keeps what a data plane counted that ends.
    pub(super) fn retire(&mut self, counters: &Counters, sites: SiteTotals) {
        self.retired = self.retired.plus(&counters.retired());
        self.sites.ended(sites);
    }

    /// Shows how the data planes are, and what they have counted, where that has changed.
    pub(super) fn publish(&mut self) {
        let live = self.members.values().map(|member| &member.counters);
        let counters = live.fold(self.retired, |sum, counters| sum.plus(counters));
        let members = self.members.iter();
        let members = members.filter_map(|(number, member)| {
            Some(member.status(*number, self.roster.phase(*number)?))
        });
        let status = Status {
            members: members.collect(),
            lost: self.lost,
            counters,
            next: self.roster.next(),
        };
        self.status.send_if_modified(|current| {
            let differs = *current != status;
            *current = status;
            differs
        });
        self.publish_sites();
    }

    /// Sites that the data plane does not have that serves are forgotten, unless others still
    /// finish with them.
    fn publish_sites(&mut self) {
        let members = &self.members;
        let is_silent = |(number, member): (&Number, &Member)| {
            member.sites.is_empty() && self.roster.phase(*number) != Some(Phase::Starting)
        };
        // Without those that have said nothing yet the sums would be less than they were, as after a start.
        if members.iter().any(is_silent) || !std::mem::take(&mut self.sites.is_changed) {
            return;
        }
        let serving = self
            .roster
            .serving()
            .and_then(|number| members.get(&number));
        if serving.is_some_and(|member| !member.sites.is_empty()) {
            let is_known = |name: &String| {
                members
                    .values()
                    .any(|member| member.sites.contains_key(name))
            };
            self.sites.retired.retain(|name, _| is_known(name));
        }
        let mut totals = self.sites.retired.clone();
        for (number, member) in members {
            // One that starts has counted nothing; one that ends is here until it has.
            if self.roster.phase(*number) != Some(Phase::Starting) {
                let sites = member.sites.iter();
                add(
                    &mut totals,
                    sites.map(|(name, counts)| (name.clone(), *counts)),
                );
            }
        }
        self.sites.published.send_replace(Arc::new(totals));
    }
}

fn add(totals: &mut SiteTotals, more: impl Iterator<Item = (String, SiteCounts)>) {
    for (name, counts) in more {
        let total = totals.entry(name).or_default();
        *total = total.plus(&counts);
    }
}
