//! The whole text of a box where something of everything is.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::Command;
use std::process::Stdio;

use super::*;
use crate::api::HealthState;
use crate::api::Time;
use crate::server;
use crate::traffic::OpenConnections;
use crate::traffic::SiteTraffic;

const NOON: Time = Time::from_unix_seconds(1_772_337_906);

fn subject(kind: &str, name: &str, state: HealthState) -> api::WatchSubject {
    api::WatchSubject {
        subject: format!("{kind}:{name}"),
        kind: kind.to_owned(),
        name: name.to_owned(),
        state,
        since: NOON,
        sentence: String::new(),
        seen_at: Some(NOON),
        took_ms: None,
        uptime: None,
        values: BTreeMap::new(),
        silenced_until: None,
    }
}

fn watch() -> api::Watch {
    let mut site = subject("site", "blog.example.com", HealthState::Pass);
    (site.took_ms, site.uptime) = (Some(42), Some(0.999));
    let mut disk = subject("disk", "/srv/\"photos\"", HealthState::Warn);
    disk.values = BTreeMap::from([
        ("disk_free_bytes".to_owned(), 1e9),
        ("disk_write_errors_total".to_owned(), 3.0),
        ("No Name".to_owned(), 1.0),
        ("sites".to_owned(), 1.0),
    ]);
    let mut clock = subject("clock", "", HealthState::Pass);
    clock.values = BTreeMap::from([("clock_offset_seconds".to_owned(), -0.25)]);
    api::Watch {
        subjects: vec![
            site,
            disk,
            clock,
            subject("site", "down.example.com", HealthState::Fail),
            subject("site", "unknown.example.com", HealthState::Unknown),
            subject("data-plane", "", HealthState::Pass),
        ],
        incidents: vec![api::Incident {
            id: 1,
            subject: "site:down.example.com".to_owned(),
            also: Vec::new(),
            severity: api::AlarmSeverity::Critical,
            began_at: NOON,
            ended_at: None,
            sentence: "It is down.".to_owned(),
            acknowledged_by: None,
            told: Vec::new(),
        }],
        people: vec![api::WatchPerson {
            name: "me".to_owned(),
            channels: vec![api::WatchChannel {
                channel: "email-2".to_owned(),
                delivered_at: Some(NOON),
                trouble: Some("refused".to_owned()),
            }],
            answered_at: None,
        }],
        outbox: 2,
        outbox_since: Some(NOON),
        heartbeats: vec![api::WatchHeartbeat {
            name: "parents".to_owned(),
            state: HealthState::Pass,
            last_at: Some(NOON),
            said: String::new(),
        }],
        heartbeat_at: Some(NOON),
        power: api::WatchPower {
            state: api::PowerSource::Battery,
            source: "ups@localhost".to_owned(),
            charge: Some(0.87),
            runtime_seconds: Some(1_800),
            watts: Some(14.5),
            joules: BTreeMap::from([("package-0".to_owned(), 123.5)]),
            cost: None,
        },
        unclean_boots: 2,
        last_absence: None,
        silenced_until: None,
        warnings: Vec::new(),
    }
}

fn site_traffic() -> SiteTraffic {
    SiteTraffic {
        in_flight: 1,
        responses: [0, 90, 5, 4, 1],
        bytes_sent: 12_345,
        duration_us: 1_500_000,
        latency: [90, 5, 0, 0, 0, 4, 0, 0, 0, 0, 0, 1],
    }
}

fn cert(names: &[&str], not_after: i64) -> api::Cert {
    let value = serde_json::json!({
        "names": names, "issuer": "Let's Encrypt", "source": "acme", "not_before": "2026-03-01T04:05:06Z",
        "not_after": Time::from_unix_seconds(not_after), "renew_at": null, "sites": [], "problem": null,
    });
    serde_json::from_value(value).unwrap()
}

fn app(name: &str) -> api::App {
    let value = serde_json::json!({
        "name": name, "state": "running", "since": "2026-03-01T04:05:06Z", "launch": 3, "release": null,
        "instances": [], "restarts": 2, "requests": 40, "failed": 1, "in_flight": 1, "tunnels": 0, "held": 2,
        "memory": 1000, "cpu_percent": null,
    });
    serde_json::from_value(value).unwrap()
}

