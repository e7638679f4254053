//! A repository in a folder, and backups in it of folders beside it.

use std::collections::BTreeMap;
use std::fs;
use std::io::Cursor;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use aws_lc_rs::digest;
use ondol_base::file;
use ondol_model::backup::Part;
use rustic_core::Excludes;
use rustic_core::LocalSource;
use rustic_core::LocalSourceFilterOptions;
use rustic_core::LocalSourceSaveOptions;
use rustic_core::ReadSource;
use rustic_core::ReadSourceEntry;
use rustic_core::ReadSourceOpen;
use rustic_core::RusticResult;
use rustic_core::repofile::Metadata;
use rustic_core::repofile::Node;
use rustic_core::repofile::NodeType;

use crate::access::DatabaseAccess;
use crate::access::StorageAccess;
use crate::access::TargetAccess;
use crate::failure::Failure;
use crate::identity::BoxIdentity;
use crate::job::Placement;
use crate::manifest::CANARY_PATH;
use crate::manifest::Manifest;
use crate::manifest::ManifestDatabase;
use crate::manifest::ManifestPart;
use crate::report::Found;
use crate::reporter::Reporter;
use crate::repository::Kind;
use crate::repository::Repository;
use crate::repository::ToArchive;
use crate::restore::restore;
use crate::take::take;
use crate::target;
use crate::work::Destination;
use crate::work::RestoreWork;
use crate::work::TakeWork;
use crate::work::What;

pub(crate) const PASSWORD: &str = "a password";
const CANARY: &str = "tweet";

/// A repository, and room for what is backed up and restored.
pub(crate) struct Bench {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) repository: Repository,
    of: BoxIdentity,
}

/// What came of a restore.
#[derive(Debug)]
pub(crate) struct Back {
    pub(crate) run: String,
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    pub(crate) faults: Vec<String>,
    pub(crate) staged: Vec<(PathBuf, PathBuf)>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let target = target::open(&access(&folder.path().join("repository"))).unwrap();
        target.create().unwrap();
        let repository = Repository::create(target, PASSWORD).unwrap();
        Self {
            folder,
            repository,
            of: BoxIdentity {
                id: "box".to_owned(),
                name: "home".to_owned(),
            },
        }
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Makes a file, with the folders above it.
    pub(crate) fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.at(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        file::replace(&path, bytes.as_ref(), 0o644).unwrap();
        path
    }

    /// Opens the repository anew, as another job does.
    pub(crate) fn reopened(&self) -> Repository {
        let target = target::open(&access(&self.at("repository"))).unwrap();
        Repository::open(target, PASSWORD, None).unwrap()
    }

    /// Takes a backup of these folders as the part `files`, and of these databases of SQLite, `as_of` that second.
    pub(crate) fn take(&self, at: i64, roots: &[&Path], databases: &[(&str, &Path)]) -> Manifest {
        let run = run(at);
        let mut manifest = Manifest {
            version: 1,
            ondol: "0".to_owned(),
            of: self.of.clone(),
            run: run.clone(),
            kind: if roots.is_empty() {
                "databases"
            } else {
                "full"
            }
            .to_owned(),
            began_at: at,
            ended_at: at + 5,
            parts: Vec::new(),
            databases: databases
                .iter()
                .map(|(name, path)| entry(name, path, at + 1))
                .collect(),
            failed_databases: BTreeMap::new(),
            configuration: "/etc/ondol/ondol.toml".into(),
            state: "/var/lib/ondol".into(),
            sites: Vec::new(),
            apps: Vec::new(),
        };
        if !databases.is_empty() {
            let files: Vec<&Path> = databases.iter().map(|(_, path)| *path).collect();
            manifest
                .parts
                .push(self.part(Part::Databases, &run, at, &files, &[]));
        }
        if !roots.is_empty() {
            // As a take leaves databases out of the other parts.
            let left_out: Vec<&Path> = databases.iter().map(|(_, path)| *path).collect();
            manifest
                .parts
                .push(self.part(Part::Files, &run, at, roots, &left_out));
        }
        self.repository.write_manifest(&manifest).unwrap();
        manifest
    }

