//! Databases of servers: loaded beside under a name of their own, looked at, and renamed.

mod mysql;
mod postgres;

use std::path::Path;
use std::path::PathBuf;

use crate::access::DatabaseAccess;
use crate::access::DatabasePlace;
use crate::databases::Client;
use crate::databases::Running;
use crate::databases::with_database;
use crate::digest::Digest;
use crate::failure::Failure;
use crate::failure::FailureKind;
use crate::manifest::ManifestDatabase;
use crate::reporter::Reporter;
use crate::repository::Repository;
use crate::work::RestoreWork;

use super::Outcome;
use super::compare_rows;
use super::select::Chosen;
use rustic_core::repofile::Node;

/// Stands for the folder of a database of a server in what is staged, by the name of the database.
const FOLDER: &str = "/ondol/databases";
/// Stands in the name of a database that is loaded to be compared.
const PROOF: &str = "ondol_proof";
/// So long is the last part of a run's name.
const TAIL_LEN: usize = 6;
/// What both kinds of servers take as the longest name, and more.
const NAME_MAX: usize = 63;

/// A database that was loaded under a name of its own.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// That name.
    pub(crate) name: String,
    /// What the owner should know of it, a sentence each.
    pub(crate) notes: Vec<String>,
}

/// Whether what is staged is a database of a server.
pub(super) fn is_server(place: &Path) -> bool {
    place.starts_with(FOLDER)
}

/// Loads databases beside those that are in use.
pub(super) fn load_all(
    repository: &Repository,
    work: &RestoreWork,
    databases: &[Chosen],
    reporter: &Reporter,
    outcome: &mut Outcome,
) -> Result<(), Failure> {
    for chosen in databases {
        let name = &chosen.database.name;
        reporter.step(&format!("loading the database {name}"));
        let Some(access) = work.databases.iter().find(|access| access.name == *name) else {
            outcome.faults.push(format!(
                "The database {name} is on a server that the configuration does not name any more: name it there, or restore to a \
                 folder (`--to`) and load its file yourself."
            ));
            continue;
        };
        let suffix = format!("ondol_restore_{}", tail(&chosen.thing.run));
        match load(
            repository,
            access,
            &chosen.thing.node,
            &chosen.database,
            &suffix,
        ) {
            Ok(loaded) => {
                loaded
                    .notes
                    .into_iter()
                    .for_each(|note| reporter.note(note));
                outcome.files += 1;
                outcome.bytes += chosen.database.bytes;
                let folder = Path::new(FOLDER).join(name);
                outcome.staged.push((folder.join(loaded.name), folder));
            }
            Err(failure) if is_of_target(&failure) => return Err(failure),
            Err(failure) => outcome.faults.push(format!(
                "The database {name} could not be loaded: {} The one in use was not touched.",
                failure.sentence
            )),
        }
    }
    Ok(())
}

/// Loads a database under a name of its own, and looks whether all of it is there. It is dropped again when not.
pub(crate) fn load(
    repository: &Repository,
    access: &DatabaseAccess,
    node: &Node,
    database: &ManifestDatabase,
    suffix: &str,
) -> Result<Loaded, Failure> {
    let client = Client::of(&access.place)?;
    let name = other_name(client.database(), suffix);
    let outcome = match &access.place {
        DatabasePlace::Postgres { .. } => postgres::load(repository, &client, &name, node),
        DatabasePlace::Mysql { .. } => mysql::load(repository, &client, &name, node),
        DatabasePlace::Sqlite { .. } => Err(here("it was on a server, and is a file now.")),
    };
    let outcome = outcome.and_then(|(digest, notes)| {
        if !database.digest.is_empty() && digest != database.digest {
            let sentence = "Its file is not the one that was saved.";
            return Err(Failure::new(FailureKind::Damaged, sentence));
        }
        if database.rows.is_empty() {
            return Ok(notes);
        }
        let rows = client.with_database(&name).rows()?;
        compare_rows(&database.rows, &rows).map_err(|why| {
            let sentence = format!("Not all of it came back: {why}");
            Failure::new(FailureKind::Damaged, sentence)
        })?;
        Ok(notes)
    });
    match outcome {
        Ok(notes) => Ok(Loaded { name, notes }),
        Err(failure) => {
            // Its reason is told; what is left says by its name where it comes from.
            let _ = discard(access, &name);
            Err(failure)
        }
    }
}

/// What is behind the name of a database that is loaded to be compared.
pub(crate) fn proof_suffix(run: &str) -> String {
    format!("{PROOF}_{}", tail(run))
}

/// Databases that were loaded to be compared with this one, and are still there.
pub(crate) fn left_of_proofs(access: &DatabaseAccess) -> Result<Vec<String>, Failure> {
    let names = match &access.place {
        DatabasePlace::Postgres { .. } => postgres::names,
        DatabasePlace::Mysql { .. } => mysql::names,
        DatabasePlace::Sqlite { .. } => return Ok(Vec::new()),
    };
    let client = Client::of(&access.place)?;
    let mut names = names(&client)?;
    names.retain(|name| is_of_proof(name, client.database()));
    Ok(names)
}

/// Only what has exactly the name that a proof gives.
fn is_of_proof(name: &str, database: &str) -> bool {
    let is_tail =
        |tail: &str| tail.len() == TAIL_LEN && tail.bytes().all(|it| it.is_ascii_hexdigit());
    let tail = name.rsplit_once('_').map(|(_, tail)| tail);
    tail.is_some_and(|tail| is_tail(tail) && other_name(database, &proof_suffix(tail)) == name)
}

