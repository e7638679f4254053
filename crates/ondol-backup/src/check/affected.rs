//! What a damage costs: which files of which backups.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::collections::HashSet;
use std::path::Path;
use std::path::PathBuf;
use std::rc::Rc;

use rustic_core::TreeId;

use crate::repository::Index;
use crate::repository::Repository;
use crate::repository::Snapshot;
use crate::repository::hex;
use crate::repository::unhex;
use crate::target::Folder;
use crate::target::Object;

/// So many paths are named of each damage.
const NAMED_MAX: usize = 3;
/// So many are counted in one folder; a damage that hits more needs no count.
const COUNTED_MAX: usize = 10_000;

/// Why something of a pack can't be read, and which pieces; `None` for all.
type OfPack = (String, Option<Vec<[u8; 32]>>);

/// Paths, each with a piece of it that is lost.
type Paths = Vec<(PathBuf, [u8; 32])>;

/// What can't be read any more.
#[derive(Debug, Default)]
pub(crate) struct Lost {
    /// Packs of which something can't be read.
    packs: BTreeMap<[u8; 32], OfPack>,
    /// Pieces and folders that are stored nowhere.
    nowhere: BTreeSet<[u8; 32]>,
}

impl Lost {
    /// All of a pack.
    pub(super) fn pack(&mut self, id: [u8; 32], why: String) {
        self.packs.insert(id, (why, None));
    }

    /// Some pieces of a pack; perhaps none, when only its end is damaged.
    pub(super) fn pieces(&mut self, pack: [u8; 32], why: String, pieces: Vec<[u8; 32]>) {
        self.packs.insert(pack, (why, Some(pieces)));
    }

    /// What is stored nowhere.
    pub(super) fn nowhere(&mut self, id: [u8; 32]) {
        self.nowhere.insert(id);
    }

    /// The packs of which something can't be read, by their ids.
    pub(crate) fn packs(&self) -> impl Iterator<Item = &[u8; 32]> {
        self.packs.keys()
    }

    pub(super) fn has_pack(&self, id: &[u8; 32]) -> bool {
        self.packs.contains_key(id)
    }

    /// Every piece that can't be read from anywhere, with the pack that it was in.
    fn pieces_of_packs(&self, index: &Index) -> HashMap<[u8; 32], Option<[u8; 32]>> {
        let mut lost: HashMap<_, _> = self.nowhere.iter().map(|id| (*id, None)).collect();
        let layout = index.layout();
        for (number, pack) in index.packs().iter().enumerate() {
            let Some((_, pieces)) = self.packs.get(&pack.id) else {
                continue;
            };
            let all = || index.in_pack(&layout, number).map(|(id, _)| id).collect();
            for id in pieces.clone().unwrap_or_else(all) {
                let is_elsewhere = index
                    .find(&id)
                    .any(|piece| !self.is_lost_in(&id, &piece.pack));
                if !is_elsewhere {
                    lost.insert(id, Some(pack.id));
                }
            }
        }
        lost
    }

    fn is_lost_in(&self, id: &[u8; 32], pack: &[u8; 32]) -> bool {
        match self.packs.get(pack) {
            Some((_, Some(pieces))) => pieces.contains(id),
            Some((_, None)) => true,
            None => false,
        }
    }
}

/// What one damage costs.
#[derive(Debug, Default)]
struct Cost {
    paths: BTreeSet<PathBuf>,
    runs: BTreeSet<String>,
    others: BTreeSet<String>,
}

/// What was lost, a sentence for each damage.
pub(super) fn tell(
    repository: &Repository,
    snapshots: &[Snapshot],
    index: &Index,
    lost: &Lost,
) -> Vec<String> {
    if lost.packs.is_empty() && lost.nowhere.is_empty() {
        return Vec::new();
    }
    let pieces = lost.pieces_of_packs(index);
    let mut costs: BTreeMap<Option<[u8; 32]>, Cost> = BTreeMap::new();
    let mut search = Search {
        repository,
        lost: &pieces,
        known: HashMap::new(),
    };
    for snapshot in snapshots {
        for (path, id) in &*search.below(snapshot.file.tree) {
            let cost = costs.entry(pieces.get(id).copied().flatten()).or_default();
            cost.paths.insert(Path::new("/").join(path));
            match &snapshot.run {
                Some(run) => cost.runs.insert(run.clone()),
                None => cost.others.insert(snapshot.id.clone()),
            };
        }
    }
    let packs = lost.packs.iter().map(|(id, (why, _))| {
        let object = Object::In(Folder::Data, hex(id));
        let cost = costs.get(&Some(*id));
        format!("The pack `{}` {why}. {}", object.path(), cost_of(cost))
    });
    let nowhere = (!lost.nowhere.is_empty()).then(|| {
        let count = lost.nowhere.len();
        let cost = cost_of(costs.get(&None));
        format!("Pieces of files or folders ({count}) are in no index. {cost}")
    });
    packs.chain(nowhere).collect()
}

fn cost_of(cost: Option<&Cost>) -> String {
    let Some(cost) = cost else {
        return "No backup needs what is damaged in it.".to_owned();
    };
    let named: Vec<_> = cost
        .paths
        .iter()
        .take(NAMED_MAX)
        .map(|path| format!("`{}`", path.display()))
        .collect();
    let more = cost.paths.len().saturating_sub(NAMED_MAX);
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    let newest = cost.runs.last().map(|run| format!(", the newest {run}"));
    let backups = cost.runs.len() + cost.others.len();
    let backups = if backups == 1 {
        "1 backup".to_owned()
    } else {
        format!("{backups} backups")
    };
    format!(
        "Not whole any more in {backups}{}: {}{more}. All else can be restored; another target has these whole.",
        newest.unwrap_or_default(),
        named.join(", ")
    )
}

/// Looks for what was lost; each folder once.
struct Search<'a> {
    repository: &'a Repository,
    lost: &'a HashMap<[u8; 32], Option<[u8; 32]>>,
    known: HashMap<[u8; 32], Rc<Paths>>,
}

impl Search<'_> {
    /// What was lost in and below a folder: paths from there, and a piece that is lost.
    fn below(&mut self, tree: TreeId) -> Rc<Paths> {
        let Some(id) = unhex(tree.to_hex().as_str()) else {
            return Rc::default();
        };
        if let Some(known) = self.known.get(&id) {
            return Rc::clone(known);
        }
        let mut found = Vec::new();
        if self.lost.contains_key(&id) {
            found.push((PathBuf::new(), id));
        } else if let Ok(nodes) = self.repository.folder(tree) {
            let mut counted = HashSet::new();
            for node in nodes {
                let name = PathBuf::from(&*node.name());
                let ids = node.content.iter().flatten();
                let lost = ids
                    .filter_map(|id| unhex(id.to_hex().as_str()))
                    .find(|id| self.lost.contains_key(id));
                found.extend(lost.map(|id| (name.clone(), id)));
                if let Some(tree) = node.subtree.filter(|tree| counted.insert(*tree)) {
                    let below = self.below(tree);
                    let below = below.iter().map(|(path, id)| (name.join(path), *id));
                    found.extend(below.take(COUNTED_MAX));
                }
            }
        }
        found.truncate(COUNTED_MAX);
        let found = Rc::new(found);
        self.known.insert(id, Rc::clone(&found));
        found
    }
}