    /// Takes a backup of databases, as a job does.
    pub(crate) fn take_databases(&self, run: &str, databases: &[DatabaseAccess]) -> Manifest {
        let work = TakeWork {
            run: run.to_owned(),
            kind: "databases".to_owned(),
            parts: Vec::new(),
            databases: databases.to_vec(),
            is_known: true,
            anew: false,
            configuration: "/etc/ondol/ondol.toml".into(),
            state: "/var/lib/ondol".into(),
            sites: Vec::new(),
            apps: Vec::new(),
        };
        match take(&self.reopened(), &work, &self.of, &Reporter::silent()).unwrap() {
            Found::Taken(manifest) => manifest,
            other => panic!("{other:?}"),
        }
    }

    fn part(
        &self,
        part: Part,
        run: &str,
        at: i64,
        roots: &[&Path],
        left_out: &[&Path],
    ) -> ManifestPart {
        let roots: Vec<PathBuf> = roots.iter().map(|root| root.to_path_buf()).collect();
        let what = ToArchive {
            of: &self.of,
            run,
            kind: Kind::Part(part),
            at,
            roots: &roots,
            on_bytes: Arc::new(|_| ()),
        };
        let source = Source {
            local: LocalSource::new(
                LocalSourceSaveOptions::default(),
                &Excludes::default(),
                &LocalSourceFilterOptions::default(),
                &roots,
            )
            .unwrap(),
            left_out: left_out.iter().map(|path| path.to_path_buf()).collect(),
        };
        let archived = self
            .repository
            .archive(&what, Shared(Arc::new(source)))
            .unwrap();
        ManifestPart {
            part: part.word().to_owned(),
            snapshot: archived.snapshot,
            files: archived.files,
            bytes: archived.bytes,
            added: archived.added,
            unreadable: 0,
            unreadable_first: Vec::new(),
            canary: Some(hex_of(CANARY.as_bytes())),
        }
    }

    /// Restores with a repository that was just opened.
    pub(crate) fn restore(&self, what: What, to: Destination) -> Result<Back, Failure> {
        self.restore_work(&RestoreWork {
            at: None,
            what,
            to,
            moved: Vec::new(),
            databases: Vec::new(),
        })
    }

    pub(crate) fn restore_work(&self, work: &RestoreWork) -> Result<Back, Failure> {
        let places = Placement {
            cache: self.at("cache"),
        };
        match restore(&self.reopened(), work, &places, &Reporter::silent())? {
            Found::Restored {
                run,
                files,
                bytes,
                faults,
                staged,
            } => Ok(Back {
                run,
                files,
                bytes,
                faults,
                staged,
            }),
            other => panic!("{other:?}"),
        }
    }

    /// Has restic read all of the repository, where restic is there.
    pub(crate) fn check_with_restic(&self) {
        let restic = Command::new("restic")
            .args(["--no-cache", "--quiet", "check", "--read-data"])
            .env("RESTIC_REPOSITORY", self.at("repository"))
            .env("RESTIC_PASSWORD", PASSWORD)
            .output();
        let Ok(restic) = restic else {
            return eprintln!("skipped: restic is not there");
        };
        assert!(
            restic.status.success(),
            "{}",
            String::from_utf8_lossy(&restic.stderr)
        );
    }

    /// The packs of the repository, with those of folders.
    pub(crate) fn packs(&self) -> Vec<PathBuf> {
        let mut packs = Vec::new();
        for folder in fs::read_dir(self.at("repository/data")).unwrap() {
            let names = fs::read_dir(folder.unwrap().path()).unwrap();
            packs.extend(names.map(|name| name.unwrap().path()));
        }
        packs.sort_unstable();
        packs
    }
}

/// Below a folder of the bench, at its whole path.
pub(crate) fn below(folder: &Path, path: &Path) -> PathBuf {
    folder.join(path.strip_prefix("/").unwrap())
}

