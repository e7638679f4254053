//! Jobs of backups as processes: what ends them, and what they leave.

use std::fs;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;

use ondol_backup::BandwidthLimit;
use ondol_backup::BoxIdentity;
use ondol_backup::Found;
use ondol_backup::Hidden;
use ondol_backup::JobSpec;
use ondol_backup::ListWork;
use ondol_backup::PartWork;
use ondol_backup::Placement;
use ondol_backup::PruneWork;
use ondol_backup::Report;
use ondol_backup::StorageAccess;
use ondol_backup::TakeWork;
use ondol_backup::TargetAccess;
use ondol_backup::Work;

use crate::harness::eventually;

fn spec(storage: StorageAccess, work: Work) -> JobSpec {
    JobSpec {
        target: TargetAccess {
            name: "disk".to_owned(),
            storage,
            append_only: false,
        },
        password: Hidden("correct horse".to_owned()),
        repository: None,
        of: BoxIdentity {
            id: "box-1".to_owned(),
            name: "attic".to_owned(),
        },
        bandwidth: Vec::new(),
        timezone: None,
        patience: 0,
        places: Placement {
            cache: "/nonexistent".into(),
        },
        work,
    }
}

fn folder(path: &Path) -> StorageAccess {
    StorageAccess::Local {
        path: path.to_owned(),
        file_system: None,
    }
}

fn take(run: &str, root: &Path) -> Work {
    Work::Take(TakeWork {
        run: run.to_owned(),
        kind: "full".to_owned(),
        parts: vec![PartWork {
            part: "files".to_owned(),
            roots: vec![root.to_owned()],
            left_out: Vec::new(),
            patterns: Vec::new(),
            texts: Vec::new(),
        }],
        databases: Vec::new(),
        is_known: false,
        anew: false,
        configuration: "/etc/ondol/ondol.toml".into(),
        state: "/var/lib/ondol".into(),
        sites: Vec::new(),
        apps: Vec::new(),
    })
}

/// Starts a job as the agent does, with this folder before all others where programs are looked for.
fn begin(spec: &JobSpec, programs: Option<&Path>) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ondol"));
    if let Some(programs) = programs {
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", programs.display()));
    }
    let mut child = command
        .arg("job")
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut told = serde_json::to_vec(spec).unwrap();
    told.push(b'\n');
    child.stdin.as_mut().unwrap().write_all(&told).unwrap();
    child
}

/// The last word of a job.
fn last(spec: &JobSpec) -> Report {
    let mut child = begin(spec, None);
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let last = lines.map_while(Result::ok).last().unwrap();
    child.wait().unwrap();
    serde_json::from_str(&last).unwrap()
}

fn is_running(pid: &str) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = status.rsplit(')').next().unwrap_or_default().trim_start();
    !matches!(state.chars().next(), None | Some('Z' | 'X'))
}

#[test]
fn the_end_of_its_input_ends_a_job_with_all_that_it_started() {
    let scratch = tempfile::tempdir().unwrap();
    let (ssh, pid) = (scratch.path().join("ssh"), scratch.path().join("pid"));
    let script = format!(
        "#!/bin/sh\necho $$ > {0}.new\nmv {0}.new {0}\nexec sleep 1000\n",
        pid.display()
    );
    fs::write(&ssh, script).unwrap();
    fs::set_permissions(&ssh, fs::Permissions::from_mode(0o700)).unwrap();
    let nas = StorageAccess::Sftp {
        user: None,
        host: "nas".to_owned(),
        port: None,
        path: "ondol".to_owned(),
        identity: None,
    };
    let list = Work::List(ListWork { browse: None });
    let mut job = begin(&spec(nas, list), Some(scratch.path()));
    let started = eventually("the job starts ssh", || fs::read_to_string(&pid).ok());
    assert!(is_running(started.trim()));
    drop(job.stdin.take());
    let ended = eventually("the job ends", || job.try_wait().unwrap());
    assert!(!ended.success());
    eventually("what it started ends", || {
        (!is_running(started.trim())).then_some(())
    });
}

#[test]
fn the_lock_of_a_job_that_was_killed_stands_in_nobodys_way() {
    let (place, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let place = place.path().join("backups");
    fs::write(files.path().join("note"), "a note").unwrap();
    let first = spec(
        folder(&place),
        take("20261121T033000Z-aaaaaa", files.path()),
    );
    assert!(matches!(last(&first), Report::Done(_)));
    let noise: Vec<u8> = (0..4_000_000u32)
        .flat_map(|n| n.wrapping_mul(n ^ 77).to_le_bytes())
        .collect();
    fs::write(files.path().join("photo"), noise).unwrap();
    let mut slow = spec(
        folder(&place),
        take("20261122T033000Z-bbbbbb", files.path()),
    );
    slow.bandwidth = vec![BandwidthLimit {
        from: 0,
        to: 0,
        rate: Some(500_000),
    }];
    let mut job = begin(&slow, None);
    // One that is still being written is none.
    let is_lock = |name: &std::ffi::OsStr| name.len() == 64;
    let locks = || {
        let listed = fs::read_dir(place.join("locks")).unwrap();
        let names = listed.map(|entry| entry.unwrap().file_name());
        names.filter(|name| is_lock(name)).count()
    };
    eventually("the job locks", || (locks() > 0).then_some(()));
    job.kill().unwrap();
    job.wait().unwrap();
    assert_eq!(locks(), 1, "nobody removed it");

    // Who removes wants to be alone.
    let prune = Work::Prune(PruneWork {
        runs: Vec::new(),
        known: Vec::new(),
    });
    match last(&spec(folder(&place), prune)) {
        Report::Done(found) => assert!(matches!(*found, Found::Pruned { .. }), "{found:?}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(locks(), 0);
    let again = spec(
        folder(&place),
        take("20261123T033000Z-cccccc", files.path()),
    );
    match last(&again) {
        Report::Done(found) => assert!(matches!(*found, Found::Taken(_)), "{found:?}"),
        other => panic!("{other:?}"),
    }
}
