//! Faults that are planted in a folder, or in what the agent says, and the report about them.

use std::fs;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use clap::Parser;
use ondol_admin::api;
use ondol_admin::api::Time;
use ondol_model::plan::Alarms;
use ondol_model::plan::Value;

use super::*;
use crate::cli::Cli;
use crate::cli::Command;
use crate::command::status::tests::healthy;
use crate::output::Color;

const NOW: i64 = 1_772_337_906;

const SCREEN: Screen = Screen {
    width: Some(60),
    color: Color::Plain,
};

fn problems(findings: Vec<Finding>) -> Vec<(Weight, String)> {
    let findings = findings.into_iter();
    findings
        .map(|finding| (finding.weight, finding.problem))
        .collect()
}

#[test]
fn the_worst_comes_first_and_each_thing_once() {
    let mut report = Report::default();
    report.found("clock", Vec::new());
    report.found(
        "backup",
        vec![Finding::advice("No backup was read back.", "Do.")],
    );
    report.found(
        "disk",
        vec![
            Finding::warning("Little room.", "Make some."),
            Finding::bad(
                "The disk is read-only: nothing new can be written down.",
                "",
            ),
        ],
    );
    report.found("store", vec![Finding::bad("Little room.", "Make some.")]);
    report.found("disk", Vec::new());
    report.skipped("apps");
    report.sort();
    assert!(report.is_wrong());
    assert_eq!(
        screen::render(&report, SCREEN),
        "\
2 things are wrong.

✗ disk
  The disk is read-only: nothing new can be written down.

! disk
  Little room.
  Make some.

· backup
  No backup was read back.
  Do.

well: clock

not looked at: apps
"
    );
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["findings"][0]["weight"], "bad");
    assert_eq!(json["findings"][0]["area"], "disk");
}

#[test]
fn advice_alone_is_nothing_wrong() {
    let mut report = Report::default();
    report.found(
        "drives",
        vec![Finding::advice("Nobody asks them.", "Install it.")],
    );
    assert!(!report.is_wrong());
    let shown = screen::render(&report, SCREEN);
    assert!(
        shown.starts_with("Nothing is wrong.\n\n· drives\n"),
        "{shown}"
    );
    assert!(shown.ends_with("\n1 piece of advice above would make the box safer.\n"));
}

/// A box's folders, as they should be.
fn folders(root: &Path) -> Folders {
    let folders = Folders {
        config: root.join("etc/ondol.toml"),
        state: root.join("state"),
        runtime: root.join("run"),
        logs: root.join("logs"),
    };
    for folder in [
        &root.join("etc"),
        &folders.state,
        &folders.runtime,
        &folders.logs,
    ] {
        fs::create_dir(folder).unwrap();
        chmod(folder, 0o755);
    }
    write(&folders.config, "");
    chmod(&folders.config, 0o644);
    write(folders.database(), "");
    chmod(&folders.database(), 0o600);
    let certificate = folders.state.join("certificates/a.test");
    fs::create_dir_all(&certificate).unwrap();
    write(certificate.join("key.pem"), "");
    chmod(&certificate.join("key.pem"), 0o600);
    folders
}

