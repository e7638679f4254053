//! The cure of damages: what can't be read is taken out of the index, so that the next backup saves anew what still is
//! on this machine; with it all older backups that share it are whole again. What can be read of a damaged pack is copied
//! first, and the pack itself stays where it is.

#[cfg(test)]
mod tests;

use std::collections::HashSet;

use crate::check;
use crate::check::packs;
use crate::failure::Failure;
use crate::report::Found;
use crate::reporter::Reporter;
use crate::repository::Index;
use crate::repository::NewPack;
use crate::repository::Pack;
use crate::repository::Repository;
use crate::repository::hex;
use crate::repository::of_target;
use crate::target::Folder;
use crate::target::Object;
use crate::target::Trouble;
use crate::work::RepairWork;

/// New packs are about so large.
const PACK_BYTES: usize = 16 * 1024 * 1024;

/// Does it.
pub(crate) fn repair(
    repository: &Repository,
    work: &RepairWork,
    password: &str,
    reporter: &Reporter,
) -> Result<Found, Failure> {
    reporter.step("looking at the configuration and the keys");
    let mut done = repository.mend_access(password)?;
    reporter.step("reading the list of all that is stored");
    let index = repository.index()?;
    let mut lost = check::missing(repository, &index)?;
    let named: HashSet<_> = work.packs.iter().map(String::as_str).collect();
    let is_wanted =
        |pack: &Pack| work.everything || pack.has_folders || named.contains(hex(&pack.id).as_str());
    let read = packs::read(repository, &index, is_wanted, &mut lost, reporter)?;
    let bad: HashSet<[u8; 32]> = lost.packs().copied().collect();
    if !bad.is_empty() || !index.damaged.is_empty() {
        reporter.step("copying what can still be read");
        let (new, pieces) = copy(repository, &index, &bad)?;
        reporter.step("writing the index anew");
        repository.leave_out(&bad, new)?;
        done.extend(told(&index, bad.len(), pieces));
    }
    Ok(Found::Repaired {
        packs: read.packs,
        done,
    })
}

fn told(index: &Index, packs: usize, pieces: usize) -> Vec<String> {
    let mut told = Vec::new();
    match index.damaged.len() {
        0 => {}
        1 => told.push("a damaged index was written anew from the packs".to_owned()),
        count => told.push(format!(
            "{count} damaged indexes were written anew from the packs"
        )),
    }
    let were = match packs {
        0 => return told,
        1 => "1 damaged or missing pack was".to_owned(),
        count => format!("{count} damaged or missing packs were"),
    };
    told.push(format!(
        "{were} taken out of the index, and {pieces} pieces that can still be read were copied; the next backup saves \
         anew what else was in there, as far as it still is on this machine"
    ));
    told
}

/// Copies what can be read of damaged packs and is nowhere else; what an index says of the copies, and how many pieces
/// they have.
fn copy(
    repository: &Repository,
    index: &Index,
    bad: &HashSet<[u8; 32]>,
) -> Result<(Vec<rustic_core::repofile::IndexPack>, usize), Failure> {
    let layout = index.layout();
    let mut copied = HashSet::new();
    let mut written = Vec::new();
    for has_folders in [false, true] {
        let mut new = NewPack::new(has_folders);
        let packs = index.packs().iter().enumerate();
        let packs = packs.filter(|(_, pack)| pack.has_folders == has_folders);
        for (number, pack) in packs.filter(|(_, pack)| bad.contains(&pack.id)) {
            let object = Object::In(Folder::Data, hex(&pack.id));
            let content = match repository.target().read(&object) {
                Ok(content) => content,
                Err(error) if matches!(error.trouble, Trouble::Wrong | Trouble::Missing) => {
                    continue;
                }
                Err(error) => return Err(of_target(&repository.place(), &error)),
            };
            for (id, piece) in index.in_pack(&layout, number) {
                let start = usize::try_from(piece.offset).unwrap_or(usize::MAX);
                let end = start.saturating_add(usize::try_from(piece.stored).unwrap_or(usize::MAX));
                let stored = content.get(start..end).unwrap_or_default();
                let is_elsewhere = index.find(&id).any(|piece| !bad.contains(&piece.pack));
                if is_elsewhere
                    || copied.contains(&id)
                    || repository.unseal_as(&id, &piece, stored).is_err()
                {
                    continue;
                }
                copied.insert(id);
                new.add(id, piece, stored);
                if new.bytes() >= PACK_BYTES {
                    let full = std::mem::replace(&mut new, NewPack::new(has_folders));
                    written.push(repository.write_pack(full)?);
                }
            }
        }
        if new.bytes() > 0 {
            written.push(repository.write_pack(new)?);
        }
    }
    Ok((written, copied.len()))
}
