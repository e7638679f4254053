//! Machines that are only files in a folder, with faults planted.

use tempfile::TempDir;

use super::*;
use crate::doctor::Weight;

/// 2026-11-21 14:00:05 UTC.
const NOW: i64 = 1_795_269_605;

/// A machine that is well: a computer with a clock that somebody keeps right.
fn machine() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    plant(&root, "proc/cpuinfo", "flags\t\t: fpu vme de\n");
    plant(&root, "run/systemd/system/x", "");
    plant(&root, "run/systemd/timesync/synchronized", "");
    plant(&root, "sys/class/rtc/rtc0/since_epoch", &format!("{NOW}\n"));
    plant(&root, "var/log/journal/x", "");
    plant(&root, "sys/class/watchdog/watchdog0/state", "active\n");
    root
}

fn plant(root: &TempDir, path: &str, text: &str) {
    let path = root.path().join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    write(path, text);
}

fn write(path: impl AsRef<Path>, text: impl AsRef<str>) {
    ondol_base::file::replace(path.as_ref(), text.as_ref().as_bytes(), 0o644).unwrap();
}

fn found(root: &TempDir) -> Vec<(Weight, String)> {
    found_at(root, NOW)
}

fn found_at(root: &TempDir, now: i64) -> Vec<(Weight, String)> {
    let mut report = Report::default();
    look(root.path(), now, None, &mut report);
    let findings = report.findings.into_iter();
    findings
        .map(|finding| {
            assert!(!finding.advice.is_empty(), "{finding:?}");
            (finding.weight, finding.problem)
        })
        .collect()
}

/// The only thing that is found.
fn only(root: &TempDir) -> (Weight, String) {
    let mut found = found(root);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

#[test]
fn a_machine_that_is_well_gives_no_word() {
    assert_eq!(found(&machine()), []);
    // Nor does one of which nothing is known.
    let nothing = tempfile::tempdir().unwrap();
    plant(&nothing, "run/chronyd.pid", "1");
    assert_eq!(found(&nothing), []);
}

#[test]
fn clocks_that_are_wrong_or_will_be_are_told_of() {
    let root = machine();
    assert_eq!(found_at(&root, 1_000).first().unwrap().0, Weight::Bad);

    let root = machine();
    fs::remove_dir_all(root.path().join("run/systemd/timesync")).unwrap();
    let (weight, problem) = only(&root);
    assert_eq!(weight, Weight::Warning);
    assert!(
        problem.starts_with("Nobody keeps the clock right"),
        "{problem}"
    );

    let root = machine();
    let off = NOW - 40 * 86_400;
    plant(&root, "sys/class/rtc/rtc0/since_epoch", &off.to_string());
    let (weight, problem) = only(&root);
    assert_eq!(weight, Weight::Warning);
    assert!(problem.starts_with("The hardware clock is 40 days off"));

    let root = machine();
    fs::remove_dir_all(root.path().join("sys/class/rtc")).unwrap();
    let (weight, problem) = only(&root);
    assert_eq!(weight, Weight::Advice);
    assert!(problem.contains("no hardware clock"), "{problem}");
}

#[test]
fn a_box_that_would_not_come_back_is_told_of() {
    let root = machine();
    plant(&root, "usr/lib/systemd/system/ondol.service", "");
    let (weight, problem) = only(&root);
    assert_eq!(weight, Weight::Bad);
    assert!(problem.contains("(/usr/lib/systemd/system/ondol.service is not enabled)"));
    let wants = "etc/systemd/system/multi-user.target.wants/ondol.service";
    plant(&root, wants, "");
    assert_eq!(found(&root), []);

    let root = machine();
    plant(&root, "sys/class/watchdog/watchdog0/state", "inactive\n");
    assert!(
        only(&root)
            .1
            .starts_with("The hardware watchdog is not used")
    );
    plant(
        &root,
        "etc/systemd/system.conf",
        "#RuntimeWatchdogSec=off\n",
    );
    assert_eq!(found(&root).len(), 1);
    let settings = "[Manager]\nRuntimeWatchdogSec=30s\n";
    plant(&root, "etc/systemd/system.conf.d/watchdog.conf", settings);
    assert_eq!(found(&root), []);

    let root = machine();
    plant(&root, "sys/class/dmi/id/sys_vendor", "ASUSTeK\n");
    plant(&root, "sys/class/dmi/id/product_name", "PN41\n");
    let (weight, problem) = only(&root);
    assert_eq!(weight, Weight::Advice);
    assert!(problem.contains("(ASUSTeK PN41)"), "{problem}");
    plant(&root, "sys/class/power_supply/BAT0/type", "Battery\n");
    assert_eq!(found(&root), []);
    // The battery of a mouse keeps no box up.
    plant(&root, "sys/class/power_supply/BAT0/scope", "Device\n");
    assert_eq!(found(&root).len(), 1);
}

#[test]
fn a_guest_is_started_by_its_host() {
    let root = machine();
    plant(&root, "proc/cpuinfo", "flags\t\t: fpu hypervisor vme\n");
    plant(&root, "sys/class/watchdog/watchdog0/state", "inactive\n");
    plant(&root, "sys/class/dmi/id/sys_vendor", "QEMU\n");
    plant(&root, "sys/block/sda/size", "1");
    fs::remove_dir_all(root.path().join("sys/class/rtc")).unwrap();
    assert_eq!(found(&root), []);
}

#[test]
fn what_came_before_an_end_is_kept() {
    let root = machine();
    fs::remove_dir_all(root.path().join("var/log/journal")).unwrap();
    assert!(only(&root).1.contains("journal is kept in memory"));
    plant(
        &root,
        "etc/systemd/journald.conf",
        "[Journal]\nStorage=persistent\n",
    );
    assert_eq!(found(&root), []);

    plant(&root, "sys/fs/pstore/dmesg-efi-1", "Kernel panic");
    let (weight, problem) = only(&root);
    assert_eq!(weight, Weight::Warning);
    assert!(problem.contains("The kernel has crashed"), "{problem}");
}

#[test]
fn drives_that_nobody_asks_are_told_of() {
    let root = machine();
    plant(&root, "sys/block/nvme0n1/size", "1");
    plant(&root, "sys/block/loop0/size", "1");
    let (_, problem) = only(&root);
    assert!(problem.contains("(nvme0n1)"), "{problem}");
    plant(&root, "usr/sbin/smartctl", "");
    assert_eq!(found(&root), []);
}
