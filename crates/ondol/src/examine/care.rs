//! Watching and telling: whether what is needed for it is there, and whether anybody would hear an alarm.

mod channels;
mod people;
mod quiet;
mod secrets;

use std::env;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use ondol_config::KeyPath;
use ondol_model::plan::Person;
use ondol_model::plan::Ups;

use super::Findings;
use super::Subject;

pub(super) fn examine(subject: Subject<'_>, findings: &mut Findings) {
    secrets::examine(subject, findings);
    people::examine(subject, findings);
    channels::examine(subject, findings);
    quiet::examine(subject, findings);
    battery(subject, findings);
    drives(findings);
}

/// The people with where each of their channels stands.
fn channel_keys(person: &Person) -> Vec<KeyPath> {
    let of = |word: &str| KeyPath::section("people").key(&person.name.0).key(word);
    let mut seen = Vec::new();
    let keys = person.channels.iter().map(|channel| {
        let word = channel.word();
        let index = seen.iter().filter(|other| **other == word).count();
        seen.push(word);
        match word {
            "exec" => of(word), // A list is one command.
            word => of(word).index(index),
        }
    });
    keys.collect()
}

fn battery(subject: Subject<'_>, findings: &mut Findings) {
    if subject.plan.care.power.ups != Some(Ups::Battery) || has_battery() {
        return;
    }
    findings.warn(
        subject,
        &KeyPath::section("power").key("ups"),
        "this machine has no battery".to_owned(),
        "nothing tells of power cuts: name a UPS of a NUT server (\"ups@localhost\"), or remove the line",
    );
}

fn has_battery() -> bool {
    let supplies = fs::read_dir("/sys/class/power_supply")
        .into_iter()
        .flatten();
    let mut kinds = supplies
        .flatten()
        .filter_map(|supply| fs::read_to_string(supply.path().join("type")).ok());
    kinds.any(|kind| kind.trim() == "Battery")
}

/// A drive says that it will die, to who asks.
fn drives(findings: &mut Findings) {
    let blocks = fs::read_dir("/sys/block").into_iter().flatten().flatten();
    let mut drives = blocks.filter(|block| is_drive(&block.path()));
    if drives.next().is_some() && program("smartctl").is_none() {
        findings.notes.push(
            "The drives of this machine are not asked how they are: `smartctl` is missing (on Debian: `apt install smartmontools`).".to_owned(),
        );
    }
}

/// Those of a virtual machine know nothing of themselves.
fn is_drive(block: &Path) -> bool {
    let name = block.file_name().unwrap_or_default().to_string_lossy();
    let is_of_hardware = name.starts_with("sd") || name.starts_with("nvme");
    is_of_hardware && block.join("device").exists()
}

/// Where a program is.
fn program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(["/usr/sbin", "/usr/bin"].map(PathBuf::from));
    folders
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}
