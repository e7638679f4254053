//! The plan of a restore: what was selected, each with where it goes.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use rustic_core::repofile::Node;

use super::fill::is_of_one_pack;
use super::layout;
use super::layout::Goal;
use super::layout::Layout;
use super::layout::VIRTUAL;
use super::select::Chosen;
use super::select::Selected;
use super::select::Thing;
use crate::failure::Failure;
use crate::failure::FailureKind;
use crate::report::Amount;
use crate::repository::Repository;

/// A thing, and where it goes.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) thing: Thing,
    pub(crate) goal: Goal,
}

/// A database that is a file, and where it goes.
#[derive(Debug)]
pub(crate) struct FileDatabase {
    pub(crate) item: Item,
    pub(crate) chosen: Chosen,
}

/// What is restored, and where to.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) items: Vec<Item>,
    pub(crate) files: Vec<FileDatabase>,
    /// Databases of servers.
    pub(crate) servers: Vec<Chosen>,
    /// What can't be restored, a sentence each.
    pub(crate) faults: Vec<String>,
}

/// Makes the plan.
pub(super) fn plan(
    repository: &Repository,
    selected: Selected,
    layout: &Layout,
) -> Result<Plan, Failure> {
    let mut plan = Plan {
        faults: selected.lacking,
        ..Plan::default()
    };
    for thing in selected.things {
        plan.take(repository, layout, thing)?;
    }
    for chosen in selected.databases {
        plan.take_database(layout, chosen);
    }
    Ok(plan)
}

impl Plan {
    fn take(
        &mut self,
        repository: &Repository,
        layout: &Layout,
        thing: Thing,
    ) -> Result<(), Failure> {
        if thing.source.starts_with(VIRTUAL) && !layout.takes_virtual(&thing.source) {
            return Ok(());
        }
        if thing.node.is_dir() && layout.is_taken_apart(&thing.source) {
            return self.take_apart(repository, layout, thing);
        }
        if let Some(goal) = layout.goal(&thing.source, &thing.run) {
            self.items.push(Item { thing, goal });
        }
        Ok(())
    }

    fn take_apart(
        &mut self,
        repository: &Repository,
        layout: &Layout,
        thing: Thing,
    ) -> Result<(), Failure> {
        let Some(tree) = thing.node.subtree else {
            return Ok(());
        };
        let nodes = match repository.folder(tree) {
            Ok(nodes) => nodes,
            Err(failure) if is_of_one_pack(&failure) => {
                self.faults
                    .push(format!("{}: {}", thing.source.display(), failure.sentence));
                return Ok(());
            }
            Err(failure) => return Err(failure),
        };
        let mut amount = thing.amount;
        for node in nodes {
            let source = thing.source.join(node.name());
            if !layout::is_plain(&source) || source.parent() != Some(&thing.source) {
                self.faults.push(format!(
                    "{}: a name in it is none that a file can have, so that is left out",
                    thing.source.display()
                ));
                continue;
            }
            let amount = amount.as_mut().map(std::mem::take);
            let part = Thing {
                source,
                node,
                amount,
                run: thing.run.clone(),
                snapshot: thing.snapshot.clone(),
            };
            self.take(repository, layout, part)?;
        }
        Ok(())
    }

    fn take_database(&mut self, layout: &Layout, chosen: Chosen) {
        let is_file = chosen.database.kind == "sqlite";
        if !is_file && !layout.takes_virtual(&chosen.thing.source) {
            self.servers.push(chosen);
            return;
        }
        let path = layout::real(&layout.moved(&chosen.thing.source));
        let within = self.items.iter().find_map(|item| {
            let stands_for = layout::real(item.goal.stands_for.as_ref()?);
            let rest = path.strip_prefix(stands_for).ok()?;
            Some(Goal {
                base: item.goal.base.clone(),
                place: item.goal.place.join(rest),
                stands_for: None,
            })
        });
        let Some(goal) = within.or_else(|| layout.goal(&chosen.thing.source, &chosen.thing.run))
        else {
            return;
        };
        let item = Item {
            thing: chosen.thing.clone(),
            goal,
        };
        match is_file {
            true => self.files.push(FileDatabase { item, chosen }),
            false => self.items.push(item),
        }
    }

