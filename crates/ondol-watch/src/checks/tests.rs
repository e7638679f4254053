//! Who looks at what, and when.

use std::collections::BTreeMap;

use ondol_model::plan::Scheme;
use ondol_model::watch::State;

use super::*;
use crate::facts::Facts;

/// A plan with these sites, which nobody out there is asked about.
fn plan(names: &[&str]) -> Plan {
    let sites = names.iter().map(|name| sample::site(name, Scheme::Https));
    let mut plan = sample::plan(sites.collect());
    plan.care.watch.internet.clear();
    plan
}

/// How often each site was seen from now on until then.
async fn sites_seen(sample: &mut sample::Sample, time: Duration) -> BTreeMap<String, u32> {
    let end = clock::now() + time;
    let mut counts = BTreeMap::new();
    while let Ok(Some(seen)) = tokio::time::timeout_at(end, sample.seen.recv()).await {
        let Seen::Observations(seen) = seen else {
            continue;
        };
        for seen in seen.iter().filter(|seen| seen.subject.kind() == "site") {
            assert_eq!(seen.state, State::Unknown); // There is no listener.
            *counts.entry(seen.subject.name().to_owned()).or_default() += 1;
        }
    }
    counts
}

#[tokio::test(start_paused = true)]
async fn each_site_is_looked_at_once_in_an_interval_and_a_reload_changes_who_is() {
    let folder = tempfile::tempdir().unwrap();
    let mut sample = sample::sample(folder.path(), plan(&["a.test", "b.test"]), Facts::default());
    let (stopper, stop) = ondol_base::tasks::Stopper::new();
    let machine = sample.bench.machine.clone();
    let looking = look_at_all(sample.bench.ground.clone(), machine, stop);
    let body = async {
        let first = sites_seen(&mut sample, FIRST_WITHIN).await;
        assert_eq!(first.into_values().collect::<Vec<_>>(), [1, 1]);
        let hour = Duration::from_secs(60 * 60);
        for (_, count) in sites_seen(&mut sample, hour).await {
            assert_eq!(count, 60);
        }
        sample
            .plan
            .send(Arc::new(plan(&["b.test", "c.test"])))
            .unwrap();
        sites_seen(&mut sample, Duration::from_secs(120)).await;
        let later = sites_seen(&mut sample, hour).await;
        let expected = [("b.test".to_owned(), 60), ("c.test".to_owned(), 60)];
        assert_eq!(later, BTreeMap::from(expected));
        stopper.stop();
    };
    tokio::join!(looking, body);
}

#[test]
fn so_many_are_asked_at_once_that_all_are_asked_in_time() {
    let names: Vec<_> = (0..1000).map(|number| format!("s{number}.test")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    for (count, expected) in [(1, 4), (24, 4), (50, 9), (1000, 64)] {
        assert_eq!(at_once(&plan(&names[..count])), expected, "{count}");
    }
}

#[test]
fn looks_are_spread_over_the_interval() {
    let within = Duration::from_secs(60);
    let moments: Vec<_> = (0..600)
        .map(|number| Look::Site(format!("s{number}.test")).moment(within))
        .collect();
    for tenth in 0..10 {
        let part = within / 10 * tenth..within / 10 * (tenth + 1);
        let count = moments.iter().filter(|at| part.contains(*at)).count();
        assert!((30..=90).contains(&count), "{tenth}: {count}");
    }
}