fn server(address: &str, trouble: Option<&str>) -> api::Server {
    api::Server {
        address: address.to_owned(),
        sites: vec!["blog.example.com".to_owned()],
        requests: 1,
        trouble: trouble.map(str::to_owned),
    }
}

fn seen(sites: impl Iterator<Item = String>) -> Seen {
    let target = api::BackupTarget {
        name: "disk".to_owned(),
        place: "/mnt".to_owned(),
        backups: 31,
        bytes: Some(5_000),
        last_good_at: Some(NOON),
        proven_as_of: Some(NOON),
        failed_proof: None,
        last: Vec::new(),
    };
    let service = |name: &str, state: &str| api::Service {
        name: name.to_owned(),
        state: state.to_owned(),
        since: NOON,
        restarts: 1,
        last_error: None,
    };
    Seen {
        status: Arc::new(api::Status {
            last_reload: Some(api::LastReload {
                at: NOON,
                outcome: String::new(),
            }),
            servers: vec![
                server("10.0.0.1:80", None),
                server("10.0.0.2:80", None),
                server("10.0.0.1:80", Some("refused")),
            ],
            services: vec![service("admin", "running"), service("health", "waiting")],
            ..server::tests::status()
        }),
        sites: Arc::default(),
        certs: Arc::new(api::Certs {
            certificates: vec![
                cert(&["a.test", "*.a.test"], 2_000_000_000),
                cert(&["a.test"], 1_900_000_000),
            ],
        }),
        apps: Arc::new(api::Apps {
            apps: vec![app("coffee")],
        }),
        backups: Arc::new(api::Backups {
            targets: vec![target],
            ..api::Backups::default()
        }),
        watch: Arc::new(watch()),
        traffic: Arc::new(Traffic {
            open: OpenConnections {
                http1: 3,
                http2: 2,
                tunnels: 1,
                passthrough: 0,
            },
            accepted: 70,
            sites: sites.map(|name| (name, site_traffic())).collect(),
            ..Traffic::default()
        }),
    }
}

fn small() -> Seen {
    seen([String::new(), "blog.example.com".to_owned()].into_iter())
}

/// A line of the text, which is there once.
fn line<'t>(text: &'t str, start: &str) -> &'t str {
    let mut lines = text.lines().filter(|line| line.starts_with(start));
    match (lines.next(), lines.next()) {
        (Some(line), None) => line.strip_prefix(start).unwrap().trim(),
        (None, _) => panic!("{start} is missing in\n{text}"),
        (Some(_), Some(_)) => panic!("{start} is there twice in\n{text}"),
    }
}