    /// All that are files, by the folder that they go to.
    pub(crate) fn by_base(&self) -> BTreeMap<&Path, Vec<&Item>> {
        let mut by_base: BTreeMap<&Path, Vec<&Item>> = BTreeMap::new();
        for item in self
            .items
            .iter()
            .chain(self.files.iter().map(|file| &file.item))
        {
            by_base.entry(&item.goal.base).or_default().push(item);
        }
        by_base
    }

    /// Finds out how much everything is, where that is not known.
    pub(crate) fn measure(&mut self, repository: &Repository) -> Result<Amount, Failure> {
        let mut total = Amount::default();
        for item in &mut self.items {
            let amount = match item.thing.amount {
                Some(amount) => amount,
                None => measured(repository, &item.thing.node)?,
            };
            item.thing.amount = Some(amount);
            total.items += amount.items;
            total.bytes += amount.bytes;
        }
        for file in &self.files {
            total.items += 1;
            total.bytes += file.chosen.database.bytes;
        }
        Ok(total)
    }

    /// Sees to it that there is room for all of it, where nothing of it is there yet.
    pub(crate) fn check_room(&self) -> Result<(), Failure> {
        for (base, items) in self.by_base() {
            let needed: u64 = items
                .iter()
                .filter_map(|item| Some(item.thing.amount?.bytes))
                .sum();
            let is_begun = |item: &&Item| item.goal.path().symlink_metadata().is_ok();
            if !items.iter().any(is_begun) {
                check_room(base, needed)?;
            }
        }
        Ok(())
    }
}

/// Whether so much fits on the disk of a folder, or of the folder that it will be in.
pub(crate) fn check_room(folder: &Path, needed: u64) -> Result<(), Failure> {
    let there = folder
        .ancestors()
        .find(|folder| folder.is_dir())
        .unwrap_or(Path::new("/"));
    let Ok(room) = rustix::fs::statvfs(there) else {
        return Ok(());
    };
    let free = room.f_bavail.saturating_mul(room.f_frsize);
    if needed <= free {
        return Ok(());
    }
    let sentence = format!(
        "{} has room for {}, but {} are to be restored there. Nothing was changed: make room, or restore to a folder on another \
         disk.",
        folder.display(),
        size(free),
        size(needed)
    );
    Err(Failure::new(FailureKind::Here, sentence))
}

/// So many bytes, for people.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if bytes < 1000 {
        return format!("{bytes} bytes");
    }
    let mut amount = bytes as f64 / 1000.0;
    let mut unit = 0;
    while amount >= 999.95 && unit + 1 < UNITS.len() {
        amount /= 1000.0;
        unit += 1;
    }
    format!("{amount:.1} {}", UNITS[unit])
}

fn measured(repository: &Repository, node: &Node) -> Result<Amount, Failure> {
    let mut amount = Amount::default();
    let mut folders = Vec::new();
    let mut count = |node: &Node, folders: &mut Vec<_>| {
        if node.is_file() {
            amount.items += 1;
            amount.bytes += node.meta.size;
        }
        folders.extend(node.subtree.filter(|_| node.is_dir()));
    };
    count(node, &mut folders);
    while let Some(tree) = folders.pop() {
        match repository.folder(tree) {
            Ok(nodes) => nodes.iter().for_each(|node| count(node, &mut folders)),
            // It is told when it is to be restored.
            Err(failure) if is_of_one_pack(&failure) => {}
            Err(failure) => return Err(failure),
        }
    }
    Ok(amount)
}

/// What is above a thing in its snapshot, the nearest first: what folders get that are made for it.
pub(super) fn above(
    repository: &Repository,
    thing: &Thing,
) -> Result<Vec<(PathBuf, Node)>, Failure> {
    let mut above = Vec::new();
    for folder in thing
        .source
        .ancestors()
        .skip(1)
        .filter(|folder| folder.parent().is_some())
    {
        match repository.node(&thing.snapshot, folder) {
            Ok(Some(node)) => above.push((folder.to_owned(), node)),
            Ok(None) => {}
            Err(failure) if is_of_one_pack(&failure) => {}
            Err(failure) => return Err(failure),
        }
    }
    Ok(above)
}
