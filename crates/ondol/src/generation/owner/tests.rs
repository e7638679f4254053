//! The owner with real processes.

use std::sync::Arc;

use ondol_config::Sources;
use ondol_store::Store;

use super::*;
use crate::certificates::CertificateSet;
use crate::listeners::Listeners;
use crate::sandbox::ServeUser;

fn wanted() -> Wanted {
    Wanted {
        sources: Arc::new(Sources { files: Vec::new() }),
        certificates: Arc::new(CertificateSet {
            entries: Vec::new(),
            rows: Vec::new(),
            unusable: Vec::new(),
            root_pem: "".into(),
        }),
        listeners: Listeners::default(),
        roots: std::collections::BTreeSet::new(),
    }
}

/// An owner at work; it ends with what is returned.
fn at_work(log: &str, adopted: Vec<Adopted>) -> (Handle, Group, Store) {
    let surroundings = Surroundings {
        user: ServeUser::Own,
        log: log.to_owned(),
        environment: Vec::new(),
        access_log: "/nowhere".into(),
    };
    let store = ondol_store::open_in_memory().unwrap();
    let events = Events::new(store.handle());
    let (owner, handle) = Owner::new(wanted(), surroundings, events, 1, adopted);
    let mut group = Group::default();
    group.spawn("owner", owner.run());
    (handle, group, store)
}

#[tokio::test]
async fn one_that_cannot_be_started_is_refused_with_the_reason() {
    let (handle, _group, _store) = at_work("no\0argument", Vec::new());
    let refused = handle.take_up(wanted()).await.unwrap_err().to_string();
    assert!(refused.contains("could not start its process"), "{refused}");
}