/// Lets those into a database that was loaded who may use the one in use.
pub(crate) fn let_in(access: &DatabaseAccess, name: &str) -> Result<(), Failure> {
    let client = Client::of(&access.place)?;
    match &access.place {
        DatabasePlace::Postgres { .. } => postgres::let_in(&client, name),
        DatabasePlace::Mysql { .. } => mysql::let_in(&client, name),
        DatabasePlace::Sqlite { .. } => Ok(()),
    }
}

/// The address of a database that was loaded; `None` for one that is a file.
pub(crate) fn address(access: &DatabaseAccess, name: &str) -> Option<String> {
    match &access.place {
        DatabasePlace::Postgres { url, .. } | DatabasePlace::Mysql { url, .. } => {
            Some(with_database(url, name))
        }
        DatabasePlace::Sqlite { .. } => None,
    }
}

/// Drops a database that was loaded under a name of its own.
pub(crate) fn discard(access: &DatabaseAccess, name: &str) -> Result<(), Failure> {
    let client = Client::of(&access.place)?;
    match &access.place {
        DatabasePlace::Postgres { .. } => postgres::discard(&client, name),
        DatabasePlace::Mysql { .. } => mysql::discard(&client, name),
        DatabasePlace::Sqlite { .. } => Ok(()),
    }
}

/// Whether a server did not let its user make a database to load one into.
pub(crate) fn may_not_create(failure: &Failure) -> bool {
    let signs = [
        "permission denied to create database",
        "ERROR 1044",
        "ERROR 1227",
    ];
    signs.iter().any(|sign| failure.sentence.contains(sign))
}

/// Puts a database that was loaded in place of the one in use; gives back what that is called now.
pub(super) fn put_in_place(
    work: &RestoreWork,
    beside: &Path,
    place: &Path,
    now: &str,
) -> Result<Option<PathBuf>, String> {
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    let loaded = beside.file_name().unwrap_or_default().to_string_lossy();
    let access = work.databases.iter().find(|access| access.name == name);
    let access = access.ok_or("the configuration does not name it any more")?;
    let exchanged = || {
        let client = Client::of(&access.place)?;
        let kept = other_name(client.database(), &format!("before_restore_{now}"));
        let had = match &access.place {
            DatabasePlace::Postgres { .. } => postgres::exchange(&client, &loaded, &kept)?,
            DatabasePlace::Mysql { .. } => mysql::exchange(&client, &loaded, &kept)?,
            DatabasePlace::Sqlite { .. } => return Err(here("it is a file now.")),
        };
        Ok::<_, Failure>(had.then(|| PathBuf::from(kept)))
    };
    exchanged().map_err(|failure| failure.sentence)
}

/// Feeds a program the file of a database; gives back what that was, as a digest, and what came of the program.
fn feed(
    repository: &Repository,
    node: &Node,
    mut program: Running,
) -> Result<(String, Result<(), Failure>), Failure> {
    let mut input = Input {
        program: &mut program,
        digest: Digest::default(),
    };
    repository.write_file(node, &mut input)?;
    let digest = input.digest.text();
    Ok((digest, program.answer().map(drop)))
}

struct Input<'a> {
    program: &'a mut Running,
    digest: Digest,
}

impl std::io::Write for Input<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.digest.add(bytes);
        self.program.tell(bytes).map_err(std::io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The name of a database with something after it, as short as servers need it.
fn other_name(name: &str, suffix: &str) -> String {
    let room = NAME_MAX.saturating_sub(suffix.len() + 1);
    let mut end = name.len().min(room);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}_{suffix}", &name[..end])
}

/// The last part of a run's name, which is random.
pub(crate) fn tail(run: &str) -> &str {
    run.rsplit_once('-').map_or(run, |(_, tail)| tail)
}

/// Whether it was the repository that failed, not this database.
fn is_of_target(failure: &Failure) -> bool {
    matches!(
        failure.kind,
        FailureKind::Unreachable | FailureKind::Refused | FailureKind::NotThere
    )
}

fn here(sentence: &str) -> Failure {
    Failure::new(FailureKind::Here, sentence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_within_what_servers_take() {
        assert_eq!(
            other_name("shop", "ondol_restore_abcdef"),
            "shop_ondol_restore_abcdef"
        );
        let long = "ä".repeat(60);
        let other = other_name(&long, "before_restore_20261121T141500Z");
        assert!(other.len() <= NAME_MAX && other.ends_with("_before_restore_20261121T141500Z"));
        assert_eq!(tail("20261121T033000Z-abcdef"), "abcdef");
    }

    #[test]
    fn what_proofs_left_is_known_by_its_whole_name() {
        let long = "ä".repeat(60);
        for (database, name, expected) in [
            ("shop", "shop_ondol_proof_00a1ff", true),
            ("shop_2", "shop_2_ondol_proof_00a1ff", true),
            (&long, &*other_name(&long, "ondol_proof_00a1ff"), true),
            ("shop", "shop", false),
            ("shop", "shop2_ondol_proof_00a1ff", false),
            ("shop", "shop_ondol_proof_00a1f", false),
            ("shop", "shop_ondol_proof_of_it", false),
            ("shop", "shop_ondol_restore_00a1ff", false),
            ("shop", "my_shop_ondol_proof_00a1ff", false),
        ] {
            assert_eq!(is_of_proof(name, database), expected, "{name}");
        }
    }
}
