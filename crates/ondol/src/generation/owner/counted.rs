//! Adds up what data planes count, so that a change of data planes takes nothing away, and shows it.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;

use crate::generation::Status;
use crate::generation::member::Member;
use crate::generation::owner::Owner;
use crate::generation::roster::Phase;
use crate::link;
use crate::link::SiteCounts;

/// What is counted of each site, by its main name; what is for no site is by the empty one.
pub(crate) type SiteTotals = BTreeMap<String, SiteCounts>;

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
    pub(super) fn ended(&mut self, sites: SiteTotals) {
        let retired = sites.into_iter();
        add(
            &mut self.retired,
            retired.map(|(name, counts)| (name, counts.retired())),
        );
        self.is_changed = true;
    }
}

impl Owner {
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
        if !std::mem::take(&mut self.sites.is_changed) {
            return;
        }
        let members = &self.members;
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
