//! Reading back a share of what is stored: every piece is decrypted, decompressed and compared with its own name. The
//! folders of all backups are always read, so that whatever is missing is noticed on the same day.

mod affected;
mod budget;
pub(crate) mod packs;
mod structure;

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use crate::failure::Failure;
use crate::report::Found;
use crate::reporter::Reporter;
use crate::repository::Index;
use crate::repository::Pack;
use crate::repository::Repository;
use crate::repository::hex;
use crate::repository::of_target;
use crate::target::Folder;
use crate::work::CheckWork;

pub(crate) use affected::Lost;

/// Does it.
pub(crate) fn check(
    repository: &Repository,
    work: &CheckWork,
    reporter: &Reporter,
) -> Result<Found, Failure> {
    reporter.step("reading the list of all that is stored");
    let mut faults = repository.faults_of_access()?;
    let manifests = repository.manifests()?;
    faults.extend(manifests.damaged);
    let index = repository.index()?;
    faults.extend(index.damaged.iter().map(|path| {
        format!("The index `{path}` is damaged. Nothing is lost with it: what it said is in the packs, too.")
    }));
    let mut lost = missing(repository, &index)?;
    let is_wanted = |pack: &Pack| pack.has_folders || packs::is_in_share(&pack.id, work);
    let read = packs::read(repository, &index, is_wanted, &mut lost, reporter)?;
    reporter.step("comparing the folders of all backups");
    let snapshots = repository.snapshots()?.good;
    structure::compare(&snapshots, &index, &read.folders, &mut lost);
    faults.extend(affected::tell(repository, &snapshots, &index, &lost));
    Ok(Found::Checked {
        packs: read.packs,
        faults,
        damaged: lost.packs().map(hex).collect(),
    })
}

/// The packs that are not there, or not with all their bytes.
pub(crate) fn missing(repository: &Repository, index: &Index) -> Result<Lost, Failure> {
    let mut lost = Lost::default();
    let there = packs_there(repository)?;
    for pack in index.packs() {
        match there.get(&hex(&pack.id)) {
            Some(bytes) if *bytes == u64::from(pack.bytes) => {}
            Some(bytes) => lost.pack(
                pack.id,
                format!("has {bytes} bytes instead of {}", pack.bytes),
            ),
            None => lost.pack(pack.id, "is missing".to_owned()),
        }
    }
    Ok(lost)
}

fn packs_there(repository: &Repository) -> Result<HashMap<String, u64>, Failure> {
    let listed = repository.target().list(Folder::Data);
    let listed = listed.map_err(|error| of_target(&repository.place(), &error))?;
    Ok(listed.into_iter().collect())
}
