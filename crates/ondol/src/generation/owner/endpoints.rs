//! Brings what visitors get of apps to the data planes, and what they say of it to the app host.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use ondol_apps::EndpointsReader;
use ondol_base::clock;
use ondol_model::app::AppName;
use ondol_model::app::Endpoints;
use ondol_model::app::Launch;
use ondol_model::app::LaunchTraffic;
use ondol_model::app::Traffic;

use crate::generation::member::Member;
use crate::generation::owner::Owner;
use crate::generation::showing::Showing;
use crate::link;
use crate::link::Down;

/// By app, by launch.
type Totals = BTreeMap<AppName, BTreeMap<Launch, LaunchTraffic>>;

/// The owner's end to the app host.
#[derive(Debug)]
pub(super) struct Apps {
    reader: EndpointsReader,
    /// Tells this image of the agent from others, which have counted endpoints too.
    agent: u64,
    /// What data planes that have ended did for apps that still run.
    ended: Totals,
}

impl Apps {
    pub(super) fn new(reader: EndpointsReader) -> Self {
        let since = clock::wall().duration_since(SystemTime::UNIX_EPOCH);
        let agent = since.map(|since| u64::try_from(since.as_micros()));
        Self {
            reader,
            agent: agent.map_or(0, |agent| agent.unwrap_or(u64::MAX)),
            ended: Totals::new(),
        }
    }

    /// Waits for another value; forever when nobody can announce any more.
    pub(super) async fn announced(&mut self) {
        if self.reader.endpoints.changed().await.is_err() {
            std::future::pending().await
        }
    }

    /// What a data plane is started with.
    pub(super) fn at_start(&self) -> (link::Endpoints, Showing) {
        let newest = self.newest();
        let acting = Showing::from_start(newest.sequence);
        (link::Endpoints::new(self.agent, &newest), acting)
    }

    /// Takes what a data plane says of apps.
    pub(super) fn heard(&self, member: &mut Member, traffic: link::Traffic) {
        if traffic.agent == self.agent {
            member.acting.heard(traffic.applied);
        }
        member.traffic = traffic.into_model();
    }

    /// Passes a wish on. Where there is no room for it, the next visitor wishes again.
    pub(super) fn wake(&self, app: &str) {
        if let Ok(app) = AppName::parse(app) {
            let _ = self.reader.wakes.try_send(app);
        }
    }

    /// Keeps what a data plane did that has ended.
    pub(super) fn ended(&mut self, traffic: &Traffic) {
        let mut totals = traffic.apps.clone();
        for launch in totals.values_mut().flat_map(BTreeMap::values_mut) {
            (launch.in_flight, launch.tunnels) = (0, 0); // They have ended with it.
        }
        add(&mut self.ended, &totals);
    }

    fn newest(&self) -> Arc<Endpoints> {
        Arc::clone(&self.reader.endpoints.borrow())
    }
}

impl Owner {
    /// Tells every data plane the newest value, unless it has yet to answer to the one before: those that drain
    /// too, because visitors may keep a connection.
    pub(super) fn tell_endpoints(&mut self) {
        let newest = self.apps.newest();
        for member in self.members.values_mut() {
            if member.link.is_some() && member.acting.is_due(newest.sequence) {
                let endpoints = link::Endpoints::new(self.apps.agent, &newest);
                member.tell(&Down::Endpoints(endpoints));
                member.acting.told(newest.sequence);
            }
        }
    }

    /// Tells the app host what all data planes say together.
    pub(super) fn publish_traffic(&mut self) {
        let newest = self.apps.newest();
        let live = self.members.values().map(|member| &member.traffic);
        let all: Vec<_> = live.collect();
        forget(&mut self.apps.ended, &newest, &all);
        let mut sum = Traffic {
            // While there is none, nobody begins a request, and the next one begins with the newest.
            applied: newest.sequence,
            apps: self.apps.ended.clone(),
            held: BTreeMap::new(),
        };
        for member in self.members.values() {
            sum.applied = sum.applied.min(member.acting.least().unwrap_or(0));
            add(&mut sum.apps, &member.traffic.apps);
            for (app, held) in &member.traffic.held {
                *sum.held.entry(app.clone()).or_default() += held;
            }
        }
        self.apps.reader.traffic.send_if_modified(|traffic| {
            let differs = **traffic != sum;
            if differs {
                *traffic = Arc::new(sum);
            }
            differs
        });
    }
}

fn add(sums: &mut Totals, more: &Totals) {
    for (app, launches) in more {
        let sums = sums.entry(app.clone()).or_default();
        for (launch, traffic) in launches {
            let sum = sums.entry(*launch).or_default();
            *sum = sum.plus(*traffic);
        }
    }
}

/// Forgets launches that are over: nobody names them any more.
fn forget(totals: &mut Totals, newest: &Endpoints, members: &[&Traffic]) {
    let is_known = |app: &AppName, launch: Launch| {
        let endpoint = newest.apps.get(app);
        let is_named = endpoint.is_some_and(|endpoint| endpoint.names(launch));
        let is_there = |traffic: &&Traffic| {
            let launches = traffic.apps.get(app);
            launches.is_some_and(|launches| launches.contains_key(&launch))
        };
        is_named || members.iter().any(is_there)
    };
    totals.retain(|app, launches| {
        launches.retain(|launch, _| is_known(app, *launch));
        !launches.is_empty()
    });
}
