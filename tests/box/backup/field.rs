//! What is backed up, where to, and what must be true whatever happened to a job.

use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::BuildHasher;
use std::hash::Hasher;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use ondol_backup::CheckWork;
use ondol_backup::Destination;
use ondol_backup::Found;
use ondol_backup::JobSpec;
use ondol_backup::ListWork;
use ondol_backup::Manifest;
use ondol_backup::PartWork;
use ondol_backup::ProveWork;
use ondol_backup::PruneWork;
use ondol_backup::RestoreWork;
use ondol_backup::TakeWork;
use ondol_backup::What;
use ondol_backup::Work;
use tempfile::TempDir;

use super::job::Ended;
use super::job::Job;
use super::job::PASSWORD;
use super::job::spec;

/// Enough for packs of several threads, little enough for a moment.
const FILES: usize = 120;
const LARGE_FILES: usize = 5;
const LARGE_BYTES: usize = 700_000;

/// Files, a target, and what was acknowledged there.
pub(crate) struct Field {
    folder: TempDir,
    pub(crate) target: PathBuf,
    /// Backups that were acknowledged, and not asked to be removed.
    pub(crate) kept: Vec<Manifest>,
    serial: u32,
    pub(crate) random: Random,
}

/// Numbers that differ each time; the seed is printed.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new() -> Self {
        let seed = RandomState::new().build_hasher().finish() | 1;
        println!("seed {seed}");
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        let words = (0..count.div_ceil(8)).flat_map(|_| self.next().to_le_bytes());
        words.take(count).collect()
    }
}

