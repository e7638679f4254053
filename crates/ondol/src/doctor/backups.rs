//! Backups: there, new, proven, and readable without this machine. Pure.

use ondol_admin::api::Backups;

use super::Finding;
use crate::command::backups;

pub(super) fn look(all: &Backups) -> Vec<Finding> {
    if all.targets.is_empty() {
        return vec![Finding::warning(
            "Nothing of this box is saved elsewhere: a broken disk takes everything with it.",
            "`to` in [backup] says where backups go: a disk, a bucket, another machine by ssh.",
        )];
    }
    let mut findings = Vec::new();
    for (_, sentence) in backups::failures(all) {
        let advice = "`ondol backups` shows what is there; `ondol backup now` tries again.";
        findings.push(Finding::bad(sentence, advice));
    }
    for target in &all.targets {
        let name = &target.name;
        if target.last_good_at.is_none() {
            findings.push(Finding::warning(
                format!("There is no backup at {name} yet."),
                format!("`ondol backup now {name}` takes one, and says what is in its way."),
            ));
        } else if target.proven_as_of.is_none() && target.failed_proof.is_none() {
            findings.push(Finding::advice(
                format!("No backup at {name} was ever read back."),
                format!(
                    "`ondol backup verify {name}` restores one to a scratch folder and compares."
                ),
            ));
        }
    }
    for warning in &all.warnings {
        findings.push(Finding::warning(warning.clone(), ""));
    }
    if all.kit_confirmed_at.is_none() {
        findings.push(Finding::warning(
            "Nobody has the recovery kit: without it, backups of a lost box can't be opened.",
            "`ondol backup kit` prints it; keep it outside of the house.",
        ));
    }
    findings
}