/// What `diff -r` says, which sees names, kinds and contents.
pub(crate) fn differences(one: &Path, other: &Path) -> String {
    let diff = Command::new("diff")
        .arg("-r")
        .arg("--no-dereference")
        .args([one, other])
        .output()
        .unwrap();
    String::from_utf8_lossy(&diff.stdout).into_owned() + &String::from_utf8_lossy(&diff.stderr)
}

/// Bytes that don't compress and are never the same.
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// A database of SQLite with so many rows.
pub(crate) fn database(path: &Path, rows: u64) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let connection = rusqlite::Connection::open(path).unwrap();
    connection
        .execute_batch("CREATE TABLE IF NOT EXISTS note (text TEXT);")
        .unwrap();
    for row in 0..rows {
        connection
            .execute("INSERT INTO note VALUES (?1)", [row.to_string()])
            .unwrap();
    }
}

/// How many rows a database has.
pub(crate) fn rows(path: &Path) -> u64 {
    let connection = rusqlite::Connection::open(path).unwrap();
    let rows: i64 = connection
        .query_row("SELECT count(*) FROM note", (), |row| row.get(0))
        .unwrap();
    rows.try_into().unwrap()
}

pub(crate) fn hex_of(bytes: &[u8]) -> String {
    let digest = digest::digest(&digest::SHA256, bytes);
    crate::repository::hex(digest.as_ref().try_into().unwrap())
}

fn run(at: i64) -> String {
    let text = ondol_base::clock::rfc3339(at).replace(['-', ':'], "");
    format!("{text}-aaaaaa")
}

fn entry(name: &str, path: &Path, as_of: i64) -> ManifestDatabase {
    let bytes = fs::read(path).unwrap();
    ManifestDatabase {
        name: name.to_owned(),
        kind: "sqlite".to_owned(),
        path: path.to_owned(),
        url: None,
        app: None,
        engine: "3".to_owned(),
        as_of,
        bytes: bytes.len() as u64,
        digest: hex_of(&bytes),
        rows: BTreeMap::from([("note".to_owned(), rows(path))]),
    }
}

fn access(path: &Path) -> TargetAccess {
    TargetAccess {
        name: "disk".to_owned(),
        storage: StorageAccess::Local {
            path: path.to_owned(),
            file_system: None,
        },
        append_only: false,
    }
}

/// Files of this machine, and the canary.
struct Source {
    local: LocalSource,
    left_out: Vec<PathBuf>,
}

struct Shared(Arc<Source>);

struct Opened(Box<dyn FnOnce() -> RusticResult<Box<dyn Read + Send>> + Send>);

impl ReadSourceOpen for Opened {
    type Reader = Box<dyn Read + Send>;

    fn open(self) -> RusticResult<Self::Reader> {
        (self.0)()
    }
}

impl ReadSource for Shared {
    type Open = Opened;
    type Iter = std::vec::IntoIter<RusticResult<ReadSourceEntry<Opened>>>;

    fn size(&self) -> RusticResult<Option<u64>> {
        Ok(None)
    }

    fn entries(&self) -> Self::Iter {
        let path = PathBuf::from(CANARY_PATH);
        let node = Node::new_node(
            path.file_name().unwrap(),
            NodeType::File,
            Metadata::default(),
        );
        let read = || Ok(Box::new(Cursor::new(CANARY.as_bytes())) as Box<dyn Read + Send>);
        let mut entries = vec![Ok(ReadSourceEntry {
            path,
            node,
            open: Some(Opened(Box::new(read))),
        })];
        for entry in self.0.local.entries() {
            let entry = entry.unwrap();
            if self.0.left_out.contains(&entry.path) {
                continue;
            }
            let open = entry.open.map(|open| {
                Opened(Box::new(move || {
                    Ok(Box::new(open.open()?) as Box<dyn Read + Send>)
                }))
            });
            entries.push(Ok(ReadSourceEntry {
                path: entry.path,
                node: entry.node,
                open,
            }));
        }
        entries.into_iter()
    }
}
