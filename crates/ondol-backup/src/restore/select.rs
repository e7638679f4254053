//! What is restored: things of snapshots, and databases, each of the newest backup that has it.

use std::path::Path;
use std::path::PathBuf;

use ondol_model::backup::Part;
use rustic_core::repofile::Node;

use super::choose;
use super::fill::is_of_one_pack;
use super::layout;
use crate::failure::Failure;
use crate::failure::FailureKind;
use crate::manifest::CANARY_PATH;
use crate::manifest::MANIFEST_PATH;
use crate::manifest::Manifest;
use crate::manifest::ManifestDatabase;
use crate::report::Amount;
use crate::repository::Repository;
use crate::repository::Snapshot;
use crate::repository::Snapshots;
use crate::work::What;

/// The parts that are files; the databases are chosen one by one.
const OF_FILES: [Part; 3] = [Part::Box, Part::Apps, Part::Files];
/// So many older backups are looked through for something that is in the newest no more.
const OLDER_MAX: usize = 100;

/// Something of a snapshot.
#[derive(Debug, Clone)]
pub(crate) struct Thing {
    pub(crate) run: String,
    pub(crate) snapshot: Snapshot,
    /// Its absolute path there.
    pub(crate) source: PathBuf,
    pub(crate) node: Node,
    /// How much it is, as far as that is known without looking at all of it.
    pub(crate) amount: Option<Amount>,
}

/// A database of a backup.
#[derive(Debug, Clone)]
pub(crate) struct Chosen {
    pub(crate) thing: Thing,
    pub(crate) database: ManifestDatabase,
}

/// What is restored.
#[derive(Debug, Default)]
pub(crate) struct Selected {
    pub(crate) things: Vec<Thing>,
    pub(crate) databases: Vec<Chosen>,
    /// What was asked for and is not there, a sentence each.
    pub(crate) lacking: Vec<String>,
}

impl Selected {
    /// The newest run of which something is restored.
    pub(crate) fn run(&self) -> Option<&str> {
        let databases = self.databases.iter().map(|chosen| &chosen.thing);
        let runs = self
            .things
            .iter()
            .chain(databases)
            .map(|thing| thing.run.as_str());
        runs.max()
    }
}

/// What is chosen from.
#[derive(Debug)]
pub(crate) struct Source<'a> {
    pub(crate) repository: &'a Repository,
    pub(crate) manifests: &'a [Manifest],
    pub(crate) snapshots: &'a Snapshots,
    pub(crate) at: Option<i64>,
}

