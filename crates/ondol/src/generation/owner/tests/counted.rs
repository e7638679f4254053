//! What data planes count of sites, added up by the agent.

use super::*;
use crate::link::SiteCounts;
use crate::link::Sites;

fn counts(in_flight: u64, ended: u64) -> SiteCounts {
    let mut counts = SiteCounts {
        in_flight,
        bytes_sent: 10 * ended,
        ..SiteCounts::default()
    };
    counts.responses[1] = ended;
    counts.latency[0] = ended;
    counts
}

fn said(are_all: bool, sites: &[(&str, SiteCounts)]) -> Up {
    let sites = sites.iter();
    let sites = sites.map(|(name, counts)| ((*name).to_owned(), *counts));
    Up::Sites(Sites {
        are_all,
        sites: sites.collect(),
    })
}

/// Waits until the totals are these.
async fn totals(handle: &Handle, expected: &[(&str, SiteCounts)]) {
    let expected: SiteTotals = expected
        .iter()
        .map(|(name, counts)| ((*name).to_owned(), *counts))
        .collect();
    let mut sites = handle.sites();
    let found = sites.wait_for(|totals| **totals == expected);
    let found = tokio::time::timeout(Duration::from_secs(30), found).await;
    if found.is_err() {
        panic!("{:#?}\nare not\n{expected:#?}", *handle.sites().borrow());
    }
}

#[tokio::test]
async fn what_one_counted_that_has_ended_is_not_lost() {
    let (mut old, first) = Played::new(6, Phase::Draining);
    let (mut new, second) = Played::new(7, Phase::Serving);
    let (handle, _group, _store) = at_work("info", vec![first, second]);
    old.says(&[
        said(true, &[("a", counts(2, 5)), ("gone", counts(1, 1))]),
        said(false, &[("a", counts(1, 6))]),
    ])
    .await;
    new.says(&[said(true, &[("a", counts(1, 10)), ("b", counts(0, 0))])])
        .await;
    let both = [
        ("a", counts(2, 16)),
        ("b", counts(0, 0)),
        ("gone", counts(1, 1)),
    ];
    totals(&handle, &both).await;
    drop(old); // Its process ends with its standard input.
    let after = [("a", counts(1, 16)), ("b", counts(0, 0))];
    totals(&handle, &after).await;
    // A site that is not served any more is forgotten, and begins anew when it comes back.
    new.says(&[said(true, &[("b", counts(0, 1))])]).await;
    totals(&handle, &[("b", counts(0, 1))]).await;
    new.says(&[said(true, &[("a", counts(0, 1)), ("b", counts(0, 1))])])
        .await;
    totals(&handle, &[("a", counts(0, 1)), ("b", counts(0, 1))]).await;
}
