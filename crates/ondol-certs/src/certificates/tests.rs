//! The certificates of a box, from its folders to those who subscribed.

use std::time::Duration;

use ondol_base::tasks::Supervisor;

use super::*;
use crate::fixture::plan;
use crate::fixture::site;
use crate::sample;

#[tokio::test]
async fn a_thousand_sites_are_ready_at_once_and_one_more_costs_next_to_nothing() {
    let state = tempfile::tempdir().unwrap();
    let (notices, mut told) = mpsc::channel(8);
    let certificates = Certificates::open(state.path(), "seocho", notices).unwrap();
    let mut names: Vec<_> = (0..1000).map(|n| format!("s{n}.test")).collect();
    let plan_of = |names: &[String]| {
        let sites = names.iter().map(|name| site(&[name], None));
        Arc::new(plan(sites.collect(), &[]))
    };
    let start = clock::now();
    let first = certificates.take_up(plan_of(&names)).await.unwrap();
    let all = start.elapsed();
    names.push("one-more.test".to_owned());
    let start = clock::now();
    let second = certificates.take_up(plan_of(&names)).await.unwrap();
    let one_more = start.elapsed();
    println!("1000 certificates: {all:?}; one more: {one_more:?}");
    assert_eq!((first.entries.len(), second.entries.len()), (1000, 1001));
    assert_eq!(first.entries[..], second.entries[..1000]);
    assert!(
        one_more * 5 < all,
        "one more site took {one_more:?}, all took {all:?}"
    );
    assert!(
        told.recv()
            .await
            .unwrap()
            .message
            .contains("a CA of its own")
    );

    while certificates.keep_some().await.unwrap() == Rest::Some {}
    let (notices, _told) = mpsc::channel(8);
    let again = Certificates::open(state.path(), "seocho", notices).unwrap();
    let start = clock::now();
    let third = again.take_up(plan_of(&names)).await.unwrap();
    println!("1001 certificates after a restart: {:?}", start.elapsed());
    assert_eq!(third.entries, second.entries);
}

#[tokio::test]
async fn changed_files_reach_those_who_subscribed() {
    let state = tempfile::tempdir().unwrap();
    let (notices, mut told) = mpsc::channel(8);
    let certificates = Certificates::open(state.path(), "seocho", notices).unwrap();
    let files = sample::Sample::of(&["a.test"]).write(state.path(), "a");
    let plan = Arc::new(plan(vec![site(&["a.test"], Some(&files))], &[]));
    certificates.take_up(plan).await.unwrap();
    let mut published = certificates.subscribe();
    let mut supervisor = Supervisor::default();
    let kept = certificates.clone();
    supervisor.service("certificates", move |stop| kept.clone().keep_fresh(stop));
    let day = sample::DAY;
    let now = clock::unix_seconds();
    let renewed = sample::Sample::with(&["a.test"], now - day, now + day);
    renewed.write(state.path(), "a");
    published.changed().await.unwrap();
    let in_use = Arc::clone(&published.borrow());
    assert_eq!(*in_use.entries[0].pair.chain_pem, renewed.chain());
    assert_eq!(
        supervisor.stop(Duration::from_secs(5)).await,
        Vec::<&str>::new()
    );
    while let Ok(notice) = told.try_recv() {
        println!("{}", notice.message);
    }
}