/// Samples, and what they are.
const NUMBERS: &[(&str, &str)] = &[
    (r#"ondol_build_info{version="0.1.0"}"#, "1"),
    ("ondol_unclean_boots_total ", "2"),
    (r#"ondol_site_up{site="blog.example.com"}"#, "1"),
    (r#"ondol_site_up{site="down.example.com"}"#, "0"),
    (
        r#"ondol_site_uptime_ratio{site="blog.example.com"}"#,
        "0.999",
    ),
    (
        r#"ondol_site_check_duration_seconds{site="blog.example.com"}"#,
        "0.042",
    ),
    (
        r#"ondol_http_requests_total{site="blog.example.com",class="2xx"}"#,
        "90",
    ),
    (r#"ondol_http_requests_total{site="_",class="5xx"}"#, "1"),
    (
        r#"ondol_http_requests_in_flight{site="blog.example.com"}"#,
        "1",
    ),
    (
        r#"ondol_http_response_body_bytes_total{site="blog.example.com"}"#,
        "12345",
    ),
    (
        r#"ondol_http_request_duration_seconds_bucket{site="_",le="0.005"}"#,
        "90",
    ),
    (
        r#"ondol_http_request_duration_seconds_bucket{site="_",le="10"}"#,
        "99",
    ),
    (
        r#"ondol_http_request_duration_seconds_bucket{site="_",le="+Inf"}"#,
        "100",
    ),
    (
        r#"ondol_http_request_duration_seconds_sum{site="_"}"#,
        "1.5",
    ),
    (
        r#"ondol_http_request_duration_seconds_count{site="_"}"#,
        "100",
    ),
    (r#"ondol_connections{kind="http2"}"#, "2"),
    ("ondol_connections_accepted_total ", "70"),
    (r#"ondol_upstream_up{upstream="10.0.0.1:80"}"#, "0"),
    (r#"ondol_upstream_up{upstream="10.0.0.2:80"}"#, "1"),
    (r#"ondol_app_state{app="coffee",state="running"}"#, "1"),
    (r#"ondol_app_state{app="coffee",state="failed"}"#, "0"),
    (r#"ondol_app_restarts_total{app="coffee"}"#, "2"),
    (
        r#"ondol_cert_not_after_timestamp_seconds{domain="a.test"}"#,
        "1900000000",
    ),
    (
        r#"ondol_cert_not_after_timestamp_seconds{domain="*.a.test"}"#,
        "2000000000",
    ),
    (
        r#"ondol_backup_last_success_timestamp_seconds{target="disk"}"#,
        "1772337906",
    ),
    (r#"ondol_backup_last_size_bytes{target="disk"}"#, "5000"),
    ("ondol_alert_outbox_rows ", "2"),
    (
        r#"ondol_alert_channel_up{person="me",channel="email-2"}"#,
        "0",
    ),
    (r#"ondol_incidents_open{severity="critical"}"#, "1"),
    (
        r#"ondol_disk_free_bytes{disk="/srv/\"photos\""}"#,
        "1000000000",
    ),
    (
        r#"ondol_disk_write_errors_total{disk="/srv/\"photos\""}"#,
        "3",
    ),
    ("ondol_clock_offset_seconds ", "-0.25"),
    (r#"ondol_watched_state{kind="data-plane",name=""}"#, "1"),
    (
        r#"ondol_watched_state{kind="disk",name="/srv/\"photos\""}"#,
        "2",
    ),
    (r#"ondol_energy_joules_total{domain="package-0"}"#, "123.5"),
    ("ondol_ups_charge_ratio ", "0.87"),
    (r#"ondol_power_state{state="battery"}"#, "1"),
    (r#"ondol_service_up{service="health"}"#, "0"),
    (r#"ondol_data_planes{state="ready"}"#, "1"),
    ("ondol_sites ", "1"),
];

#[test]
fn what_is_known_has_its_numbers() {
    let text = text(&small(), Format::Text);
    for (start, expected) in NUMBERS {
        assert_eq!(line(&text, start), *expected, "{start}");
    }
    for absent in [
        "unknown.example.com\"} ",
        "No Name",
        "sites{disk",
        "# UNIT",
        "# EOF",
    ] {
        let lines = text
            .lines()
            .filter(|line| !line.starts_with("ondol_watched_state"));
        let found: Vec<_> = lines.filter(|line| line.contains(absent)).collect();
        assert!(found.is_empty(), "{absent}: {found:?}");
    }
}

#[test]
fn no_sample_is_there_twice_and_each_name_stands_together() {
    for format in [Format::Text, Format::OpenMetrics] {
        let text = text(&small(), format);
        let mut families = std::collections::HashSet::new();
        let mut samples = std::collections::HashSet::new();
        for line in text.lines() {
            if let Some(of) = line.strip_prefix("# TYPE ") {
                let name = of.split(' ').next().unwrap();
                assert!(families.insert(name), "{name} begins twice");
            } else if !line.starts_with('#') {
                let (labels, _) = line.rsplit_once(' ').unwrap();
                assert!(samples.insert(labels), "{labels} is there twice");
            }
        }
    }
}

#[test]
fn prometheus_own_tool_has_nothing_to_say() {
    let text = text(&small(), Format::Text);
    let child = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        return eprintln!("skipped: promtool (package prometheus) is not here");
    };
    let mut input = child.stdin.take().unwrap();
    input.write_all(text.as_bytes()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success() && said.is_empty(), "{said}\n{text}");
}

#[test]
fn a_thousand_sites_are_written_in_one_piece() {
    let names = (0..1_000).map(|number| format!("site-{number}.example.com"));
    let seen = seen(names);
    let begun = ondol_base::clock::now();
    let written = text(&seen, Format::Text);
    eprintln!(
        "1,000 sites: {} bytes in {:?}",
        written.len(),
        begun.elapsed()
    );
    assert_eq!(written.matches("ondol_http_requests_total{").count(), 5_000);
    assert!(
        written.len() < (1_000 + 4) * BYTES_PER_SITE,
        "{}",
        written.len()
    );
}
