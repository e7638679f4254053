//! Plans and benches for tests.

use std::path::Path;
use std::sync::Arc;

use ondol_model::HostPattern;
use ondol_model::Plan;
use ondol_model::Site;
use ondol_model::plan;
use ondol_model::plan::SiteCheck;
use tokio::sync::Semaphore;
use tokio::sync::mpsc;
use tokio::sync::watch;

use super::Bench;
use super::machine::Machine;
use super::site::Trust;
use crate::facts::Facts;
use crate::ground::Ground;
use crate::ground::Known;
use crate::ground::Seen;
use crate::places::Places;

/// A site that is looked at, and answers nothing by itself.
pub(super) fn site(name: &str, scheme: plan::Scheme) -> Site {
    Site {
        name: HostPattern::parse(name).unwrap(),
        aliases: Vec::new(),
        alias_answer: plan::AliasAnswer::Redirect,
        scheme,
        certificate: None,
        client_auth: None,
        passthrough: None,
        issuance: Arc::default(),
        rules: plan::Rules::default(),
        redirects: Vec::new(),
        check: Some(SiteCheck::default()),
        health: None,
        routes: Vec::new(),
    }
}

pub(super) fn plan(sites: Vec<Site>) -> Plan {
    Plan {
        box_name: "sample".to_owned(),
        email: None,
        timezone: None,
        listen: plan::Listen {
            http: Vec::new(),
            https: Vec::new(),
            trusted_proxies: Vec::new(),
            client_ip_header: ondol_model::forwarded::ClientIpHeader::XForwardedFor,
        },
        access_log: plan::AccessLog::default(),
        certificates: Vec::new(),
        resolvers: Vec::new(),
        sites,
        apps: Vec::new(),
        backup: plan::Backup::default(),
        care: plan::Care::default(),
    }
}

/// A bench with the ends that feed it, and what comes of it.
pub(super) struct Sample {
    pub(super) bench: Bench,
    pub(super) plan: watch::Sender<Arc<Plan>>,
    pub(super) _facts: watch::Sender<Arc<Facts>>,
    pub(super) seen: mpsc::Receiver<Seen>,
    pub(super) _known: watch::Sender<Arc<Known>>,
    pub(super) _store: ondol_store::Store,
}

/// A bench for this plan in this folder, whose machine is the folder `machine` in it.
pub(super) fn sample(folder: &Path, plan: Plan, facts: Facts) -> Sample {
    let store = ondol_store::open_in_memory().unwrap();
    let (plan_sender, plan) = watch::channel(Arc::new(plan));
    let (facts_sender, facts) = watch::channel(Arc::new(facts));
    let (known_sender, known) = watch::channel(Arc::default());
    let (seen_sender, seen) = mpsc::channel(64);
    let places = Places {
        configuration: folder.join("ondol.toml"),
        state: folder.to_owned(),
        runtime: folder.to_owned(),
        logs: folder.to_owned(),
    };
    let ground = Ground {
        places: Arc::new(places),
        store: store.handle(),
        plan,
        facts,
        known,
        seen: seen_sender,
    };
    let bench = Bench {
        trust: Arc::new(Trust::of(folder)),
        permits: Arc::new(Semaphore::new(4)),
        machine: Machine::at(&folder.join("machine")),
        ground,
    };
    Sample {
        bench,
        plan: plan_sender,
        _facts: facts_sender,
        seen,
        _known: known_sender,
        _store: store,
    }
}
