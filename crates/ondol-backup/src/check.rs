//! Reading back a share of what is stored: every piece is decrypted, decompressed and compared with its own name. The
//! folders of all backups are always read, so that whatever is missing is noticed on the same day.

mod affected;
mod budget;
mod packs;
mod structure;

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use crate::failure::Failure;
use crate::report::Found;
use crate::reporter::Reporter;
use crate::repository::Repository;
use crate::repository::hex;
use crate::repository::of_target;
use crate::repository::read_whole;
use crate::target::Folder;
use crate::target::Object;
use crate::target::Trouble;
use crate::work::CheckWork;

use affected::Lost;

/// Does it.
pub(crate) fn check(
    repository: &Repository,
    work: &CheckWork,
    reporter: &Reporter,
) -> Result<Found, Failure> {
    reporter.step("reading the list of all that is stored");
    let mut faults = damaged_keys(repository)?;
    let manifests = repository.manifests()?;
    faults.extend(manifests.damaged);
    let index = repository.index()?;
    faults.extend(index.damaged.iter().map(|path| {
        format!("The index `{path}` is damaged. Nothing is lost with it: what it said is in the packs, too.")
    }));
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
    let read = packs::read(repository, &index, work, &mut lost, reporter)?;
    reporter.step("comparing the folders of all backups");
    let snapshots = repository.snapshots()?.good;
    structure::compare(&snapshots, &index, &read.folders, &mut lost);
    faults.extend(affected::tell(repository, &snapshots, &index, &lost));
    Ok(Found::Checked {
        packs: read.packs,
        faults,
    })
}

/// Keys that nobody can open any more.
fn damaged_keys(repository: &Repository) -> Result<Vec<String>, Failure> {
    let failed = |error| of_target(&repository.place(), &error);
    let target = &**repository.target();
    let listed = target.list(Folder::Keys).map_err(failed)?;
    let mut faults = Vec::new();
    for (id, _) in listed {
        let object = Object::In(Folder::Keys, id);
        match read_whole(target, &object) {
            Ok(_) => {}
            Err(error) if matches!(error.trouble, Trouble::Wrong | Trouble::Missing) => {
                faults.push(format!(
                    "The key `{}` is damaged. The password opens the repository by another one; without that, nothing \
                     could be read. Begin a new repository (another folder or prefix) soon.",
                    object.path()
                ));
            }
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(faults)
}

fn packs_there(repository: &Repository) -> Result<HashMap<String, u64>, Failure> {
    let listed = repository.target().list(Folder::Data);
    let listed = listed.map_err(|error| of_target(&repository.place(), &error))?;
    Ok(listed.into_iter().collect())
}