impl Source<'_> {
    /// Finds what was asked for. An error when nothing of it is there.
    pub(crate) fn select(&self, what: &What) -> Result<Selected, Failure> {
        if self.manifests.is_empty() {
            return Err(not_found(
                "There is no backup in this repository yet.".to_owned(),
            ));
        }
        let mut selected = Selected::default();
        match what {
            What::Paths(paths) => {
                for path in paths {
                    self.path(path, &mut selected)?;
                }
            }
            What::Databases(names) => {
                for name in names {
                    self.database(name, &mut selected)?;
                }
            }
            What::Parts(words) => {
                for word in words {
                    self.part(word, &mut selected)?;
                }
            }
        }
        if selected.things.is_empty() && selected.databases.is_empty() {
            let why = match selected.lacking.is_empty() {
                true => "There is nothing in the backups of what was asked for.".to_owned(),
                false => selected.lacking.join(" "),
            };
            return Err(not_found(why));
        }
        Ok(selected)
    }

    fn part(&self, word: &str, selected: &mut Selected) -> Result<(), Failure> {
        let Some(part) = Part::parse(word) else {
            selected
                .lacking
                .push(format!("Backups have no part `{word}`."));
            return Ok(());
        };
        if part == Part::Databases {
            for name in choose::database_names(self.manifests, self.at) {
                self.database(&name, selected)?;
            }
            return Ok(());
        }
        let Some((manifest, its)) = choose::part(self.manifests, part, self.at) else {
            let lacking = format!("No backup {}has the part `{word}`.", self.of_then());
            selected.lacking.push(lacking);
            return Ok(());
        };
        let snapshot = self.snapshot(&its.snapshot)?;
        let mut amount = Some(Amount {
            items: its.files,
            bytes: its.bytes,
        });
        for root in self.roots(snapshot)? {
            let Some(node) = self.repository.node(snapshot, &root)? else {
                continue;
            };
            selected.things.push(Thing {
                run: manifest.run.clone(),
                snapshot: snapshot.clone(),
                source: root,
                node,
                // The first stands for all of them.
                amount: amount.replace(Amount::default()),
            });
        }
        Ok(())
    }

    /// What a snapshot was told to have, and what in it is no file of the machine.
    fn roots(&self, snapshot: &Snapshot) -> Result<Vec<PathBuf>, Failure> {
        let mut told: Vec<PathBuf> = snapshot.file.paths.iter().map(PathBuf::from).collect();
        told.retain(|path| layout::is_plain(path) && !path.starts_with(layout::VIRTUAL));
        told.sort_unstable();
        let mut roots: Vec<PathBuf> = Vec::new();
        for path in told {
            if !roots.last().is_some_and(|last| path.starts_with(last)) {
                roots.push(path);
            }
        }
        let at = Path::new(layout::VIRTUAL);
        if let Some(tree) = self
            .repository
            .node(snapshot, at)?
            .and_then(|node| node.subtree)
        {
            for node in self.repository.folder(tree)? {
                let path = at.join(node.name());
                let is_own = path == Path::new(CANARY_PATH) || path == Path::new(MANIFEST_PATH);
                if !is_own && !node.is_dir() {
                    roots.push(path);
                }
            }
        }
        Ok(roots)
    }

    fn path(&self, path: &Path, selected: &mut Selected) -> Result<(), Failure> {
        if !layout::is_plain(path) {
            let lacking = format!("`{}` is no absolute path.", path.display());
            selected.lacking.push(lacking);
            return Ok(());
        }
        let before = selected.things.len() + selected.databases.len();
        for part in OF_FILES {
            let Some((manifest, its)) = choose::part(self.manifests, part, self.at) else {
                continue;
            };
            let snapshot = self.snapshot(&its.snapshot)?;
            if let Some(node) = self.repository.node(snapshot, path)? {
                selected.things.push(Thing {
                    run: manifest.run.clone(),
                    snapshot: snapshot.clone(),
                    source: path.to_owned(),
                    node,
                    amount: None,
                });
            }
        }
        for name in choose::database_names(self.manifests, self.at) {
            let found = choose::database(self.manifests, &name, self.at);
            if found.is_some_and(|(_, database)| database.path.starts_with(path)) {
                self.database(&name, selected)?;
            }
        }
        if selected.things.len() + selected.databases.len() == before {
            selected.lacking.push(self.last_seen(path)?);
        }
        Ok(())
    }

    fn database(&self, name: &str, selected: &mut Selected) -> Result<(), Failure> {
        let Some((manifest, database)) = choose::database(self.manifests, name, self.at) else {
            selected.lacking.push(self.no_database(name));
            return Ok(());
        };
        let its = manifest
            .parts
            .iter()
            .find(|part| part.part == Part::Databases.word());
        let snapshot = its.map(|part| self.snapshot(&part.snapshot)).transpose()?;
        let node = match snapshot {
            Some(snapshot) => self.repository.node(snapshot, &database.path)?,
            None => None,
        };
        let (Some(snapshot), Some(node)) = (snapshot, node) else {
            let lacking = format!(
                "The backup {} says that it has the database {name}, but it has not.",
                manifest.run
            );
            selected.lacking.push(lacking);
            return Ok(());
        };
        if selected
            .databases
            .iter()
            .any(|chosen| chosen.database.name == name)
        {
            return Ok(());
        }
        selected.databases.push(Chosen {
            thing: Thing {
                run: manifest.run.clone(),
                snapshot: snapshot.clone(),
                source: database.path.clone(),
                node,
                amount: Some(Amount {
                    items: 1,
                    bytes: database.bytes,
                }),
            },
            database: database.clone(),
        });
        Ok(())
    }

    fn snapshot(&self, id: &str) -> Result<&Snapshot, Failure> {
        let found = self
            .snapshots
            .good
            .iter()
            .find(|snapshot| snapshot.id == id);
        found.ok_or_else(|| {
            let sentence = format!(
                "The snapshot {} is missing or damaged, which the newest backup needs. An older backup may be whole: ask for it \
                 by its time (`--at`), or use another target.",
                id.get(..8).unwrap_or(id)
            );
            Failure::new(FailureKind::Damaged, sentence)
        })
    }

    fn no_database(&self, name: &str) -> String {
        let known = choose::database_names(self.manifests, self.at);
        match known.is_empty() {
            true => format!(
                "No backup {}has the database {name}, nor any other.",
                self.of_then()
            ),
            false => format!(
                "No backup {}has the database {name}; there are: {}.",
                self.of_then(),
                known.join(", ")
            ),
        }
    }

    fn of_then(&self) -> String {
        self.at.map_or_else(String::new, |at| {
            format!(
                "that is not younger than {} ",
                ondol_base::clock::rfc3339(at)
            )
        })
    }

    /// Says in which backup a path was last, where the newest do not have it.
    fn last_seen(&self, path: &Path) -> Result<String, Failure> {
        let shown = path.display();
        let in_time = |manifest: &&Manifest| self.at.is_none_or(|at| manifest.began_at <= at);
        let whole = |manifest: &&Manifest| {
            manifest
                .parts
                .iter()
                .any(|part| part.part == Part::Files.word())
        };
        let older = self.manifests.iter().filter(in_time).filter(whole).skip(1);
        for manifest in older.take(OLDER_MAX) {
            if self.has(manifest, path)? {
                return Ok(format!(
                    "{shown} is not in the newest backup, but in that of {}: ask for it with `--at {}`.",
                    ondol_base::clock::rfc3339(manifest.began_at),
                    ondol_base::clock::rfc3339(manifest.began_at),
                ));
            }
        }
        Ok(format!(
            "{shown} is in no backup{}.",
            match self.at {
                Some(at) => format!(
                    " that is not younger than {}",
                    ondol_base::clock::rfc3339(at)
                ),
                None => String::new(),
            }
        ))
    }

    fn has(&self, manifest: &Manifest, path: &Path) -> Result<bool, Failure> {
        for part in &manifest.parts {
            let its = self
                .snapshots
                .good
                .iter()
                .find(|snapshot| snapshot.id == part.snapshot);
            let Some(snapshot) = its else { continue };
            match self.repository.node(snapshot, path) {
                Ok(Some(_)) => return Ok(true),
                Ok(None) => {}
                Err(failure) if is_of_one_pack(&failure) => {}
                Err(failure) => return Err(failure),
            }
        }
        Ok(false)
    }
}

fn not_found(sentence: String) -> Failure {
    Failure::new(FailureKind::NotFound, sentence)
}
