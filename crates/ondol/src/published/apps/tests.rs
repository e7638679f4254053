//! What is shown of apps, from what the app host says.

use ondol_apps::CronStatus;
use ondol_apps::Usage;
use ondol_model::app::LaunchTraffic;

use super::*;

fn status(cpu_us: u64) -> AppStatus {
    let instance = |name: &str, usage| InstanceStatus {
        name: InstanceName::parse(name).unwrap(),
        launch: 12,
        pid: Some(77),
        since: 1_000,
        is_ready: true,
        usage,
    };
    let usage = |memory, cpu_us| {
        Some(Usage {
            memory,
            cpu_us,
            tasks: 3,
        })
    };
    AppStatus {
        name: AppName::parse("coffee").unwrap(),
        state: AppState::Watching,
        since: 1_000,
        launch: Some(12),
        release: Some(5),
        note: "release 5 is watched".to_owned(),
        runs: vec![(ProcessName::web(), "bin/serve".to_owned())],
        cron: vec![CronStatus {
            line: "04:10 bin/digest".to_owned(),
            at: "04:10".to_owned(),
            run: "bin/digest".to_owned(),
            timezone: None,
            next: Some(2_000),
        }],
        instances: vec![
            instance("web.1", usage(1_000, cpu_us)),
            instance("worker.1", usage(500, 7)),
            instance("worker.2", None),
        ],
        restarts: 2,
        traffic: LaunchTraffic {
            in_flight: 1,
            tunnels: 2,
            requests: 30,
            failed: 4,
        },
        held: 5,
        releases: vec![4, 3],
        unenforced: vec!["no cgroups here".to_owned()],
    }
}

#[tokio::test]
async fn what_the_host_says_is_shown_with_what_the_plan_says() {
    let (said, status_reader) = watch::channel(Arc::new(vec![status(0)]));
    let hosted = Hosted {
        sites: vec!["coffee.example.com".to_owned()],
        watch_seconds: 120,
        runs_found: true,
    };
    let hosting = Hosting::from([(AppName::parse("coffee").unwrap(), hosted)]);
    let (_plan, hosting) = watch::channel(Arc::new(hosting));
    let (shown, mut reader) = AppsShown::new(status_reader, hosting);
    let first = reader.borrow_and_update().apps[0].clone();
    assert_eq!(
        (first.name.as_str(), first.state),
        ("coffee", api::AppState::Watching)
    );
    assert_eq!((first.memory, first.cpu_percent), (Some(1_500), None));
    assert_eq!(
        (first.runs[0].command.as_str(), first.runs_found),
        ("bin/serve", true)
    );
    let next = Some(Time::from_unix_seconds(2_000));
    assert_eq!(
        (first.cron[0].line.as_str(), first.cron[0].next),
        ("04:10 bin/digest", next)
    );
    assert_eq!((first.watch_seconds, first.held), (120, 5));
    assert_eq!(first.sites, ["coffee.example.com"]);
    assert_eq!((first.requests, first.failed, first.tunnels), (30, 4, 2));

    let telling = async {
        let mut next = status(0);
        next.held = 6;
        said.send_replace(Arc::new(vec![next]));
        reader.changed().await.unwrap();
        assert_eq!(reader.borrow().apps[0].held, 6);
        drop(said);
    };
    tokio::join!(shown.run(), telling);
}

#[test]
fn what_all_processes_of_an_app_use_is_told_as_one() {
    let began = Instant::now();
    let mut meter = Meter::default();
    meter.read(&[status(0)], began);
    // A quarter of a second of two.
    meter.read(&[status(250_000)], began + Duration::from_secs(2));
    let shown = app(&status(250_000), None, &meter);
    let each: Vec<_> = shown
        .instances
        .iter()
        .map(|each| each.cpu_percent)
        .collect();
    assert_eq!(each, [Some(12.5), None, None]);
    assert_eq!(shown.cpu_percent, Some(12.5));
    meter.read(&[], began + Duration::from_secs(3));
    assert!(meter.0.is_empty());
}

#[test]
fn processors_are_metered_over_times_that_say_something() {
    let began = Instant::now();
    let after = |milliseconds| began + Duration::from_millis(milliseconds);
    let percent = |before, cpu_us, at| reading(before, cpu_us, at).percent;
    let first = reading(None, 500_000, began);
    assert_eq!(first.percent, None);
    assert_eq!(percent(Some(first), 900_000, after(500)), None);
    assert_eq!(percent(Some(first), 2_500_000, after(1_000)), Some(200.0));
    // Short times are gathered.
    let second = reading(Some(first), 700_000, after(2_000));
    let third = reading(Some(second), 800_000, after(2_500));
    assert_eq!((second.percent, third.percent), (Some(10.0), Some(10.0)));
    assert_eq!(percent(Some(third), 1_700_000, after(4_000)), Some(50.0));
    // What was read twice within one look of the app host is no rest.
    assert_eq!(percent(Some(second), 700_000, after(4_500)), Some(10.0));
    assert_eq!(percent(Some(second), 700_000, after(9_500)), Some(0.0));
    // Started again.
    assert_eq!(percent(Some(third), 3, after(9_000)), None);
}