fn write(path: impl AsRef<Path>, text: impl AsRef<str>) {
    ondol_base::file::replace(path.as_ref(), text.as_ref().as_bytes(), 0o644).unwrap();
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn what_others_can_read_or_change_is_told_of() {
    let root = tempfile::tempdir().unwrap();
    let folders = folders(root.path());
    assert_eq!(problems(folders::look(&folders)), []);

    chmod(&folders.config, 0o666);
    chmod(&folders.database(), 0o604);
    let key = folders.state.join("certificates/a.test/key.pem");
    chmod(&key, 0o644);
    chmod(&folders.state, 0o777);
    let found = problems(folders::look(&folders));
    let [state, config, database, keys] = found.as_slice() else {
        panic!("{found:?}");
    };
    assert!(state.1.contains("can put keys, certificates"), "{state:?}");
    assert!(config.1.contains("Others can change") && config.1.contains("mode 666"));
    assert!(database.0 == Weight::Warning && database.1.contains("ondol.db"));
    assert!(keys.1.contains("Others can read the private keys") && keys.1.contains("key.pem"));
    // Nobody comes to what is in a closed folder.
    chmod(&folders.state.join("certificates/a.test"), 0o700);
    let found = problems(folders::look(&folders));
    assert!(
        found
            .iter()
            .all(|(_, problem)| !problem.contains("private keys"))
    );
}

#[test]
fn mistakes_and_what_this_machine_refuses_are_told_with_their_place() {
    let root = tempfile::tempdir().unwrap();
    let folders = folders(root.path());
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let text = format!(
        "[box]\nname = \"seocho\"\n[listen]\nhttp = [\"127.0.0.1:{port}\"]\nhttps = []\n\
         [sites.\"a.test\"]\nhttps = false\nfiles = \"{}/missing\"\n",
        root.path().display()
    );
    write(&folders.config, text);
    let (plan, findings) = configuration::look(&folders, |_| BTreeSet::new(), NOW);
    assert!(plan.is_some());
    let found: Vec<_> = problems(findings)
        .into_iter()
        .filter(|(weight, _)| *weight == Weight::Bad)
        .collect();
    let [port_taken, folder] = found.as_slice() else {
        panic!("{found:?}");
    };
    assert!(
        port_taken.1.starts_with("Could not listen on") && port_taken.1.contains("ondol.toml:4)."),
        "{port_taken:?}"
    );
    assert!(folder.1.contains("missing does not exist"), "{folder:?}");
    // What the agent itself listens on is not taken by another.
    let (_, findings) = configuration::look(
        &folders,
        |plan| listeners::keys(&plan.listen).collect(),
        NOW,
    );
    let found = problems(findings);
    assert!(
        found
            .iter()
            .all(|(_, problem)| !problem.contains("listen on"))
    );

    write(&folders.config, "flies = 1\n");
    let (plan, findings) = configuration::look(&folders, |_| BTreeSet::new(), NOW);
    assert!(plan.is_none());
    assert!(problems(findings)[0].1.contains("ondol.toml:1)."));
    fs::remove_file(&folders.config).unwrap();
    let (_, findings) = configuration::look(&folders, |_| BTreeSet::new(), NOW);
    assert_eq!(problems(findings)[0].0, Weight::Bad);
}

#[test]
fn nobody_who_answers_is_the_first_finding() {
    let root = tempfile::tempdir().unwrap();
    let folders = folders(root.path());
    let client = Client::new(folders.admin_socket());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let Command::Doctor(flags) = Cli::try_parse_from(["ondol", "doctor"]).unwrap().command else {
        panic!("another command");
    };
    let report = runtime.block_on(examine(&client, &flags, &folders));
    let first = &report.findings[0];
    assert_eq!((first.area.as_str(), first.weight), ("agent", Weight::Bad));
    assert!(first.problem.contains("no agent is running here"));
    assert!(first.advice.contains("systemctl start ondol"));
    assert_eq!(report.skipped.len(), 1);
}

#[test]
fn what_the_agent_knows_is_told_with_what_helps() {
    let mut status = healthy();
    status.generations.clear();
    status.watch.unclean_boots = 3;
    status.watch.last_absence = Some("Back after 7 h 12 min.".to_owned());
    let mut report = Report::default();
    running::look(&status, NOW, &mut report);
    let found: Vec<_> = report
        .findings
        .iter()
        .map(|finding| {
            (
                finding.area.as_str(),
                finding.weight,
                finding.problem.as_str(),
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            (
                "data-plane",
                Weight::Bad,
                "No data plane is running: visitors are not served."
            ),
            (
                "unclean boots",
                Weight::Warning,
                "The box came back 3 times without having been shut down. Back after 7 h 12 min."
            ),
        ]
    );
    assert!(
        report
            .findings
            .iter()
            .all(|finding| !finding.advice.is_empty())
    );
    assert_eq!(
        report.well,
        ["sites", "apps", "certificates", "services", "internet"]
    );
}

#[test]
fn a_site_that_is_down_for_another_cause_is_not_called_well() {
    let mut status = healthy();
    status.watch.subjects = crate::command::status::tests::watched();
    status.watch.incidents = vec![api::Incident {
        id: 1,
        subject: "disk:/".to_owned(),
        also: vec!["site:blog.example.com".to_owned()],
        severity: api::AlarmSeverity::Critical,
        began_at: Time::from_unix_seconds(NOW),
        ended_at: None,
        sentence: "the disk at / is full".to_owned(),
        acknowledged_by: None,
        told: Vec::new(),
    }];
    let mut report = Report::default();
    running::look(&status, NOW, &mut report);
    assert!(report.well.iter().all(|area| area != "sites"), "{report:?}");
    let disk = &report.findings[0];
    assert!(
        disk.area == "disk" && disk.problem.contains("blog.example.com"),
        "{disk:?}"
    );
    // A disk alone is looked at with more advice than the agent has.
    status.watch.subjects[1].state = api::HealthState::Pass;
    status.watch.incidents[0].also.clear();
    let mut report = Report::default();
    running::look(&status, NOW, &mut report);
    assert_eq!(report.findings, []);
}

#[test]
fn a_box_that_nobody_would_miss_is_told_of() {
    let ago = |seconds: i64| Some(Time::from_unix_seconds(NOW - seconds));
    let none = Alarms::default();
    let found = problems(alarms::look(&api::Watch::default(), Some(&none), NOW));
    assert_eq!(
        found,
        [
            (
                Weight::Warning,
                "Nobody is told of anything that goes wrong.".to_owned()
            ),
            (
                Weight::Advice,
                "Nobody outside notices when this box is gone: without power or internet it can't tell anybody."
                    .to_owned()
            ),
        ]
    );
    let with = Alarms {
        heartbeat: vec![Value::Plain("https://hc-ping.com/x".to_owned())],
        ..Alarms::default()
    };
    let me = api::WatchPerson {
        name: "me".to_owned(),
        channels: vec![api::WatchChannel {
            channel: "email".to_owned(),
            delivered_at: None,
            trouble: Some("the password was refused".to_owned()),
        }],
        answered_at: ago(80 * 86_400),
    };
    let mut watch = api::Watch {
        people: vec![me],
        heartbeat_at: ago(600),
        ..api::Watch::default()
    };
    let found = problems(alarms::look(&watch, Some(&with), NOW));
    let expected = [
        (
            Weight::Bad,
            "me is not reached by email: the password was refused.",
        ),
        (Weight::Advice, "me last answered a drill 80 days ago."),
        (
            Weight::Bad,
            "The outside has not heard for 10 min that this box lives.",
        ),
    ];
    assert_eq!(
        found,
        expected.map(|(weight, text)| (weight, text.to_owned()))
    );
    watch.heartbeat_at = ago(30);
    watch.people[0].channels[0].trouble = None;
    watch.people[0].answered_at = None;
    assert_eq!(problems(alarms::look(&watch, Some(&with), NOW)), []);
}

#[test]
fn backups_that_would_not_help_are_told_of() {
    let mut all = api::Backups::default();
    let found = problems(backups::look(&all));
    assert!(
        found[0]
            .1
            .starts_with("Nothing of this box is saved elsewhere")
    );
    all.targets.push(api::BackupTarget {
        name: "disk".to_owned(),
        place: "/mnt".to_owned(),
        bytes: None,
        backups: 0,
        last_good_at: None,
        proven_as_of: None,
        failed_proof: None,
        last: Vec::new(),
    });
    let found = problems(backups::look(&all));
    assert_eq!(found[0].1, "There is no backup at disk yet.");
    assert!(found[1].1.starts_with("Nobody has the recovery kit"));
    let at = Some(Time::from_unix_seconds(NOW));
    all.kit_confirmed_at = at;
    all.targets[0].last_good_at = at;
    assert_eq!(
        problems(backups::look(&all)),
        [(
            Weight::Advice,
            "No backup at disk was ever read back.".to_owned()
        )]
    );
    all.targets[0].failed_proof = Some("2 files differ".to_owned());
    assert_eq!(
        problems(backups::look(&all)),
        [(Weight::Bad, "disk: 2 files differ".to_owned())]
    );
}

#[test]
fn servers_that_do_not_answer_are_told_of_with_their_sites() {
    let open = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let [well, port] = [&open, &closed].map(|listener| listener.local_addr().unwrap().port());
    drop(closed);
    let root = tempfile::tempdir().unwrap();
    let folders = folders(root.path());
    let text = format!(
        "[box]\nname = \"seocho\"\n\
         [sites.\"a.test\"]\nproxy = \"http://127.0.0.1:{port}\"\n\
         [sites.\"b.test\"]\nproxy = \"http://127.0.0.1:{well}\"\n\
         [sites.\"c.test\"]\nproxy = \"http://127.0.0.1:{port}\"\n"
    );
    write(&folders.config, text);
    let plan = Configuration::read(&folders.config).unwrap().plan;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let found = problems(runtime.block_on(upstreams::look(&plan)));
    let [(weight, problem)] = found.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!(*weight, Weight::Bad);
    let expected =
        format!("Nothing answers at 127.0.0.1:{port}, to which a.test, c.test is passed on: ");
    assert!(problem.starts_with(&expected), "{problem}");
}