impl Field {
    /// Files on the disk of this machine; the target may be anywhere.
    pub(crate) fn new(target: Option<&Path>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("target");
        let mut field = Self {
            target: target.map_or(own, Path::to_owned),
            folder,
            kept: Vec::new(),
            serial: 0,
            random: Random::new(),
        };
        for name in ["state", "cache", "source/large"] {
            fs::create_dir_all(field.path(name)).unwrap();
        }
        for number in 0..FILES {
            let folder = field.path(&format!("source/{}", number % 7));
            fs::create_dir_all(&folder).unwrap();
            let length = 100 + usize::try_from(field.random.below(9_000)).unwrap();
            let content = field.random.bytes(length);
            fs::write(folder.join(format!("file-{number}")), content).unwrap();
        }
        for number in 0..LARGE_FILES {
            let content = field.random.bytes(LARGE_BYTES);
            fs::write(field.path(&format!("source/large/{number}")), content).unwrap();
        }
        field
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn source(&self) -> PathBuf {
        self.path("source")
    }

    /// Makes something new to be saved.
    pub(crate) fn change(&mut self) {
        for _ in 0..3 {
            let (large, small) = (self.random.below(5), self.random.below(7));
            let content = self.random.bytes(LARGE_BYTES);
            fs::write(self.path(&format!("source/large/{large}")), content).unwrap();
            let content = self.random.bytes(3_000);
            let name = format!("source/{small}/new-{}", self.random.below(20));
            fs::write(self.path(&name), content).unwrap();
        }
    }

    pub(crate) fn spec(&self, work: Work) -> JobSpec {
        spec(&self.target, &self.path("cache"), work)
    }

    pub(crate) fn begin(&self, work: Work) -> Job {
        Job::begin(&self.spec(work))
    }

    pub(crate) fn run(&self, work: Work) -> Ended {
        self.begin(work).ended()
    }

    /// The next backup.
    pub(crate) fn take(&mut self) -> Work {
        self.serial += 1;
        Work::Take(TakeWork {
            run: format!("20261121T{:06}Z-000000", self.serial),
            kind: "full".to_owned(),
            parts: vec![
                PartWork {
                    part: "box".to_owned(),
                    roots: Vec::new(),
                    left_out: Vec::new(),
                    patterns: Vec::new(),
                    texts: vec![("/ondol/environment".into(), "A=\"b\"\n".to_owned())],
                },
                PartWork {
                    part: "files".to_owned(),
                    roots: vec![self.source()],
                    left_out: Vec::new(),
                    patterns: Vec::new(),
                    texts: Vec::new(),
                },
            ],
            databases: Vec::new(),
            is_known: false,
            anew: false,
            configuration: self.path("ondol.toml"),
            state: self.path("state"),
            sites: Vec::new(),
            apps: Vec::new(),
        })
    }

    /// A backup that nothing disturbs.
    pub(crate) fn taken(&mut self) -> Manifest {
        let work = self.take();
        match self.run(work) {
            Some(Ok(Found::Taken(manifest))) => {
                self.kept.push(manifest.clone());
                manifest
            }
            other => panic!("the backup was not taken: {other:?}"),
        }
    }

    /// Removes the oldest so many.
    pub(crate) fn prune(&mut self, count: usize) -> Work {
        let runs = self.kept.drain(..count).map(|manifest| manifest.run);
        let runs = runs.collect();
        let parts = self.kept.iter().flat_map(|manifest| &manifest.parts);
        Work::Prune(PruneWork {
            runs,
            known: parts.map(|part| part.snapshot.clone()).collect(),
        })
    }

    pub(crate) fn restore(&self, to: &Path) -> Work {
        Work::Restore(RestoreWork {
            at: None,
            what: What::Paths(vec![self.source()]),
            to: Destination::Into(to.to_owned()),
            moved: Vec::new(),
            databases: Vec::new(),
        })
    }

    pub(crate) fn prove(&self) -> Work {
        Work::Prove(ProveWork {
            run: None,
            scratch: self.path("state/scratch"),
            databases: Vec::new(),
            keep_for: Vec::new(),
        })
    }

    pub(crate) fn check() -> Work {
        Work::Check(CheckWork { share: 1, of: 1 })
    }

    /// The backups that are there; nothing is damaged.
    pub(crate) fn listed(&self) -> Vec<String> {
        match self.run(Work::List(ListWork { browse: None })) {
            Some(Ok(Found::Listed {
                backups, damaged, ..
            })) => {
                assert_eq!(damaged, Vec::<String>::new());
                backups.into_iter().map(|manifest| manifest.run).collect()
            }
            other => panic!("the list could not be read: {other:?}"),
        }
    }

    /// What was acknowledged is there, and restic finds nothing wrong.
    pub(crate) fn assert_whole(&self) {
        if !self.target.join("config").exists() {
            assert!(self.kept.is_empty(), "the repository is gone");
            return;
        }
        let listed = self.listed();
        for manifest in &self.kept {
            assert!(listed.contains(&manifest.run), "{} is lost", manifest.run);
        }
        self.assert_checked_by_restic(&[]);
    }

    /// Stock restic finds nothing wrong; packs that nobody refers to are no fault.
    pub(crate) fn assert_checked_by_restic(&self, more: &[&str]) {
        let Some((is_good, said)) = self.restic(&[&["check", "--no-lock"], more].concat()) else {
            println!("skipped: restic's check, for restic is not on this machine");
            return;
        };
        assert!(is_good, "{said}");
        assert!(said.contains("no errors were found"), "{said}");
    }

    /// What restic says; `None` when it is not there.
    pub(crate) fn restic(&self, arguments: &[&str]) -> Option<(bool, String)> {
        let output = Command::new("restic")
            .args(["--no-cache", "-r"])
            .arg(&self.target)
            .args(arguments)
            .env("RESTIC_PASSWORD", PASSWORD)
            .output()
            .ok()?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        Some((output.status.success(), said))
    }

    /// What was restored below a folder is what is in the source.
    pub(crate) fn assert_restored(&self, to: &Path) {
        let source = self.source();
        let restored = contents(&to.join(source.strip_prefix("/").unwrap()));
        let expected = contents(&source);
        let names: Vec<_> = restored.keys().collect();
        assert_eq!(names, expected.keys().collect::<Vec<_>>());
        for (name, content) in &expected {
            assert!(
                restored[name] == *content,
                "{} is something else",
                name.display()
            );
        }
    }
}

/// All files below a folder.
pub(crate) fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_owned();
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    found
}
